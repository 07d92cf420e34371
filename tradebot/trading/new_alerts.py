"""The rows that the way in stores, one function a sort. No I/O: the moment is an argument."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from tradebot.domain.alert_keys import KeyKind, key_of, momentary
from tradebot.domain.alerts import AlertStatus, NewAlert
from tradebot.domain.instructions import Instruction, Size, SizeKind, Verb, stored
from tradebot.domain.payload.dialects import Understood, digest
from tradebot.domain.reasons import Reason, ReasonCode

Report = Mapping[str, object] | list[str]
"""What would become of an alert, as JSON."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message from outside that was authenticated: when and from where it came. No secret is left in it."""

    raw_body: bytes
    source_ip: str | None
    at: datetime


def from_outside(understood: Understood, strategy: str, arrival: Arrival) -> NewAlert:
    wanted, identity = understood.instruction, understood.identity
    return NewAlert(
        received_at=arrival.at,
        ticker=wanted.ticker,
        action=wanted.side,
        price=wanted.price,
        alert_time=wanted.alert_time,
        primary_exchange=wanted.primary_exchange,
        idempotency_key=identity.key or momentary(strategy, KeyKind.HASH, identity.payload_hash, arrival.at),
        payload_hash=identity.payload_hash,
        raw_body=arrival.raw_body,
        source_ip=arrival.source_ip,
        strategy=strategy,
        dialect=wanted.dialect,
        instruction=stored(wanted),
    )


def test_of(understood: Understood, strategy: str, arrival: Arrival) -> NewAlert:
    """In its last state from the first moment."""
    return replace(
        from_outside(understood, strategy, arrival),
        idempotency_key=momentary(strategy, KeyKind.TEST, understood.identity.payload_hash, arrival.at),
        status=AlertStatus.BLOCKED,
        reason=Reason(ReasonCode.TEST),
        test=True,
    )


def rejected(
    reason: str, body_hash: str, strategy: str, arrival: Arrival, *, wanted: Instruction | None = None
) -> NewAlert:
    """`wanted`: what was understood, and is not honoured."""
    return NewAlert(
        received_at=arrival.at,
        ticker=None,
        action=None,
        price=None,
        alert_time=None,
        primary_exchange=None,
        idempotency_key=momentary(strategy, KeyKind.REJECTED, digest(f"{body_hash} {reason}".encode()), arrival.at),
        payload_hash=body_hash,
        raw_body=arrival.raw_body,
        source_ip=arrival.source_ip,
        status=AlertStatus.REJECTED,
        reason=reason,
        strategy=strategy,
        dialect=None if wanted is None else wanted.dialect,
        instruction=None if wanted is None else stored(wanted),
    )


def owners_buy(ticker: str, usd: Decimal | None) -> Instruction:
    """`usd`: for so much; None: as the strategy sizes its BUYs."""
    size = None if usd is None else Size(SizeKind.USD, usd)
    return Instruction("own", Verb.BUY, ticker, size=size, by_owner=True)


def exit_of(ticker: str, shares: Decimal | None) -> Instruction:
    """`shares`: so many; None: all that the strategy holds."""
    return Instruction("own", Verb.EXIT, ticker, size=None if shares is None else Size(SizeKind.SHARES, shares))


def the_bots_own(instruction: Instruction, key: str, body_hash: str, *, strategy: str, now: datetime) -> NewAlert:
    side, ticker = instruction.side, instruction.ticker
    return NewAlert(
        received_at=now,
        ticker=ticker,
        action=side,
        price=None,
        alert_time=None,
        primary_exchange=None,
        idempotency_key=key_of(strategy, KeyKind.OWN, key),
        payload_hash=body_hash,
        raw_body=b"",
        source_ip=None,
        strategy=strategy,
        dialect=instruction.dialect,
        instruction=stored(instruction),
    )


def lines(report: Report) -> tuple[str, ...]:
    """As they stand in the message to the owner."""
    if not isinstance(report, Mapping):
        return tuple(report)
    said = (
        (name, value if isinstance(value, str) else json.dumps(value, default=str)) for name, value in report.items()
    )
    return tuple(f"{name}: {value}" for name, value in said)
