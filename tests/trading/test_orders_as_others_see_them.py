"""What IB works on after an alert, as an independent TWS client sees it: docs/orders.md, and the orders of docs/alerts.md."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal

import pytest

from tests.bot import said
from tests.bot_fixtures import AtGateway, MakeAtGateway
from tests.docs import alerts_page
from tests.docs.orders_page import PAGE, Example, examples
from tests.trading.tws import quoted, sent, settled, trades_at_work
from tests.tws_client import Seen, TwsClient
from tradebot.domain.limits import FixedLimits
from tradebot.domain.payload.samples import Occasion, fill
from tradebot.domain.strategies import Strategy
from tradebot.domain.trades import Trade
from tradebot.simgateway import Gateway
from tradebot.trading.alert_rows import Accepted

BOT_CLIENT_ID, ACCOUNT = 1, "DU1234567"
GROUP_TYPE = 2  # what one sells is taken off the others, which are blocked meanwhile
NO_GROUP_TYPES = (0, 3)  # as IB shows an order that is in none
CENT = Decimal("0.01")
EXAMPLES = list(examples(PAGE.read_text("utf-8")))
BY_THE_ALERT = "all by the alert"
PRICED = [
    one
    for one in alerts_page.examples(alerts_page.PAGE.read_text("utf-8"))
    if one.said.get(BY_THE_ALERT, "").startswith("BUY ")
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
async def test_an_alert_becomes_the_orders_that_the_page_shows(
    make_at_gateway: MakeAtGateway, tws: TwsClient, example: Example
) -> None:
    """Somebody pastes an example, and IB works on another order than the page shows, in another group, or not on all of them."""
    there = await at_gateway(make_at_gateway, example.strategy)
    for message in example.messages[:-1]:
        await settled(there, await sent(there, message))
    accepted = await sent(there, example.messages[-1])
    await settled(there, accepted)
    assert (example.refused or "") in await reason(there, accepted)
    seen, trades = await tws.open_orders(there.gateway.port), await trades_at_work(there)
    assert drawn(seen, trades) == list(example.orders)
    assert [one.order_ref for one in seen] == list(trades)
    if seen:
        are_one_group(seen)
        are_in_the_books(seen, trades)
        # IB tells nobody which of them was held back for the rest of the group: the gateway has it as it came.
        transmit = [there.gateway.book.orders[one.perm_id].ticket.transmit for one in seen]
        assert transmit == [*(False for _ in seen[1:]), True]


@pytest.mark.parametrize("example", PRICED, ids=str)
async def test_other_services_alerts_become_what_their_page_says(
    make_at_gateway: MakeAtGateway, tws: TwsClient, example: alerts_page.Example
) -> None:
    """The page of alerts, and `lint-alert` with it, would promise another bracket than the one that works at IB."""
    [message] = [one for one in fill(example.message) if one.occasion is Occasion.CONDITION]
    there = await at_gateway(make_at_gateway, alerts_page.STRATEGIES[BY_THE_ALERT])
    await settled(there, await sent(there, message.text))
    seen = await tws.open_orders(there.gateway.port)
    assert f"BUY {told(seen)}" == example.said[BY_THE_ALERT]


async def at_gateway(make: MakeAtGateway, strategy: Strategy) -> AtGateway:
    """Its one strategy is this; what buys at the market is held, so that it is seen."""

    def arm(gateway: Gateway) -> None:
        quoted(gateway)
        gateway.faults.arm("hold", times=0, action="BUY")

    return await make(arm=arm, strategies=(strategy,), fixed_limits=FixedLimits(repeat_window_s=0))


async def reason(there: AtGateway, accepted: Accepted) -> str:
    """Why it was refused; nothing where it was not."""
    return accepted.reason or said((await there.bot.row(accepted.alert_id)).reason)


def are_one_group(seen: Sequence[Seen]) -> None:
    """An entry and its children, of which IB takes off the one what the other sells."""
    entry, *children = seen
    assert (entry.parent_id, entry.oca_group, entry.oca_type in NO_GROUP_TYPES) == (0, "", True)
    ids = [one.order_id for one in seen]
    assert ids == sorted(set(ids))
    for one in children:
        assert (one.parent_id, one.oca_group, one.oca_type) == (entry.order_id, f"{entry.order_ref}-g", GROUP_TYPE)
        assert (one.action, one.tif, one.outside_rth, one.quantity) == ("SELL", "GTC", False, entry.quantity)


def are_in_the_books(seen: Sequence[Seen], trades: Mapping[str, Trade]) -> None:
    """Under IB's ids, with the same terms, at prices that the stock may have."""
    for one in seen:
        trade = trades[one.order_ref]
        assert (one.order_id, one.perm_id) == (trade.ib_order_id, trade.perm_id)
        assert (one.client_id, one.account, one.quantity) == (BOT_CLIENT_ID, ACCOUNT, trade.requested_qty)
        assert asked_for(one) == asked_by(trade)
        for price in (one.limit, one.aux, one.trail_stop):
            assert Decimal(str(price or 0)) % CENT == 0


# --- saying what was seen --------------------------------------------------------------------------------------------


def drawn(seen: Sequence[Seen], trades: Mapping[str, Trade]) -> list[str]:
    """As docs/orders.md shows them, children as branches of their entry."""
    lines = []
    for number, one in enumerate(seen):
        last = number + 1 == len(seen) or not seen[number + 1].parent_id
        branch = "" if not one.parent_id else "└ " if last else "├ "
        time = one.tif
        if one.ends_at is not None:
            wait = one.ends_at - trades[one.order_ref].created_at
            time = f"{one.tif} for {math.ceil(wait.total_seconds())} s"
        outside = ", outside regular hours" if one.outside_rth else ""
        lines.append(f"{branch}{one.action} {one.quantity:g} {one.symbol} {priced(one)}, {time}{outside}")
    return lines


def priced(one: Seen) -> str:
    match one.type:
        case "LMT":
            return f"LMT {one.limit:.2f}"
        case "STP":
            return f"STP {one.aux:.2f}"
        case "STP LMT":
            return f"STP LMT {one.aux:.2f} limit {one.limit:.2f}"
        case "TRAIL":
            behind = f"{one.trail_pct:g}%" if one.trail_pct is not None else f"{one.aux:.2f}"
            return f"TRAIL {one.trail_stop:.2f} by {behind}"
    return one.type


def told(seen: Sequence[Seen]) -> str:
    """As docs/alerts.md says it."""
    entry, *children = seen
    limit = f" at a limit of ${entry.limit:.2f}" if entry.type == "LMT" else ""
    levels = {
        "STP": lambda one: f", stop ${one.aux:.2f}",
        "STP LMT": lambda one: f", stop ${one.aux:.2f}",
        "TRAIL": lambda one: f", trailing stop ${one.trail_stop:.2f}",
        "LMT": lambda one: f", target ${one.limit:.2f}",
    }
    return f"{entry.quantity:g} {entry.symbol}{limit}" + "".join(levels[one.type](one) for one in children)


def asked_for(one: Seen) -> tuple[object, ...]:
    """What IB is to do, by the client's own fields."""
    trails, stops = one.type == "TRAIL", one.type in ("STP", "STP LMT")
    return (
        *(one.type, one.limit or None, one.trail_stop if trails else one.aux if stops else None),
        *(one.aux or None if trails else None, one.trail_pct, one.tif, one.ends_at, one.outside_rth),
    )


def asked_by(trade: Trade) -> tuple[object, ...]:
    """The same by the books."""
    how = trade.terms
    return (
        *(how.type, shown(how.limit_price), shown(how.stop_price), shown(how.trail_amount), shown(how.trail_pct)),
        *(how.tif, how.good_till, how.outside_rth),
    )


def shown(price: Decimal | None) -> float | None:
    return None if price is None else float(price)
