"""Account, positions and the questions for them."""

import asyncio
from decimal import Decimal

import pytest

from tests.adapters.broker.helpers import AAPL, broker_for, connected, event, events_until, order, place
from tests.adapters.broker.scripted import (
    ACCOUNT,
    ALL_OPEN_ORDERS,
    COMPLETED,
    CONTRACT,
    EXECUTIONS,
    POSITIONS,
    Peer,
    ScriptedGateway,
    open_scripted,
    recorded,
)
from tradebot.broker import IbBroker
from tradebot.broker.client import REQUESTS_MAX
from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import Account, BrokerEvent, BrokerPosition, Connected, Executed, Refused
from tradebot.domain.questions import Question
from tradebot.errors import BrokerSilent, BrokerUnavailable
from tradebot.simgateway import GatewaySettings, open_gateway

SIMULATED = GatewaySettings(
    port=0, moving=False, fill_latency_s=0, positions=(("AAPL", Decimal(10), Decimal("150.5")),)
)
ME = "DU1234567"
D = Decimal
PNL = 92  # reqPnL
DBL_MAX = "1.7976931348623157E308"


def tell_position(peer: Peer, qty: str, account: str = ME, kind: str = "STK") -> None:
    peer.send(61, 3, account, 265598, "AAPL", kind, "", "0", "", "", "NASDAQ", "USD", "AAPL", "NMS", qty, "150.5")


def values(broker: IbBroker) -> Account:
    account = broker.account()
    assert account is not None
    return account


async def test_positions_and_orders_are_asked_of_ib() -> None:
    """Broken: a SELL would be judged on what the bot believes instead of on what IB holds."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.owner_order("AAPL", "SELL", Decimal(4), Decimal(9999))
        held = await broker.position_report()
        assert held.positions[265598].qty == 10
        assert held.positions[265598].avg_cost == Decimal("150.5")
        [mine] = held.open_orders
        assert (mine.side, mine.qty, mine.filled, mine.con_id, mine.is_ours) == (Side.SELL, 4, 0, 265598, False)


async def test_positions_carry_ibs_prices_and_follow_fills() -> None:
    """Broken: the owner would see old quantities, or values by invented prices."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        shown = broker.positions()
        assert shown is not None
        assert shown[AAPL.con_id].market_price == gateway.quote("AAPL").last
        place(broker, order(side=Side.SELL))
        await event(broker, Executed)
        async with asyncio.timeout(50):
            while broker.positions():  # streamed by the gateway a moment after the fill
                await broker.open_orders()


async def test_values_are_usd_or_unknown() -> None:
    """Broken: euros would be spent as dollars, and an empty value taken for zero."""
    async with open_scripted() as gateway:
        gateway.values = [
            ("AccountType", "INDIVIDUAL", ""),
            ("TradingType-S", "STKCASH", ""),
            ("TotalCashBalance", "77", "EUR"),
            ("TotalCashBalance", "1000.50", "USD"),
            ("TotalCashBalance", "1077", "BASE"),
            ("SettledCash", "", "USD"),
            ("NetLiquidation", "5000", "EUR"),
            ("BuyingPower", DBL_MAX, "USD"),
            ("UnrealizedPnL", "-12.50", "USD"),
            ("UnrealizedPnL", "99", "BASE"),
            ("RealizedPnL", "3", "EUR"),
        ]
        async with broker_for(gateway.port) as broker:
            await connected(broker)
            told = values(broker)
            assert (told.cash, told.settled_cash, told.equity, told.buying_power) == (
                Decimal("1000.5"),
                None,
                None,
                None,
            )
            assert told.is_cash_account
            assert told.spendable is None
            assert (told.unrealised, told.realised_today) == (Decimal("-12.5"), None)


USD_AND_EUR = [  # IB's rate: 1 USD = 0.92 EUR
    ("TradingType-S", "STKCASH", ""),
    ("TotalCashBalance", "98400", "BASE"),
    ("TotalCashBalance", "80000", "EUR"),
    ("TotalCashBalance", "20000", "USD"),
    ("ExchangeRate", "1.00", "EUR"),
    ("ExchangeRate", "0.92", "USD"),
    ("TotalCashValue", "98400", "EUR"),
]


@pytest.mark.parametrize(
    ("settled", "without", "spendable"),
    [
        ("98400", (), D(20_000)),  # all of it
        ("98000", (), D(20_000) - D(400) / D("0.92")),  # what has not settled may be all USD
        ("99999", (), D(20_000)),  # what is bought and not paid for yet is no more to spend
        ("60000", (), D(20_000) - D(38_400) / D("0.92")),
        ("98000", ("ExchangeRate",), None),
        ("98400", ("ExchangeRate",), D(20_000)),
        ("", (), None),
    ],
)
async def test_settled_cash_in_another_currency_is_a_careful_figure_in_usd(
    settled: str, without: tuple[str, ...], spendable: Decimal | None
) -> None:
    """Broken: a cash account in euros could not buy with its dollars, or would spend dollars that have not settled."""
    async with open_scripted() as gateway:
        gateway.values = [value for value in USD_AND_EUR if value[0] not in without]
        gateway.values.append(("SettledCash", settled, "EUR"))
        async with broker_for(gateway.port) as broker:
            await connected(broker)
            assert values(broker).spendable == spendable


async def test_an_account_without_usd_says_what_it_has() -> None:
    """Broken: the owner would be told that the cash is unknown, instead of that there is none in USD."""
    async with open_scripted() as gateway:
        gateway.values = [("TotalCashBalance", "80000", "EUR"), ("TotalCashValue", "80000", "EUR")]
        async with broker_for(gateway.port) as broker:
            await connected(broker)
            told = values(broker)
            assert (told.cash, told.base_currency, told.base_cash) == (None, "EUR", D(80_000))


@pytest.mark.parametrize(
    ("tag", "kind", "is_cash"),
    [
        ("AccountType", "CASH", True),
        ("AccountType", "STKCASH", True),
        ("TradingType-S", "STKCASH", True),
        ("AccountType", "STKNOPT", False),
        ("TradingType-S", "STKNOPT", False),
        ("TradingType-S", "STKMRGN", False),
        ("AccountType", "INDIVIDUAL", False),
    ],
)
async def test_the_accounts_type_by_ibs_words(tag: str, kind: str, is_cash: bool) -> None:
    """Broken: a cash account would spend what has not settled, or a margin account wait for settlements."""
    async with open_scripted() as gateway:
        gateway.values += [(tag, kind, ""), ("NetLiquidation", "5000", "USD"), ("SettledCash", "400", "USD")]
        async with broker_for(gateway.port) as broker:
            await connected(broker)
            assert values(broker).is_cash_account is is_cash
            assert values(broker).spendable == (D(400) if is_cash else D("1000.5"))


async def test_ibs_own_result_of_the_day_is_known() -> None:
    """Broken: the owner would look into TWS for it; or IB's "not set" would be shown as a number."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        asked = await gateway.heard(PNL)
        assert asked[2] == ME
        assert values(broker).daily_pnl is None
        for told, known in (("-12.5", D("-12.5")), (DBL_MAX, None)):
            gateway.peer.send(94, asked[1], told, "3", DBL_MAX)
            await broker.open_orders()
            assert values(broker).daily_pnl == known


async def test_the_day_s_profit_is_ibs() -> None:
    """Broken: the account's worth would be stored without what was won and lost, or with one in the other's place."""
    async with open_gateway(SIMULATED) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        held = values(broker)
        assert held.unrealised == (gateway.quote("AAPL").last - Decimal("150.5")) * 10
        assert held.realised_today == 0
        place(broker, order(side=Side.SELL))
        await event(broker, Executed)
        async with asyncio.timeout(50):
            while not values(broker).realised_today:  # streamed by the gateway a moment after the fill
                await broker.open_orders()
        assert values(broker).unrealised == 0


async def test_cash_is_as_old_as_the_last_time_it_was_told() -> None:
    """Broken: a fill that the cash does not contain yet would be taken as contained, and its money spent twice."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        first = values(broker)
        gateway.peer.send(6, 2, "BuyingPower", "4000", "USD", ME)
        gateway.peer.send(8, 1, "15:31")
        await broker.open_orders()
        assert values(broker).buying_power == 4000
        assert values(broker).at == first.at
        gateway.peer.send(6, 2, "TotalCashBalance", "900", "USD", ME)
        await broker.open_orders()
        assert values(broker).cash == first.cash, "the batch was not complete"
        gateway.peer.send(8, 1, "15:32")
        await broker.open_orders()
        assert values(broker).cash == 900
        assert values(broker).at > first.at


async def test_a_part_of_the_values_is_none_of_them() -> None:
    """Broken: after a loss of data, a first value would pass for the whole account."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        del gateway.answers[ACCOUNT]
        gateway.peer.send(4, 2, -1, 1101, "restored, data lost", "")
        await gateway.heard(ACCOUNT, times=2)
        gateway.peer.send(6, 2, "TotalCashBalance", "900", "USD", ME)
        gateway.peer.send(8, 1, "15:31")
        await broker.open_orders()
        assert broker.account() is None
        gateway.tell_account(gateway.peer)
        await broker.open_orders()
        assert broker.account() is not None


async def test_values_are_unknown_while_ib_says_so() -> None:
    """Broken: during IB's reset the bot would trade on what it knew before."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.peer.send(6, 2, "AccountReady", "false", "", ME)
        await broker.open_orders()
        assert broker.account() is None
        gateway.peer.send(6, 2, "AccountReady", "true", "", ME)
        await broker.open_orders()
        assert broker.account() is None, "what it knows is from before"
        gateway.peer.send(8, 1, "15:31")
        await broker.open_orders()
        assert broker.account() is not None


async def test_only_stocks_of_this_account_count() -> None:
    """Broken: options, or another account's shares, would be sold as this one's."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)

        def positions(peer: Peer, _: list[str]) -> None:
            tell_position(peer, "5", account="DU9")
            tell_position(peer, "7", kind="OPT")
            tell_position(peer, "3")
            peer.send(62, 1)

        gateway.answers[POSITIONS] = positions
        assert (await broker.position_report()).positions == {
            265598: BrokerPosition(265598, "AAPL", Decimal(3), Decimal("150.5"), None)
        }
        tell_position(gateway.peer, "0")
        await broker.open_orders()
        assert broker.positions() == {}


async def test_orders_are_asked_for_before_positions() -> None:
    """Broken: an owner's SELL that fills in between would be neither an order nor gone from the position, and sold again."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.received.clear()
        await broker.position_report()
        assert [int(fields[0]) for fields in gateway.received] == [ALL_OPEN_ORDERS, POSITIONS]


async def test_who_comes_later_shares_the_next_question() -> None:
    """Broken: a burst would ask a hundred times, or an alert would be judged on an answer older than itself."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        answer = gateway.answers.pop(ALL_OPEN_ORDERS)
        first = asyncio.create_task(broker.position_report())
        await gateway.heard(ALL_OPEN_ORDERS)
        later = [asyncio.create_task(broker.position_report()) for _ in range(5)]
        gateway.answers[ALL_OPEN_ORDERS] = answer
        answer(gateway.peer, [])
        earlier, *same = await asyncio.gather(first, *later)
        assert gateway.count(ALL_OPEN_ORDERS) == 2
        assert all(each is same[0] for each in same)
        assert same[0].at > earlier.at


@pytest.mark.parametrize(
    ("message", "name"),
    [
        (ALL_OPEN_ORDERS, "open orders"),
        (COMPLETED, "completed orders"),
        (EXECUTIONS, "executions"),
        (POSITIONS, "positions"),
    ],
)
async def test_a_lost_answer_is_named_and_the_next_one_comes(message: int, name: str) -> None:
    """Broken: one lost answer would block every later question, or be taken for "there is nothing"."""
    async with open_scripted() as gateway, broker_for(gateway.port, question_timeout_s=0.1) as broker:
        await connected(broker)
        ask = {
            ALL_OPEN_ORDERS: broker.open_orders,
            COMPLETED: broker.completed_orders,
            EXECUTIONS: broker.executions,
            POSITIONS: broker.position_report,
        }[message]
        answer = gateway.answers.pop(message)
        with pytest.raises(BrokerUnavailable, match=name):
            await ask()
        gateway.answers[message] = answer
        await ask()


async def test_a_late_answer_does_not_answer_the_next_question() -> None:
    """Broken: a position sold meanwhile would be sold again on the answer to an earlier question."""
    async with open_scripted() as gateway, broker_for(gateway.port, question_timeout_s=0.2) as broker:
        await connected(broker)
        del gateway.answers[POSITIONS]
        with pytest.raises(BrokerUnavailable):
            await broker.position_report()

        def both(peer: Peer, _: list[str]) -> None:
            tell_position(peer, "10")  # the first answer, only now
            peer.send(62, 1)
            peer.send(62, 1)  # the second: nothing is held any more

        gateway.answers[POSITIONS] = both
        assert (await broker.position_report()).positions == {}
        gateway.answers[POSITIONS] = lambda peer, _: peer.send(62, 1)
        async with asyncio.timeout(0.5):  # nothing is owed any more
            await broker.position_report()


@pytest.mark.parametrize(
    ("question", "ask", "message"),
    [
        (ALL_OPEN_ORDERS, "open_orders", 5),
        (EXECUTIONS, "executions", 11),
        (POSITIONS, "position_report", 61),
        (COMPLETED, "completed_orders", 101),
    ],
)
async def test_an_answer_that_cannot_be_read_is_no_answer(question: int, ask: str, message: int) -> None:
    """Broken: an order at IB would count as absent, and so as never sent; or a position as sold."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        answer = gateway.answers[question]

        def garbled(peer: Peer, fields: list[str]) -> None:
            peer.send(message, "x", "?", "nonsense", "-")
            answer(peer, fields)

        gateway.answers[question] = garbled
        with pytest.raises(BrokerUnavailable, match="cannot be read"):
            await getattr(broker, ask)()
        gateway.answers[question] = answer
        assert (await connected(broker)).generation == 2
        await getattr(broker, ask)()


async def test_what_cannot_be_read_is_told_once() -> None:
    """The owner would not know why nothing is traded, or be told with every try, all night."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        gateway.answers[COMPLETED] = lambda peer, _: peer.send(101, "x")
        told: list[BrokerEvent] = []
        for _ in range(4):
            told += await events_until(broker, lambda one: isinstance(one, Connected))
            with pytest.raises(BrokerUnavailable, match="cannot be read"):
                await broker.completed_orders()
        [refused] = [one for one in told if isinstance(one, Refused)]
        assert "told of a completed order in a message that cannot be read" in refused.reason


async def test_a_late_answer_between_questions_is_forgotten() -> None:
    """Broken: every later question would wait for an answer that has come long ago."""
    async with open_scripted() as gateway, broker_for(gateway.port, question_timeout_s=0.2) as broker:
        await connected(broker)
        answer = gateway.answers.pop(ALL_OPEN_ORDERS)
        with pytest.raises(BrokerUnavailable):
            await broker.open_orders()
        answer(gateway.peer, [])
        await broker.executions()
        gateway.answers[ALL_OPEN_ORDERS] = answer
        async with asyncio.timeout(0.5):
            assert await broker.open_orders() == []


async def test_a_question_ends_with_its_connection() -> None:
    """Broken: who asks would wait the whole time-out for an answer that cannot come."""
    async with open_scripted() as gateway, broker_for(gateway.port, question_timeout_s=60) as broker:
        await connected(broker)
        del gateway.answers[ALL_OPEN_ORDERS]
        asking = asyncio.create_task(broker.position_report())
        await gateway.heard(ALL_OPEN_ORDERS)
        gateway.peer.cut()
        with pytest.raises(BrokerUnavailable, match="lost"):
            async with asyncio.timeout(50):
                await asking


async def test_a_question_whose_turn_comes_too_late() -> None:
    """Broken: a connection lost while a question waits for its turn would raise what no caller expects."""
    async with open_scripted() as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        tickers = [asyncio.create_task(broker.contract(str(number), None)) for number in range(40)]
        await gateway.heard(CONTRACT)
        asking = asyncio.create_task(broker.executions())
        await asyncio.sleep(0)  # it waits for room
        gateway.peer.cut()
        outcomes = await asyncio.gather(asking, *tickers, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {BrokerUnavailable}


async def test_executions_of_another_account_are_not_told() -> None:
    """Broken: with several accounts, another one's trades would be taken for the bot's."""
    fill = recorded("market-order-aapl-v173.txt")[6]
    script = ScriptedGateway()
    script.version = 173

    def executions(peer: Peer, fields: list[str]) -> None:
        for account in ("DU9", ME):
            peer.send(11, fields[2], *fill[2:14], f"{account}.01", fill[15], account, *fill[17:])
        peer.send(55, 1, fields[2])

    script.answers[EXECUTIONS] = executions
    async with open_scripted(script) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        assert [each.exec_id for each in await broker.executions()] == [f"{ME}.01"]


@pytest.mark.parametrize(
    ("told", "utc"),
    [
        ("20250415  19:38:31", "2025-04-15T18:38:31+00:00"),
        ("20250415 14:38:31 US/Eastern", "2025-04-15T18:38:31+00:00"),
        ("20250415-18:38:31", "2025-04-15T18:38:31+00:00"),
        ("20250415 19:38:31 Nowhere/Land", "2025-04-15T18:38:31+00:00"),
    ],
)
async def test_times_of_fills_are_utc(told: str, utc: str) -> None:
    """Broken: fills would land on the wrong trading day, or be thrown away for the zone's name."""
    script = ScriptedGateway()
    script.version, script.greeting = 173, "20250415 19:38:30 Europe/London"
    fill = recorded("market-order-aapl-v173.txt")[6]
    fill[15] = told

    def executions(peer: Peer, fields: list[str]) -> None:
        fill[1] = fields[2]
        peer.send(*fill)
        peer.send(59, 1, fill[14], "1.0", "USD", DBL_MAX, DBL_MAX, "")
        peer.send(55, 1, fields[2])

    script.answers[EXECUTIONS] = executions
    async with open_scripted(script) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        [execution] = await broker.executions()
        assert execution.time.isoformat() == utc
        assert (execution.commission, execution.realised) == (Decimal(1), None)
        asked = await gateway.heard(EXECUTIONS)
        assert (asked[3], asked[4]) == ("0", ME), "every client's, this account's"
        assert gateway.count(ACCOUNT) == 1


async def test_a_silent_question_holds_up_no_holdings() -> None:
    """Broken: a SELL would wait ten seconds for its position, behind a question about something else."""
    async with open_scripted() as gateway, broker_for(gateway.port, question_timeout_s=60) as broker:
        await connected(broker)
        for question in (COMPLETED, EXECUTIONS):
            del gateway.answers[question]
        asking = [asyncio.create_task(broker.completed_orders()), asyncio.create_task(broker.executions())]
        await gateway.heard(COMPLETED)
        await gateway.heard(EXECUTIONS)
        async with asyncio.timeout(50):  # shorter than the silent questions' own
            await broker.position_report()
        assert not any(task.done() for task in asking)
        gateway.peer.cut()
        await asyncio.gather(*asking, return_exceptions=True)


async def test_two_questions_of_one_kind_wait_for_each_other() -> None:
    """Broken: the answer to one would be taken for the other's, or end both."""
    async with open_scripted() as gateway, broker_for(gateway.port, question_timeout_s=60) as broker:
        await connected(broker)
        answer = gateway.answers.pop(COMPLETED)
        first, second = (asyncio.create_task(broker.completed_orders()) for _ in range(2))
        await gateway.heard(COMPLETED)
        await broker.position_report()
        assert gateway.count(COMPLETED) == 1
        gateway.answers[COMPLETED] = answer
        answer(gateway.peer, [])
        assert [await first, await second] == [[], []]
        assert gateway.count(COMPLETED) == 2


async def test_many_exits_at_once_ask_little() -> None:
    """Broken: each of fifty exits would ask for all positions, and use up the messages that their orders need."""
    async with open_scripted() as gateway, broker_for(gateway.port, question_timeout_s=60) as broker:
        await connected(broker)
        before = gateway.count(ALL_OPEN_ORDERS)
        asking = []
        for _ in range(50):
            asking.append(asyncio.create_task(broker.position_report()))
            await asyncio.sleep(0)
            if len(asking) == 25:
                await asking[0]  # the others come later
        await asyncio.gather(*asking)
        assert gateway.count(ALL_OPEN_ORDERS) - before <= 3


async def test_an_unanswered_question_is_silent_and_a_lost_one_is_not() -> None:
    """Broken: the owner would be told that IB does not answer whenever a connection breaks, or never."""
    async with open_scripted() as gateway, broker_for(gateway.port, question_timeout_s=0.2) as broker:
        await connected(broker)
        del gateway.answers[EXECUTIONS]
        with pytest.raises(BrokerSilent) as silent:
            await broker.executions()
        assert silent.value.question == Question.EXECUTIONS
        gateway.answers[EXECUTIONS] = lambda peer, _: peer.cut()
        with pytest.raises(BrokerUnavailable) as lost:
            await broker.executions()
        assert not isinstance(lost.value, BrokerSilent)
        assert broker.unanswered == {Question.EXECUTIONS: 1}


async def test_holdings_overtake_questions_that_wait_for_room() -> None:
    """Broken: an exit would wait behind the look-ups of forty BUYs."""
    async with open_scripted() as gateway, broker_for(gateway.port, question_timeout_s=60) as broker:
        await connected(broker)
        tickers = [asyncio.create_task(broker.contract(str(number), None)) for number in range(40)]
        await asyncio.create_task(broker.position_report())
        asked = [fields[0] for fields in gateway.received]
        waited_for = asked[: len(asked) - 1 - asked[::-1].index(str(ALL_OPEN_ORDERS))]
        assert waited_for.count(str(CONTRACT)) <= REQUESTS_MAX, "the others still wait for room"
        gateway.peer.cut()
        await asyncio.gather(*tickers, return_exceptions=True)
