"""Quotes are fresh or absent."""

import asyncio
import gc
from decimal import Decimal

import pytest

from tests.adapters.broker.helpers import AAPL, broker_for, connected
from tests.adapters.broker.scripted import CANCEL_QUOTE, DATA_TYPE, QUOTE, Answer, Peer, open_scripted
from tradebot.broker import quotes
from tradebot.domain.brokerage import Contract, NoQuote, Quote
from tradebot.errors import BrokerUnavailable
from tradebot.simgateway import GatewaySettings, open_gateway

SIMULATED = GatewaySettings(port=0, moving=False)
BID, ASK, LAST = 1, 2, 4


def ticks(*told: tuple[int, str, int]) -> Answer:
    """Answer a market data request with these tick types, prices and sizes."""

    def answer(peer: Peer, fields: list[str]) -> None:
        for kind, price, size in told:
            peer.send(1, 6, fields[2], kind, price, size, 0)

    return answer


@pytest.mark.parametrize("code", [354, 10168, 10186, 10197])
async def test_no_data_is_no_quote_never_the_last_one(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken: after IB stopped the data, the price of a while ago would be traded on."""
    monkeypatch.setattr(quotes, "FRESH_S", -1.0)
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        assert isinstance(await broker.quote(AAPL), Quote)
        gateway.faults.arm("no_market_data", times=2, code=code, text="said IB")
        assert await broker.quote(AAPL) == NoQuote(code, "said IB")
        gateway.faults.clear()
        assert isinstance(await broker.quote(AAPL), Quote)


async def test_frozen_prices_are_no_quote() -> None:
    """Broken: the last price of a closed market, told as if it were new, would size an order."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port, quote_timeout_s=0.3) as broker:
        await connected(broker)
        gateway.faults.arm("stale", times=2)
        assert await broker.quote(AAPL) == NoQuote()


async def test_delayed_data_is_taken_and_said_to_be_delayed() -> None:
    """Broken: an account without subscriptions could not trade, or would take a late price for a live one."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.faults.arm("delayed_only", times=2)
        quote = await broker.quote(AAPL)
        assert isinstance(quote, Quote)
        assert quote.ask is not None
        assert quote.delayed
        quote = await broker.quote(AAPL)  # the next one is asked for as live again
        assert isinstance(quote, Quote)
        assert not quote.delayed


@pytest.mark.parametrize("code", [354, 10089, 10090, 10091, 10167, 10168, 10186])
async def test_each_want_of_a_subscription_leads_to_delayed_data(code: int) -> None:
    """Broken: some accounts would get no price at all, for IB has many words for "not subscribed"."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        delayed = ticks((66, "99.5", 100), (67, "100.5", 100), (68, "100", 1))

        def answer(peer: Peer, fields: list[str]) -> None:
            if gateway.count(DATA_TYPE) == 0:
                peer.send(4, 2, fields[2], code, "Requested market data is not subscribed.", "")
            else:
                peer.send(4, 2, fields[2], 10167, "Displaying delayed market data.", "")
                delayed(peer, fields)

        gateway.answers[QUOTE] = answer
        quote = await broker.quote(AAPL)
        assert (await gateway.heard(DATA_TYPE))[2] == "3"
        assert isinstance(quote, Quote)
        assert (quote.bid, quote.ask, quote.delayed) == (Decimal("99.5"), Decimal("100.5"), True)
        await broker.quote(AAPL)
        assert (await gateway.heard(DATA_TYPE, times=2))[2] == "1", "the next one is asked for as live again"


@pytest.mark.parametrize(("price", "size"), [("-1", 0), ("0", 0), ("nan", 100), ("101", 0)])
async def test_no_offer_is_no_ask(price: str, size: int) -> None:
    """Broken: a BUY would be sized by -1, or by an offer that is not there."""
    async with open_scripted() as gateway, broker_for(gateway.port, quote_timeout_s=0.1) as broker:
        await connected(broker)
        gateway.answers[QUOTE] = ticks((BID, "99.5", 100), (LAST, "100", 1), (ASK, price, size))
        quote = await broker.quote(AAPL)
        assert isinstance(quote, Quote)
        assert (quote.bid, quote.ask, quote.last) == (Decimal("99.5"), None, Decimal(100))


async def test_an_ask_alone_is_enough_after_a_moment() -> None:
    """Broken: a stock that has not traded today would cost every alert the whole time-out."""
    async with open_scripted() as gateway, broker_for(gateway.port, quote_timeout_s=30) as broker:
        await connected(broker)
        gateway.answers[QUOTE] = ticks((ASK, "100.5", 100))
        async with asyncio.timeout(20):
            quote = await broker.quote(AAPL)
        assert isinstance(quote, Quote)
        assert (quote.bid, quote.ask, quote.last) == (None, Decimal("100.5"), None)


async def test_silence_is_none_in_time() -> None:
    """Broken: one dead ticker would hold up its alert for ever."""
    async with open_scripted() as gateway, broker_for(gateway.port, quote_timeout_s=0.1) as broker:
        await connected(broker)
        assert await broker.quote(AAPL) == NoQuote()
        asked = await gateway.heard(QUOTE)
        assert (await gateway.heard(CANCEL_QUOTE))[2] == asked[2]


async def test_late_ticks_of_an_old_request_are_nobodys() -> None:
    """Broken: a price of an earlier question would answer a later one."""
    async with open_scripted() as gateway, broker_for(gateway.port, quote_timeout_s=0.1) as broker:
        await connected(broker)
        assert await broker.quote(AAPL) == NoQuote()
        old = (await gateway.heard(QUOTE))[2]
        gateway.answers[QUOTE] = lambda peer, _: peer.send(1, 6, old, ASK, "55", 100, 0)
        assert await broker.quote(AAPL) == NoQuote()


async def test_callers_share_one_subscription() -> None:
    """Broken: fifty alerts for one stock would take fifty market data lines."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        callers = [asyncio.create_task(broker.quote(AAPL)) for _ in range(5)]
        asked = await gateway.heard(QUOTE)
        callers[0].cancel()  # who asked first may leave
        for kind, price in ((BID, "99.5"), (ASK, "100.5"), (LAST, "100")):
            gateway.peer.send(1, 6, asked[2], kind, price, 100, 0)
        quotes = await asyncio.gather(*callers[1:])
        assert {quote.ask for quote in quotes if isinstance(quote, Quote)} == {Decimal("100.5")}
        assert gateway.count(QUOTE) == 1


async def test_a_question_that_ib_may_not_have_taken_is_no_answer() -> None:
    """Broken: beside error 100, which names no question, an entry would be refused for want of a quote never asked for."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.answers[QUOTE] = lambda peer, fields: peer.send(4, 2, -1, 100, "Max rate of messages", "")
        with pytest.raises(BrokerUnavailable, match="no more messages"):
            await broker.quote(AAPL)
        gateway.answers[QUOTE] = lambda peer, fields: None
        assert isinstance(await broker.quote(AAPL), NoQuote)


async def test_few_subscriptions_at_once() -> None:
    """Broken: a burst of alerts would exceed IB's market data lines and use up its messages."""
    async with open_scripted() as gateway, broker_for(gateway.port, quote_timeout_s=0.2) as broker:
        await connected(broker)
        callers = [asyncio.create_task(broker.quote(Contract(number, "X", "NYSE"))) for number in range(1, 13)]
        await gateway.heard(CANCEL_QUOTE)
        before_first_cancel = [fields[0] for fields in gateway.received]
        before_first_cancel = before_first_cancel[: before_first_cancel.index(str(CANCEL_QUOTE))]
        assert before_first_cancel.count(str(QUOTE)) == 10
        assert await asyncio.gather(*callers) == [NoQuote()] * 12


async def test_a_lost_connection_is_not_no_quote() -> None:
    """Broken: an alert would be blocked for want of a price when it only had to wait."""
    async with open_scripted() as gateway, broker_for(gateway.port, quote_timeout_s=5) as broker:
        await connected(broker)
        asking = asyncio.create_task(broker.quote(AAPL))
        await gateway.heard(QUOTE)
        gateway.peer.cut()
        with pytest.raises(BrokerUnavailable, match="lost"):
            await asking


async def test_a_quote_that_nobody_waits_for_ends_with_the_connection_unsaid() -> None:
    """Broken: a stop while a slow quote is on its way writes a traceback of an error that nobody has made."""
    said: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
    async with open_scripted() as gateway, broker_for(gateway.port, quote_timeout_s=60) as broker:
        await connected(broker)
        asker = asyncio.create_task(broker.quote(AAPL))
        await gateway.heard(QUOTE)
        asker.cancel()
        await asyncio.wait([asker])
        gateway.peer.cut()
        while broker.connection.up and broker.connection.generation == 1:  # it connects anew within moments
            await asyncio.sleep(0.01)
    gc.collect()
    await asyncio.sleep(0)
    assert said == []
