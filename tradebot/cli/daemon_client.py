"""What a second process finds of the daemon: its books, its webhook's secret, its health.

Rules: such a process makes nothing. Started in another folder it would otherwise make an empty database and a secret of its own
there, and a `kill` would be stored where no daemon looks.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tradebot.cli.sending import address
from tradebot.config import WEBHOOK_SECRET_FILE, Settings, webhook_secret
from tradebot.database import open_instance_lock, open_ledger
from tradebot.database.address import SqliteAddress, parse
from tradebot.errors import ConfigError, LedgerUnavailable
from tradebot.ports import Ledger

HEALTH_WITHIN_S = 5.0
_WHERE = "run this in the folder where the daemon runs, or name its configuration with --config"

Parts = Mapping[str, Mapping[str, object]]


def database(settings: Settings) -> str:
    """The URL of a database that is there, or on a server. Raises LedgerUnavailable, ConfigError."""
    url = settings.database.url.get_secret_value()
    place = parse(url)
    if isinstance(place, SqliteAddress) and not _exists(place.path):
        raise LedgerUnavailable(
            f"there is no database {place.path.absolute()}: {_WHERE}; a daemon makes it at its first start (tradebot run)"
        )
    return url


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Ledger]:
    """The daemon's database, for `queries` and `operations`. Raises LedgerUnavailable, MigrationError, ConfigError."""
    async with open_ledger(database(settings)) as ledger:
        yield ledger


@asynccontextmanager
async def open_alone(settings: Settings) -> AsyncIterator[Ledger]:
    """The same, while no daemon runs: none can start meanwhile. Raises LockHeld besides."""
    url = database(settings)
    async with open_instance_lock(url), open_ledger(url) as ledger:
        yield ledger


def _exists(path: Path) -> bool:
    """A file that may not even be looked at is left to the database to complain about."""
    try:
        return path.exists()
    except OSError:
        return True


def secret(settings: Settings, strategy: str | None = None) -> str:
    """What the webhook takes for this strategy, or for the one whose alerts need no name: its own secret, the configured
    one, or the one that the daemon has made. Raises ConfigError when there is none."""
    default = settings.strategies().default()
    own = settings.own_secrets().get(strategy or (default.name if default else ""))
    if own is not None:
        return own
    if settings.webhook.secret is None and not WEBHOOK_SECRET_FILE.exists():
        raise ConfigError(
            f"there is no webhook secret: webhook.secret is not set, and {WEBHOOK_SECRET_FILE.absolute()} is not there: "
            f"{_WHERE}, or give --secret"
        )
    return webhook_secret(settings)


def health_url(settings: Settings) -> str:
    return address(settings.webhook.host, settings.webhook.port).replace("/webhook", "/health")


async def health(url: str) -> Parts | None:
    """The parts of `GET /health`, or the daemon's reason not to tell them; None when nobody, or no tradebot, answers."""
    try:
        timeout = aiohttp.ClientTimeout(total=HEALTH_WITHIN_S)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            report = await answer.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return None
    if not isinstance(report, dict):
        return None
    if "error" in report:
        return {"daemon": {"ok": False, "error": report["error"]}}
    return report["parts"] if isinstance(report.get("parts"), dict) else None
