"""Market data lines that are kept: the next quote costs no message, and is never an old one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from decimal import Decimal

import pytest

from tests.adapters.broker.helpers import AAPL, broker_for, connected
from tests.adapters.broker.scripted import CANCEL_QUOTE, QUOTE, Peer, ScriptedGateway, open_scripted
from tradebot.broker import IbBroker, quotes
from tradebot.domain.brokerage import Contract, NoQuote, Quote

BID, ASK, LAST = 1, 2, 4


@dataclass
class Lines:
    """A gateway that answers every market data request at once, and what it is made to say afterwards."""

    gateway: ScriptedGateway
    broker: IbBroker
    price: int = 100

    def answer(self, peer: Peer, fields: list[str]) -> None:
        for kind, price in ((BID, self.price - 1), (ASK, self.price + 1), (LAST, self.price)):
            peer.send(1, 6, fields[2], kind, price, 100, 0)

    async def says(self, *fields: object) -> None:
        """And is heard."""
        self.gateway.peer.send(*fields)
        await self.broker.open_orders()

    async def ask(self, contract: Contract = AAPL) -> Decimal | None:
        quote = await self.broker.quote(contract)
        return quote.ask if isinstance(quote, Quote) else None

    @property
    def subscribed(self) -> int:
        return self.gateway.count(QUOTE)

    @property
    def req_id(self) -> str:
        """Of the newest request."""
        return [fields for fields in self.gateway.received if fields[0] == str(QUOTE)][-1][2]

    @property
    def cancelled(self) -> list[str]:
        return [fields[2] for fields in self.gateway.received if fields[0] == str(CANCEL_QUOTE)]


@pytest.fixture
async def lines() -> AsyncIterator[Lines]:
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        one = Lines(gateway, broker)
        gateway.answers[QUOTE] = one.answer
        yield one


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on every line has been still for too long."""
    return lambda: monkeypatch.setattr(quotes, "FRESH_S", -1.0)


async def test_the_next_quote_costs_no_message_and_is_the_newest(lines: Lines) -> None:
    """Each order of a ticker in use would cost three messages to IB instead of one; or it would be sized by the first price."""
    assert await lines.ask() == 101
    await lines.says(1, 6, lines.req_id, ASK, 103, 100, 0)
    assert await lines.ask() == 103
    await lines.says(1, 6, lines.req_id, ASK, -1, 0, 0)
    assert await lines.ask() is None, "there is no offer any more"
    assert (lines.subscribed, lines.cancelled) == (1, [])


async def test_a_line_that_was_still_is_asked_for_anew(lines: Lines, still: Callable[[], None]) -> None:
    """An order would be sized by the price of before a halt, or of a stream that has died unsaid."""
    assert await lines.ask() == 101
    first, lines.price = lines.req_id, 110
    still()
    assert await lines.ask() == 111
    await lines.gateway.heard(CANCEL_QUOTE, times=2)
    assert (lines.subscribed, lines.cancelled) == (2, [first, lines.req_id])


async def test_what_is_at_hand_costs_no_message(lines: Lines, still: Callable[[], None]) -> None:
    """An exit would wait for a price that it does not need, keep a line open, or store a price of long ago."""
    assert lines.broker.kept_quote(AAPL.con_id) is None
    await lines.ask()
    await lines.says(1, 6, lines.req_id, BID, 98, 100, 0)
    kept = lines.broker.kept_quote(AAPL.con_id)
    assert kept is not None
    assert (kept.bid, kept.ask, kept.delayed) == (98, 101, False)
    still()
    assert lines.broker.kept_quote(AAPL.con_id) is None
    assert (lines.subscribed, lines.cancelled) == (1, [])


@pytest.mark.parametrize("words", [(1100, "IB's servers"), (10197, "another session has it")])
async def test_what_may_not_be_trusted_is_not_at_hand(lines: Lines, words: tuple[int, str]) -> None:
    """What an exit cost would be measured by a price of before the break."""
    await lines.ask()
    assert lines.broker.kept_quote(AAPL.con_id) is not None
    await lines.says(4, 2, -1 if words[0] == 1100 else lines.req_id, *words, "")
    assert lines.broker.kept_quote(AAPL.con_id) is None


@pytest.mark.parametrize("code", [354, 10197, 200])
async def test_an_error_ends_a_line(lines: Lines, code: int) -> None:
    """After IB took the data away the price of a moment ago would be traded on."""
    assert await lines.ask() == 101
    lines.gateway.answers[QUOTE] = lambda peer, fields: peer.send(4, 2, fields[2], 10197, "another session has it", "")
    await lines.says(4, 2, lines.req_id, code, "no more", "")
    assert await lines.broker.quote(AAPL) == NoQuote(10197, "another session has it")


@pytest.mark.parametrize("kind", [2, 3, 4])
async def test_a_line_that_is_not_live_any_more_is_asked_for_anew(lines: Lines, kind: int) -> None:
    """Frozen or delayed prices would pass for live ones, because the line once was."""
    assert await lines.ask() == 101
    lines.price = 110
    await lines.says(58, 1, lines.req_id, kind)
    assert await lines.ask() == 111
    assert lines.subscribed == 2


@pytest.mark.parametrize("back", [1101, 1102])
async def test_a_line_ends_when_ib_is_lost(lines: Lines, back: int) -> None:
    """Prices of before IB's servers were lost would be told as those of now."""
    assert await lines.ask() == 101
    lines.price, before = 110, lines.broker.connection.link_session
    for code in (1100, back):
        lines.gateway.peer.send(4, 2, -1, code, "IB's servers", "")
    async with asyncio.timeout(60):
        while lines.broker.connection.link_session == before or not lines.broker.connection.upstream:
            await asyncio.sleep(0.01)
    assert await lines.ask() == 111


async def test_a_new_connection_has_no_lines(lines: Lines) -> None:
    """A price of the connection before would be taken for one of this."""
    assert await lines.ask() == 101
    lines.price = 110
    lines.gateway.peer.cut()
    await connected(lines.broker)
    assert await lines.ask() == 111


async def test_few_lines_are_kept_the_least_used_goes(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """IB would refuse the hundred and first line, and with it the owner's own screen."""
    monkeypatch.setattr(quotes, "LINES_MAX", 2)
    first, second, third = (Contract(number, "X", "NYSE") for number in (1, 2, 3))
    await lines.ask(first)
    await lines.ask(second)
    second_id = lines.req_id
    await lines.ask(first)  # used again
    await lines.ask(third)
    await lines.gateway.heard(CANCEL_QUOTE)
    assert lines.cancelled == [second_id]
    assert lines.subscribed == 3


async def test_a_burst_over_more_tickers_than_lines_uses_those_there_are(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line would end just before its ticker comes again, and every order cost three messages; or IB refuse another line."""
    monkeypatch.setattr(quotes, "LINES_MAX", 4)
    many = [Contract(number, f"T{number}", "NYSE") for number in range(6)]
    for _ in range(3):
        before = lines.subscribed
        for contract in many:
            await lines.ask(contract)
            await lines.broker.open_orders()
            assert lines.subscribed - len(lines.cancelled) <= 4
    assert lines.subscribed - before == 3, "of six tickers three had a line"


async def test_lines_that_nobody_uses_end_few_at_a_time(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five minutes after a burst its lines would end all at once, and an exit wait for their messages."""
    quiet, looks = iter((False, False, True)), list[tuple[int, int]]()

    def has_room(_client: object, messages: int, most: int) -> bool:
        looks.append((messages, most))
        return next(quiet)

    for name, value in (("KEEP_S", 0.01), ("QUIET_LOOK_S", 0.01), ("has_room", has_room)):
        monkeypatch.setattr(quotes, name, value)
    await lines.ask()
    assert (await lines.gateway.heard(CANCEL_QUOTE))[2] == lines.req_id
    assert looks == [(1, quotes.QUIET)] * 3


async def test_a_line_that_nobody_uses_ends(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every ticker ever traded would stream its prices until the next restart."""
    monkeypatch.setattr(quotes, "KEEP_S", 0.05)
    await lines.ask()
    assert (await lines.gateway.heard(CANCEL_QUOTE))[2] == lines.req_id
