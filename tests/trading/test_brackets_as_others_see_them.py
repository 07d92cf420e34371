"""A bracket's life, and what people and nights do to it, as an independent TWS client sees it: docs/orders.md."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from tests.bot_fixtures import AtGateway, MakeAtGateway
from tests.docs.orders_page import PAGE, examples, life
from tests.trading.tws import quoted, sent, settled
from tests.tws_client import Seen, TwsClient
from tradebot.domain.events import EventKind
from tradebot.domain.strategies import ExitSize
from tradebot.domain.trades import OrderRole, Trade
from tradebot.simgateway import entries, sessions
from tradebot.trading.alert_rows import Outcome
from tradebot.words import events as words

EXAMPLE = next(examples(PAGE.read_text("utf-8")))
BRACKET = (
    '{"action": "buy", "ticker": "AAPL", "quantity": 10, "limit_price": 185.5, "time_in_force": "day", "stop_loss": 180,'
    ' "take_profit": 199}'
)
WAITS, HELD = ["LMT 10", "STP 10", "LMT 10"], ["STP 10", "LMT 10"]
ENTRY, STOP, TARGET = OrderRole.ENTRY, OrderRole.STOP, OrderRole.TARGET
SELL, SELL_4 = '{"action": "sell", "ticker": "AAPL"}', '{"action": "sell", "ticker": "AAPL", "quantity": 4}'


@dataclass(frozen=True)
class State:
    """A bracket of 10 before something happens to it."""

    tif: str = "day"
    bought: int = 0


DAY, GTC, BOUGHT_4, BOUGHT = State(), State("gtc"), State(bought=4), State(bought=10)


async def test_a_bracket_lives_as_the_page_shows(make_at_gateway: MakeAtGateway, tws: TwsClient) -> None:
    """The picture would show what IB never does, or the owner be told something else, or nothing."""
    moments = life(PAGE.read_text("utf-8"))
    there = await make_at_gateway(arm=quoted, strategies=(EXAMPLE.strategy,))
    bot, gateway = there.bot, there.gateway
    await settled(there, await sent(there, EXAMPLE.messages[0]))
    entry, stop, target = [one.perm_id for one in await tws.open_orders(gateway.port)]
    happens: Mapping[str, Callable[[], None]] = {
        "the alert comes": lambda: None,
        "4 shares are bought": lambda: gateway.fill(entry, Decimal(4), Decimal("185.50")),
        "the other 6 are bought": lambda: gateway.fill(entry, Decimal(6), Decimal("185.50")),
        "the target sells 3": lambda: gateway.fill(target, Decimal(3), Decimal(199)),
        "the market falls to 179.90": lambda: gateway.set_quote("AAPL", *map(Decimal, ("179.90", "179.92", "179.90"))),
    }
    assert [one.what for one in moments] == list(happens)
    before = 0
    for moment in moments:
        happens[moment.what]()

        async def is_so(told: str = moment.told, since: int = before) -> bool:
            return any(told in words.text(event) for event in (await bot.events())[since:])

        await bot.sooner_or_later(is_so, f"{moment.what}: {moment.told} is told")
        before = len(await bot.events())
        seen = {one.perm_id: one for one in await tws.open_orders(gateway.port)}
        assert [state(seen.get(one)) for one in (entry, stop, target)] == list(moment.orders), moment.what


def state(one: Seen | None) -> str:
    return "over" if one is None else f"`{one.status}`, {one.filled:g} of {one.quantity:g}"


async def bracket(make: MakeAtGateway, state: State) -> AtGateway:
    """One of 10 in this state."""
    there = await make(arm=quoted, strategies=(replace(EXAMPLE.strategy, exit_size=ExitSize.ALERT),))
    await settled(there, await sent(there, BRACKET.replace("day", state.tif)))
    if state.bought:
        there.gateway.fill((await of(there, ENTRY)).perm_id or 0, Decimal(state.bought), Decimal("185.50"))
        await there.bot.told(EventKind.PARTIAL_FILL if state.bought < 10 else EventKind.PROTECTION_WORKS)
        there.bot.clock.skip(11)
    return there


# --- what people do, and nights ----------------------------------------------------------------------------------------


async def of(there: AtGateway, role: OrderRole) -> Trade:
    return next(one for one in await there.bot.trades() if one.role is role)


async def pause(there: AtGateway) -> None:
    await there.bot.operations.pause("owner", "key")


async def kill(there: AtGateway) -> None:
    await there.bot.operations.kill("owner")


async def close(there: AtGateway) -> None:
    sessions.close_now(there.gateway)


async def night(there: AtGateway) -> None:
    """From one session to the next, with the gateway's own restart in between."""
    sessions.close_now(there.gateway)
    there.gateway.midnight()
    before = there.broker.connection.generation
    there.gateway.restart(0)
    there.gateway.drop_all()

    async def is_back() -> bool:
        return there.broker.connection.generation > before and not there.bot.gate.reasons

    await there.bot.sooner_or_later(is_back, "the bot is connected again, and its gate open")
    sessions.open_now(there.gateway)


def cancel(role: OrderRole) -> Callable[[AtGateway], Awaitable[None]]:
    async def act(there: AtGateway) -> None:
        """By the button under /orders."""
        assert await there.bot.operations.cancel_order((await of(there, role)).id, "owner")

    return act


def cancel_in_tws(role: OrderRole) -> Callable[[AtGateway], Awaitable[None]]:
    async def act(there: AtGateway) -> None:
        there.gateway.desk.cancel(there.gateway.book.orders[(await of(there, role)).perm_id or 0])

    return act


def trade_in_tws(action: str, shares: int) -> Callable[[AtGateway], Awaitable[None]]:
    async def act(there: AtGateway) -> None:
        there.gateway.owner_order("AAPL", action, Decimal(shares))

    return act


def size_in_tws(role: OrderRole, shares: int) -> Callable[[AtGateway], Awaitable[None]]:
    async def act(there: AtGateway) -> None:
        order = there.gateway.book.orders[(await of(there, role)).perm_id or 0]
        now = there.gateway.now()
        there.gateway.commit(entries.Modified(now, order.perm_id, Decimal(shares), order.ticket.limit, order.stop))

    return act


def alert(message: str) -> Callable[[AtGateway], Awaitable[None]]:
    async def act(there: AtGateway) -> None:
        assert (await sent(there, message)).status is Outcome.QUEUED

    return act


@pytest.mark.parametrize(
    ("state", "act", "left", "held"),
    [
        pytest.param(DAY, pause, WAITS, 0, id="waiting, a pause"),
        pytest.param(DAY, kill, [], 0, id="waiting, /kill"),
        pytest.param(DAY, cancel(ENTRY), [], 0, id="waiting, the entry's button"),
        pytest.param(DAY, cancel_in_tws(ENTRY), [], 0, id="waiting, the entry cancelled in TWS"),
        pytest.param(DAY, alert(SELL), [], 0, id="waiting, a SELL"),
        pytest.param(DAY, close, [], 0, id="waiting for the day, the close"),
        pytest.param(GTC, night, WAITS, 0, id="waiting until cancelled, a night"),
        pytest.param(
            BOUGHT_4, cancel_in_tws(ENTRY), ["STP 4", "LMT 4"], 4, id="bought in part, the entry cancelled in TWS"
        ),
        pytest.param(BOUGHT_4, close, ["STP 4", "LMT 4"], 4, id="bought in part, the close"),
        pytest.param(BOUGHT_4, kill, ["STP 4", "LMT 4"], 4, id="bought in part, /kill"),
        pytest.param(BOUGHT, pause, HELD, 10, id="held, a pause"),
        pytest.param(BOUGHT, kill, HELD, 10, id="held, /kill"),
        pytest.param(BOUGHT, night, HELD, 10, id="held, a night"),
        pytest.param(BOUGHT, cancel(STOP), ["LMT 10"], 10, id="held, the stop's button"),
        pytest.param(BOUGHT, cancel_in_tws(STOP), ["LMT 10"], 10, id="held, the stop cancelled in TWS"),
        pytest.param(BOUGHT, cancel_in_tws(TARGET), ["STP 10"], 10, id="held, the target cancelled in TWS"),
        pytest.param(BOUGHT, trade_in_tws("SELL", 3), ["STP 7", "LMT 7"], 7, id="held, 3 sold in TWS"),
        pytest.param(BOUGHT, trade_in_tws("BUY", 5), HELD, 15, id="held, 5 more bought in TWS"),
        pytest.param(BOUGHT, size_in_tws(STOP, 6), HELD, 10, id="held, the stop made smaller in TWS"),
        pytest.param(BOUGHT, alert(SELL), [], 0, id="held, a SELL"),
        pytest.param(BOUGHT, alert(SELL_4), ["STP 6", "LMT 6"], 6, id="held, a SELL of 4"),
    ],
)
async def test_what_people_do_to_a_bracket(
    make_at_gateway: MakeAtGateway,
    tws: TwsClient,
    state: State,
    act: Callable[[AtGateway], Awaitable[None]],
    left: Sequence[str],
    held: int,
) -> None:
    """The page would promise a stop that is gone, or that one is gone which works on and sells what nobody holds."""
    there = await bracket(make_at_gateway, state)
    bot, gateway = there.bot, there.gateway
    await act(there)

    async def is_so() -> bool:
        seen = await tws.open_orders(gateway.port)
        there_are = [f"{one.type} {one.remaining:g}" for one in seen]
        positions = [one.quantity for one in gateway.book.positions.values()]
        return there_are == list(left) and sum(positions) == held

    await bot.sooner_or_later(is_so, f"{left} are left")
    await bot.seconds(30, at_once=3)
    assert await is_so(), [f"{one.type} {one.remaining:g}" for one in await tws.open_orders(gateway.port)]


async def test_a_size_that_is_changed_in_tws_is_told_as_what_it_is(make_at_gateway: MakeAtGateway) -> None:
    """The owner reads that more shares are held, where somebody made their stop smaller."""
    there = await bracket(make_at_gateway, BOUGHT)
    await size_in_tws(STOP, 6)(there)

    async def is_told() -> bool:
        return bool(await there.bot.events(EventKind.PROTECTION_CHANGED))

    await there.bot.sooner_or_later(is_told, "that the stop is made larger is told")
    [event] = await there.bot.events(EventKind.PROTECTION_CHANGED)
    assert words.text(event).startswith("AAPL: stop $180.00 for 10 shares had another size at IB, not by the bot,")
