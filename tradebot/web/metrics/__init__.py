"""`GET /metrics`, for Prometheus: `docs/metrics.md` has every metric.

Rules: a token of its own opens it, which opens nothing else. This machine's own address opens nothing: every login and every
proxy on it has that. Without a token there are no metrics, nothing is counted, and their library is not loaded.
"""

import asyncio
import hmac
from collections.abc import AsyncIterator
from http import HTTPStatus

from aiohttp import web

from tradebot.listener.callers import Buckets, household
from tradebot.web.ground import Ground
from tradebot.web.guard import ACTOR, CLIENT
from tradebot.web.problems import Problem

WRONG_BURST, WRONG_PER_S = 20, 0.2
_WHO = "metrics"


def routes(app: web.Application, ground: Ground) -> None:
    token = ground.options.metrics_token
    if token is None:
        app.router.add_get("/metrics", _off)
        return
    from tradebot.web.metrics.page import Metrics  # noqa: PLC0415 - memory: only where they are configured

    metrics, door = Metrics(ground.queries, ground.listeners), _Door(token)

    async def page(request: web.Request) -> web.Response:
        door.admit(request)
        body, content_type = await metrics.page(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def counting(_: web.Application) -> AsyncIterator[None]:
        end = metrics.begin()
        yield
        end()

    app.cleanup_ctx.append(counting)
    app.router.add_get("/metrics", page)


async def _off(_: web.Request) -> web.Response:
    raise Problem(HTTPStatus.NOT_FOUND, "Metrics are off: set metrics_token of [web], and give it to Prometheus.")


class _Door:
    """Lets in who has the token; who guesses is refused unheard after a while."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self._wrong = Buckets(WRONG_BURST, WRONG_PER_S)

    def admit(self, request: web.Request) -> None:
        """Raises Problem."""
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer" and hmac.compare_digest(
            given.strip().encode("utf-8", "surrogatepass"), self._token
        ):
            request[ACTOR] = _WHO
            return
        if not self._wrong.take(household(request[CLIENT]), asyncio.get_running_loop().time()):
            retry = {"Retry-After": str(round(1 / WRONG_PER_S))}
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "Too many wrong tokens.", headers=retry)
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "The metrics want the token that metrics_token of [web] says: Authorization: Bearer TOKEN.",
            headers={"WWW-Authenticate": 'Bearer realm="metrics"'},
        )
