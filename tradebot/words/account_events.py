"""Events about positions and the connection to IB, in words. Pure."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from shlex import quote
from typing import Any

from tradebot.domain.corporate_actions import Split
from tradebot.domain.events import Event, EventKind, NewEvent
from tradebot.domain.facts import account as f
from tradebot.domain.gate import GateCode, GateReason
from tradebot.domain.positions import Position
from tradebot.domain.questions import Silent
from tradebot.words.figures import counted, price, seconds, shares, some
from tradebot.words.gate import gate_reason
from tradebot.words.questions import unanswered, what_to_do

_SPLITS = frozenset(Decimal(n) for n in (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100))


def likely_cause(row: Position) -> str:
    """What most often makes such a difference, as a question to the owner."""
    if row.at_ib == 0:
        return "Did you sell or transfer them yourself?"
    if row.at_ib < 0:
        return "Did you sell short yourself?"
    if row.missing and row.booked / row.at_ib in _SPLITS:
        return f"Was there a reverse split, 1 for {shares(row.booked / row.at_ib)}?"
    if row.owners and row.booked and row.at_ib / row.booked in _SPLITS:
        return f"Was there a split, {shares(row.at_ib / row.booked)} for 1?"
    return f"Did you sell {shares(row.missing)} of them yourself?"


def may_be_split(row: Position) -> bool:
    """IB shows a usual multiple of what the books hold."""
    return bool(row.booked) and row.at_ib / row.booked in _SPLITS


def parts(by_strategy: Mapping[str, Decimal]) -> str:
    """` (booked: ema 10, rsi 5)`; nothing where one strategy alone has a part in it."""
    each = ", ".join(f"{strategy} {shares(qty)}" for strategy, qty in by_strategy.items())
    return f" (booked: {each})" if len(by_strategy) > 1 else ""


def _mismatch(facts: f.Mismatch, _: Event | NewEvent) -> str:
    row = facts.position
    return (
        f"{row.ticker}: the books hold {counted(row.booked)}, IB shows {shares(row.at_ib)}{parts(row.by_strategy)}. "
        f"BUY of {row.ticker} is blocked until they agree. {likely_cause(row)} Compare with TWS, then accept IB's figure."
    )


def _owners(facts: f.OwnerHoldings, _: Event | NewEvent) -> str:
    row = facts.position
    split = f" {likely_cause(row)}" if may_be_split(row) else ""
    return (
        f"{row.ticker}: IB shows {counted(row.at_ib)}, {shares(row.booked)} of them the bot's{parts(row.by_strategy)}. "
        f"The rest is your own and is never touched.{split}"
    )


def split_arithmetic(split: Split) -> str:
    """`10 @ $100.00 → 100 @ $10.00 (10 for 1)`, with what is left over and the contract where it is another one."""
    return f"{_then_and_now(split)} ({split.new} for {split.old}{_left_over(split)})"


def _then_and_now(split: Split) -> str:
    before = f"{shares(split.booked)} @ {price(split.cost)}"
    return f"{before} → {shares(split.at_ib)} @ {price(split.avg_cost)}"


def _left_over(split: Split) -> str:
    left = f", {shares(split.fraction)} left over" if split.fraction > 0 else ""
    moved = f", contract {split.con_id} → {split.new_con_id}" if split.con_id != split.new_con_id else ""
    return f"{left}{moved}"


def of_a_split(facts: f.SplitSeen | f.SplitBooked | f.SplitDenied, event: Event | NewEvent) -> str:
    """What a message says below its ratio."""
    ticker = facts.ticker
    split = f"{_then_and_now(facts.split)}{_left_over(facts.split)}."
    match facts:
        case f.SplitSeen():
            waits = "The SELL waits" if event.alert_id is not None else "No BUY, and SELLs wait,"
            return (
                f"{split} IB shows the second, for the same money.\n"
                f"{waits} until you answer: look at TWS, then press the button, or run `tradebot split {quote(ticker)}`."
            )
        case f.SplitBooked():
            whose = parts(facts.by_strategy)
            return f"{split} On the word of {event.actor}{whose}.\nLots and P&L count in the new shares; what waited goes on."
    same = "The books stay as they are; the difference from IB is treated as any other."
    return f"{split} On the word of {event.actor}.\n{same}"


def _split_seen(facts: f.SplitSeen, event: Event | NewEvent) -> str:
    split, ticker = facts.split, facts.ticker
    cause = "a new contract of the same stock" if split.new == split.old else f"a split, {split.new} for {split.old}"
    waits = "The SELL waits" if event.alert_id is not None else f"BUY of {ticker} is blocked and a SELL waits"
    return (
        f"{ticker}: {split_arithmetic(split)}. The books have the first, IB shows the second, for the same money: it looks like "
        f"{cause}. {waits} until you say whether it was one: look at TWS, then press the button, or run "
        f"`tradebot split {quote(ticker)}`."
    )


def _split_booked(facts: f.SplitBooked, event: Event | NewEvent) -> str:
    return (
        f"{facts.ticker}: booked on the word of {event.actor}: {split_arithmetic(facts.split)}{parts(facts.by_strategy)}. "
        "Lots and P&L count in the new shares; what waited goes on."
    )


def _split_denied(facts: f.SplitDenied, event: Event | NewEvent) -> str:
    return (
        f"{facts.ticker}: no split, on the word of {event.actor} ({split_arithmetic(facts.split)}). The books stay as they "
        "are, and the difference from IB is treated as any other."
    )


def _renamed(facts: f.Renamed, _: Event | NewEvent) -> str:
    return (
        f"{facts.ticker} is called {facts.new_ticker} at IB now (contract {facts.con_id}). The bot's shares of it stay booked as "
        f"{facts.ticker} until they are sold: a SELL alert for either name sells "
        "them, a BUY needs the new one, and limits count both as one. Change the ticker in TradingView when you like."
    )


def _compared(facts: f.PositionsCompared, _: Event | NewEvent) -> str:
    missing = [row.ticker for row in facts.positions if row.missing]
    head = f"MISMATCH in {', '.join(missing)}." if missing else "Books and IB agree."
    return "\n".join([f"Positions compared with IB. {head}", *map(line, facts.positions)])


def line(row: Position) -> str:
    line = f"{row.ticker}: bot {shares(row.booked)}{parts(row.by_strategy)}, IB {shares(row.at_ib)}"
    if row.owners:
        line += f", your own {shares(row.owners)}"
    return f"{line}, MISSING {shares(row.missing)}" if row.missing else line


def _written_off(facts: f.WrittenOff, event: Event | NewEvent) -> str:
    whose = f" of strategy {facts.strategy}" if facts.strategy else ""
    return (
        f"Accepted by {event.actor}: {shares(facts.qty)} {facts.ticker}{whose} are written off, since IB shows fewer than the "
        "books held. Their P&L is not known and counts nowhere. " + what_else(facts)
    )


def what_else(facts: f.WrittenOff) -> str:
    """What is still missing, or that nothing is."""
    if not facts.elsewhere:
        return f"BUY of {facts.ticker} is free again."
    are, them = ("is", "it") if facts.elsewhere == 1 else ("are", "them")
    return f"{shares(facts.elsewhere)} more {are} missing: accept {them} for another strategy too."


_L = f.ExitLeft
_WHY_LEFT: Mapping[f.ExitLeft, str] = {
    _L.BEING_SOLD: ", and another SELL at IB covers them (permId {})",
    _L.REFUSED: ": IB refused the order ({})",
    _L.NOT_SHOWN: ": IB shows no such order, which is no proof that there is none",
    _L.CANCELLED: ": it was cancelled at IB, and not by the bot",
    _L.ENDED: ": IB ended the order ({})",
    _L.KILLED: ": the kill switch stopped it",
    _L.STOPPED: ": IB held the order and did not work on it, so the bot cancelled it",
    _L.NOT_PROVEN: ": IB ended the order ({}), and its answers do not agree with the books on what had filled",
    _L.TRIED: ": IB ended the order again and again ({})",
    _L.RESTORED: ": the books were restored from a backup after that order, and may lack what was sold since",
}
_WHAT_TO_DO: Mapping[f.ExitLeft, str] = {
    _L.BEING_SOLD: "Cancel that one first, or let it sell them; only then can the bot sell.",
    _L.NOT_SHOWN: (
        "Answer an open dialog in TWS or IB Gateway with No: an order behind it may still leave. Then sell again."
    ),
    _L.CANCELLED: "The bot takes that for your word. To sell all the same, press the button or send another SELL alert.",
    _L.RESTORED: "Compare with TWS first: sell only what was not sold since.",
    _L.KILLED: "To sell them, `tradebot resume` first, then press the button.",
}


def _exit_incomplete(facts: f.ExitIncomplete, _: Event | NewEvent) -> str:
    why, what = _why_and_what(facts)
    return f"{facts.ticker}: the exit left {counted(facts.qty)} in the books{why}. {what}"


def _why_and_what(facts: f.ExitIncomplete) -> tuple[str, str]:
    why = _WHY_LEFT.get(facts.code, "").format(facts.detail or "not known") if facts.code else ""
    what = _WHAT_TO_DO.get(facts.code) if facts.code else None
    return why, what or f"Send another SELL alert for {facts.ticker}, or sell them at IB yourself."


def why_left(facts: f.ExitIncomplete) -> tuple[str, str]:
    """Why, as a sentence or empty, and what to do."""
    why, what = _why_and_what(facts)
    said = why.lstrip(",: ").removeprefix("and ")
    return f"{said[0].upper()}{said[1:]}.\n" if said else "", what


def held(facts: f.ExitsHeldBack) -> str:
    """`3 AAPL, 2 MSFT`, with the strategy of each where there are several."""
    several = len({one.strategy for one in facts.exits}) > 1
    named = {one.strategy: f" ({one.strategy})" if several else "" for one in facts.exits}
    return ", ".join(f"{shares(one.qty)} {one.ticker}{named[one.strategy]}" for one in facts.exits)


def _held_back(facts: f.ExitsHeldBack, _: Event | NewEvent) -> str:
    return (
        f"While KILLED these exits were stopped, and the shares are still held: {held(facts)}. They are not sold by themselves: "
        "press the button, or send a SELL alert for each (`tradebot alert SELL <ticker>`)."
    )


def _orphans(facts: f.OrphanOrder, _: Event | NewEvent) -> str:
    return (
        f"Nothing is traded: IB shows orders with the bot's mark that this database does not know ({', '.join(facts.orders)}). "
        "Was an old backup restored, or does another tradebot use this account? If you are sure, `tradebot resume` accepts them."
    )


def _connected(facts: f.BrokerConnected, _: Event | NewEvent) -> str:
    away = seconds(facts.away_s) if facts.away_s is not None else None
    if facts.account is None:
        return f"IB is back after {away}. Orders and positions are being compared."
    kind = "PAPER account" if facts.paper else "LIVE account, REAL MONEY"
    return f"Connected to the broker{f' again after {away}' if away else ''}: {kind} {facts.account}."


def _lost(facts: f.BrokerLost, _: Event | NewEvent) -> str:
    why = f" ({facts.why_not.rstrip('.')})" if facts.why_not else ""
    return (
        f"IB is not connected for {seconds(facts.away_s)} now{why}. Alerts are stored and wait; orders at IB live on."
    )


def _unreachable(facts: f.BrokerUnreachable, _: Event | NewEvent) -> str:
    return (
        f"IB cannot be reached after {some(facts.attempts, 'attempts')} ({facts.reason}). Nothing is traded; slow retries go on. "
        "Is IB Gateway running and logged in? Check its API port and `[broker]` in the configuration."
    )


def gate_refused(facts: f.TradingRefused) -> str:
    """Why."""
    return gate_reason(GateReason(GateCode(facts.code), {name: str(fact) for name, fact in facts.facts.items()}))


def _refused(facts: f.TradingRefused, _: Event | NewEvent) -> str:
    return f"Nothing is traded. {gate_refused(facts)}"


def _silent(facts: f.QuestionSilent, _: Event | NewEvent) -> str:
    silent = Silent(facts.question, facts.since, facts.empty)
    return f"{unanswered(silent)} {what_to_do(silent)}"


def _answered(facts: f.QuestionAnswered, event: Event | NewEvent) -> str:
    away = seconds((event.at - facts.since).total_seconds())
    return f"IB answers the question for {facts.question} again after {away}. Books and IB are compared."


def _clock_off(facts: f.ClockOff, _: Event | NewEvent) -> str:
    way = "ahead of" if facts.ahead_s > 0 else "behind"
    return (
        f"This machine's clock is {seconds(abs(facts.ahead_s))} {way} IB Gateway's. The age of alerts, the open and the close go "
        "by it: set it right (`timedatectl` shows whether it is synchronised), or the gateway's machine."
    )


WORDS: Mapping[EventKind, Callable[[Any, Event | NewEvent], str]] = {
    EventKind.WRITTEN_OFF: _written_off,
    EventKind.EXIT_INCOMPLETE: _exit_incomplete,
    EventKind.EXITS_HELD_BACK: _held_back,
    EventKind.ORPHAN_ORDER: _orphans,
    EventKind.MISMATCH: _mismatch,
    EventKind.OWNER_HOLDINGS: _owners,
    EventKind.SPLIT_SEEN: _split_seen,
    EventKind.SPLIT_BOOKED: _split_booked,
    EventKind.SPLIT_DENIED: _split_denied,
    EventKind.RENAMED: _renamed,
    EventKind.POSITIONS_COMPARED: _compared,
    EventKind.BROKER_CONNECTED: _connected,
    EventKind.BROKER_LOST: _lost,
    EventKind.BROKER_UNREACHABLE: _unreachable,
    EventKind.TRADING_REFUSED: _refused,
    EventKind.TRADING_ALLOWED: lambda _facts, _event: (
        "The gateway takes orders again: its Read-Only API is off. What waited goes on."
    ),
    EventKind.QUESTION_SILENT: _silent,
    EventKind.QUESTION_ANSWERED: _answered,
    EventKind.CLOCK_OFF: _clock_off,
    EventKind.GATE_OPENED: lambda _facts, _event: "Books and IB compared.",
}
