"""What the owner changed, what the day brings, and how the daemon is, in one or two plain sentences. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from tradebot.domain.events import Event, EventKind, NewEvent
from tradebot.domain.facts import daemon as d
from tradebot.domain.settings import TradingState
from tradebot.words import daily_report, health_events, performance, strategies
from tradebot.words.figures import local, market_time, seconds
from tradebot.words.limits import BY_NAME, value_text

NAMED_MAX = 3
"""Missed runs of a job that are named; more are counted."""

_STATES = {
    TradingState.RUNNING: "Trading resumed: BUY and SELL alerts are executed.",
    TradingState.PAUSED: "Paused: BUY alerts are blocked, SELL alerts are executed. Resume with `tradebot resume`.",
    TradingState.KILLED: (
        "KILLED: nothing is traded, entries and exits at work are cancelled, stops and targets stay at IB. "
        "Resume with `tradebot resume`."
    ),
}


def _state(facts: Any, event: Event | NewEvent) -> str:
    if facts.strategy is not None:
        return f"{strategies.state(facts.strategy, facts.to)} Changed by {event.actor}."
    return f"{_STATES[facts.to]}{strategies.still_paused(facts.still_paused)} Was {facts.before}; changed by {event.actor}."


def _setting(facts: Any, event: Event | NewEvent) -> str:
    title = BY_NAME.get(facts.name)
    if title is None:  # of another version
        return f"{facts.name}: {facts.before} → {facts.to}, by {event.actor}."
    before = "none of its own" if facts.before is None else value_text(facts.name, facts.before)
    heading = title.heading if facts.strategy is None else f"{title.heading} of strategy {facts.strategy}"
    return f"{heading}: {before} → {value_text(facts.name, facts.to)}, by {event.actor}."


def _market_open(facts: d.MarketOpen, _: Event | NewEvent) -> str:
    early = f", early: {facts.early}" if facts.early else ""
    text = f"The market is open until {market_time(facts.closes)}{early}. "
    waited = facts.sells + facts.buys
    text += (
        f"Alerts that waited and go on: {facts.sells} SELL, then {facts.buys} BUY." if waited else "No alerts waited."
    )
    return f"{text} {facts.expired} had waited too long and expired." if facts.expired else text


def _login(facts: d.LoginReminder, event: Event | NewEvent) -> str:
    left, to_open = (seconds((at - event.at).total_seconds()) for at in (facts.dies, facts.opens))
    if not facts.connected:
        state = "IB is NOT connected: log in to IB Gateway now."
    elif facts.since is None or facts.since < facts.ended:
        state = "IB is still connected from before: log in to IB Gateway again now, so that it does not drop out at the open."
    else:
        state = f"IB is connected since {local(facts.since)}: it seems to be done."
    return (
        f"Weekly IB login: the gateway's last login ended {local(facts.ended)}; a new one takes a person with the "
        f"second factor and lasts until {local(facts.dies)}, {left} from now. "
        f"{state} The market opens in {to_open}, {market_time(facts.opens)}."
    )


def _job(facts: d.JobFailed | d.JobMissed) -> str:
    return facts.job.replace("_", " ")


def why_failed(facts: d.JobFailed) -> str:
    """Without a full stop."""
    return {
        d.JobFailure.TIMEOUT: f"it was not done within {facts.detail}",
        d.JobFailure.INTERNAL_ERROR: f"internal error ({facts.detail}). Please report it",
    }.get(facts.code, facts.detail.rstrip("."))


def _job_failed(facts: d.JobFailed, _: Event | NewEvent) -> str:
    why = why_failed(facts)
    text = f"The {_job(facts)} of {', '.join(map(local, facts.slots))} did not work: {why}."
    if facts.next_run is not None:
        text += f" Its next run is {local(facts.next_run)}; the other jobs go on."
    return text


def named(facts: d.JobMissed) -> str:
    """The last of its runs, and how many more."""
    last = ", ".join(map(local, facts.slots[-NAMED_MAX:]))
    more = f" and {len(facts.slots) - NAMED_MAX} before" if len(facts.slots) > NAMED_MAX else ""
    return f"{last}{more}"


def _job_missed(facts: d.JobMissed, _: Event | NewEvent) -> str:
    return f"The {_job(facts)} of {named(facts)} was missed while the bot was down, and comes too late now."


def stuck(facts: d.ComponentStuck, _: Event | NewEvent) -> str:
    """What it is, and what happens now."""
    what_now = (
        "The service manager ends the bot and starts it anew within a minute or two"
        if facts.restarts
        else "Nothing does so by itself here: start the bot anew, now"
    )
    return (
        f"A part is stuck: {facts.component} has made no progress for {seconds(facts.for_s)}, which is a mistake in tradebot, "
        f"and a new start heals it. {what_now}. Nothing is lost by that: alerts that were acknowledged are stored, and orders "
        "in flight are looked for at IB. Please report it, with the log of these minutes."
    )


def where(facts: d.Started | d.Stopped) -> str:
    """The gateway, and what is at stake there."""
    if facts.gateway is None:
        return "the simulated gateway"
    kind = {True: ", paper account", False: ", LIVE account, real money", None: ""}[facts.paper]
    return f"IB Gateway {facts.gateway}{kind}"


WORDS: Mapping[EventKind, Callable[[Any, Event | NewEvent], str]] = {
    EventKind.STATE_CHANGED: _state,
    EventKind.SETTING_CHANGED: _setting,
    EventKind.API_ACCESS: lambda f, e: (
        f"{e.actor} revoked API token {f.token} ({f.name}): it opens nothing any more."
        if f.revoked
        else f"{e.actor} made API token {f.token} ({f.name}) with scope {f.scope}. Not you? `tradebot token revoke {f.token}`."
    ),
    EventKind.TICKER_BLOCK: lambda f, e: (
        f"No BUY of {f.ticker} until /unblock {f.ticker} in the chat. Blocked by {e.actor}."
        if f.blocked
        else f"BUY of {f.ticker} is free again, by {e.actor}."
    ),
    EventKind.TELLING_CHANGED: lambda f, e: f"The chat is told of {f.group}: {f.before} → {f.to}, by {e.actor}.",
    EventKind.REASSIGNED: lambda f, e: f"{strategies.reassigned(f)} Changed by {e.actor}.",
    EventKind.MARKET_OPEN: _market_open,
    EventKind.DAILY_REPORT: lambda f, _: daily_report.text(f),
    **performance.WORDS,
    EventKind.HEALTH_FAILING: health_events.failing,
    EventKind.HEALTH_BACK: health_events.back,
    EventKind.CHANNEL_FAILING: health_events.channel_failing,
    EventKind.CHANNEL_BACK: health_events.channel_back,
    EventKind.LOGIN_REMINDER: _login,
    EventKind.JOB_FAILED: _job_failed,
    EventKind.JOB_MISSED: _job_missed,
    EventKind.COMPONENT_STUCK: stuck,
    EventKind.QUEUE_JUNK: lambda f, _: (
        f"Entries in the lists of {f.queue} were no alerts of this bot and were dropped: {f.entries:,}. No alert is lost. "
        "Something else writes there: give the bot a queue of its own ([queue] url, for instance another number at its end)."
    ),
    EventKind.STARTED: lambda f, _: (
        f"tradebot {f.version} started on {where(f)}. Alerts are taken; "
        "orders leave once the books have been compared with the broker."
    ),
    EventKind.STOPPED: lambda f, _: (
        f"tradebot {f.version} stopped. It was on {where(f)}; "
        f"{'its orders wait for the next start' if f.gateway is None else 'orders at IB live on'}."
    ),
}
