"""Orders that hang together: an entry with its stop and target, what fills, moves or ends one of them, and a kill on the way.

In the end the stop has sold what was held, or an exit where the owner was told that there is none: nothing outlives its shares.
"""

import signal
from decimal import Decimal

from tests.crash.cases import AT_REST, Case, Way
from tests.crash.cases import Gateway as Meets
from tests.crash.mortal import TICKER, MortalDaemon, looked_at
from tests.system.harness import Gateway, until
from tests.system.protected import settled
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.terms import CENTS
from tradebot.domain.trades import OrderRole, TradeStatus

PRICE, RISEN, AT_TARGET, FALLEN = "70", "75", "80", "60"
PIECE, SOLD = 3, 2  # shares of an entry and of a stop that fill in part; and those of a partial exit
_EXITS = (Way.EXIT, Way.CUT)
_STOPS = (Way.STOP, Way.STOP_PART, Way.TRAIL)


def settings_of(way: Way) -> dict[str, str]:
    settings = {"strategies__main__exits": "alert", "strategies__main__exit_size": "alert"}
    return settings | ({"strategies__main__break_even_after": "4%"} if way is Way.EVEN else {})


async def group_case(case: Case, daemon: MortalDaemon, gateway: Gateway) -> str:
    """How the entry's alert ended, and the exit's."""
    await _price(gateway, PRICE)
    await daemon.ready()
    if case.way in (Way.BRACKET, Way.PART):
        alerts = [await _entry_dies(case, daemon, gateway)]
    else:
        alerts = [await _held(case, daemon, gateway)]
        alerts += await _dies_later(case, daemon, gateway)
    await daemon.well()
    books = await settled(daemon, gateway)
    if case.way is Way.EVEN and case.gateway is Meets.GOT_IT:
        await until(lambda: _is_even(daemon), "the stop at the entry price", every_s=0.5)
        books = await settled(daemon, gateway)
    if case.way is Way.CUT and books.alerts[alerts[-1]].status is AlertStatus.EXECUTED:
        assert books.held("main", TICKER) == books.trades[0].filled_qty - SOLD, books.lots
    await _all_is_sold(daemon, gateway, alerts)
    return await looked_at(case, daemon, gateway, await daemon.books(), alerts)


# --- the entry --------------------------------------------------------------------------------------------------------


def _asked(way: Way) -> dict[str, str]:
    stop = {"trailing_stop": "3%"} if way is Way.TRAIL else {"stop_loss": "5%"}
    return stop | {"take_profit": "10%"}


async def _entry_dies(case: Case, daemon: MortalDaemon, gateway: Gateway) -> int:
    if case.way is Way.PART:
        await gateway.fault("partial", filled=PIECE, action="BUY")
    elif case.gateway is Meets.NEVER:
        await gateway.fault("drop_before", times=3)  # whatever of the three it reads
    else:
        await gateway.fault("slow_fill", delay_s=0.4 if case.gateway is Meets.FILLED else 2.5, action="BUY")
    daemon.arm(case.point)
    fields = _asked(case.way)
    first = await daemon.sent("BUY", TICKER, "the one", **fields)
    await daemon.died_there()
    if case.gateway is Meets.FILLED:
        await until(lambda: _has_filled(gateway, "BUY"), "the entry while the daemon is down")
    await _back(case, daemon)
    alert = await daemon.sent("BUY", TICKER, "the one", **fields)  # TradingView sends again what was not answered
    assert alert is not None
    assert first in (None, alert), f"alert {first} came back as {alert}"
    await daemon.ended(alert)
    await gateway.control("DELETE", "/faults")
    return alert


async def _held(case: Case, daemon: MortalDaemon, gateway: Gateway) -> int:
    """Some shares, and what protects them at work."""
    if case.way is Way.HELD:
        await gateway.fault("partial", filled=PIECE, action="BUY")
    if case.way is Way.STOP_PART:
        await gateway.fault("partial", filled=SOLD, order_type="STP")
    alert = await daemon.alert("BUY", TICKER, alert_id="held", **_asked(case.way))
    if case.way is Way.HELD:
        await until(lambda: _is_part_filled(daemon), "a part of the entry", every_s=0.2)
        return alert
    books = await daemon.ended(alert)
    assert books.alerts[alert].status is AlertStatus.EXECUTED, books.alerts[alert]
    await settled(daemon, gateway)
    return alert


async def _back(case: Case, daemon: MortalDaemon) -> None:
    """Started again, with a second death on the way where one is asked for."""
    if case.second:
        daemon.arm(case.second)
        await daemon.start()
        await daemon.died_there()
    await daemon.start()
    await daemon.listening()


# --- what becomes of its shares ---------------------------------------------------------------------------------------


async def _dies_later(case: Case, daemon: MortalDaemon, gateway: Gateway) -> list[int]:
    """The alerts that came meanwhile, once they have ended."""
    if case.way is Way.HELD:
        return await _killed(case, daemon, gateway)
    if case.point == AT_REST:
        await daemon.kill()
        await _happens(case, daemon, gateway)
    else:
        if case.gateway is Meets.NEVER:
            await gateway.fault("drop_before", action="SELL")
        daemon.arm(case.point)
        await _happens(case, daemon, gateway)
        await daemon.died_there()
    await _while_down(case, gateway)
    await _back(case, daemon)
    alerts = []
    if case.way in _EXITS:
        alert = await _exit(case, daemon)
        assert alert is not None
        alerts.append(alert)
        await daemon.ended(alert)
    if case.way is Way.STOP_PART and case.gateway is Meets.GOT_IT:
        await daemon.well()
        await settled(daemon, gateway)
        await _rest_of_the_stop(gateway)
    return alerts


async def _happens(case: Case, daemon: MortalDaemon, gateway: Gateway) -> None:
    match case.way:
        case Way.TARGET:
            await _price(gateway, AT_TARGET)
        case Way.EVEN:
            await _price(gateway, RISEN)
        case Way.ANEW:
            [stop] = [one for one in await gateway.orders() if one["order_type"] == "STP"]
            await gateway.control("POST", f"/orders/{stop['perm_id']}/end", reason="The exchange has ended it")
        case way if way in _EXITS:
            await _exit(case, daemon)
        case _:
            await _price(gateway, FALLEN)


async def _while_down(case: Case, gateway: Gateway) -> None:
    if case.gateway is not Meets.FILLED:
        return
    if case.way is Way.STOP_PART:
        await _rest_of_the_stop(gateway)
    elif case.way is not Way.TARGET:
        await _price(gateway, FALLEN)
    await until(lambda: _is_flat(gateway), "the fill while the daemon is down")


async def _exit(case: Case, daemon: MortalDaemon) -> int | None:
    part = {"quantity": str(SOLD)} if case.way is Way.CUT else {}
    return await daemon.sent("SELL", TICKER, "the exit", **part)


async def _rest_of_the_stop(gateway: Gateway) -> None:
    [stop] = [one for one in await gateway.orders() if one["order_type"] == "STP"]
    if stop["status"] == "Submitted":
        await gateway.control("POST", f"/orders/{stop['perm_id']}/fill", price=FALLEN)


async def _killed(case: Case, daemon: MortalDaemon, gateway: Gateway) -> list[int]:
    """`tradebot kill` while an entry has filled in part: its rest is cancelled, its stop stays."""
    daemon.arm(case.point)
    code, said = await daemon.command("kill")
    if "kill" in case.point:  # it is the command that dies
        assert code == -signal.SIGKILL, said
    else:
        await daemon.died_there()
        await daemon.start()
        await daemon.listening()
    if case.point == "before the commit of the kill":  # never stored: trading goes on
        [entry] = [one for one in await gateway.orders() if one["action"] == "BUY"]
        await gateway.control("POST", f"/orders/{entry['perm_id']}/fill", price=PRICE)
        return []
    blocked = await daemon.sent("BUY", "MSFT", "after the kill")
    assert blocked is not None
    books = await daemon.ended(blocked)
    assert books.alerts[blocked].status is AlertStatus.BLOCKED, f"KILLED, and yet {books.alerts[blocked]}"
    await until(lambda: _entry_is_over(daemon), "the end of the entry's rest", every_s=0.5)
    assert (await settled(daemon, gateway)).held("main", TICKER) == PIECE
    stops = [one for one in await gateway.orders() if (one["order_type"], one["status"]) == ("STP", "PreSubmitted")]
    assert [Decimal(one["quantity"]) for one in stops] == [PIECE], f"KILLED, and the stops that are left: {stops}"
    return [blocked]


async def _all_is_sold(daemon: MortalDaemon, gateway: Gateway, alerts: list[int]) -> None:
    """By the stop, wherever it is; where there is none, by an exit."""
    books = await daemon.books()
    await daemon.ended(*alerts)
    if not books.held("main", TICKER):
        return
    has_stop = any(one.role is OrderRole.STOP and one.status is TradeStatus.SUBMITTED for one in books.trades)
    if not has_stop:
        alerts.append(await daemon.alert(Side.SELL, TICKER, alert_id="what no stop protects"))
    await _price(gateway, FALLEN)
    await until(lambda: _is_flat(gateway), f"the end of what was held; the daemon printed {daemon.output[-3000:]}")
    await daemon.ended(*alerts)
    books = await settled(daemon, gateway)
    assert not books.held("main", TICKER), books.lots


# --- looks ------------------------------------------------------------------------------------------------------------


async def _price(gateway: Gateway, price: str) -> None:
    await gateway.control(
        "POST", "/quotes", symbol=TICKER, bid=price, ask=str(Decimal(price) + Decimal("0.01")), last=price
    )


async def _is_flat(gateway: Gateway) -> bool:
    return Decimal(await gateway.position(TICKER)) == 0


async def _has_filled(gateway: Gateway, action: str) -> bool:
    orders = [one for one in await gateway.orders() if one["action"] == action]
    return bool(orders) and all(one["status"] == "Filled" for one in orders)


async def _is_part_filled(daemon: MortalDaemon) -> bool:
    trades = (await daemon.books()).trades
    return bool(trades) and trades[0].filled_qty == PIECE


async def _entry_is_over(daemon: MortalDaemon) -> bool:
    return (await daemon.books()).trades[0].status is TradeStatus.PARTIAL


async def _is_even(daemon: MortalDaemon) -> bool:
    books = await daemon.books()
    [stop] = [one for one in books.trades if one.role is OrderRole.STOP]
    price = books.trades[0].avg_fill_price
    return price is not None and stop.stop_price == CENTS.nearest(price)
