"""Where alerts come in: see `routes` for what is answered, `access` for who may ask, `tradebot.listener` for the port.

HTTP stops first: closing waits for requests under way, then for what is being stored.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from loguru import logger

from tradebot.listener import TakenPort, listen
from tradebot.queries.health import Health
from tradebot.trading.intake import Intake
from tradebot.webhook.access import Addresses, Secrets
from tradebot.webhook.routes import BODY_BYTES_MAX, Routes, always_json

CONNECTIONS_MAX = 512


@dataclass(frozen=True, slots=True)
class WebhookOptions:
    """Who may send alerts. `allowed_ips`, `trusted_proxies`: addresses or networks; no `allowed_ips` means TradingView's own.

    `accepted_secrets`: those that a strategy takes, by its name; one that is not there takes the two.
    """

    secret: str = field(repr=False)
    previous_secret: str | None = field(default=None, repr=False)
    allowed_ips: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    accepted_secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where the server listens."""

    host: str
    port: int  # the real one
    address: str  # the first that it listens at


@asynccontextmanager
async def open_webhook(
    options: WebhookOptions, taken: TakenPort, intake: Intake, health: Callable[[], Awaitable[Health]]
) -> AsyncIterator[Webhook]:
    """Serves on a port that was taken, until the block ends. Raises ConfigError when an option is wrong."""
    routes = Routes(
        Addresses(options.allowed_ips, options.trusted_proxies),
        Secrets(options.secret, options.previous_secret, options.accepted_secrets),
        intake,
        health,
    )
    try:
        async with listen(
            taken,
            lambda app: app.add_routes(routes.table()),
            middlewares=[always_json],
            body_bytes_max=BODY_BYTES_MAX,
            connections_max=CONNECTIONS_MAX,
        ):
            logger.debug("webhook listens on http://{}:{}/webhook", taken.host, taken.port)
            yield Webhook(taken.host, taken.port, taken.address)
    finally:
        await intake.finish()
