"""Follows an alert through the database to its end, with the time each step took."""

import asyncio
from datetime import datetime

from rich.console import Console

from tradebot.cli.sending import Message, NobodyAnswers, NotTaken, send
from tradebot.config import Settings
from tradebot.database import open_ledger
from tradebot.domain.model import Alert, AlertStatus, Event, Trade
from tradebot.ports import Ledger

DONE, NOT_EXECUTED, NOBODY, NOT_KNOWN = 0, 1, 3, 4
LOOK_EVERY_S = 0.05
_ENDS = frozenset(AlertStatus) - {AlertStatus.RECEIVED, AlertStatus.PROCESSING}


async def send_and_follow(settings: Settings, message: Message, url: str, timeout_s: float) -> int:
    """Prints each step; returns the exit code. Raises LedgerUnavailable, MigrationError."""
    out = Console(highlight=False, soft_wrap=True)
    try:
        taken = await send(message, url)
    except NotTaken as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"tradebot: {error}", markup=False)
        return NOBODY if isinstance(error, NobodyAnswers) else NOT_EXECUTED
    out.print(f"alert {taken.alert_id} {taken.status}: {message.action} {message.ticker}", markup=False)
    async with open_ledger(settings.database.url.get_secret_value()) as ledger:
        alert = await _follow(ledger, taken.alert_id, timeout_s, out)
        if alert is None:
            out.print("The configured database has no such alert: it was taken by a daemon with another database.")
            return NOT_KNOWN
        return await _conclude(ledger, alert, out)


async def _follow(ledger: Ledger, alert_id: int, timeout_s: float, out: Console) -> Alert | None:
    """Prints events as they appear until the alert has ended or the time is up."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    after_id = 0
    while True:
        async with ledger.read() as books:
            alert = await books.alert(alert_id)
            events = await books.events(alert_id=alert_id, after_id=after_id)
        if alert is None:
            return None
        for event in events:
            out.print(_line(event, alert.received_at), markup=False)
            after_id = event.id
        if alert.status in _ENDS or asyncio.get_running_loop().time() > deadline:
            return alert
        await asyncio.sleep(LOOK_EVERY_S)


def _line(event: Event, since: datetime) -> str:
    return f"  +{(event.at - since).total_seconds():6.2f} s  {event.text}"


async def _conclude(ledger: Ledger, alert: Alert, out: Console) -> int:
    async with ledger.read() as books:
        trade = await books.trade_of_alert(alert.id)
    out.print(_summary(alert, trade), markup=False, style="bold")
    if alert.status is AlertStatus.EXECUTED:
        return DONE
    waiting = (AlertStatus.RECEIVED, AlertStatus.PROCESSING, AlertStatus.PENDING, AlertStatus.UNKNOWN)
    return NOT_KNOWN if alert.status in waiting else NOT_EXECUTED


def _summary(alert: Alert, trade: Trade | None) -> str:
    if trade is not None and trade.avg_fill_price is not None:
        qty, price = f"{trade.filled_qty.normalize():f}", f"{trade.avg_fill_price:.2f}"
        return f"{trade.status}: {trade.side} {qty} {trade.ticker} at ${price}, commission ${trade.commission:.2f}"
    still = {
        AlertStatus.RECEIVED: "it is stored and goes on by itself; see `tradebot status`",
        AlertStatus.PROCESSING: "its order is in flight; see `tradebot status`",
    }
    return f"{alert.status}: {alert.reason or still.get(alert.status, 'see the log')}"
