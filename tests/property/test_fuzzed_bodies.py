"""Twenty thousand bodies that are nearly alerts, read; and some hundred of them, sent."""

from collections import Counter
from contextlib import AsyncExitStack
from datetime import UTC
from pathlib import Path

from aiohttp import ClientSession, ClientTimeout
from loguru import logger

from tests.property.bodies import bodies
from tradebot.database import migrate, open_ledger
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.payload.dialects import read_message, understand
from tradebot.domain.payload.fields import PRICE_MAX, PRICE_MIN
from tradebot.domain.strategies import Strategies, Strategy
from tradebot.errors import PayloadError
from tradebot.listener import take_port
from tradebot.queries.health import Health
from tradebot.queues import EmbeddedQueue
from tradebot.runtime.clock import SystemClock
from tradebot.trading.intake import Intake
from tradebot.webhook import WebhookOptions, open_webhook

SEED = 20_261_120
SECRET = "a-secret-that-no-body-carries"


def test_no_body_breaks_the_reader() -> None:
    """Some body would raise an error nobody planned for (a 500), or be understood as what it does not say."""
    seen: Counter[str] = Counter()
    for body in bodies(SEED, 20_000):
        try:
            got = understand(read_message(body)).instruction
        except PayloadError as error:
            assert str(error).isprintable(), body  # noqa: PT017 - both ends are right; no other exception is
            seen["refused"] += 1
        else:
            assert got.side in Side, body
            assert got.ticker.isascii(), body
            assert got.ticker.replace(" ", "").isalnum(), body
            assert got.price is None or PRICE_MIN <= got.price <= PRICE_MAX, body
            assert got.alert_time is None or got.alert_time.tzinfo is UTC, body
            seen["understood"] += 1
    assert min(seen["refused"], seen["understood"]) > 2_000, f"these bodies try little: {seen}"


async def _healthy() -> Health:
    return Health(True, {})


async def test_no_body_without_the_secret_is_more_than_refused(tmp_path: Path) -> None:
    """A stranger's body would bring the webhook down, be stored, or be traded."""
    statuses, logged = await _sent(tmp_path, SECRET, in_url=False)
    assert set(statuses) <= {400, 401}, statuses
    assert not [line for line in logged if "ERROR" in line or "Traceback" in line]


async def test_no_body_with_the_secret_is_a_5xx_or_half_understood(tmp_path: Path) -> None:
    """A broken template of the owner's would be answered 5xx, and sent again and again, or be stored as what it does not say."""
    statuses, logged = await _sent(tmp_path, SECRET, in_url=True)
    assert set(statuses) <= {200, 400, 401, 409}, statuses
    assert min(statuses[200], statuses[400]) > 30, f"these bodies try little: {statuses}"
    assert not [line for line in logged if "ERROR" in line or "Traceback" in line]


async def _sent(folder: Path, secret: str, *, in_url: bool) -> tuple[Counter[int], list[str]]:
    """Statuses of the answers to 300 bodies, and the log. What is stored must fit what was answered."""
    logged: list[str] = []
    sink = logger.add(logged.append, level="DEBUG", format="{level} {message}\n{exception}", diagnose=False)
    url, statuses = f"sqlite:///{folder}/tradebot.db", Counter[int]()
    await migrate.up(url)
    queue = EmbeddedQueue()
    # Every sender has an address of its own behind a proxy: what strangers may send in a second is not what is tried here.
    two = Strategies({name: Strategy(name=name) for name in ("main", "ema")})
    accepted = {"main": (secret,), "ema": (secret,)}
    options = WebhookOptions(secret, None, ("203.0.113.0/24", "198.51.100.0/24"), ("127.0.0.1",), accepted)
    try:
        async with AsyncExitStack() as stack:
            ledger = await stack.enter_async_context(open_ledger(url))
            client = await stack.enter_async_context(ClientSession(timeout=ClientTimeout(60)))
            intake = Intake(ledger, queue, SystemClock(), strategies=two, store_within_s=60)
            port = stack.enter_context(take_port("webhook", "127.0.0.1", 0))
            async with open_webhook(options, port, intake, _healthy) as webhook:
                webhook_url, query = f"http://127.0.0.1:{webhook.port}/webhook", f"?secret={secret}" if in_url else ""
                for number, body in enumerate(bodies(SEED + 1, 300)):
                    path = webhook_url + ("", "/ema", "/main", "/ema", "/nobody")[number % 5] + query
                    sent = body.replace(b'"secret"', b'"comment2"') if in_url else body
                    headers = {"X-Forwarded-For": f"203.0.113.{number % 250}"}
                    async with client.post(path, data=sent, headers=headers) as answer:
                        assert (await answer.json()).keys() <= {"error", "status", "alert_id"}, body
                        statuses[answer.status] += 1
            async with ledger.read() as books:
                alerts = await books.alerts(tuple(AlertStatus))
    finally:
        logger.remove(sink)
    assert not [alert for alert in alerts if secret.encode() in alert.raw_body]
    assert not [line for line in logged if secret in line]
    assert {alert.strategy for alert in alerts} <= {"main", "ema"}
    taken = [alert for alert in alerts if alert.status is AlertStatus.RECEIVED]
    assert {alert.status for alert in alerts} <= {AlertStatus.RECEIVED, AlertStatus.REJECTED}
    assert len(taken) + sum(alert.duplicates for alert in taken) == statuses[200], "answered 200 and not stored"
    listed = await queue.contents()
    assert sorted((*listed.buy, *listed.sell)) == sorted(alert.id for alert in taken), (
        "something else waits to be traded"
    )
    return statuses, logged
