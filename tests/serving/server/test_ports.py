"""When the ports open, and what is said until then: sections 1.1, 5.1 and 5.6 of the API page."""

import socket

import pytest
from tensorflow_serving.apis import prediction_log_pb2

from tests.serving.served_models import add_warm_up, constant
from tests.serving.server_process import predict_request, running_server, write_config


def test_1_1_no_port_opens_until_every_model_is_available(tmp_path):
    bases = {name: tmp_path / name for name in ("there", "late")}
    bases["there"].mkdir()
    record = prediction_log_pb2.PredictionLog()
    record.predict_log.request.CopyFrom(predict_request("there", "no such signature", x=[1.0]))
    add_warm_up(constant(bases["there"] / "1", 1.0), [record.SerializeToString()])
    config = write_config(tmp_path / "config", {name: (base, "") for name, base in bases.items()})
    flags = (config, "--enable_model_warmup=false")  # 5.6: else that record fails the load
    with running_server(tmp_path / "log", *flags) as server:
        server.wait_for_log("model late: cannot list base path", times=2)  # at each poll
        bases["late"].mkdir()
        server.wait_for_log(f"model late: no version in {bases['late']} yet", times=2)
        server.wait_for_log("model there version 1 is available")
        for port in (server.port, server.rest_port):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port))
        constant(bases["late"] / "7", 7.0)
        server.wait_until_ready()
        found = {name: server.predict(name, x=0.0).outputs["y"].float_val[0] for name in bases}
        assert found == {"there": 1.0, "late": 7.0}
        assert server.post("late:predict", '{"inputs": 0.0}') == (200, '{"outputs": 7.0}')
