"""What an export holds, how it is checked, and what is never published."""

import datetime
import json
import pathlib
import resource
import shutil

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from preprocessing.dataset_info import sha256_of_file
from preprocessing.errors import InputError
from serving import export, model_forms
from serving.evaluate import evaluate_version
from serving.frozen import served_module
from serving.model_dir import versions
from serving.saved_model import load_as_function, load_in_session
from trainer.run_dir import load_run

STRING, FLOAT, INT = tf.string, tf.float32, tf.int32
# The contract with every client: signature -> (inputs, outputs), alias -> (dtype, shape).
SIGNATURES = {
    "sentiment": {
        "serving_default": ({"text": (STRING, [-1])}, {"probability": (FLOAT, [-1])}),
        "classify": (
            {"inputs": (STRING, [-1])},
            {"classes": (STRING, [-1, 2]), "scores": (FLOAT, [-1, 2])},
        ),
    },
    "qa": {
        "serving_default": (
            {"question": (STRING, [-1]), "context": (STRING, [-1])},
            {
                "answer": (STRING, [-1]),
                "start": (INT, [-1]),
                "end": (INT, [-1]),
                "probability": (FLOAT, [-1]),
                "null_odds": (FLOAT, [-1]),
            },
        ),
        "nbest": (
            {"question": (STRING, [-1]), "context": (STRING, [-1])},
            {
                "answer": (STRING, [-1, 20]),
                "start": (INT, [-1, 20]),
                "end": (INT, [-1, 20]),
                "probability": (FLOAT, [-1, 20]),
                "null_odds": (FLOAT, [-1]),
            },
        ),
    },
}


def meta_graph(version):
    saved_model = saved_model_pb2.SavedModel.FromString((version / "saved_model.pb").read_bytes())
    return saved_model.meta_graphs[0]


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures_are_the_contract(models, name):
    found = {
        signature: (_shapes(definition.inputs), _shapes(definition.outputs))
        for signature, definition in meta_graph(models / name / "1").signature_def.items()
        if signature != "__saved_model_init_op"
    }
    assert found == SIGNATURES[name]


def _shapes(tensors):
    return {
        alias: (tf.dtypes.as_dtype(info.dtype), [dim.size for dim in info.tensor_shape.dim])
        for alias, info in tensors.items()
    }


@pytest.mark.parametrize("load", [load_in_session, load_as_function])
def test_export_answers_as_the_trainer_does(models, squad_run, load):
    expected = served_module(load_run(squad_run), 0.0, through_keras=True)
    inputs = {"question": ["Who built it?", ""], "context": ["Built by Ada Mills, 1894.", "é 🎬"]}
    for signature, function in expected.signatures().items():
        found = load(models / "qa" / "1")(signature, inputs)
        for alias, tensor in function(**inputs).items():
            if tensor.dtype == tf.float32:
                np.testing.assert_allclose(found[alias], tensor, atol=1e-5)
            else:
                np.testing.assert_array_equal(found[alias], tensor)


def test_version_holds_vocabulary_warmup_and_provenance(models, imdb_run):
    version = models / "sentiment" / "1"
    config = json.loads((imdb_run / "config.json").read_text())
    assert sha256_of_file(version / "assets" / "vocab.txt") == config["vocabulary_sha256"]
    provenance = json.loads((version / "assets.extra" / "provenance.json").read_text())
    assert provenance["run"] == config
    assert provenance["epoch"]["epoch"] == 1
    assert provenance["weights_sha256"] == sha256_of_file(imdb_run / "model.weights.h5")
    info = json.loads(pathlib.Path(config["data_dir"], "info.json").read_text())
    assert provenance["data"] == {"digest": info["digest"], "sources": info["sources"]}
    assert provenance["dtype"] == "float32"
    assert provenance["oldest_serving_version"] == "2.16"
    assert "FastWordpieceTokenizeWithOffsets" in provenance["ops"]
    age = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(
        provenance["created"]
    )
    assert datetime.timedelta(0) <= age < datetime.timedelta(hours=1)
    assert (version / "assets.extra" / "tf_serving_warmup_requests").is_file()


def test_classify_reads_examples(models):
    text = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"a lovely film"]))
    example = tf.train.Example(features=tf.train.Features(feature={"text": text}))
    run = load_in_session(models / "sentiment" / "1")
    probability = run("serving_default", {"text": ["a lovely film"]})["probability"][0]
    found = run("classify", {"inputs": [example.SerializeToString()]})
    assert found["classes"].tolist() == [[b"negative", b"positive"]]
    np.testing.assert_allclose(found["scores"], [[1 - probability, probability]], atol=1e-6)


def test_next_export_is_the_next_version(models, imdb_run, tmp_path):
    shutil.copytree(models / "sentiment" / "1", tmp_path / "sentiment" / "7")
    assert export.export_run(imdb_run, tmp_path / "sentiment").name == "8"
    assert versions(tmp_path / "sentiment") == [7, 8]


def test_export_that_answers_otherwise_is_not_published(imdb_run, tmp_path, monkeypatch):
    save = model_forms.save

    def save_another(module, folder):
        review_logit = module._review_logit
        module._review_logit = lambda *inputs: review_logit(*inputs) + 0.01
        save(module, folder)

    monkeypatch.setattr(model_forms, "save", save_another)
    with pytest.raises(InputError, match=r"serving_default, loaded as session, output probability"):
        export.export_run(imdb_run, tmp_path / "sentiment")
    assert list((tmp_path / "sentiment").iterdir()) == []


def test_a_run_of_another_task_is_refused_before_anything_is_written(models, imdb_run, tmp_path):
    shutil.copytree(models / "qa" / "1", tmp_path / "qa" / "1")
    message = (
        r"--model_dir .*qa: its version 1 \(newest\) is of the task squad, but the run of imdb"
    )
    with pytest.raises(InputError, match=message):
        export.export_run(imdb_run, tmp_path / "qa")
    assert [path.name for path in (tmp_path / "qa").iterdir()] == ["1"]


def test_another_vocabulary_is_refused(imdb_run, tmp_path):
    run = shutil.copytree(imdb_run, tmp_path / "run")
    with (run / "vocab.txt").open("a") as file:
        file.write("extra\n")
    with pytest.raises(InputError, match=r"vocab.txt: SHA-256 is .* trained with the vocabulary"):
        export.export_run(run, tmp_path / "sentiment")


def test_threshold_is_refused_where_it_means_nothing(imdb_run, tmp_path):
    with pytest.raises(InputError, match=r"--null_score_diff_threshold is 1\.0"):
        export.export_run(imdb_run, tmp_path / "sentiment", null_score_diff_threshold=1.0)


@pytest.mark.parametrize(("threshold", "answered"), [(-1e9, False), (1e9, True)])
def test_threshold_decides_whether_there_is_an_answer(squad_run, threshold, answered):
    module = served_module(load_run(squad_run), threshold)
    context = "The old bridge was built in 1894 by Ada Mills."
    outputs = module.serving_default(tf.constant(["Who built it?"]), tf.constant([context]))
    start, end = int(outputs["start"][0]), int(outputs["end"][0])
    assert (start >= 0) == answered
    assert outputs["answer"][0].numpy().decode() == (context[start:end] if answered else "")


def test_questions_and_contexts_of_different_number_are_refused(models):
    run = load_in_session(models / "qa" / "1")
    with pytest.raises(tf.errors.InvalidArgumentError, match="question and context differ"):
        run("serving_default", {"question": ["who?", "when?"], "context": ["Ada"]})


def test_a_full_disk_leaves_nothing(imdb_run, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(InputError, match=r"sentiment: File too large; nothing is published"):
            export.export_run(imdb_run, tmp_path / "sentiment")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list((tmp_path / "sentiment").iterdir()) == []


def test_a_version_that_is_not_good_enough_is_not_published(imdb_run, reviews, tmp_path, capsys):
    flags = [f"--run_dir={imdb_run}", f"--model_dir={tmp_path / 'sentiment'}"]
    conditions = ["--require=accuracy>=baseline", "--require=accuracy>1"]
    with pytest.raises(SystemExit) as caught:
        export.main([*flags, f"--evaluation_input={reviews}", *conditions])
    assert caught.value.code == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[-1] for line in lines[-3:-1]] == ["passed", "FAILED"]
    assert lines[-1] == "not published: it fails --require"
    assert list((tmp_path / "sentiment").iterdir()) == []


@pytest.mark.slow
def test_a_good_version_in_bfloat16_is_published_with_its_figures(
    models, squad_run, questions, tmp_path
):
    shutil.copytree(models / "qa" / "1", tmp_path / "qa" / "1")
    version = export.export(
        squad_run,
        tmp_path / "qa",
        export.ExportOptions(
            dtype="bfloat16", evaluation_input=str(questions), require=["f1>=baseline-100"]
        ),
    )
    assert version.name == "2"
    provenance = json.loads((version / "assets.extra" / "provenance.json").read_text())
    assert provenance["dtype"] == "bfloat16"
    assert provenance["evaluation"]["total"] == provenance["agreement"]["examples"] == 8
    # The baseline is the same run in float32.
    baseline = evaluate_version(models / "qa" / "1", str(questions))
    assert provenance["float32_evaluation"] == pytest.approx(baseline)
    assert provenance["gate"]["baseline"] == 1
    (verdict,) = provenance["gate"]["conditions"]
    assert verdict["baseline"] == baseline["f1"]
    assert verdict["needed"] == baseline["f1"] - 100
    assert verdict["value"] == provenance["evaluation"]["f1"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--require=f1>=80"], "--require 'f1>=80' is a condition .* no --evaluation_input"),
        (["--baseline=3"], "--baseline is 3, but there is no --require"),
        (
            ["--require=f1=>80", "--evaluation_input=dev.json"],
            "--require 'f1=>80': expected METRIC>=VALUE",
        ),
        (
            ["--require=f1>=baseline", "--evaluation_input=dev.json", "--baseline=3"],
            "--baseline 3: .*qa has the versions none",
        ),
        (["--evaluation_input=dev.json"], "--evaluation_input dev.json: no such file or folder"),
    ],
)
def test_flags_that_cannot_be_are_refused_at_once(flags, message, tmp_path):
    with pytest.raises(InputError, match=message):
        export.main([f"--run_dir={tmp_path}", f"--model_dir={tmp_path / 'qa'}", *flags])
