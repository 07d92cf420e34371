"""`tradebot status`: the books from the database, the daemon's parts from its health report."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from rich.console import Console
from rich.table import Table

from tradebot.cli.control import health
from tradebot.config import Settings, describe_url
from tradebot.database import open_ledger
from tradebot.domain import wording
from tradebot.domain.model import Lot
from tradebot.services.overview import Status
from tradebot.services.overview import status as books_status


async def status(settings: Settings) -> int:
    """Prints it. Exit code 0 when the daemon is well, 3 when it does not answer, 1 otherwise. Raises LedgerUnavailable."""
    url = settings.database.url.get_secret_value()
    defaults = settings.trading.defaults.limits()
    async with open_ledger(url) as ledger, ledger.read() as books:
        now_booked = await books_status(books, defaults, settings.trading.open_hours(), datetime.now(UTC))
    out = Console(highlight=False)
    parts = await health(settings)
    out.print(_overview(now_booked, describe_url(url)))
    if now_booked.lots:
        out.print(_positions(now_booked.lots))
    if parts is None:
        out.print("daemon: does not answer. Is it running (tradebot run)?", style="bold red")
        return 3
    out.print(_daemon(parts))
    return 0 if all(part.get("ok", True) for part in parts.values()) else 1


def _overview(booked: Status, database: str) -> Table:
    limits = booked.limits
    table = Table(show_header=False, box=None, pad_edge=False)
    rows = (
        ("trading", str(booked.state)),
        ("database", database),
        (
            "waiting",
            f"{booked.received_sells} SELL, {booked.received_buys} BUY, {booked.pending} for the market to open",
        ),
        ("in flight", ", ".join(wording.order(trade) for trade in booked.in_flight) or "none"),
        ("UNKNOWN", ", ".join(f"{wording.order(t)} ({t.order_ref})" for t in booked.unknown) or "none"),
        ("open lots", f"{len(booked.lots)} of {limits.max_open_positions}"),
        ("invested", f"{wording.usd(booked.invested)} of {wording.usd(limits.max_total_investment)}"),
        ("buys today", f"{booked.buys_today} of {limits.max_daily_buys}"),
        ("realised today", f"{wording.signed_usd(booked.realised_today)}, limit −{wording.usd(limits.max_daily_loss)}"),
    )
    for name, value in rows:
        table.add_row(name, value)
    return table


def _positions(lots: Sequence[Lot]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("ticker", "lots", "shares", "average entry", "cost"):
        table.add_column(heading, justify="left" if heading == "ticker" else "right")
    for ticker in sorted({lot.ticker for lot in lots}):
        mine = [lot for lot in lots if lot.ticker == ticker]
        qty = sum((lot.qty for lot in mine), Decimal(0))
        cost = sum((lot.cost for lot in mine), Decimal(0))
        table.add_row(ticker, str(len(mine)), wording.shares(qty), wording.price(cost / qty), wording.usd(cost))
    return table


def _daemon(parts: dict[str, dict[str, object]]) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, part in parts.items():
        told = ", ".join(
            f"{key} {_plain(value)}" for key, value in part.items() if key != "ok" and value not in (None, [], "")
        )
        mark = "" if part.get("ok") is None else "ok  " if part["ok"] else "NOT WELL  "
        table.add_row(name, f"{mark}{told}")
    return table


def _plain(value: object) -> str:
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)
