"""One ticker, one company."""

import asyncio
from decimal import Decimal

import pytest

from tests.adapters.broker.helpers import broker_for, connected
from tests.adapters.broker.scripted import CONTRACT, MARKET_RULE, Answer, Peer, open_scripted, recorded
from tradebot.domain.brokerage import Contract
from tradebot.domain.terms import CENTS, PriceSteps
from tradebot.errors import BrokerUnavailable, UnknownContract
from tradebot.simgateway import GatewaySettings, open_gateway

D = Decimal
SIMULATED = GatewaySettings(port=0, moving=False)


def listed(*stocks: tuple[int, str], currency: str = "USD") -> Answer:
    """Answer a contract question with stocks of those ids and primary exchanges, in a recorded message's form."""

    def answer(peer: Peer, fields: list[str]) -> None:
        for con_id, primary in stocks:
            message = recorded("contract-details-tsla.txt")[0]
            message[1], message[2], message[8], message[12] = fields[2], fields[4], currency, str(con_id)
            message[message.index("NASDAQ")] = primary
            peer.send(*message)
        peer.send(52, 1, fields[2])

    return answer


async def test_known_stocks_and_class_shares() -> None:
    """Broken: BRK.B, which IB writes BRK B, could not be traded."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        assert await broker.contract("AAPL", "NASDAQ") == Contract(265598, "AAPL", "NASDAQ")
        assert await broker.contract("BRK B", None) == Contract(72063691, "BRK B", "NYSE")


async def test_what_a_company_does_comes_with_its_contract() -> None:
    """Exposure could not be told by sector, or each stock would cost one more question."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        for ticker in ("AAPL", "SPY"):
            await broker.contract(ticker, None)
        assert broker.industries() == {265598: "Technology", 756733: "Funds"}
    async with open_scripted() as scripted, broker_for(scripted.port) as broker:  # as a real gateway said it
        await connected(broker)
        scripted.answers[CONTRACT] = listed((76792991, "NASDAQ"))
        await broker.contract("TSLA", "NASDAQ")
        assert broker.industries() == {76792991: "Consumer, Cyclical"}


async def test_an_unknown_ticker_is_final_in_ibs_words() -> None:
    """Broken: an alert for a mistyped ticker would be tried again for ever."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        with pytest.raises(UnknownContract, match="No security definition has been found"):
            await broker.contract("NOSUCH", None)


@pytest.mark.parametrize(
    ("hint", "con_id"),
    [("NASDAQ", 1), ("NYSE", 2), ("NYSEARCA", 3), ("ARCA", 3), ("AMEX", 3), ("CBOE", 4), ("BATS", 4)],
)
async def test_the_hint_tells_namesakes_apart(hint: str, con_id: int) -> None:
    """Broken: the alert would buy another company's stock."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.answers[CONTRACT] = listed(
            (1, "ISLAND"), (2, "NYSE"), (3, "ARCA"), (4, "BATS"), (5, "TSE"), (6, "PINK")
        )
        assert (await broker.contract("X", hint)).con_id == con_id


@pytest.mark.parametrize("hint", [None, "CBOE"])
async def test_namesakes_that_the_hint_does_not_tell_apart(hint: str | None) -> None:
    """Broken: one of them would be guessed."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.answers[CONTRACT] = listed((1, "NASDAQ.NMS"), (2, "NYSE"))
        with pytest.raises(UnknownContract, match=r"NASDAQ \(contract 1\), NYSE \(contract 2\)"):
            await broker.contract("X", hint)


async def test_a_single_us_stock_needs_no_fitting_hint() -> None:
    """Broken: SPY, which TradingView files under AMEX or NYSE, could not be traded."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.answers[CONTRACT] = listed((9, "ARCA"), (5, "TSE"), (9, "ARCA"))
        assert await broker.contract("SPY", "NYSE") == Contract(9, "SPY", "ARCA")


@pytest.mark.parametrize(("primary", "currency"), [("TSE", "USD"), ("NASDAQ", "CAD"), ("PINK", "USD")])
async def test_only_us_listings_count(primary: str, currency: str) -> None:
    """Broken: a foreign or unlisted stock of the same name would be bought."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.answers[CONTRACT] = listed((1, primary), currency=currency)
        with pytest.raises(UnknownContract, match="no US stock X"):
            await broker.contract("X", None)


async def test_no_answer_is_not_no_such_stock() -> None:
    """Broken: an alert would end as "unknown ticker" because the gateway was slow."""
    async with open_scripted() as gateway, broker_for(gateway.port, question_timeout_s=0.1) as broker:
        await connected(broker)
        with pytest.raises(BrokerUnavailable, match="the contract of X"):
            await broker.contract("X", None)
        gateway.answers[CONTRACT] = lambda peer, fields: peer.send(4, 2, fields[2], 322, "busy", "")
        with pytest.raises(BrokerUnavailable, match="busy"):
            await broker.contract("X", None)
        gateway.answers[CONTRACT] = listed((1, "NYSE"))
        assert (await broker.contract("X", None)).con_id == 1


async def test_a_contract_is_asked_for_once() -> None:
    """Broken: every alert would cost a question, and none could be judged while IB is away."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.answers[CONTRACT] = listed((1, "NYSE"))
        first = await broker.contract("X", "NYSE")
        gateway.peer.cut()
        assert await broker.contract("X", "NYSE") == first
        assert gateway.count(CONTRACT) == 1


async def test_who_asks_for_the_same_contract_shares_the_question() -> None:
    """Broken: a burst of alerts for one new ticker would cost a message each; or who gave up would end it for the others."""
    async with open_scripted() as gateway, broker_for(gateway.port, question_timeout_s=60) as broker:
        await connected(broker)
        gateway.answers[CONTRACT] = lambda peer, fields: None
        gave_up, *others = (asyncio.create_task(broker.contract("X", None)) for _ in range(5))
        asked = await gateway.heard(CONTRACT)
        gave_up.cancel()
        listed((1, "NYSE"))(gateway.peer, asked)
        assert {(await one).con_id for one in others} == {1}
        assert gateway.count(CONTRACT) == 1


async def test_a_symbol_is_looked_up_anew_on_a_new_connection() -> None:
    """Broken: after a reverse split, or a rename, the bot would buy a contract that is gone until it is restarted."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.answers[CONTRACT] = listed((1, "NYSE"))
        assert (await broker.contract("X", None)).con_id == 1
        gateway.answers[CONTRACT] = listed((2, "NYSE"))
        assert (await broker.contract("X", None)).con_id == 1, "once a connection"
        gateway.peer.cut()
        await connected(broker)
        assert (await broker.contract("X", None)).con_id == 2


def ruled(*steps: object) -> Answer:
    """Answer the question for a market rule with these edges and increments."""
    return lambda peer, fields: peer.send(93, fields[1], len(steps) // 2, *steps)


async def test_prices_have_the_steps_of_the_market_rule() -> None:
    """Broken: a stop between two prices would be refused (110), and the position stand bare."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.answers[CONTRACT] = listed((1, "NASDAQ"))
        gateway.answers[MARKET_RULE] = ruled(0, 0.0001, 1, 0.01)
        found = await broker.contract("X", None)
        assert found.steps == PriceSteps(((D(0), D("0.0001")), (D(1), D("0.01"))))
        assert (await broker.contract("X", None)).steps == found.steps
        assert len([one for one in gateway.received if one[0] == str(MARKET_RULE)]) == 1


@pytest.mark.parametrize("answer", [lambda peer, fields: None, ruled(), ruled(0, 0), ruled(1, 0.01)])
async def test_steps_that_are_not_told_are_not_guessed(answer: Answer) -> None:
    """Broken: orders would leave at prices that IB may not take; or no BUY at the market, for which it does not matter."""
    async with open_scripted() as gateway, broker_for(gateway.port, question_timeout_s=0.3) as broker:
        await connected(broker)
        gateway.answers[CONTRACT] = listed((1, "NASDAQ"))
        gateway.answers[MARKET_RULE] = answer
        assert (await broker.contract("X", None)).steps is None


async def test_a_silent_rule_is_asked_for_again() -> None:
    """Broken: one lost answer would stop every bracket until the gateway is restarted."""
    async with open_scripted() as gateway, broker_for(gateway.port, question_timeout_s=0.3) as broker:
        await connected(broker)
        gateway.answers[CONTRACT] = listed((1, "NASDAQ"))
        answer = gateway.answers.pop(MARKET_RULE)
        assert (await broker.contract("X", None)).steps is None
        gateway.answers[MARKET_RULE] = answer
        assert (await broker.contract("X", None)).steps == CENTS
