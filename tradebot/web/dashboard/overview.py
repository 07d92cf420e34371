"""The first page: is it well, what did it do today, what waits, what does it hold. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from urllib.parse import quote, urlencode

from tradebot.domain.alerts import NOT_TRADED, Alert, Side
from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.events import Event
from tradebot.domain.facts.alerts import AlertConflict
from tradebot.domain.pnl import Summary
from tradebot.domain.settings import TradingState
from tradebot.domain.strategies import Strategies
from tradebot.domain.trades import Trade
from tradebot.queries.health import Health
from tradebot.queries.positions import HeldPositions
from tradebot.queries.status import BooksStatus, DaemonStatus
from tradebot.queries.strategies import StrategyStatus
from tradebot.queries.waiting import Waiting
from tradebot.web.dashboard import said
from tradebot.web.dashboard.holdings import Row, holdings
from tradebot.web.dashboard.rendering import joined
from tradebot.web.dashboard.said import Said
from tradebot.words import figures, instructions, zone
from tradebot.words.alert_events import conflict
from tradebot.words.gate import gate_reason
from tradebot.words.health import health_parts
from tradebot.words.not_traded import reasons
from tradebot.words.questions import unanswered, what_to_do
from tradebot.words.standing import daily_loss
from tradebot.words.told import told

TOLD_MAX = 9
REFUSALS_MAX = 5
CONFLICTS_MAX = 3
ALERTS_MAX = 1000
PARTS = {
    "database": "Database",
    "queue": "Queue",
    "broker": "IB",
    "questions": "IB's answers",
    "trading": "Trading",
    "telegram": "Telegram",
    "channels": "Channels",
    "web": "Dashboard and API",
}


@dataclass(frozen=True, slots=True)
class Need:
    """Something that only the owner can do, or should know at once."""

    word: Said
    text: str
    act: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """What happened or waits, at a moment."""

    at: datetime
    text: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """Alerts of today that were not traded, for one reason."""

    title: str
    count: int


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the bot and how it is."""

    name: str
    word: Said
    text: str


@dataclass(frozen=True, slots=True)
class Named:
    """A strategy and how it stands."""

    name: str
    word: Said
    text: str
    act: str
    href: str


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole page."""

    equity: Decimal | None
    cash: Decimal | None
    invested: Decimal
    buying: bool  # what is invested has an order's share in it, which may not fill
    ibs_day: Decimal | None  # IB's own P&L of the day, the owner's shares included
    realised: Decimal
    unrealised: Decimal | None
    date: str
    day_iso: str
    today: Summary
    alerts_today: int
    newest_only: bool  # there may be more of them than were looked at
    refused_today: int
    conflicts_today: int  # messages without a row of their own: their "alert_id" was another alert's
    refusals: Sequence[Refused]
    needs: Sequence[Need]
    waits: Sequence[Line]
    at_work: Sequence[Line]
    protecting: int  # stops and targets at IB
    positions: Sequence[Row]
    several: bool
    told: Sequence[Line]
    well: Said
    health: Sequence[Part]
    simulated: Sequence[str]
    strategies: Sequence[Named]

    @property
    def equity_whole(self) -> str:
        return figures.usd(self.equity).rpartition(".")[0]

    @property
    def equity_cents(self) -> str:
        return "." + figures.usd(self.equity).rpartition(".")[2]


def overview(
    now: datetime,
    status: DaemonStatus,
    held: HeldPositions,
    today: Summary,
    waiting: Waiting,
    alerts: Sequence[Alert],
    conflicts: Sequence[Event],
    events: Sequence[Event],
    health: Health,
    strategies: Strategies,
) -> Overview:
    """`alerts`, `conflicts`: of today. `events`: the newest ones."""
    booked, account = replace(status.books, state=status.state), status.account
    table = holdings(held, strategies)
    realised = booked.exposure.realised_today
    unrealised = None if held.open.unknown else held.open.pnl
    date = now.astimezone(NEW_YORK)
    refused = [one for one in alerts if one.status in NOT_TRADED]
    return Overview(
        equity=account.equity if account else None,
        cash=account.cash if account else None,
        invested=booked.exposure.invested,
        buying=any(one.side is Side.BUY for one in (*booked.in_flight, *_entries(booked.resting))),
        ibs_day=account.daily_pnl if account else None,
        realised=realised,
        unrealised=unrealised,
        date=f"{date:%a} {date.day} {date:%b}{'' if zone.is_new_yorks(now) else ' in New York'}",
        day_iso=f"{date:%Y-%m-%d}",
        today=today,
        alerts_today=len(alerts),
        newest_only=len(alerts) >= ALERTS_MAX,
        refused_today=len(refused),
        conflicts_today=len(conflicts),
        refusals=_refusals(refused),
        needs=[*needs(status, held, health), *_conflicts(conflicts)],
        waits=[_waits(one, several=waiting.several) for one in (*waiting.sells, *waiting.buys, *waiting.pending)],
        at_work=[_at_work(one, several=booked.several) for one in (*booked.in_flight, *_entries(booked.resting))],
        protecting=sum(one.is_protective for one in booked.resting),
        positions=table.rows,
        several=table.several,
        told=[_told(one, strategies) for one in events[:TOLD_MAX]],
        well=_well(health, status.state),
        health=list(parts(health)),
        simulated=status.simulated,
        strategies=[_strategy(one, booked) for one in booked.strategies] if booked.several else [],
    )


def needs(status: DaemonStatus, held: HeldPositions, health: Health) -> Iterable[Need]:
    """The most urgent first."""
    if status.state is TradingState.KILLED:
        yield Need(
            said.STATES[status.state],
            "No order leaves, also no SELL. Positions stay as they are.",
            "Resume",
            "/act/resume",
        )
    for trade in status.books.unknown:
        text = f"{figures.order(trade)}: it may or may not be at IB. Look into TWS, then say what became of it."
        yield Need(Said("UNKNOWN", said.BAD), text, "Resolve", f"/unknown/{trade.id}")
    for ticker, qty in held.missing.items():
        text = f"The books hold {figures.counted(qty)} of {ticker} more than IB shows. BUY of it waits."
        yield Need(Said("difference", said.BAD), text, "Look at it", f"/difference?ticker={quote(ticker)}")
    for silent in status.silent:
        yield Need(Said("IB is silent", said.BAD), f"{unanswered(silent)} {what_to_do(silent)}")
    for gate in status.held_up_by:
        yield Need(Said("orders wait", said.WAIT), said.sentence(gate_reason(gate)))
    if status.state is TradingState.PAUSED:
        yield Need(said.STATES[status.state], "BUY alerts are not traded; SELL goes on.", "Resume", "/act/resume")
    if spent := daily_loss(status.books):
        yield Need(Said("no BUY today", said.WAIT), f"{spent}. SELL goes on.", "Its limit", "/limits/max_daily_loss")
    for name, word, text in ((one.name, one.word, one.text) for one in parts(health)):
        if word.mood == said.BAD and name not in {"IB", "Trading", "IB's answers"}:
            yield Need(Said(name, said.BAD), said.sentence(text))


def _conflicts(found: Sequence[Event]) -> Iterable[Need]:
    """Until the day ends: nobody else says that an order may be missing."""
    word = Said("not traded", said.BAD)
    for event in found[:CONFLICTS_MAX]:
        if isinstance(event.facts, AlertConflict):
            text = f"{event.facts.side} {event.facts.ticker}: {conflict(event.facts)}"
            yield Need(word, text, "Look at it", f"/alerts/{event.facts.known_alert}")
    if len(found) > CONFLICTS_MAX:
        text = f"{len(found) - CONFLICTS_MAX} more messages of today came with another alert's alert_id. Each was told."
        yield Need(word, text)


def _well(health: Health, state: TradingState) -> Said:
    """The machine may be well while nothing is traded."""
    if state is TradingState.KILLED:
        return Said("trading is KILLED" if health.ok else "not well, and trading is KILLED", said.BAD)
    return said.OK if health.ok else said.NOT_OK


def parts(health: Health) -> Iterable[Part]:
    shown = health_parts(health)
    for key, name in PARTS.items():
        if key in shown:
            part = shown[key]
            yield Part(name, _how(part), _part(key, part))
    for key, part in shown.items():
        if key not in PARTS and "ok" in part:
            yield Part(key, said.OK if part["ok"] else said.NOT_OK, str(part.get("error") or part.get("state") or ""))


def _how(part: Mapping[str, object]) -> Said:
    match part.get("state"):
        case "off":
            return said.OFF
        case TradingState.KILLED:
            return Said("⛔", said.BAD)
    return said.OK if part.get("ok", True) else said.NOT_OK


def _part(key: str, part: Mapping[str, object]) -> str:
    """What is worth a word of it."""
    match key:
        case "broker":
            kind = f"{part.get('kind') or ''} {part.get('account') or ''}".strip()
            said_of = [kind, part.get("why_not")]
        case "queue" if "sell" in part:
            said_of = [part["name"], f"{part['sell']} SELL, {part['buy']} BUY, {part['pending']} for the open"]
        case "questions":
            said_of = _listed(part.get("unanswered")) or ["every question is answered"]
        case "channels":
            failing = part.get("failing")
            said_of = [f"{name}: {why}" for name, why in failing.items()] if isinstance(failing, Mapping) else []
            said_of = [", ".join(map(str, _listed(part.get("well")))), *said_of]
        case "trading":
            said_of = [part.get("state"), *_listed(part.get("waiting_for"))]
        case _:
            state = part.get("name") or part.get("at") or part.get("state")
            said_of = [None if state == "off" else state, part.get("error")]
    return joined([str(one) if one else None for one in said_of])


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []


def _refusals(refused: Sequence[Alert]) -> list[Refused]:
    """The most frequent reasons, and the rest in one line: together they come to all."""
    by_reason = reasons(refused)
    named = REFUSALS_MAX if len(by_reason) <= REFUSALS_MAX else REFUSALS_MAX - 1
    shown = [Refused(title, count) for title, count in by_reason[:named]]
    others = sum(count for _, count in by_reason[named:])
    return [*shown, Refused("for other reasons", others)] if others else shown


def _entries(resting: Sequence[Trade]) -> list[Trade]:
    return [one for one in resting if not one.is_protective]


def _waits(alert: Alert, *, several: bool) -> Line:
    whose = f"{alert.strategy}: " if several else ""
    text = f"{whose}{instructions.wanted(alert)} {said.ALERTS[alert.status].text}"
    return Line(alert.received_at, text, f"/alerts/{alert.id}")


def _at_work(trade: Trade, *, several: bool) -> Line:
    whose = f"{trade.strategy}: " if several else ""
    return Line(trade.created_at, f"{whose}{figures.order(trade)} {said.ORDERS[trade.status].text}")


def _told(event: Event, strategies: Strategies) -> Line:
    return Line(event.at, told(event, strategies), f"/alerts/{event.alert_id}" if event.alert_id else "")


def _strategy(one: StrategyStatus, account: BooksStatus) -> Named:
    realised = one.exposure.realised_today
    today = figures.signed_usd(realised) if realised else figures.usd(realised)
    lots = f"{figures.some(one.lots, 'lots')} open" if one.lots else "holds nothing"
    act, to = ("Resume", "resume") if one.paused else ("Pause", "pause")
    href = f"/act/{to}?{urlencode({'strategy': one.strategy.name})}"
    return Named(one.strategy.name, said.standing(one, account), f"{lots}, {today} realised today", act, href)
