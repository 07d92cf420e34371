"""`--strategy NAME`, for what is listed or shown of one strategy."""

from typing import Annotated

import typer

from tradebot.config import Settings
from tradebot.errors import ConfigError
from tradebot.ports import Ledger
from tradebot.queries.strategies import has_a_past
from tradebot.words.standing import no_such

OfStrategy = Annotated[str | None, typer.Option("--strategy", metavar="NAME", help="Of one strategy only.")]


async def check(ledger: Ledger, settings: Settings, name: str | None) -> None:
    """Raises ConfigError where neither the file names it nor an alert was ever its own; LedgerUnavailable."""
    strategies = settings.strategies()
    if name is not None and name not in strategies.names and not await has_a_past(ledger, name):
        raise ConfigError(f"--strategy: {no_such(name, strategies)}")


def several(settings: Settings) -> bool:
    """Whether tables say whose something is."""
    return settings.strategies().only is None
