"""benchmarks.server_soak and benchmarks.hot_reload: short runs with a real server, and verdicts."""

import pytest

from benchmarks import hot_reload, server_soak
from benchmarks.server_load import Load, Sample
from tests.serving import served_models


@pytest.fixture
def model_dir(tmp_path):
    (tmp_path / "sentiment").mkdir()
    served_models.sentiment(tmp_path / "sentiment" / "3")
    return tmp_path / "sentiment"


@pytest.fixture
def load():
    """Of a server that nobody asks."""
    return Load(port=1, rest_port=1, inputs={"text": "x"}, clients=1)


def level(*memory: float, descriptors: int = 30) -> list[Sample]:
    return [Sample(rss_mib, descriptors) for rss_mib in memory]


@pytest.mark.slow
def test_a_soak_ends_without_a_failure(model_dir, capsys):
    server_soak.main([f"--model_dir={model_dir}", "--duration_s=8", "--load=0.2"])
    out = capsys.readouterr().out
    assert "killed 100 clients" in out
    assert " 0 failed" in out
    assert out.endswith("verdict: no failure, no growth\n")


@pytest.mark.slow
def test_versions_replace_each_other_under_load(model_dir, capsys, monkeypatch):
    monkeypatch.setattr(hot_reload, "SETTLE_S", 5.0)
    flags = ["--versions=3", "--duration_s=12", "--load=0.2", "--clients=4"]
    hot_reload.main([f"--model_dir={model_dir}", *flags])
    out = capsys.readouterr().out
    assert "\n3 versions; " in out
    assert out.endswith("verdict: no failure, no growth\n")


def test_what_a_soak_finds_wrong(load):
    assert server_soak.verdict(load, level(*[100] * 8)) == []
    assert server_soak.verdict(load, level(*[100] * 6, 106, 106)) == [
        "the memory has grown by 6 MiB"
    ]
    more = level(*[100] * 7) + level(100, descriptors=41)
    assert server_soak.verdict(load, more) == ["there are 11 descriptors more"]
    load.failures.append("14 UNAVAILABLE")
    assert server_soak.verdict(load, level(100)) == ["1 requests failed, such as: 14 UNAVAILABLE"]


def test_what_a_change_of_versions_finds_wrong(load):
    # One version until second 4, two at a time then.
    changing = [90, 100, 100, 100, 180, 190, 180]
    assert hot_reload.verdict(load, level(*changing, *[104] * 5), 4.0) == []
    assert hot_reload.verdict(load, level(*changing, *[106] * 5), 4.0) == [
        "the memory has grown by 6 MiB"
    ]
    load.failures.append("5 NOT_FOUND")
    assert hot_reload.verdict(load, level(*changing, *[100] * 5), 4.0) == [
        "1 requests failed, such as: 5 NOT_FOUND"
    ]


def test_no_versions_are_refused(model_dir):
    with pytest.raises(hot_reload.InputError, match="--versions is 0, expected at least 1"):
        hot_reload.main([f"--model_dir={model_dir}", "--versions=0"])
