"""What is answered: `POST /webhook`, `POST /webhook/STRATEGY` and `GET /health`.

Rules:
- Checked in this order: 403 address, 415 encoding, 413 size (408 too slow), 429 rate, 400 not JSON, 401 secret, 400 fields,
  409 the same `alert_id` with another message, 503 not stored. TradingView sends again only after 500–599: so 503 where storing
  may succeed later, 4xx where it never will.
- 200 only after the commit.
- Every answer is JSON; `{"error": "…"}` tells a person what to correct. Nothing a client sends causes an unplanned 5xx.
- A message with the right secret is never refused for what strangers at the same address do: they share TradingView's addresses.
- No body, no query and no header is ever logged.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web
from loguru import logger

from tradebot.errors import LedgerUnavailable
from tradebot.listener.callers import Buckets, household
from tradebot.queries.health import Health
from tradebot.trading.alert_rows import Accepted, Outcome
from tradebot.trading.intake import Intake
from tradebot.webhook.access import Addresses, Caller, Secrets
from tradebot.webhook.reading import Read, no_secret, read
from tradebot.words.alert_events import conflict
from tradebot.words.health import health_parts

WHERE = "Alerts go to POST /webhook or /webhook/NAME, without a slash at the end; the state is at GET /health."

BODY_BYTES_MAX = 16 * 1024
BODY_DEADLINE_S = 2.0
HEALTH_DEADLINE_S = 2.0

# A watchlist alert may fire 1,000 times in three minutes: two of them at once pass.
ALERTS_BURST, ALERTS_PER_S = 2_000, 20
# Messages without the right secret, and questions for the health.
STRANGERS_BURST, STRANGERS_PER_S = 60, 1
REFUSALS_LOGGED_BURST, REFUSALS_LOGGED_PER_S = 30, 0.2
# Messages without a readable secret that the owner hears of: his own template may be the cause.
REFUSALS_TOLD_BURST, REFUSALS_TOLD_PER_S = 1, 1 / 900


class Refusal(Exception):
    """A request is refused with this status and error."""

    def __init__(self, status: HTTPStatus, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error


class Routes:
    """The handlers of the routes."""

    def __init__(
        self, addresses: Addresses, secrets: Secrets, intake: Intake, health: Callable[[], Awaitable[Health]]
    ) -> None:
        self._addresses = addresses
        self._secrets = secrets
        self._intake = intake
        self._health = health
        self._alerts = Buckets(ALERTS_BURST, ALERTS_PER_S)
        self._strangers = Buckets(STRANGERS_BURST, STRANGERS_PER_S)
        self._refusals_logged = Buckets(REFUSALS_LOGGED_BURST, REFUSALS_LOGGED_PER_S)
        self._refusals_told = Buckets(REFUSALS_TOLD_BURST, REFUSALS_TOLD_PER_S)
        self._not_told = 0

    def table(self) -> list[web.RouteDef]:
        return [
            web.post("/webhook", self.webhook),
            web.post("/webhook/{strategy}", self.webhook),
            web.get("/health", self.health),
        ]

    async def webhook(self, request: web.Request) -> web.Response:
        began = asyncio.get_running_loop().time()
        caller = self._addresses.judge(request.remote, request.headers)
        try:
            accepted = await self._take(request, caller)
        except Refusal as refusal:
            self._log_refusal(caller.address, refusal)
            raise
        took_ms = (asyncio.get_running_loop().time() - began) * 1000
        with logger.contextualize(alert_id=accepted.alert_id, ticker=accepted.ticker):
            logger.info("alert {} from {}: {} ({:.0f} ms)", accepted.alert_id, caller.address, accepted.status, took_ms)
        return _answer_to(accepted)

    async def health(self, request: web.Request) -> web.Response:
        caller = self._addresses.judge(request.remote, request.headers)
        self._limit(False, f"health {household(caller.address)}")
        try:
            async with asyncio.timeout(HEALTH_DEADLINE_S):
                health = await self._health()
        except TimeoutError:
            return answer(
                HTTPStatus.SERVICE_UNAVAILABLE, error=f"The state was not known within {HEALTH_DEADLINE_S} s."
            )
        except LedgerUnavailable as error:
            return answer(HTTPStatus.SERVICE_UNAVAILABLE, error=str(error))
        status = HTTPStatus.OK if health.ok else HTTPStatus.SERVICE_UNAVAILABLE
        return answer(status, ok=health.ok, parts=health_parts(health))

    # --- the steps of an alert --------------------------------------------------------------------------------------

    async def _take(self, request: web.Request, caller: Caller) -> Accepted:
        if caller.refused is not None:
            raise Refusal(HTTPStatus.FORBIDDEN, caller.refused)
        body, in_url = await _read(request), request.query.getall("secret", [])
        path, strategies = request.match_info.get("strategy"), self._intake.strategies
        message = read(body, path, in_url, secrets=self._secrets, strategies=strategies)
        self._limit(message.authentic, household(caller.address))  # who is authentic has a rate limit of his own
        if not message.authentic:
            status = HTTPStatus.UNAUTHORIZED if message.unreadable is None else HTTPStatus.BAD_REQUEST
            refusal = Refusal(status, message.unreadable or no_secret(message))
            self._tell_owner(caller.address, refusal, gave_secret=message.gave_secret)
            raise refusal
        return await self._store(message, caller.address)

    def _limit(self, authentic: bool, address: str) -> None:
        buckets = self._alerts if authentic else self._strangers
        if not buckets.take(address, asyncio.get_running_loop().time()):
            raise Refusal(
                HTTPStatus.TOO_MANY_REQUESTS, f"Too many requests: more than {buckets.per_s:g} a second for too long."
            )

    def _tell_owner(self, address: str, refusal: Refusal, *, gave_secret: bool) -> None:
        """Now and then: whoever sent it from an address that is allowed may be the owner, with a template that never trades."""
        if self._refusals_told.take("all", asyncio.get_running_loop().time()):
            self._intake.report_unreadable(refusal.error, address, more=self._not_told, gave_secret=gave_secret)
            self._not_told = 0
        else:
            self._not_told += 1

    async def _store(self, message: Read, address: str) -> Accepted:
        body, path = message.body, message.strategy
        try:
            if message.content is None:
                return await self._intake.reject(message.unreadable or "", body, address, path=path)
            hidden = message.secret_fields
            return await self._intake.accept(message.content, body, address, path=path, secret_fields=hidden)
        except LedgerUnavailable as error:
            # TradingView sends again: that must not count twice.
            self._alerts.give_back(household(address), asyncio.get_running_loop().time())
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error

    def _log_refusal(self, address: str, refusal: Refusal) -> None:
        if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.error("alert from {} NOT stored, answered {}: {}", address, refusal.status, refusal.error)
        elif self._refusals_logged.take("all", asyncio.get_running_loop().time()):
            logger.warning("request from {} refused with {}: {}", address, refusal.status, refusal.error)


async def _read(request: web.Request) -> bytes:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send the message as it is, not compressed (no Content-Encoding)."
        )
    too_large = Refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"The message is larger than {BODY_BYTES_MAX // 1024} KiB. A few fields are enough.",
    )
    if (request.content_length or 0) > BODY_BYTES_MAX:
        raise too_large
    try:
        async with asyncio.timeout(BODY_DEADLINE_S):
            return await request.read()
    except TimeoutError:
        raise Refusal(HTTPStatus.REQUEST_TIMEOUT, f"The message did not arrive within {BODY_DEADLINE_S:g} s.") from None
    except web.HTTPRequestEntityTooLarge:
        raise too_large from None
    except web.RequestPayloadError:
        raise Refusal(HTTPStatus.BAD_REQUEST, "The message's transfer encoding is broken.") from None


def _answer_to(accepted: Accepted) -> web.Response:
    if accepted.conflict is not None:
        return answer(HTTPStatus.CONFLICT, error=conflict(accepted.conflict))
    if accepted.status is Outcome.REJECTED:
        return answer(HTTPStatus.BAD_REQUEST, error=accepted.reason)
    report = {} if accepted.report is None else {"report": accepted.report}
    return answer(HTTPStatus.OK, status=accepted.status, alert_id=accepted.alert_id, **report)


def answer(status: HTTPStatus, /, **content: object) -> web.Response:
    text = json.dumps(content, default=str, ensure_ascii=False)
    return web.json_response(status=status, text=text)


@web.middleware
async def always_json(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """The last resort: whatever goes wrong is answered as JSON, and a mistake of ours is logged with its traceback."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return answer(refusal.status, error=refusal.error)
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        where = "/health" if request.path == "/health" else "/webhook"  # what else stands in the path may be the secret
        response = answer(HTTPStatus.METHOD_NOT_ALLOWED, error=f"{where} takes {allowed} only.")
        response.headers["Allow"] = allowed
        return response
    except web.HTTPException as error:
        return answer(HTTPStatus(error.status), error=f"{error.reason}. {WHERE}")
    except ConnectionError:
        raise  # the client hung up: nobody is left to be answered
    except Exception:
        logger.exception("a request could not be answered")
        return answer(HTTPStatus.INTERNAL_SERVER_ERROR, error="Something went wrong in tradebot; the log says what.")
