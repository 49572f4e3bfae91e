"""trainer/cluster.py, on what the platforms set."""

import json
import subprocess
import sys

import pytest

from preprocessing.errors import InputError
from trainer.cluster import read_cluster

# Vertex AI names the first worker pool chief, and adds fields of its own.
VERTEX = {
    "cluster": {"chief": ["a:2222"], "worker": ["b:2222", "c:2222"]},
    "environment": "cloud",
    "job": "{}",
}
TFJOB = {  # Kubeflow's training operator
    "cluster": {
        "worker": ["bert-worker-0.ns.svc:2222", "bert-worker-1.ns.svc:2222"],
        "ps": ["bert-ps-0.ns.svc:2222"],
    },
    "environment": "cloud",
}
MASTER = {"cluster": {"master": ["a:2222"], "worker": ["b:2222"]}}  # TFJob, the old name


def read(content):
    return read_cluster({"TF_CONFIG": json.dumps(content)})


@pytest.mark.parametrize(
    ("cluster", "job", "index", "processes", "chief"),
    [
        pytest.param(VERTEX, "chief", 0, 3, True, id="vertex-chief"),
        pytest.param(VERTEX, "worker", 0, 3, False, id="vertex-first-worker"),
        pytest.param(VERTEX, "worker", 1, 3, False, id="vertex-second-worker"),
        pytest.param(VERTEX, "worker", "1", 3, False, id="index-as-text"),
        pytest.param(TFJOB, "worker", 0, 2, True, id="tfjob-first-worker"),
        pytest.param(TFJOB, "worker", 1, 2, False, id="tfjob-second-worker"),
        pytest.param(MASTER, "master", 0, 2, True, id="master"),
        pytest.param(MASTER, "worker", 0, 2, False, id="worker-of-a-master"),
    ],
)
def test_who_trains_and_who_is_chief(cluster, job, index, processes, chief):
    found = read(cluster | {"task": {"type": job, "index": index}})
    assert found is not None
    assert (found.processes, found.is_chief) == (processes, chief)
    assert set(found.jobs) <= {"chief", "worker"}


@pytest.mark.parametrize("text", ["", "{}", '{"cluster": {}}', '{"cluster": {"worker": []}}'])
def test_no_cluster(text):
    assert read_cluster({"TF_CONFIG": text}) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "which is not a cluster in JSON"),
        ({"cluster": {"worker": 3}}, "'worker' is 3, not a list of host:port"),
        ({"cluster": {"worker": ["a:1"]}, "task": {"index": "x"}}, "not a cluster in JSON"),
        (VERTEX | {"task": {"type": "evaluator", "index": 0}}, "of type 'evaluator', but only"),
        (TFJOB | {"task": {"type": "ps", "index": 0}}, "of type 'ps', but only chief and workers"),
        (VERTEX | {"task": {"type": "worker", "index": 2}}, "worker 2, but the cluster has 1 chie"),
        (TFJOB | {"task": {"type": "chief", "index": 0}}, "chief 0, but the cluster has 2 worker"),
        ({"cluster": {"wroker": ["a:1"]}, "task": {"type": "wroker"}}, "the cluster has 1 wroker"),
    ],
)
def test_a_cluster_that_cannot_be_right(content, message):
    with pytest.raises(InputError, match=message):
        read(content)


def test_reading_needs_no_tensorflow():
    code = "import sys, trainer.cluster; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
