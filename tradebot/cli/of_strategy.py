"""`--strategy NAME`, for what is listed or shown of one strategy."""

from collections.abc import Callable
from typing import Annotated

import typer

from tradebot.cli.trading import named
from tradebot.config import Settings
from tradebot.ports import Ledger
from tradebot.queries.strategies import Owned, has_a_past

OfStrategy = Annotated[str | None, typer.Option("--strategy", metavar="NAME", help="Of one strategy only.")]


async def check(ledger: Ledger, settings: Settings, name: str | None) -> None:
    """Raises ConfigError where neither the file names it nor an alert was ever its own; LedgerUnavailable."""
    if name is not None and not await has_a_past(ledger, name):
        named(settings, name)


def several(settings: Settings) -> bool:
    """Whether tables say whose something is."""
    return settings.strategies().only is None


def column(settings: Settings) -> tuple[tuple[str, ...], Callable[[Owned], tuple[str, ...]]]:
    """The heading and the cell that say whose a row is: none where there is one strategy."""
    if several(settings):
        return ("strategy",), lambda row: (row.strategy,)
    return (), lambda _row: ()
