"""A TCP proxy that drops connections, as failing networks and load balancers do."""

import contextlib
import socket
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def dropping_proxy(port: int, drops: int) -> Iterator[int]:
    """Gives the port of a proxy to `port`. The first `drops` connections are cut once they have
    carried something; the next ones are left alone."""
    left = threading.Semaphore(drops)

    def pump(source: socket.socket, target: socket.socket, cut: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if cut:
                    break
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        while True:
            try:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", port))
            except OSError:  # one of the two ends has gone
                return
            cut = left.acquire(blocking=False)
            for pair in ((near, far, cut), (far, near, False)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
