"""What each command answers. Pure: figures in, HTML out, in short lines for a phone (about 40 characters)."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from decimal import Decimal

from tradebot.domain.alerts import Alert
from tradebot.domain.brokerage import Account
from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.exposure import Exposure
from tradebot.domain.limits import FixedLimits, Limits, LossBasis
from tradebot.domain.settings import TradingState
from tradebot.domain.trades import Trade
from tradebot.operations.limits import LimitChange, Value
from tradebot.queries.market import Market, Special
from tradebot.queries.status import BooksStatus, DaemonStatus
from tradebot.queries.strategies import StrategyStatus
from tradebot.queries.waiting import Waiting
from tradebot.queries.working import waiting_for_entry
from tradebot.telegram import risk, strategies
from tradebot.telegram.commands import GROUPS, Command
from tradebot.telegram.markup import bold, esc, first, italic, lines, prose
from tradebot.words import figures
from tradebot.words.gate import gate_reason
from tradebot.words.limits import TITLES, Title, range_text, value_text
from tradebot.words.not_traded import reasons
from tradebot.words.questions import unanswered
from tradebot.words.standing import daily_loss

PAGE = 10
"""Positions on one page."""
ROWS_MAX = 25
_STATES = {
    TradingState.RUNNING: "🟢 RUNNING",
    TradingState.PAUSED: "⏸ PAUSED: no BUY",
    TradingState.KILLED: "⛔ KILLED: nothing is traded",
}


def start(daemon_status: DaemonStatus) -> str:
    return lines(
        bold("tradebot"),
        "Trades TradingView alerts through IB.",
        "",
        _STATES[daemon_status.state],
        _connection(daemon_status),
        "",
        "/status shows more, /help every command.",
    )


def help_(strategy: str | None = None) -> str:
    """Every command, a line each. `strategy`: the name of one, where there are several."""
    parts: list[str] = [bold("Commands")]
    for group, commands in GROUPS.items():
        parts += ["", bold(group), *(f"/{one.name} · {esc(one.help)}" for one in commands)]
    named = f"Most take a strategy: /pnl {esc(strategy)}" if strategy else None
    return lines(*parts, "", "/help sell shows one with an example.", named)


def help_of(command: Command, strategy: str | None = None) -> str:
    """One of them, with its examples."""
    examples = [command.example]
    if " " in command.example and command.name in (title.command for title in TITLES):
        examples.insert(0, f"/{command.name}")
    if strategy and command.of_strategy:
        examples.append(command.example_of(strategy))
    return lines(
        f"{bold(f'/{command.name}')} · {esc(command.help)}",
        esc(command.more) or None,
        "",
        *(esc(example) for example in examples),
    )


# --- /status --------------------------------------------------------------------------------------------------------


def status(daemon_status: DaemonStatus) -> str:
    booked, account, limits = daemon_status.books, daemon_status.account, daemon_status.books.limits
    in_flight = ", ".join(_order(trade, booked) for trade in booked.in_flight)
    unknown = ", ".join(_order(trade, booked) for trade in booked.unknown)
    return lines(
        bold(_STATES[daemon_status.state]),
        *(f"⚠️ Orders wait: {prose(gate_reason(reason))}" for reason in daemon_status.held_up_by),
        *(f"❗ {prose(unanswered(silent))}" for silent in daemon_status.silent),
        _connection(daemon_status),
        "",
        f"Cash {_cash(account)}",
        f"Equity {_usd(account.equity if account else None)}",
        f"Buying power {_usd(account.buying_power if account else None)}",
        "",
        f"Open positions {booked.exposure.open_positions} of {limits.max_open_positions}",
        f"Buys today {booked.exposure.buys_today} of {limits.max_daily_buys}, sells {booked.exposure.sells_today}",
        f"Realised today {figures.signed_usd(booked.exposure.realised_today)}",
        f"🟡 {said}" if (said := daily_loss(booked)) else None,
        *_not_traded(daemon_status.not_traded),
        *_total_loss(booked.exposure),
        *strategies.at_risk(booked.exposure, daemon_status.max_risk_usd),
        None
        if account is None or account.daily_pnl is None
        else f"IB's own P&L of the day {figures.signed_usd(account.daily_pnl)}, your own shares included",
        _depths(daemon_status),
        f"In flight: {esc(in_flight)}" if in_flight else None,
        f"❗ UNKNOWN: {esc(unknown)}" if unknown else None,
        *_at_ib(booked.resting),
        *strategies.in_status(replace(booked, state=daemon_status.state)),
        "",
        f"Up {figures.seconds(daemon_status.uptime_s)}, tradebot {esc(daemon_status.version)}",
        *(["", bold("Simulated, embedded or off")] if daemon_status.simulated else []),
        *(f"• {esc(part)}" for part in daemon_status.simulated),
    )


def _order(trade: Trade, booked: BooksStatus) -> str:
    return f"{f'{trade.strategy}: ' if booked.several else ''}{figures.order(trade)}"


def _at_ib(resting: Sequence[Trade]) -> Iterable[str]:
    entries = sum(not one.is_protective for one in resting)
    early = waiting_for_entry(resting)
    if entries:
        theirs = f", with {len(early)} {'stop or target' if len(early) == 1 else 'stops and targets'}" if early else ""
        yield f"At IB {figures.some(entries, 'orders')} waiting for a price{theirs}: /orders"
    if protective := len(resting) - entries - len(early):
        yield f"At IB {figures.some(protective, 'orders')} protecting shares: /orders"


def _not_traded(alerts: Sequence[Alert]) -> Iterable[str]:
    """`Not traded today 7: 4 × cooldown`, with the most frequent reason."""
    if alerts:
        title, count = reasons(alerts)[0]
        yield f"Not traded today {len(alerts)}: {count} × {title}"


def _total_loss(now: Exposure) -> Iterable[str]:
    """What is compared with the daily loss where that is not what was realised alone."""
    if now.loss_basis is LossBasis.TOTAL:
        change = "unknown" if now.open_change is None else figures.signed_usd(now.open_change)
        missing = f" (no price for {esc(', '.join(now.unpriced))})" if now.unpriced else ""
        yield f"In open lots {change}{missing}; both count towards the daily loss"


def _connection(daemon_status: DaemonStatus) -> str:
    link = daemon_status.connection
    if not link.up:
        return f"❗ IB: NOT connected{f' ({esc(link.why_not)})' if link.why_not else ''}"
    kind = {True: "PAPER", False: "LIVE, REAL MONEY", None: ""}[link.paper]
    said_ = f"IB: connected, {kind} {esc(link.account or 'no account')}"
    if not link.upstream:
        return f"❗ {said_}, but the gateway has lost IB"
    return said_ if link.tradable else f"❗ {said_}, NOT traded: {esc(link.why_not or '')}"


def _depths(daemon_status: DaemonStatus) -> str:
    booked = daemon_status.books
    waiting = f"Waiting: {booked.received_sells} SELL, {booked.received_buys} BUY, {booked.pending} for the open"
    return waiting if daemon_status.depths is not None else f"{waiting}\n❗ The queue does not answer"


def _cash(account: Account | None) -> str:
    if account is not None and account.cash is None and account.base_cash is not None:
        return f"no USD, base {esc(account.base_currency or '')} {figures.amount(account.base_cash)}"
    return _usd(account.cash if account else None)


def _usd(amount: Decimal | None) -> str:
    return figures.usd(amount)


# --- /market --------------------------------------------------------------------------------------------------------


def market(now: Market, local: tzinfo) -> str:
    """`local` is the zone of the machine's clock, shown where it is not New York's."""
    session = now.session
    if now.is_open:
        state = f"🟢 Open, closes in {figures.seconds((now.next_close - now.now).total_seconds())}"
    else:
        why = f" ({esc(now.closed_because)})" if now.closed_because else ""
        state = f"🔴 Closed{why}, opens in {figures.seconds((now.next_open - now.now).total_seconds())}"
    today = "no session" if session is None else f"{_clock(session.open)} – {_clock(session.close)} New York"
    return lines(
        bold("NYSE"),
        state,
        f"Today: {today}",
        f"Early close: {esc(session.name)}" if session and session.early else None,
        italic("This bot trades at all hours (simulated or paper)") if now.always else None,
        "",
        f"Next open {_both(now.next_open, local)}",
        f"Next close {_both(now.next_close, local)}",
        *(["", bold("Ahead")] if now.specials else []),
        *(_special(one) for one in now.specials),
    )


def _clock(at: datetime) -> str:
    return f"{at.astimezone(NEW_YORK):%H:%M}"


def _both(at: datetime, local: tzinfo) -> str:
    here = at.astimezone(local)
    there = f"{at.astimezone(NEW_YORK):%a %d %b %H:%M} New York"
    same = here.utcoffset() == at.astimezone(NEW_YORK).utcoffset()
    own = "" if same else f"\n   {here:%a %d %b %H:%M} here ({esc(here.tzname() or 'local')})"
    return f"{there}{own}"


def _special(one: Special) -> str:
    state = "closed" if one.closes is None else f"closes {_clock(one.closes)}"
    return f"{one.day:%a %d %b}: {state}\n   {esc(one.name)}"


# --- /queue ---------------------------------------------------------------------------------------------------------


def queue(waiting: Waiting, now: datetime, strategy: str | None = None) -> str:
    depths = waiting.depths
    total = len(waiting.sells) + len(waiting.buys) + len(waiting.pending)
    of = f" of {strategy}" if strategy else ""
    listed = (
        "❗ The queue does not answer; alerts are safe in the database"
        if depths is None
        else f"Listed: {len(depths.sell)} SELL, {len(depths.buy)} BUY, {len(depths.pending)} pending"
    )
    return lines(
        bold(f"{total} waiting{of}" if total else f"Nothing waits{of}"),
        listed if strategy is None else None,
        *_alerts("SELL, next first", waiting.sells, now, several=waiting.several),
        *_alerts("BUY", waiting.buys, now, several=waiting.several),
        *_alerts("For the market to open", waiting.pending, now, several=waiting.several),
    )


def _alerts(title: str, alerts: Sequence[Alert], now: datetime, *, several: bool) -> list[str]:
    if not alerts:
        return []
    rows = (
        f"{f'{esc(a.strategy)}: ' if several else ''}{a.action} {esc(a.ticker)} · "
        f"{figures.seconds((now - a.received_at).total_seconds())}"
        for a in alerts
    )
    return ["", bold(title), *first(rows, ROWS_MAX, len(alerts) - ROWS_MAX)]


# --- /settings, /set_… ----------------------------------------------------------------------------------------------


def settings(
    limits: Limits,
    exposure: Exposure,
    fixed: FixedLimits,
    each: Sequence[StrategyStatus] = (),
    blocked: Collection[str] = (),
) -> str:
    collar = "off" if fixed.price_collar_pct == 0 else f"{fixed.price_collar_pct.normalize():f} %"
    spread = "off" if fixed.max_spread_pct == 0 else f"{fixed.max_spread_pct.normalize():f} %"
    repeat = "off" if fixed.repeat_window_s == 0 else f"{fixed.repeat_window_s} s"
    return lines(
        bold("Limits"),
        *(_limit(title, limits, exposure) for title in TITLES),
        *strategies.in_settings(each),
        *risk.blocked(blocked),
        "",
        bold("Fixed, changed in the file only"),
        f"A BUY may wait {fixed.max_alert_age_s} s here",
        f"Price collar {collar}",
        f"Largest order {figures.usd(fixed.max_order_value_usd)}",
        f"Repeat window {repeat}",
        f"Largest spread {spread}",
        f"Delayed quotes on a live account {'allowed' if fixed.allow_delayed_quotes else 'refused'}",
        f"Daily loss counts {fixed.daily_loss_basis}",
        *_risk(exposure, fixed),
    )


def _risk(exposure: Exposure, fixed: FixedLimits) -> Iterable[str]:
    most = f" of {figures.usd(fixed.max_risk_usd)}" if fixed.max_risk_usd else ", no limit"
    yield f"At risk down to the stops {figures.usd(exposure.at_risk)}{most}"
    asks = f"above {figures.usd(fixed.what_if_above_usd)}" if fixed.what_if_above_usd else "never"
    yield f"IB is asked for the margin of a BUY {asks}"


def _limit(title: Title, limits: Limits, exposure: Exposure) -> str:
    value = value_text(title.name, getattr(limits, title.name))
    use = strategies.used(title.name, exposure)
    use = "" if use is None else f"\n   used {esc(use)}"
    return f"{_name(title)} {bold(value)}{use}\n   /{title.command}"


def _name(title: Title) -> str:
    return esc(title.heading)


def limit(title: Title, limits: Limits) -> str:
    """What a command without a value shows."""
    return lines(
        f"{_name(title)}: {bold(value_text(title.name, getattr(limits, title.name)))}",
        f"Range: {range_text(title.name)}",
        f"Change it: /{title.command} {esc(title.example)}",
    )


def own_limit(title: Title, strategy: str, own: Value | None, account: Limits) -> str:
    """What a command with a strategy's name and no value shows."""
    name, whole = f"{_name(title)} of {esc(strategy)}", value_text(title.name, getattr(account, title.name))
    return lines(
        f"{name}\n{bold('none of its own')}" if own is None else f"{name}: {bold(value_text(title.name, own))}",
        f"The account's, over all: {whole}",
        f"Range: {range_text(title.name)}",
        f"Change it: /{title.command} {esc(strategy)} {esc(title.example)}",
    )


def changed(title: Title, change: LimitChange) -> str:
    old = None if change.old is None else value_text(change.name, change.old)
    new = value_text(change.name, change.new)
    name = f"{_name(title)} of {esc(change.strategy)}" if change.strategy else _name(title)
    if old == new:
        return lines(name, f"is {bold(new)} already.")
    return lines(f"✅ {name}", f"{esc(old or 'none of its own')} → {bold(new)}", "In force for the next alert.")
