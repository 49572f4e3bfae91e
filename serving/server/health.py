"""`grpc.health.v1.Health`, as `--enable_grpc_healthcheck_service` asks for it."""

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

_SERVICES = ("ModelService", "PredictionService")  # besides "", the server as a whole


class HealthService:
    """Says SERVING from the start to the beginning of the end; other names are NOT_FOUND."""

    def __init__(self) -> None:
        self._servicer = health.aio.HealthServicer()

    async def add_to(self, server: grpc.aio.Server) -> None:
        """Makes it one of the server's services."""
        for name in _SERVICES:
            await self._servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    async def begin_stop(self) -> None:
        """Those who watch are told NOT_SERVING."""
        await self._servicer.enter_graceful_shutdown()
