"""Words of states, with the mood in which a page shows them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from tradebot.domain.alerts import AlertStatus
from tradebot.domain.reasons import Reason
from tradebot.domain.refusals import Refusal
from tradebot.domain.settings import TradingState
from tradebot.domain.trades import TradeStatus
from tradebot.queries.status import BooksStatus
from tradebot.queries.strategies import Standing, StrategyStatus
from tradebot.words import not_traded, refusals
from tradebot.words import standing as words
from tradebot.words.reasons import reason

GOOD, BAD, WAIT, NEUTRAL = "good", "bad", "wait", "neutral"


@dataclass(frozen=True, slots=True)
class Said:
    """A state in a word or two."""

    text: str
    mood: str = NEUTRAL


ALERTS: Mapping[AlertStatus, Said] = {
    AlertStatus.RECEIVED: Said("waits for its turn", WAIT),
    AlertStatus.PENDING: Said("waits for the open", WAIT),
    AlertStatus.PROCESSING: Said("order at work", WAIT),
    AlertStatus.EXECUTED: Said("traded", GOOD),
    AlertStatus.BLOCKED: Said(not_traded.WORDS[AlertStatus.BLOCKED], NEUTRAL),
    AlertStatus.FAILED: Said(not_traded.WORDS[AlertStatus.FAILED], BAD),
    AlertStatus.EXPIRED: Said(not_traded.WORDS[AlertStatus.EXPIRED], BAD),
    AlertStatus.CLEARED: Said(not_traded.WORDS[AlertStatus.CLEARED], NEUTRAL),
    AlertStatus.UNKNOWN: Said("UNKNOWN", BAD),
    AlertStatus.REJECTED: Said(not_traded.WORDS[AlertStatus.REJECTED], BAD),
}
ORDERS: Mapping[TradeStatus, Said] = {
    TradeStatus.SUBMITTING: Said("on its way", WAIT),
    TradeStatus.SUBMITTED: Said("at IB", WAIT),
    TradeStatus.FILLED: Said("filled", GOOD),
    TradeStatus.PARTIAL: Said("filled in part", WAIT),
    TradeStatus.CANCELLED: Said("cancelled", NEUTRAL),
    TradeStatus.FAILED: Said("failed", BAD),
    TradeStatus.UNKNOWN: Said("UNKNOWN", BAD),
}
STATES: Mapping[TradingState, Said] = {
    TradingState.RUNNING: Said("Running", GOOD),
    TradingState.PAUSED: Said("Paused: no BUY", WAIT),
    TradingState.KILLED: Said("KILLED: nothing leaves", BAD),
}
STANDINGS: Mapping[Standing, Said] = {
    Standing.ON: Said("on", GOOD),
    Standing.OUTSIDE_WINDOW: Said("outside its window", NEUTRAL),
    Standing.PAUSED: Said("paused: no BUY", WAIT),
    Standing.DISABLED: Said("disabled in the file", NEUTRAL),
    Standing.DAILY_LOSS: Said("at its daily loss: no BUY today", WAIT),
}
OK, NOT_OK, OFF = Said("well", GOOD), Said("not well", BAD), Said("off", NEUTRAL)


def standing(one: StrategyStatus, account: BooksStatus) -> Said:
    """Good only where the account lets it buy."""
    text = words.standing(one, account)
    return STANDINGS[one.standing] if text == words.standing(one) else Said(text, WAIT)


def why(given: Reason | Refusal | str | None) -> str:
    """A sentence, or nothing."""
    if given is None:
        return ""
    text = reason(given) if isinstance(given, Reason | str) else refusals.refusal(given.code, given.facts)
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """With its full stop."""
    return text if text.endswith((".", "!", "?", "…", ":")) or not text else f"{text}."
