"""trainer/model_card.py, markdown.py and summary.py."""

import dataclasses
import io
import itertools
import pathlib

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from preprocessing.dataset_info import DatasetInfo, SplitInfo
from trainer.config import TrainConfig
from trainer.hardware import Hardware
from trainer.markdown import bullets, code_block, escaped, facts
from trainer.model_card import TrainedModel, model_card, write_model_card
from trainer.summary import print_summary

NASTY = [
    "a|b",
    "*bold* __strong__ _under_ snake_case",
    "`code` ``two``",
    "<script>alert(1)</script>",
    "[link](http://example.org) ![image](x)",
    "back\\slash \\| &lt; &amp; $x$ ~~gone~~",
    "# no heading",
    'quote\'s "double"',
    "数据集 – Ünïcode",
]


def rendered(text):
    """The text of each inline token, by an independent reader of Markdown."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    return [
        "".join(child.content for child in token.children)
        for token in tokens
        if token.type == "inline"
    ]


@pytest.mark.parametrize("text", NASTY)
def test_a_text_is_shown_as_it_is(text):
    assert rendered(facts({"name": text}))[2:] == ["name", text]
    assert rendered(bullets([text]))[-1].removeprefix("# ") == text.removeprefix("# ")
    (block,) = MarkdownIt("commonmark").parse(code_block([text, "```"]))
    assert block.content == f"{text}\n```\n"


def test_what_would_break_a_line_is_spelled():
    assert rendered(escaped("two\nlines\x1b[2J")) == ["two\\nlines\\x1b[2J"]


def line(epoch):
    return {
        "epoch": epoch,
        "step": 10 * epoch,
        "train_loss": 0.5 / epoch,
        "train_accuracy": 0.75,
        "seconds": 100.0,
        "examples_per_second": 30.0 + epoch,
        "tokens_per_second": 6000.0,
        "padding_share": 0.043,
        "learning_rate": 0.0,
        "peak_memory_mib": 1500.0 + epoch,
        "validation_loss": 0.4 + 0.1 * abs(epoch - 2),
        "validation_accuracy": 0.8807,
        "evaluation_seconds": 20.0,
    }


def split(examples):
    return SplitInfo(
        records=examples,
        examples=examples,
        tokens=200 * examples,
        shards=[],
        length_histogram={"224": examples // 2 + 1, "256": examples - examples // 2 - 1},
        labels={"a|b": examples // 2, "<pos>": examples - examples // 2},
    )


@pytest.fixture
def model():
    return TrainedModel(
        config=TrainConfig(task="imdb", data_dir="data", output_dir="runs/my run", epochs=3),
        info=DatasetInfo(
            task="imdb",
            splits={"validation": split(250), "train": split(1000)},
            rejected={"empty_text": 3},
            parameters={"max_seq_length": 256},
            vocabulary_sha256="ab" * 32,
            lowercase=True,
            sources={f"part-{n}.csv": f"{n:064}" for n in range(25)},
            digest="cd" * 32,
            versions={},
            read=1253,
            labels=["a|b", "<pos>"],
        ),
        architecture={"num_layers": 6, "hidden_dim": 384},
        parameters=22_713_601,
        trainable_parameters=385,
        strategy="MirroredStrategy of 2",
        hardware=Hardware(cpu="AMD EPYC", cores=2, memory_mib=24105, gpus=("A100", "A100")),
        lines=[line(epoch) for epoch in (1, 2, 3)],
        best_metric="validation_loss",
        best_epoch=2,
        weights_epoch=3,
    )


def test_the_card_has_the_facts_of_the_run(model):
    shown = rendered(model_card(model))
    cells = dict(itertools.pairwise(shown))
    assert shown[0] == "my run: text classifier"
    assert cells["digest"] == "cd" * 32
    assert cells["source records"] == "1,253 read, 3 of them rejected"
    # examples, records, tokens, mean, median and longest
    row = shown.index("train")
    assert shown[row : row + 7] == ["train", "1,000", "1,000", "200,000", "200.0", "224", "256"]
    assert shown[shown.index("a|b") :][:3] == ["a|b", "500", "125"]
    assert cells["parameters"] == "22,713,601, of which 385 trained"
    assert cells["global_batch_size"] == "32"
    assert cells["CPU"] == "AMD EPYC, 2 cores"
    assert cells["GPUs"] == "A100, A100"
    assert cells["strategy"] == "MirroredStrategy of 2"
    assert cells["duration"] == "6:00 with evaluation"  # 3 * (100 s + 20 s)
    assert cells["examples/s"] == "32.0"  # the mean of 31, 32 and 33 over equal times
    assert cells["padding"] == "4.3% of an epoch's tokens"
    assert cells["peak memory"] == "1,503 MiB"
    assert cells["tensorflow"].startswith("2.21.")
    for text in (
        "part-19.csv (SHA-256 0000000000000000000000000000000000000000000000000000000000000019)",
        "And 5 more sources.",
        "By validation_loss the best epoch is 2, with 0.4000; the weights are those of epoch 3. "
        "Figures of training are taken with dropout while the weights change.",
        "To tell which label a text has, of: a|b, <pos>.",
        "Of a text it reads the first 256 tokens.",
        "3 of 1,253 source records are rejected and in no split",
        "The figures are of one run, with seed 0; others differ a little.",
    ):
        assert text in shown
    assert "python -m serving.export --run_dir 'runs/my run' --model_dir models/sentiment" in (
        model_card(model)
    )


def test_every_field_of_the_recipe_is_there(model):
    shown = rendered(model_card(model))
    assert {field.name for field in dataclasses.fields(TrainConfig)} <= set(shown)


@pytest.mark.parametrize(
    ("has_unanswerable", "expected"),
    [
        (False, "It always gives an answer: its data has no question without one."),
        (True, "It may say that there is no answer, by a threshold that the export is given."),
    ],
)
def test_the_limits_of_a_span_model(model, has_unanswerable, expected):
    parameters = {"max_seq_length": 384, "doc_stride": 128, "max_query_length": 64}
    info = dataclasses.replace(
        *(model.info,),
        task="squad",
        parameters=parameters,
        lowercase=False,
        has_unanswerable=has_unanswerable,
        splits={"train": split(10)},
    )
    config = dataclasses.replace(model.config, task="squad", preset=None)
    shown = rendered(model_card(dataclasses.replace(model, info=info, config=config)))
    assert expected in shown
    assert (
        "It reads a text in windows of 384 tokens with the question, 128 tokens apart, and the "
        "first 64 tokens of a question."
    ) in shown
    assert "There was no validation split: how it does on other texts is not known." in shown
    assert not [text for text in shown if text.startswith("Upper and lower case")]


def test_the_card_is_written_whole(model, tmp_path):
    write_model_card(tmp_path, model)
    assert [path.name for path in tmp_path.iterdir()] == ["model_card.md"]
    assert (tmp_path / "model_card.md").read_text(encoding="utf-8") == model_card(model)


def test_the_summary_ends_with_the_next_command(model):
    console = Console(width=140, record=True, file=io.StringIO())
    print_summary(console, pathlib.Path("runs/my run"), model)
    shown = [row.strip() for row in console.export_text().splitlines()]
    cells = [row.strip("│ ").split("│") for row in shown if row.startswith("│")]
    assert [[cell.strip() for cell in row] for row in cells][1] == [
        *("*2", "0.2500", "0.7500", "0.4000", "0.8807", "100.0", "32.0")
    ]
    assert shown[-4:] == [
        "* the best one: 2",
        "took  6:00, at most 1,503 MiB of memory",
        "run   runs/my run: model_card.md, curves.png, history.jsonl, tensorboard/",
        "next  python -m serving.export --run_dir 'runs/my run' --model_dir models/sentiment",
    ]
