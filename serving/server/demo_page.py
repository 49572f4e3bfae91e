"""The try-it page at the REST port's root, for `--enable_demo_page`.

One file without any outside resource, which asks the REST API of this server. TF Serving has no
such page, and `/` is a 404 without the flag.
"""

import importlib.resources
import json
import secrets
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from serving.server.manager import ModelManager
from serving.server.prediction import DEFAULT_SIGNATURE
from serving.server.rest import RestApi
from serving.server.status import StatusError

# (kind, what the page calls it, inputs and outputs of the default signature; more may be there)
_KINDS = (
    ("sentiment", "a text's probability", {"text"}, {"probability"}),
    ("labels", "a text's label", {"text"}, {"label", "probabilities"}),
    ("qa", "answers from a context", {"question", "context"},
     {"answer", "start", "end", "probability", "null_odds"}),
)  # fmt: skip
_NBEST = {"answer", "start", "end", "probability"}
_CLASSES = {"classes", "scores"}


class RestApiWithPage(RestApi):
    """The REST API, and the page at `/`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (scope["method"], scope["path"]) == ("GET", "/"):
            await page(self._manager)(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def page(manager: ModelManager) -> Response:
    """The page, with the models that are being served now."""
    template = importlib.resources.files("serving.server").joinpath("demo_page.html")
    nonce = secrets.token_urlsafe(16)
    # "<" could end the element that the JSON stands in.
    models = json.dumps(models_served(manager)).replace("<", "\\u003c")
    html = template.read_text("utf-8").replace("{{nonce}}", nonce).replace("{{models}}", models)
    return Response(html, media_type="text/html", headers=_headers(nonce))


def models_served(manager: ModelManager) -> list[dict[str, Any]]:
    """Name, version and kind of each model with an AVAILABLE version, by name."""
    found = []
    for name in sorted(manager.names()):
        try:
            with manager.borrow(name) as servable:
                signatures = servable.loaded_model.signatures
                found.append({"name": name, "version": servable.version, **_kind(signatures)})
        except StatusError:  # nothing of it is available
            continue
    return found


def _kind(signatures: Mapping[str, Any]) -> dict[str, Any]:
    kind, kind_name = "other", "other inputs"
    if DEFAULT_SIGNATURE in signatures:
        default = signatures[DEFAULT_SIGNATURE]
        for one, called, inputs, outputs in _KINDS:
            if set(default.inputs) == inputs and set(default.outputs) >= outputs:
                kind, kind_name = one, called
    return {
        "kind": kind,
        "kind_name": kind_name,
        "has_nbest": _gives(signatures, "nbest", _NBEST),
        "has_classify": _gives(signatures, "classify", _CLASSES),
    }


def _gives(signatures: Mapping[str, Any], name: str, outputs: set[str]) -> bool:
    return name in signatures and set(signatures[name].outputs) >= outputs


def _headers(nonce: str) -> dict[str, str]:
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
