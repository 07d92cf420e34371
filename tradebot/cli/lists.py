"""`tradebot alerts`, `orders` and `positions`: tables for people or one JSON document for programs, from the database."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from tradebot.cli import as_json, daemon_client, tables
from tradebot.cli.base import cli, do
from tradebot.cli.of_strategy import OfStrategy, check, column, several
from tradebot.cli.settings import Config, settings_of
from tradebot.cli.trace_page import day_and_time
from tradebot.config import Settings
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.payload.symbols import symbol
from tradebot.domain.reasons import Reason
from tradebot.domain.trades import OrderRole, Trade
from tradebot.errors import PayloadError
from tradebot.queries.newest import ListedAlert, ListedOrder, newest_alerts, newest_orders, with_last_prices
from tradebot.queries.positions import LastPrice, StoredPositions, stored_positions
from tradebot.runtime.log import visible
from tradebot.words import figures, instructions, refusals, working
from tradebot.words.reasons import reason

# --- alerts ---------------------------------------------------------------------------------------------------------


def _status(text: str) -> AlertStatus:
    try:
        return AlertStatus(text.upper())
    except ValueError:
        raise typer.BadParameter(f"{text} is no status: write one of {', '.join(AlertStatus)}") from None


@cli.command()
def alerts(
    number: Annotated[int, typer.Option("--number", "-n", metavar="N", min=1, max=100_000, help="How many.")] = 20,
    status: Annotated[
        AlertStatus | None, typer.Option(metavar="STATUS", parser=_status, help="BLOCKED, FAILED …")
    ] = None,
    ticker: Annotated[str | None, typer.Option(metavar="TICKER", help="AAPL, BRK.B …")] = None,
    strategy: OfStrategy = None,
    document: as_json.Json = False,
    config: Config = None,
) -> None:
    """List the newest alerts, the newest last: id, time, what it wanted, and what became of it.

    Examples: `tradebot alerts` · `tradebot alerts -n 50 --status blocked` · `tradebot alerts --ticker AAPL --json`
    """
    statuses = tuple(AlertStatus) if status is None else (status,)
    do(_alerts(settings_of(config), number, statuses, _ticker(ticker), strategy, document=document))


async def _alerts(
    settings: Settings,
    number: int,
    statuses: Collection[AlertStatus],
    ticker: str | None,
    strategy: str | None,
    *,
    document: bool,
) -> int:
    """Raises LedgerUnavailable, MigrationError, ConfigError."""
    async with daemon_client.open_database(settings) as ledger:
        await check(ledger, settings, strategy)
        found = await newest_alerts(ledger, number, statuses=statuses, ticker=ticker, strategy=strategy)
    if document:
        as_json.show({"alerts": [_alert_fields(one) for one in found]})
        return 0
    whose = ("strategy",) if several(settings) else ()
    rows = []
    for one in found:
        named = [instructions.whose(one.alert)] if whose else []
        rows.append((str(one.alert.id), day_and_time(one.alert.received_at), *named, _wanted(one), _became(one)))
    headings = ("alert", "New York time", *whose, "wants", "outcome")
    tables.show_any(headings, rows, right=("alert",), empty="No such alert is stored.")
    return 0


def _ticker(text: str | None) -> str | None:
    """In IB's form, in which it is stored."""
    try:
        return None if text is None else symbol(text)[1]
    except PayloadError:
        return str(text).upper()


def _wanted(one: ListedAlert) -> str:
    return instructions.wanted(one.alert)


def _became(one: ListedAlert) -> str:
    """The status with its reason in a few words."""
    done = [order for order in one.orders if order.avg_fill_price is not None]
    filled = next((order for order in reversed(done) if not order.is_protective), None)
    alert = one.alert
    if alert.status is AlertStatus.EXECUTED and filled is not None:
        since = [f"; {_PROTECTIVE[order.role]} {_filled(order)}" for order in done if order.is_protective]
        return f"{alert.status} {_filled(filled)}{''.join(since)}"
    return f"{alert.status}: {_briefly(alert.reason)}" if alert.reason else str(alert.status)


_PROTECTIVE = {OrderRole.STOP: "stopped out", OrderRole.TARGET: "target reached"}


def _briefly(why: Reason | str) -> str:
    if isinstance(why, Reason) and why.code in refusals.TITLES:
        return refusals.title(why.code)
    return visible(reason(why).splitlines()[0])


def _alert_fields(one: ListedAlert) -> Mapping[str, object]:
    alert = one.alert
    names = ("id", "received_at", "action", "ticker", "price", "status", "strategy", "duplicates", "reason")
    fields = {name: getattr(alert, name) for name in names}
    return {
        **fields,
        "why": reason(alert.reason) if alert.reason else None,
        "orders": [order.order_ref for order in one.orders],
    }


# --- orders ---------------------------------------------------------------------------------------------------------


@cli.command()
def orders(
    every: Annotated[bool, typer.Option("--all", metavar="", help="Every order there ever was.")] = False,
    strategy: OfStrategy = None,
    document: as_json.Json = False,
    config: Config = None,
) -> None:
    """List orders that work, are in flight or UNKNOWN and those of today, New York's date; the newest last.

    Of what waits for a price: how far the newest stored price is from it.

    Examples: `tradebot orders` · `tradebot orders --all --json`
    """
    do(_orders(settings_of(config), strategy, every=every, document=document))


async def _orders(settings: Settings, strategy: str | None, *, every: bool, document: bool) -> int:
    """Raises LedgerUnavailable, MigrationError, ConfigError."""
    async with daemon_client.open_database(settings) as ledger:
        await check(ledger, settings, strategy)
        hours, now = settings.trading.open_hours(), datetime.now(UTC)
        orders = await newest_orders(ledger, hours, now, every=every, strategy=strategy)
        found = await with_last_prices(ledger, hours, now, orders)
    if document:
        as_json.show({"orders": [{**as_json.plain(one.order), "last_price": one.last} for one in found]})
        return 0
    whose, named = column(settings)
    rows = [
        (
            _when(one.order.created_at, now),
            *named(one.order),
            _ordered(one.order),
            _stands(one.order),
            one.order.order_ref,
        )
        for one in found
    ]
    some = "No order waits, is in flight or UNKNOWN, and none is of today: --all lists every one."
    nothing = "There is no order." if every else some
    tables.show_any(("New York", *whose, "order", "status, filled", "orderRef"), rows, empty=nothing)
    out = Console(markup=False, highlight=False)
    for one in found:  # a column would not fit beside the others
        if details := [*_terms(one.order), *filter(None, [_away(one)])]:
            out.print(f"{one.order.order_ref}: {', '.join(details)}")
    return 0


def _when(at: datetime, now: datetime) -> str:
    """`20 Nov 12:00`, New York; of another year its date."""
    here = at.astimezone(NEW_YORK)
    return f"{here:%d %b %H:%M}" if here.year == now.astimezone(NEW_YORK).year else f"{here:%Y-%m-%d}"


def _ordered(one: Trade) -> str:
    """Without its terms, which have a line of their own."""
    return f"{one.side} {figures.shares(one.requested_qty)} {one.ticker}"


def _terms(one: Trade) -> Iterable[str]:
    whole = figures.order(one)
    if whole != _ordered(one):
        yield whole


def _away(one: ListedOrder) -> str:
    """`5.0 % below the market, $100.00 (20 Nov 12:00)`; nothing for what does not wait."""
    if one.waits:
        return working.WAITS
    if one.last is None:
        return ""
    return f"{working.from_the_market(one.at_work)} ({one.last.at.astimezone(NEW_YORK):%d %b %H:%M})"


def _stands(one: Trade) -> str:
    """`FILLED 10 at $187.00`, `SUBMITTED`."""
    return f"{one.status} {_filled(one)}" if one.filled_qty and one.avg_fill_price is not None else str(one.status)


def _filled(one: Trade) -> str:
    """Of one that has filled, in part or whole."""
    assert one.avg_fill_price is not None, "it has filled"
    rest = f" of {figures.shares(one.requested_qty)}" if one.filled_qty < one.requested_qty else ""
    return f"{figures.shares(one.filled_qty)}{rest} at {figures.price(one.avg_fill_price)}"


# --- positions ------------------------------------------------------------------------------------------------------


@cli.command()
def positions(strategy: OfStrategy = None, document: as_json.Json = False, config: Config = None) -> None:
    """List what the bot holds, by contract, and what was realised today, New York's date.

    Example: `tradebot positions`
    """
    do(_positions(settings_of(config), strategy, document=document))


async def _positions(settings: Settings, strategy: str | None, *, document: bool) -> int:
    """Raises LedgerUnavailable, MigrationError, ConfigError."""
    async with daemon_client.open_database(settings) as ledger:
        await check(ledger, settings, strategy)
        found = await stored_positions(ledger, settings.trading.open_hours(), datetime.now(UTC), strategy)
    if document:
        as_json.show(_positions_document(found))
        return 0
    whose, named = column(settings)
    rows = (
        (
            *named(one),
            one.held.ticker,
            figures.shares(one.held.qty),
            figures.price(one.held.entry_price),
            f"{one.since.astimezone(NEW_YORK):%d %b %y}",
            _last(one.last),
            figures.signed_usd(one.realised_today),
        )
        for one in found.positions
    )
    right = ("shares", "average\ncost", "realised\ntoday")
    headings = (
        *whose,
        "ticker",
        "shares",
        "average\ncost",
        "bought\nsince",
        "last price\nstored",
        "realised\ntoday",
    )
    tables.show_any(headings, rows, right=right, empty="The bot holds nothing.")
    out = Console(markup=False, highlight=False)
    for one in found.positions if any(one.protection for one in found.positions) else ():  # a column would be cut off
        by = ", ".join(working.protection(one.protection, one.held.qty, one.last.price if one.last else None))
        out.print(f"{' '.join((*named(one), one.held.ticker))}: protected by {by or 'nothing'}")
    held = {one.held.ticker for one in found.positions}
    sold = [f"{name} {figures.signed_usd(pnl)}" for name, pnl in found.realised_by_ticker.items() if name not in held]
    gone = f"; of what is not held any more {', '.join(sold)}" if sold else ""
    out.print(f"\nRealised today in all: {figures.signed_usd(found.realised_today)}{gone}.")
    if whose and found.realised_by_strategy:
        each = ", ".join(f"{name} {figures.signed_usd(pnl)}" for name, pnl in found.realised_by_strategy.items())
        out.print(f"By strategy: {each}.")
    if found.positions:
        out.print(
            "IB's prices of this moment are not stored: /positions in the chat and the dashboard show them.",
            style="dim",
        )
    return 0


def _last(known: LastPrice | None) -> str:
    if known is None:
        return "unknown"
    return f"{figures.price(known.price)} ({known.at.astimezone(NEW_YORK):%d %b})"


def _positions_document(found: StoredPositions) -> Mapping[str, object]:
    listed = [
        {
            "strategy": one.strategy,
            "ticker": one.held.ticker,
            "con_id": one.held.con_id,
            "shares": one.held.qty,
            "average_cost": one.held.entry_price,
            "cost": one.held.cost,
            "lots": one.held.lots,
            "since": one.since,
            "last_price": one.last,
            "stops": one.protection.stops,
            "targets": one.protection.targets,
            "realised_today": one.realised_today,
        }
        for one in found.positions
    ]
    return {
        "positions": listed,
        "realised_today": found.realised_today,
        "realised_today_by_ticker": found.realised_by_ticker,
        "realised_today_by_strategy": found.realised_by_strategy,
    }
