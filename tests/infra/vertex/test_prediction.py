"""Asking what is deployed, and listing it."""

import json

import pytest
from google.protobuf import json_format, struct_pb2

from preprocessing.errors import InputError
from tests.infra.vertex.faults import Fault


@pytest.fixture
def asked(cloud):
    """The instances that reach the endpoint; it answers each with its length."""
    cloud.run("deploy", cloud.model_dir)
    seen = []

    def answer(_, __, instances):
        seen.extend(json_format.MessageToDict(one) for one in instances)
        return [struct_pb2.Value(number_value=0.5 * len(one["text"])) for one in seen]

    cloud.vertex.answer = answer
    return seen


def test_texts_are_asked_and_answered_in_order(cloud, asked, capsys):
    cloud.vertex.faults.add("Predict", Fault("before"))  # asked again
    capsys.readouterr()
    cloud.run("predict", "sentiment", "--text", "A fine film.", "--text", "Fiancé")
    answer = json.loads(capsys.readouterr().out)
    assert asked == [{"text": "A fine film."}, {"text": "Fiancé"}]
    assert answer == {
        "predictions": [6.0, 3.0],
        "deployed_model": next(iter(cloud.vertex.endpoints.values())).deployed_models[0].id,
        "model_version": "1",
    }


def test_a_file_of_instances_is_asked_as_it_is(cloud, asked, tmp_path, capsys):
    (tmp_path / "ask.json").write_text('{"instances": [{"text": "x", "n": [1, null, true]}]}')
    cloud.run("predict", "sentiment", "--input", tmp_path / "ask.json")
    assert asked == [{"text": "x", "n": [1, None, True]}]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "there is nothing to ask"),
        (["--question", "Who?"], "--question with --context"),
        (["--input", "/nowhere.json"], "--input /nowhere.json: not JSON"),
    ],
)
def test_what_cannot_be_asked_is_refused(cloud, flags, said):
    with pytest.raises(InputError) as raised:
        cloud.run("predict", "sentiment", *flags)
    assert said in str(raised.value)


def test_a_model_without_an_endpoint_cannot_be_asked(cloud):
    with pytest.raises(InputError, match="could not ask sentiment: 404 The Endpoint does not"):
        cloud.run("predict", "sentiment", "--text", "x")


def test_list_shows_versions_and_their_traffic(cloud, capsys):
    cloud.run("deploy", cloud.model_dir)
    cloud.add_version(4)
    cloud.run("deploy", cloud.model_dir, "--traffic", 20)
    capsys.readouterr()
    cloud.run("list", "--json")
    rows = json.loads(capsys.readouterr().out)
    assert [
        (row["model"], row["version"], row["registry_version"], row["traffic"]) for row in rows
    ] == [
        ("sentiment", "4", "2", 20),
        ("sentiment", "3", "1", 80),
    ]
    cloud.run("undeploy", "sentiment", "--all")
    capsys.readouterr()
    cloud.run("list", "sentiment")
    assert capsys.readouterr().out.count("not deployed") == 2
