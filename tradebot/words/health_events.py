"""What fails, since when, and what to do; and that it is well again. Pure."""

from tradebot.domain.events import Event, NewEvent
from tradebot.domain.facts.daemon import ChannelBack, ChannelFailing, HealthBack, HealthFailing
from tradebot.words.figures import seconds

NAMES = {
    "broker": "IB",
    "database": "The database",
    "queue": "The queue",
    "questions": "What IB answers",
    "trading": "Sending orders",
    "telegram": "Telegram",
    "channels": "Telling you elsewhere",
    "web": "The web pages",
}
TO_DO = {
    "broker": "Alerts are stored and wait. Is IB Gateway running and logged in? It wants a login by hand once a week.",
    "database": "New alerts are refused; TradingView tries again for some seconds. Is the database server up, its disk full?",
    "queue": "Alerts are stored and wait. Is Redis up, and `[queue] url` right?",
    "questions": "",  # its reasons say what to do
    "trading": "Alerts are stored and wait. `tradebot status` shows more.",
    "telegram": "Trading goes on. Is api.telegram.org reachable from here?",
    "channels": "`tradebot deliveries` shows what waits, and why.",
}


def name(part: str) -> str:
    return NAMES.get(part, part)


def why_and_what(facts: HealthFailing) -> str:
    """Why, and what to do."""
    why = _why(facts)
    return f"{why[:1].upper()}{why[1:]} {TO_DO.get(facts.part, '')}".strip()


def failing(facts: HealthFailing, event: Event | NewEvent) -> str:
    lasting = (event.at - facts.since).total_seconds()
    since = f" for {seconds(lasting)}" if lasting else ""
    why = _why(facts)
    text = f"{NAMES.get(facts.part, facts.part)} is not well{since}{f': {why}' if why else '.'}"
    return f"{text} {TO_DO.get(facts.part, '')}".rstrip()


def _why(facts: HealthFailing) -> str:
    if facts.reasons:
        return " ".join(f"{reason.rstrip('.')}." for reason in facts.reasons)
    return "it is not connected." if facts.disconnected else ""


def back(facts: HealthBack, event: Event | NewEvent) -> str:
    away = seconds((event.at - facts.since).total_seconds())
    return f"{NAMES.get(facts.part, facts.part)} is well again; it was not for about {away}."


def channel_failing(facts: ChannelFailing, event: Event | NewEvent) -> str:
    lasting = seconds((event.at - facts.since).total_seconds())
    gone = "What it refused, or what waited for a day, is given up" if facts.is_given_up else "What is for it waits"
    return (
        f"Channel {facts.channel} takes no messages, for {lasting} now: {facts.error}. {gone}. "
        f"`tradebot deliveries --channel {facts.channel}` shows what."
    )


def channel_back(facts: ChannelBack, event: Event | NewEvent) -> str:
    away = seconds((event.at - facts.since).total_seconds())
    return f"Channel {facts.channel} takes messages again; it did not for about {away}."
