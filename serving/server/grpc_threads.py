"""Synchronous gRPC services in threads, behind a server that is an event loop."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Sequence

import grpc
import grpc.aio

from serving.server.grpc_call import Aborted, Call


class ThreadedServices(grpc.GenericRpcHandler):
    """Makes coroutines, from bytes to bytes, of the methods of synchronous services.

    Generated functions such as `add_PredictionServiceServicer_to_server` take it for the server.
    A method is given its request and a `Call`. Requests are parsed and answers serialized in the
    threads, too. A request for which no thread is free is refused at once.
    """

    def __init__(self, max_threads: int):
        # Requests until their clients have the answer; changed in the event loop alone.
        self.busy = 0
        self.refused = 0  # since `refuse`
        self._refuses = False
        self._services: list[grpc.GenericRpcHandler] = []
        self._methods: dict[str, grpc.RpcMethodHandler] = {}
        self._slots = threading.Semaphore(max_threads)
        self._threads = concurrent.futures.ThreadPoolExecutor(
            max_threads, thread_name_prefix="grpc"
        )

    def add_generic_rpc_handlers(self, services: Sequence[grpc.GenericRpcHandler]) -> None:
        """Adds synchronous services."""
        self._services.extend(services)

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler | None:
        """The coroutine for a method; None when no service has it."""
        name = handler_call_details.method
        if name not in self._methods:
            found = [one for each in self._services if (one := each.service(handler_call_details))]
            if not found:
                return None
            self._methods[name] = self._adapted(found[0])
        return self._methods[name]

    def refuse(self) -> None:
        """From now on no request is begun: UNAVAILABLE."""
        self._refuses = True

    def _adapted(self, method: grpc.RpcMethodHandler) -> grpc.RpcMethodHandler:
        async def handle(data: bytes, context: grpc.aio.ServicerContext) -> bytes:
            if self._refuses:
                self.refused += 1
                await context.abort(grpc.StatusCode.UNAVAILABLE, "The server is stopping")
            if not self._slots.acquire(blocking=False):
                await context.abort(
                    grpc.StatusCode.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted"
                )
            call = Call(context)
            self.busy += 1
            context.add_done_callback(self._over)
            try:
                work = self._threads.submit(_answer, method, data, call)
                work.add_done_callback(lambda _: self._slots.release())
                return await asyncio.wrap_future(work)
            except Aborted as aborted:
                await context.abort(aborted.code, aborted.details)
                raise
            finally:
                call.end()

        return grpc.unary_unary_rpc_method_handler(handle)

    def _over(self, context: grpc.aio.ServicerContext) -> None:
        self.busy -= 1


def _answer(method: grpc.RpcMethodHandler, data: bytes, call: Call) -> bytes:
    try:
        request = method.request_deserializer(data)
    except Exception:  # noqa: BLE001 - whatever the parser says of bytes that are no message
        call.abort(grpc.StatusCode.INTERNAL, "Exception deserializing request!")
    return method.response_serializer(method.unary_unary(request, call))
