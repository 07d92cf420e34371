"""Follows an alert through the database to its end, with the time each step took."""

import asyncio
from datetime import datetime

from rich.console import Console

from tradebot.cli import daemon_client
from tradebot.cli.sending import Message, NoAnswer, NobodyAnswers, NotTaken, Taken, send
from tradebot.config import Settings
from tradebot.domain.alert_keys import kind_and_name
from tradebot.domain.alerts import Alert, AlertStatus
from tradebot.domain.events import Event
from tradebot.domain.trades import Trade
from tradebot.errors import LedgerUnavailable, MigrationError
from tradebot.ports import Ledger
from tradebot.queries.alert_trail import AlertTrail, alert_trail
from tradebot.words import events as words
from tradebot.words import figures
from tradebot.words.reasons import reason

DONE, NOT_EXECUTED, NOBODY, NOT_KNOWN = 0, 1, 3, 4
LOOK_EVERY_S = 0.05
ENDS = frozenset(AlertStatus) - {AlertStatus.RECEIVED, AlertStatus.PROCESSING}
_NO_ANSWER = {NobodyAnswers: NOBODY, NoAnswer: NOT_KNOWN}


async def send_and_follow(settings: Settings, message: Message, url: str, timeout_s: float) -> int:
    """Prints each step; returns the exit code. Raises ConfigError."""
    out = Console(markup=False, highlight=False, soft_wrap=True)
    try:
        taken = await send(message, url)
    except NotTaken as error:
        return _complain(str(error), _NO_ANSWER.get(type(error), NOT_EXECUTED))
    again = ", sent before: nothing new happens; this is what became of it" if taken.status == "duplicate" else ""
    out.print(f"alert {taken.alert_id} {taken.status}{again}: {message.action} {message.ticker}")
    try:
        async with daemon_client.open_database(settings) as ledger:
            trail = await to_its_end(ledger, taken, message, timeout_s, out)
    except asyncio.CancelledError:  # Ctrl-C ends the following, not the alert
        return _complain(f"alert {taken.alert_id} is taken and goes on by itself: see `tradebot status`", NOT_KNOWN)
    except (LedgerUnavailable, MigrationError) as error:
        return _complain(
            f"alert {taken.alert_id} is taken and goes on by itself, but cannot be followed: {error}", NOT_KNOWN
        )
    if trail is None:
        return _complain(
            f"alert {taken.alert_id} is taken, but by a daemon with another database than the configured one: look there, or "
            "name its configuration with --config",
            NOT_KNOWN,
        )
    alert = trail.alert
    out.print(summary(alert, trail.trade), style="bold")
    if alert.status is AlertStatus.RECEIVED:
        out.print(await _what_it_waits_for(url))
    return _exit_code(alert)


def _complain(text: str, code: int) -> int:
    Console(stderr=True, markup=False, highlight=False, soft_wrap=True).print(f"tradebot: {text}")
    return code


async def to_its_end(
    ledger: Ledger, taken: Taken, message: Message, timeout_s: float, out: Console
) -> AlertTrail | None:
    """Prints events as they appear until the alert has ended or the time is up. None: another alert has this id here."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    after_id = 0
    while True:
        trail = await alert_trail(ledger, taken.alert_id, after_id=after_id)
        if trail is None or kind_and_name(trail.alert.idempotency_key)[1] != message.alert_id:
            return None
        for event in trail.events:
            out.print(_line(event, trail.alert.received_at))
            after_id = event.id
        if trail.alert.status in ENDS or asyncio.get_running_loop().time() > deadline:
            return trail
        await asyncio.sleep(LOOK_EVERY_S)


def _line(event: Event, since: datetime) -> str:
    return f"  +{(event.at - since).total_seconds():6.2f} s  {words.text(event)}"


def summary(alert: Alert, trade: Trade | None) -> str:
    if trade is not None and trade.avg_fill_price is not None:
        shares, price = figures.shares(trade.filled_qty), figures.price(trade.avg_fill_price)
        return f"{trade.status}: {trade.side} {shares} {trade.ticker} at {price}, commission {figures.usd(trade.commission)}"
    still = {
        AlertStatus.RECEIVED: "it is stored, waits, and goes on by itself",
        AlertStatus.PROCESSING: "its order is in flight; see `tradebot status`",
    }
    why = reason(alert.reason) if alert.reason else still.get(alert.status, "see the log")
    return f"{alert.status}: {why}"


async def _what_it_waits_for(webhook_url: str) -> str:
    """The daemon's own reasons, for the person who stands before an alert that does not move."""
    parts = await daemon_client.health(f"{webhook_url.partition('/webhook')[0]}/health")  # also of a strategy's address
    if parts is None:
        return "The daemon does not answer any more."
    reasons = parts.get("trading", {}).get("waiting_for")
    told = [str(each) for each in reasons] if isinstance(reasons, list) else []
    told += [str(part["error"]) for part in parts.values() if part.get("error")]
    return f"It waits for: {'; '.join(told)}" if told else "It waits for its turn: see `tradebot status`."


def _exit_code(alert: Alert) -> int:
    if alert.status is AlertStatus.EXECUTED:
        return DONE
    waiting = (AlertStatus.RECEIVED, AlertStatus.PROCESSING, AlertStatus.PENDING, AlertStatus.UNKNOWN)
    return NOT_KNOWN if alert.status in waiting else NOT_EXECUTED
