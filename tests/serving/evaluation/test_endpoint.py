"""A live server gives the same figures as the export in this process."""

import json
import socket

import numpy as np
import pytest

from preprocessing.errors import InputError
from preprocessing.sources.labelled_text import Columns
from serving.errors import Overloaded
from serving.evaluation.endpoint import EndpointModel
from serving.evaluation.run import evaluate
from serving.transport import ModelRef
from tests.serving import served_models
from tests.serving.server_process import free_port, running_server, write_config

FLAGS = {"split": "test", "limit": None, "batch_size": 3}
SAME = {"imdb": ["predictions"], "squad": ["predictions", "nbest_predictions", "null_odds"]}


def addresses(server):
    return {
        "grpc": f"grpc://localhost:{server.port}",
        "http": f"http://localhost:{server.rest_port}",
    }


@pytest.mark.parametrize("scheme", ["grpc", "http"])
@pytest.mark.parametrize(
    ("task", "name", "source"),
    [("imdb", "sentiment", "reviews"), ("squad", "qa", "questions")],
    ids=["reviews", "questions"],
)
def test_the_figures_are_those_of_the_export(
    models_server, request, tmp_path, scheme, task, name, source
):
    folder, expected = request.getfixturevalue(f"{task}_evaluation")
    model = EndpointModel(addresses(models_server)[scheme], ModelRef(name), (), 4, 60.0)
    source = str(request.getfixturevalue(source))
    found = evaluate(model, source, tmp_path, Columns(), **FLAGS)
    model.close()
    assert found == expected
    for file in SAME[task]:
        content = (tmp_path / f"{file}.json").read_text()
        assert content == (folder / f"{file}.json").read_text()
    about = json.loads((tmp_path / "evaluation.json").read_text())
    assert about["provenance"] == {"model": name, "version": 1}


def test_the_server_names_the_labels(models_server):
    model = EndpointModel(addresses(models_server)["http"], ModelRef("sentiment"), (), 1, 60.0)
    assert (model.kind, model.labels) == ("text classifier", ("negative", "positive"))
    model.close()


@pytest.fixture
def labelled_server(tmp_path):
    """Version 1 of `sentiment`, labelled `stable`, on a server that serves all there are."""
    served_models.sentiment(tmp_path / "sentiment" / "1", good=0.8)
    more = 'model_version_policy { all {} } version_labels { key: "stable" value: 1 }'
    config = write_config(tmp_path / "config", {"sentiment": (tmp_path / "sentiment", more)})
    flags = (
        "--file_system_poll_wait_seconds=1",
        "--allow_version_labels_for_unavailable_models=true",
    )
    with running_server(tmp_path / "server.log", config, *flags) as server:
        yield server.wait_until_ready()


def test_a_version_that_appears_meanwhile_is_not_asked(labelled_server, tmp_path):
    def asked(**version):
        return [
            EndpointModel(address, ModelRef("sentiment", **version), ("bad", "good"), 1, 60.0)
            for address in addresses(labelled_server).values()
        ]

    earlier = asked()
    served_models.sentiment(tmp_path / "sentiment" / "2", good=0.6)
    labelled_server.wait_for_log("version 2 is available")
    for models, version, good in (
        (earlier, 1, 0.8),
        (asked(), 2, 0.6),
        (asked(version=1), 1, 0.8),
        (asked(label="stable"), 1, 0.8),
    ):
        for model in models:
            assert model.facts["version"] == version
            np.testing.assert_allclose(model.probabilities(["good"])[0, 1], good, rtol=1e-6)
            model.close()


def test_a_label_that_is_not_there(small_models_server):
    address = addresses(small_models_server)["grpc"]
    with pytest.raises(InputError, match="canary"):
        EndpointModel(address, ModelRef("sentiment", label="canary"), (), 1, 60.0)


def test_no_server_there():
    with pytest.raises(InputError, match=r"Is a server running there\?"):
        EndpointModel(f"grpc://localhost:{free_port()}", ModelRef("qa"), (), 1, 5.0)


def test_a_deadline_that_nobody_meets():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"grpc://localhost:{silent.getsockname()[1]}"
        with pytest.raises(InputError, match=r"deadline 0\.2 s"):
            EndpointModel(endpoint, ModelRef("qa"), (), 1, 0.2)


@pytest.mark.slow
def test_a_server_that_is_killed_ends_the_evaluation_with_one_line(models, questions, tmp_path):
    config = write_config(tmp_path / "models.config", {"qa": (models / "qa", "")})
    with running_server(tmp_path / "server.log", config) as server:
        server.wait_for_log("gRPC: listening", timeout_s=240)
        model = EndpointModel(addresses(server)["grpc"], ModelRef("qa"), (), 4, 60.0)
        server.process.kill()
        with pytest.raises(InputError, match=r"Is a server running there\?"):
            evaluate(model, str(questions), tmp_path / "out", Columns(), **FLAGS)
        model.close()
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "nothing"),
        ("half_plus_two_tf2", "its inputs are x, expected text, or question and context"),
    ],
)
def test_no_model_of_ours_there(small_models_server, name, message):
    with pytest.raises(InputError, match=message):
        EndpointModel(addresses(small_models_server)["grpc"], ModelRef(name), (), 1, 60.0)


def test_a_server_without_nbest_is_told_of(small_models_server):
    address = addresses(small_models_server)["grpc"]
    model = EndpointModel(address, ModelRef("qa_without_nbest"), (), 1, 60.0)
    with pytest.raises(InputError, match="nbest"):
        model.answers(["first"], ["Ada wrote it"])
    model.close()


def test_a_labels_flag_is_believed(small_models_server):
    address = addresses(small_models_server)["grpc"]
    model = EndpointModel(address, ModelRef("sentiment"), ("bad", "good"), 1, 60.0)
    assert model.labels == ("bad", "good")
    found = model.probabilities(["good", "not"])
    np.testing.assert_allclose(found, [[0.1, 0.9], [0.9, 0.1]], rtol=1e-6)
    model.close()


def test_a_server_that_stays_busy_is_told_of(small_models_server):
    """The client has asked it again by then."""
    model = EndpointModel(
        addresses(small_models_server)["grpc"], ModelRef("sentiment"), (), 1, 60.0
    )

    def refused():
        raise Overloaded("busy")

    with pytest.raises(InputError, match=r"busy\. Give less to do at once: --requests"):
        model._call(refused)
    model.close()
