"""trainer/rendezvous.py, over real sockets."""

import concurrent.futures
import socket
import time

import pytest

from preprocessing.errors import InputError
from tests.trainer.test_distribution import free_ports
from trainer.cluster import Cluster
from trainer.rendezvous import wait_for_workers


def clusters(ports):
    jobs = {"worker": tuple(f"localhost:{port}" for port in ports)}
    return [Cluster(jobs, "worker", index) for index in range(len(ports))]


def test_workers_go_on_when_all_are_there():
    members = clusters(free_ports(3))
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        early = [pool.submit(wait_for_workers, member) for member in members[:2]]
        time.sleep(0.6)
        assert not any(each.done() for each in early)
        last = pool.submit(wait_for_workers, members[2])
        # The first to go on leaves its address, which TensorFlow takes over.
        servers = []
        for member, waiting in zip(members, [*early, last], strict=True):
            concurrent.futures.wait([waiting], timeout=5)
            if waiting.done():
                servers.append(listen(member))
        for each in (*early, last):
            each.result(timeout=10)
        for server in servers:
            server.close()


def listen(member):
    return socket.create_server(("localhost", int(member.address.rpartition(":")[2])))


def test_a_worker_alone_does_not_wait():
    wait_for_workers(clusters(free_ports(1))[0])


def test_a_port_in_use_is_named():
    members = clusters(free_ports(2))
    with listen(members[0]), pytest.raises(InputError, match=r"worker 0 is at localhost:\d+, but"):
        wait_for_workers(members[0])


@pytest.mark.parametrize("address", ["worker-0", "worker-0:port"])
def test_an_address_without_a_port_is_named(address):
    with pytest.raises(InputError, match=f"TF_CONFIG has the address '{address}', expected host:p"):
        wait_for_workers(Cluster({"worker": (address, "localhost:1")}, "worker", 0))
