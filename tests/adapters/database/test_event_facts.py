"""Facts of events as a database keeps them: exact, typed, and readable whatever program wrote them."""

import json
from decimal import Decimal

import pytest

from tests.adapters.database.samples import NOON
from tests.facts import every_kind, order
from tradebot.database import event_facts, migrate, open_ledger
from tradebot.domain.alerts import Side
from tradebot.domain.events import EventKind, NewEvent, OtherFacts, Severity
from tradebot.domain.facts import orders as o
from tradebot.domain.facts.account import ExitIncomplete
from tradebot.domain.facts.alerts import AlertBlocked
from tradebot.ports import Ledger


async def test_every_kind_comes_back_as_it_was(ledger: Ledger) -> None:
    """A figure of a message would change between the booking and the chat, or have another type."""
    facts = every_kind("BRK B")
    async with ledger.begin() as books:
        for one in facts.values():
            await books.add_event(NewEvent(one, NOON))
    async with ledger.read() as books:
        events = await books.events()
    assert [event.facts for event in events] == list(facts.values())
    assert [(event.kind, event.severity) for event in events] == [(one.kind, one.severity) for one in facts.values()]
    assert all(isinstance(event.kind, EventKind) for event in events)


def test_digits_and_types_are_kept() -> None:
    """$1.50 would become 1.5, or a Decimal among a refusal's facts become text."""
    facts = AlertBlocked("AAPL", Side.BUY, "cash", {"free": Decimal("1.50"), "count": 3, "why": "1.50"}, ("pause",))
    read = event_facts.incoming("alert_blocked", Severity.WARNING, event_facts.outgoing(facts))
    assert read == facts
    assert isinstance(read, AlertBlocked)
    assert [(type(fact), str(fact)) for fact in read.facts.values()] == [(Decimal, "1.50"), (int, "3"), (str, "1.50")]


def test_what_a_newer_program_added_is_left_out() -> None:
    """After the way back to an older program no event of the newer one could be said."""
    stored = json.dumps({"ticker": "AAPL", "qty": "3", "since": "yesterday"})
    assert event_facts.incoming("exit_incomplete", Severity.CRITICAL, stored) == ExitIncomplete("AAPL", Decimal(3))


@pytest.mark.parametrize(
    ("kind", "stored"),
    [
        ("margin_call", {"ticker": "AAPL"}),
        ("exit_incomplete", {"ticker": "AAPL"}),
        ("exit_incomplete", {"ticker": "AAPL", "qty": 3}),
        ("exit_incomplete", {"ticker": "AAPL", "qty": "many"}),
        ("order_failed", {**json.loads(event_facts.outgoing(o.OrderAccepted(**order()))), "code": "eaten"}),
        ("positions_compared", {"positions": {"AAPL": 3}}),
        ("mismatch", []),
    ],
)
def test_what_cannot_be_read_is_kept_as_it_stands(kind: str, stored: object) -> None:
    """One row of another version would keep every message behind it from being told."""
    read = event_facts.incoming(kind, Severity.WARNING, json.dumps(stored))
    assert isinstance(read, OtherFacts)
    assert (read.kind, read.severity, read.values) == (kind, Severity.WARNING, stored)


async def test_an_event_of_0_1_0_is_said_by_its_text(url: str) -> None:
    """What waited in the outbox while the program was updated would be told without its words."""
    async with migrate.open_driver(url, 5) as driver, driver.transaction() as transaction:
        await transaction.rows(
            "INSERT INTO event (at, kind, severity, text, actor, facts) VALUES (:at, :kind, :severity, :text, :actor, :facts)",
            at=NOON,
            kind="exit_incomplete",
            severity="CRITICAL",
            text="AAPL: the exit left 3 shares in the books.",
            actor="bot",
            facts='{"ticker": "AAPL", "qty": "3"}',
        )
    async with open_ledger(url) as ledger, ledger.read() as books:
        (event,) = await books.events()
    assert event.text == "AAPL: the exit left 3 shares in the books."
    assert event.facts == OtherFacts("exit_incomplete", Severity.CRITICAL, {"ticker": "AAPL", "qty": "3"})
    assert event.ticker == "AAPL"
