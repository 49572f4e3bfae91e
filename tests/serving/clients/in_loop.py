"""An AsyncClient whose methods are called as those of a Client, in an event loop of its own."""

import asyncio
from typing import Any

from serving.async_client import AsyncClient


class InLoop:
    """So that one test tests both clients."""

    def __init__(self, *arguments: Any, **settings: Any):
        self._runner = asyncio.Runner()
        self._client = AsyncClient(*arguments, **settings)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        return lambda *arguments, **options: self._runner.run(method(*arguments, **options))

    def __enter__(self) -> "InLoop":
        return self

    def __exit__(self, *exception: object) -> None:
        self._runner.run(self._client.close())
        self._runner.close()
