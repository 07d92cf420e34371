"""What every request passes before a part of the second listener sees it, and every answer on its way out.

Rules:
- A Host header that is not ours is refused: a name that somebody points at this machine (DNS rebinding) gets nowhere.
- Another site's page may send nothing that changes something: `Sec-Fetch-Site` and `Origin` tell, where a browser asks.
- A body is read whole, within a time and a size, before anybody acts on it. A question ends in time; what was begun to be done is
  finished though nobody hears of it, for half an action would be worse.
- Whatever goes wrong is a problem+json without a traceback; a mistake of ours is logged with its own.
- The log has the route as it is written in the code, never the path, the query, a header or a body: they may hold a secret.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from ipaddress import ip_address
from typing import TypeVar
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware
from loguru import logger

from tradebot.errors import LedgerUnavailable
from tradebot.listener.callers import Buckets, Proxies, address, networks
from tradebot.web.ground import WebOptions
from tradebot.web.problems import Problem

BODY_BYTES_MAX = 64 * 1024
BODY_DEADLINE_S = 5.0
ANSWER_DEADLINE_S = 10.0
REFUSALS_LOGGED_BURST, REFUSALS_LOGGED_PER_S = 30, 0.2

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": a form's post of our own page would then say `Origin: null`, as another site's may.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cache-Control": "no-store",
    "Server": "tradebot",
}
_READS = frozenset({"GET", "HEAD", "OPTIONS"})

CLIENT = web.RequestKey("client", str)
"""The address that calls, as far as trusted proxies tell it."""
ACTOR = web.RequestKey("actor", str)
"""Who asks, where a part has found out: for the log."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
H = TypeVar("H", bound=Handler)
_streaming: set[object] = set()


def streams(handler: H) -> H:
    """Marks a handler (a function) whose answer has no end: no time limit is put on it."""
    _streaming.add(handler)
    return handler


class Guard:
    """Stands before all parts of one listener."""

    def __init__(self, options: WebOptions) -> None:
        self._hosts = frozenset(options.hosts)
        self._proxies = Proxies(networks("[web] trusted_proxies", options.trusted_proxies))
        self._logged = Buckets(REFUSALS_LOGGED_BURST, REFUSALS_LOGGED_PER_S)
        self._acting: set[asyncio.Task[web.StreamResponse]] = set()

    @property
    def admitting(self) -> Sequence[Middleware]:
        """From outside to inside: until its body is there a request is worth nothing, and makes room for others."""
        return (self._answer, self._admit)

    @property
    def middlewares(self) -> Sequence[Middleware]:
        return (self._in_time,)

    def watch(self, app: web.Application) -> None:
        app.on_response_prepare.append(_harden)
        app.on_cleanup.append(self._finish)

    async def _finish(self, _: web.Application) -> None:
        """What was begun to be done has as long as what is being answered."""
        for task in self._acting:
            task.cancel()
        await asyncio.gather(*self._acting, return_exceptions=True)

    # --- from outside to inside ---------------------------------------------------------------------------------------

    @web.middleware
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        began = loop.time()
        sender = address(request.remote or "")
        request[CLIENT] = str(self._proxies.client(sender, request.headers)) if sender else "unknown"
        try:
            response = await handler(request)
        except Problem as problem:
            response = problem.answer()
        except web.HTTPException as error:
            if error.status < 400:  # a redirection, which aiohttp wants raised
                self._log(request, error.status, loop.time() - began)
                raise
            response = _as_problem(error)
        except LedgerUnavailable as error:
            response = Problem(HTTPStatus.SERVICE_UNAVAILABLE, f"The database does not answer: {error}").answer()
        except ConnectionError:
            raise  # the client hung up: nobody is left to be answered
        except Exception:
            logger.exception("a request to the second listener could not be answered")
            response = Problem(
                HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong in tradebot; its log says what."
            ).answer()
        self._log(request, response.status, loop.time() - began)
        return response

    def _log(self, request: web.Request, status: int, took_s: float) -> None:
        resource = request.match_info.route.resource
        route = resource.canonical if resource else "an unknown path"
        told = "web: {} {} by {} ({}): {} in {:.0f} ms"
        facts = (_method(request), route, request.get(ACTOR, "nobody known"), request[CLIENT], status, took_s * 1000)
        if status >= 400 and self._logged.take("all", asyncio.get_running_loop().time()):
            logger.warning(told, *facts)
        elif status < 400 and request.method not in _READS:
            logger.info(told, *facts)
        else:
            logger.debug(told, *facts)

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._look_at_host(request)
        if request.method not in _READS:
            _look_at_origin(request)
        await _read(request)
        return await handler(request)

    def _look_at_host(self, request: web.Request) -> None:
        name = _host_name(request)
        if name is None or not (name == "localhost" or name in self._hosts or _own(name, request)):
            raise Problem(
                HTTPStatus.MISDIRECTED_REQUEST,
                "This name is not one under which tradebot is reached. If it is yours, add it to hosts of [web].",
            )

    @web.middleware
    async def _in_time(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if getattr(request.match_info.handler, "__func__", request.match_info.handler) in _streaming:
            return await handler(request)
        if request.method in _READS:
            return await in_time(handler(request))
        return await self._act(request, handler)

    async def _act(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The answer of something that is done; it is done to its end, whoever still listens."""
        acting = asyncio.create_task(_awaited(handler(request)), name="web: an act")
        self._acting.add(acting)
        acting.add_done_callback(self._acting.discard)
        done, _ = await asyncio.wait({acting}, timeout=ANSWER_DEADLINE_S)
        if not done:
            acting.add_done_callback(_tell_late)
            raise Problem(
                HTTPStatus.GATEWAY_TIMEOUT,
                f"It is not known yet whether this is done, after {ANSWER_DEADLINE_S:g} s: look, or ask again with the same"
                " Idempotency-Key.",
            )
        return acting.result()


async def in_time(answer: Awaitable[web.StreamResponse]) -> web.StreamResponse:
    """The answer to a question, which ends in time. Raises Problem."""
    try:
        async with asyncio.timeout(ANSWER_DEADLINE_S):
            return await answer
    except TimeoutError:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"No answer was found within {ANSWER_DEADLINE_S:g} s. Ask for less (limit, days, a narrower filter), or again in a"
            " minute; trading goes on.",
            headers={"Retry-After": "60"},
        ) from None


async def _awaited(response: Awaitable[web.StreamResponse]) -> web.StreamResponse:
    return await response


def _tell_late(acting: "asyncio.Task[web.StreamResponse]") -> None:
    if not acting.cancelled() and (error := acting.exception()) is not None:
        logger.error("what was asked for at the second listener has failed after its time: {}", type(error).__name__)


async def _harden(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "tradebot"  # and not in which version of what
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


# --- what is looked at ------------------------------------------------------------------------------------------------


def _method(request: web.Request) -> str:
    """Of those that there are; anything may stand there."""
    return request.method if request.method in {*_READS, "POST", "PUT", "PATCH", "DELETE"} else "?"


def _host_name(request: web.Request) -> str | None:
    given = request.headers.getall("Host", [])
    if len(given) != 1:
        return None
    try:
        parts = urlsplit(f"//{given[0]}")
        return parts.hostname if parts.netloc == given[0] and parts.username is None else None
    except ValueError:
        return None


def _own(name: str, request: web.Request) -> bool:
    """An address: this machine's loopback, or the one at which the request came in."""
    try:
        named = ip_address(name)
    except ValueError:
        return False
    at = request.transport.get_extra_info("sockname") if request.transport else None
    return named.is_loopback or (at is not None and named == address(str(at[0])))


def _look_at_origin(request: web.Request) -> None:
    origin, fetched_by = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site", "none")
    foreign = origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("Host", "").lower()
    if foreign or fetched_by not in ("same-origin", "none"):
        raise Problem(HTTPStatus.FORBIDDEN, "Another site's page may not do this.")


async def _read(request: web.Request) -> None:
    """The whole body, which aiohttp keeps for who asks for it."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send it as it is, not compressed (no Content-Encoding).")
    too_large = Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body is larger than {BODY_BYTES_MAX // 1024} KiB.")
    if (request.content_length or 0) > BODY_BYTES_MAX:
        raise too_large
    try:
        async with asyncio.timeout(BODY_DEADLINE_S):
            await request.read()
    except TimeoutError:
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, f"The body did not arrive within {BODY_DEADLINE_S:g} s.") from None
    except web.HTTPRequestEntityTooLarge:
        raise too_large from None
    except web.RequestPayloadError:
        raise Problem(HTTPStatus.BAD_REQUEST, "The body's transfer encoding is broken.") from None


def _as_problem(error: web.HTTPException) -> web.Response:
    """aiohttp's own word, without what it quotes of the request."""
    status = HTTPStatus(error.status)
    match error:
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            return Problem(status, f"This takes {allowed} only.", headers={"Allow": allowed}).answer()
        case web.HTTPNotFound():
            return Problem(status, "There is nothing here.").answer()
    return Problem(status, f"{status.phrase}.").answer()
