"""The try-it page in a real browser, and what comes without one (API page, section 4.1: `/`)."""

import json
import re
import shutil

import pytest

from tests.serving import served_models
from tests.serving.server_process import running_server, write_config

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on PATH: apt-get install chromium"
)
NAME = "</script> & 'co' 😀"  # a model's name may hold anything but "/" and ":" in a URL


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("demo_page")
    writers = {"sentiment": served_models.sentiment, "qa": served_models.qa,
               "topics": served_models.topics, "numbers": served_models.half_plus_two_tf1,
               "odd": served_models.sentiment}  # fmt: skip
    for name, write in writers.items():
        (root / name).mkdir()
        write(root / name / "123")
    models = {name: (root / name, "") for name in writers if name != "odd"}
    models[NAME.replace("/", "")] = (root / "odd", "")
    config = write_config(root / "models.config", models)
    with running_server(root / "server.log", config, "--enable_demo_page") as running:
        yield running.wait_until_ready()


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        # The sandbox needs rights that containers do not give.
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(server, browser):
    """The page, as its models were asked for; fails on any error that the browser reports."""
    page = browser.new_page()
    page.set_default_timeout(20_000)
    problems, requests = [], []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(f"http://localhost:{server.rest_port}/")
    yield page
    assert [one for one in problems if "400" not in one] == []
    assert all(
        url.startswith((f"http://localhost:{server.rest_port}/", "data:")) for url in requests
    )
    page.close()


def ask(page, model, **texts):
    page.select_option("#model", model)
    for field, text in texts.items():
        page.fill(f"#{field}", text)
    page.click("#ask")
    page.wait_for_selector("#verdict")
    return page.inner_text("#verdict")


def rows(page, table):
    return [
        [cell.inner_text() for cell in row.query_selector_all("th, td:has(button), td.number")]
        for row in page.query_selector_all(f"{table} tr")
    ]


def test_4_1_the_root_is_404_without_the_flag(small_models_server):
    answer = small_models_server.http.get("/")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


def test_headers_and_models(server):
    answer = server.http.get("/?from=a+bookmark")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = answer.headers["content-security-policy"]
    (nonce,) = set(re.findall(r"'nonce-([\w-]{16,})'", policy))
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert answer.text.count(f'nonce="{nonce}"') == 2
    assert nonce not in server.http.get("/").text
    listed = re.search(r'id="models">(.*)</script>\n<script', answer.text)[1]
    assert "<" not in listed
    kinds = {one["name"]: (one["kind"], one["version"]) for one in json.loads(listed)}
    assert kinds == {
        "numbers": ("other", 123), "qa": ("qa", 123), "sentiment": ("sentiment", 123),
        "topics": ("labels", 123), NAME.replace("/", ""): ("sentiment", 123),
    }  # fmt: skip
    assert not re.search(r"(src|href)=.?(http|//)|@import|url\(", answer.text)


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD"])
def test_only_a_get_gives_the_page(server, method):
    assert server.http.request(method, "/").status_code == 404


@needs_chromium
def test_a_text(page):
    assert ask(page, "sentiment", text="so good\n😀") == "positive"
    assert rows(page, "#result table") == [["positive", "0.9000"], ["negative", "0.1000"]]
    assert ask(page, NAME.replace("/", ""), text="bad") == "negative"


@needs_chromium
def test_labels(page):
    assert ask(page, "topics", text=f"a goal {'é😀' * 200}") == "sport"
    assert rows(page, "#result table") == [
        ["sport", "0.7500"], ["music", "0.1250"], ["weather", "0.1250"],
    ]  # fmt: skip


@needs_chromium
def test_an_answer_is_marked_though_emoji_come_before_it(page):
    context = "  😀👩‍👩‍👧𝒳Ada wrote <b>it</b> & more"
    assert ask(page, "qa", question="first", context=context) == "😀👩‍👩‍👧𝒳Ada"
    assert page.text_content("mark") == "😀👩‍👩‍👧𝒳Ada"
    assert page.text_content("#marked") == context
    assert rows(page, "#nbest") == [["😀👩‍👩‍👧𝒳Ada", "0.7500"], ["(no answer)", "0.2500"]]


@needs_chromium
def test_the_page_by_keyboard(page):
    page.select_option("#model", "qa")
    page.fill("#question", "other")
    page.fill("#context", "𝒳 is one")
    page.press("#context", "Control+Enter")
    page.wait_for_selector("#nbest")
    assert page.inner_text("#verdict") == "No answer in this context"
    assert page.query_selector("mark") is None
    page.focus("#nbest tr:first-child button")
    page.keyboard.press("Enter")
    assert page.text_content("mark") == "𝒳"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.query_selector("mark") is None
    pressed = page.query_selector_all("#nbest button[aria-pressed=true]")
    assert [one.inner_text() for one in pressed] == ["(no answer)"]


@needs_chromium
def test_errors_of_the_server_are_shown(page):
    page.select_option("#model", "sentiment")
    page.evaluate("MODELS.find((one) => one.name === 'sentiment').kind = 'qa'")
    page.evaluate("showForm()")
    page.click("#ask")
    page.wait_for_selector("#error:not(:empty)")
    assert "does not have named input" in page.inner_text("[role=alert]")


@needs_chromium
def test_models_of_other_inputs_have_no_form(page):
    page.select_option("#model", "numbers")
    assert page.is_visible("#other")
    assert not page.is_visible("#ask")


@needs_chromium
def test_dark_mode_and_names_for_assistive_technology(server, browser):
    colours = {}
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)
        page = context.new_page()
        page.goto(f"http://localhost:{server.rest_port}/")
        colours[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        unnamed = page.evaluate(
            "[...document.querySelectorAll('select, textarea, input, button')]"
            ".filter((one) => !one.labels?.length && !one.textContent).length"
        )
        assert unnamed == 0
        context.close()
    assert colours == {"light": "rgb(255, 255, 255)", "dark": "rgb(23, 23, 26)"}
