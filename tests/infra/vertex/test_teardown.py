"""Going back, undeploying and deleting."""

import pytest

from preprocessing.errors import InputError
from tests.infra.vertex.faults import Fault


@pytest.fixture
def two(cloud):
    """Versions 3 and 4 of sentiment, of which 4 answers."""
    cloud.run("deploy", cloud.model_dir)
    cloud.add_version(4)
    cloud.run("deploy", cloud.model_dir)
    return cloud


def test_rollback_gives_all_requests_to_the_version_before(two):
    two.run("rollback", "sentiment")
    assert two.deployed() == [("sentiment-3", 100), ("sentiment-4", 0)]
    with pytest.raises(InputError, match="there is no version deployed before"):
        two.run("rollback", "sentiment")
    two.run("rollback", "sentiment", "--version", 4)
    assert two.deployed() == [("sentiment-3", 0), ("sentiment-4", 100)]
    assert two.vertex.calls.count("DeployModel") == 2  # nothing is deployed anew


@pytest.mark.parametrize("kind", ["before", "drop"])
def test_a_rollback_whose_answer_is_lost_goes_one_step_only(two, kind):
    two.vertex.faults.add("UpdateEndpoint", Fault(kind))
    two.run("rollback", "sentiment")
    assert two.deployed() == [("sentiment-3", 100), ("sentiment-4", 0)]


def test_a_dry_run_moves_nothing(two, capsys):
    capsys.readouterr()
    two.run("rollback", "sentiment", "--dry_run")
    assert two.deployed() == [("sentiment-3", 0), ("sentiment-4", 100)]
    assert capsys.readouterr().err == (
        "[1/1] all requests of sentiment to version 3: would be moved; free of charge\n"
    )


def test_undeploy_takes_those_without_requests(two):
    with pytest.raises(InputError, match="version 4 of sentiment answers 100 % of the requests"):
        two.run("undeploy", "sentiment", "--version", 4)
    two.run("undeploy", "sentiment")
    assert two.deployed() == [("sentiment-4", 100)]
    two.run("undeploy", "sentiment")  # nothing is left without requests
    assert two.deployed() == [("sentiment-4", 100)]
    two.run("undeploy", "sentiment", "--all")
    assert two.deployed() == []


def test_a_version_that_is_not_deployed_is_named_with_those_that_are(two):
    with pytest.raises(InputError, match=r"version 7 of sentiment is not deployed, .* of: 3, 4"):
        two.run("rollback", "sentiment", "--version", 7)


def test_delete_takes_away_what_deploy_made_and_nothing_else(two):
    other = ("my-project-bertline", "somebody/else.txt")
    two.storage.objects[other] = b"stays"
    two.run("delete", "sentiment", "--yes")
    assert two.vertex.endpoints == two.vertex.versions == {}
    assert two.storage.objects == {other: b"stays"}
    two.run("delete", "sentiment", "--yes")  # all of it is gone already
    with pytest.raises(InputError, match="gs://my-project-bertline is not empty, so it stays"):
        two.run("delete", "sentiment", "--yes", "--with_bucket")
    del two.storage.objects[other]
    two.run("delete", "sentiment", "--yes", "--with_bucket")
    assert two.storage.buckets == {}


@pytest.mark.parametrize("method", ["UndeployModel", "DeleteEndpoint", "DeleteModel"])
@pytest.mark.parametrize("kind", ["before", "drop"])
def test_a_lost_request_or_answer_does_not_stop_a_deletion(cloud, method, kind):
    cloud.run("deploy", cloud.model_dir)
    cloud.vertex.faults.add(method, Fault(kind))
    cloud.run("delete", "sentiment", "--yes")
    assert cloud.vertex.endpoints == cloud.vertex.versions == cloud.storage.objects == {}
    assert cloud.vertex.calls.count(method) == (2 if kind == "before" else 1)


def test_a_deletion_that_failed_half_way_is_given_again(two):
    denied = "Permission 'aiplatform.endpoints.delete' denied"
    two.vertex.faults.add("DeleteEndpoint", Fault("before", "PERMISSION_DENIED", denied))
    with pytest.raises(InputError, match="could not delete the endpoint of sentiment: 403"):
        two.run("delete", "sentiment", "--yes")
    assert two.vertex.versions
    two.run("delete", "sentiment", "--yes")
    assert two.vertex.endpoints == two.vertex.versions == two.storage.objects == {}


def test_deletion_is_not_done_unasked(cloud, monkeypatch):
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115
    with pytest.raises(InputError, match="sentiment would be deleted for good: give --yes"):
        cloud.run("delete", "sentiment")
    assert cloud.vertex.calls == []
