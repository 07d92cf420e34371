"""What the API needs to know of its users, on both databases."""

from dataclasses import replace
from datetime import timedelta

from tests.adapters.database.samples import NOON as A_MOMENT
from tradebot.domain.api_access import ApiRequest, ApiToken, Scope
from tradebot.domain.events import EventKind
from tradebot.operations import api_requests, api_tokens
from tradebot.ports import Ledger
from tradebot.queries import api_tokens as queries

DAY = timedelta(days=1)
NOON = A_MOMENT.replace(microsecond=0)
"""A token's times are whole seconds."""


async def test_a_token_is_known_until_it_is_revoked(ledger: Ledger) -> None:
    """A token that was taken back would still open, or a good one would not."""
    made = await api_tokens.make(ledger, "5f3a", "graf\0ana", Scope.TRADE, actor="Ann", now=NOON, lasts=DAY)
    await api_tokens.make(ledger, "77aa", "other", Scope.READ, actor="Ann", now=NOON + DAY, lasts=DAY)
    stored = await queries.api_token(ledger, "5f3a")
    assert (
        stored
        == replace(made, label="graf\ufffdana")
        == ApiToken("5f3a", "graf\ufffdana", Scope.TRADE, NOON, "Ann", NOON + DAY)
    )
    assert stored.is_good(NOON)
    assert not stored.is_good(NOON + DAY)
    assert [one.id for one in await queries.api_tokens(ledger)] == ["5f3a", "77aa"]
    assert await api_tokens.revoke(ledger, "5f3a", actor="Bob", now=NOON) is not None
    assert await api_tokens.revoke(ledger, "5f3a", actor="Bob", now=NOON + DAY) is None
    assert await api_tokens.revoke(ledger, "none", actor="Bob", now=NOON) is None
    gone = await queries.api_token(ledger, "5f3a")
    assert gone is not None
    assert (gone.revoked_at, gone.is_good(NOON)) == (NOON, False)
    async with ledger.read() as books:
        told = [(event.kind, event.actor) for event in await books.events()]
    assert told == [(EventKind.API_ACCESS, "Ann")] * 2 + [(EventKind.API_ACCESS, "Bob")]


async def test_a_question_keeps_its_first_answer(ledger: Ledger) -> None:
    """A client that asks again, because the answer was lost, would hear something else than what was done."""
    first = ApiRequest("5f3a:k1", "f1", NOON)
    assert await api_requests.begin(ledger, first) is None
    assert await api_requests.begin(ledger, replace(first, fingerprint="f2", at=NOON + DAY)) == first
    await api_requests.answer(ledger, "5f3a:k1", 200, '{"a": 1}')
    await api_requests.answer(ledger, "5f3a:k1", 500, "{}")
    answered = replace(first, status=200, answer='{"a": 1}')
    assert await api_requests.begin(ledger, first) == answered
    async with ledger.begin() as books:
        assert await books.prune(NOON, 10) == 0
        assert await books.prune(NOON + DAY, 10) == 1
        assert await books.request("5f3a:k1") is None
