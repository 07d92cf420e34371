"""`tradebot pnl`: what each day has realised, as a table for people or one JSON document for programs, from the database."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from tradebot.cli import as_json, daemon_client, tables
from tradebot.cli.base import cli, do
from tradebot.cli.of_strategy import OfStrategy, check, column
from tradebot.cli.settings import Config, settings_of
from tradebot.config import Settings
from tradebot.domain.pnl import Summary
from tradebot.queries.results import DailyResults, daily_results
from tradebot.words import figures


@cli.command()
def pnl(
    days: Annotated[int, typer.Option(metavar="N", min=1, max=3_650, help="How many days, today included.")] = 30,
    strategy: OfStrategy = None,
    document: as_json.Json = False,
    config: Config = None,
) -> None:
    """List what each day has realised, New York's dates: net P&L, commissions paid, orders filled, lots won and lost.

    Examples: `tradebot pnl` · `tradebot pnl --days 365 --json`
    """
    do(_pnl(settings_of(config), days, strategy, document=document))


async def _pnl(settings: Settings, days: int, strategy: str | None, *, document: bool) -> int:
    """Raises LedgerUnavailable, MigrationError, ConfigError."""
    async with daemon_client.open_database(settings) as ledger:
        await check(ledger, settings, strategy)
        found = await daily_results(ledger, settings.trading.open_hours(), datetime.now(UTC), days, strategy)
    if document:
        each = {name: _results_fields(one) for name, one in found.by_strategy.items()}
        as_json.show({**_results_fields(found), "by_strategy": each})
        return 0
    whose, _ = column(settings)
    counted = ("net P&L", "commissions", "buys", "sells", "won", "lost")
    headings = ("New York date", *whose, *counted)
    rows = list(_pnl_rows(found, by_strategy=bool(whose)))
    tables.show_any(
        headings, rows, right=counted, empty=f"Nothing was bought or sold in {days} days.", total=bool(rows)
    )
    if found.total.written_off:
        Console(markup=False, highlight=False).print(
            f"{found.total.written_off} lots were written off: no price, no P&L."
        )
    return 0


def _pnl_rows(found: DailyResults, *, by_strategy: bool) -> Iterable[Sequence[str]]:
    """Days on which nothing was traded are left out."""
    if not by_strategy:
        rows = [(f"{day:%a %Y-%m-%d}", (), one) for day, one in found.days.items() if _is_traded(one)]
        yield from _counted([*rows, *([(f"{len(found.days)} days", (), found.total)] if rows else [])])
        return
    each = found.by_strategy.items()
    named = [
        (f"{day:%a %Y-%m-%d}", (name,), one.days[day])
        for day in found.days
        for name, one in each
        if _is_traded(one.days[day])
    ]
    totals = [(f"{len(found.days)} days", (name,), one.total) for name, one in each]
    yield from _counted([*named, *totals, *([(f"{len(found.days)} days", ("all",), found.total)] if named else [])])


def _is_traded(one: Summary) -> bool:
    return bool(one.buys or one.sells or one.closed)


def _counted(rows: Iterable[tuple[str, tuple[str, ...], Summary]]) -> Iterable[Sequence[str]]:
    for name, whose, one in rows:
        counts = (one.buys, one.sells, one.wins, one.closed - one.wins)
        yield name, *whose, figures.signed_usd(one.net), figures.usd(one.commissions_paid), *map(str, counts)


def _results_fields(found: DailyResults) -> dict[str, object]:
    listed = [{"date": day, **_summary_fields(one)} for day, one in found.days.items()]
    return {"days": listed, "total": _summary_fields(found.total)}


def _summary_fields(one: Summary) -> dict[str, object]:
    return {
        "net": one.net,
        "gross": one.gross,
        "commissions": one.commissions_paid,
        "lot_commissions": one.lot_commissions,
        "buys": one.buys,
        "sells": one.sells,
        "closed": one.closed,
        "wins": one.wins,
        "losses": one.closed - one.wins,
        "written_off": one.written_off,
        "by_ticker": one.by_ticker,
    }
