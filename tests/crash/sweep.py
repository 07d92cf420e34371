"""One case of the sweep: bring the daemon to the point, let it die there, start it again, and look at what became of it all."""

import asyncio
import random
import signal
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tests.botapi import CHAT, OWNER, TOKEN, bot_api
from tests.crash.brackets import group_case, settings_of
from tests.crash.cases import GROUPS, PENDING, WRITTEN, Case, Way
from tests.crash.cases import Gateway as Meets
from tests.crash.mortal import TICKER, MortalDaemon, looked_at
from tests.faketime import kept_in, set_ahead
from tests.system.harness import BooksNow, Daemon, Gateway, running, until
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.calendar import Calendar
from tradebot.domain.settings import TradingState

TICKERS = ("AAPL", "MSFT", "TSLA", "NVDA", "AMZN", "META", "KO", "JPM", "WMT", "DIS")
HELD, SOLD = 10, 4  # shares of ema, and those of its partial exit
TWO_STRATEGIES = {
    "strategies__main__enabled": "true",
    "strategies__ema__sizing": "alert",
    "strategies__ema__exit_size": "alert",
    "strategies__ema__buy_amount_usd": "5000",
}


@dataclass(frozen=True)
class Servers:
    """Where PostgreSQL (a fresh database) and Redis (a number of one's own) are."""

    postgres: str
    redis: str


def daemon_for(case: Case, folder: Path, gateway: Gateway, servers: Servers | None) -> MortalDaemon:
    settings = {"trading__repeat_window_s": "0", "trading__order_timeout_s": "30"}
    if case.way is Way.CANCEL:
        settings["trading__order_timeout_s"] = "1"
    if "partial" in case.point or case.way is Way.PART:
        settings["trading__order_timeout_s"] = "3"
    if case.way in GROUPS:
        settings |= settings_of(case.way)
    if case.way in (Way.SHARED, Way.PARTIAL):
        settings |= TWO_STRATEGIES
    if case.database == "PostgreSQL":
        assert servers is not None
        settings |= {"database__url": servers.postgres, "queue__url": servers.redis}
    return MortalDaemon.made(folder, gateway, **settings)


async def run_case(case: Case, folder: Path, servers: Servers | None = None) -> str:
    """How the alert ended. Raises AssertionError for whatever is not as promised."""
    gateway = Gateway.at(folder / "gateway", realistic=case.realistic)
    gateway.arguments += ["--switch", case.switch] * bool(case.switch)
    daemon = daemon_for(case, folder, gateway, servers)
    async with running(daemon, gateway):
        await gateway.ready()
        return await (group_case if case.way in GROUPS else _alone)(case, daemon, gateway)


async def _alone(case: Case, daemon: MortalDaemon, gateway: Gateway) -> str:
    """Orders without stop and target."""
    match case.way:
        case Way.KILL:
            return await _kill_switch(case, daemon, gateway)
        case Way.CHAT:
            return await _kill_from_the_chat(case, daemon, gateway)
        case Way.PENDING:
            return await _pending(case, daemon, gateway)
        case Way.LOAD:
            return await _load(case, daemon, gateway)
    await daemon.ready()
    await _hold_some(case, daemon, gateway)
    if case.way in (Way.SHARED, Way.PARTIAL):
        return await _beside(case, daemon, gateway)
    await _prepare(case, gateway)
    return await _one_order(case, daemon, gateway)


async def _hold_some(case: Case, daemon: Daemon, gateway: Gateway) -> None:
    """What is to be sold has to be bought, whole and before an order is overdue."""
    if case.side is Side.SELL:
        await gateway.fault("slow_fill", delay_s=0.05)
        bought = await daemon.alert("BUY", TICKER, alert_id="to sell")
        books = await daemon.ended(bought)
        assert books.alerts[bought].status is AlertStatus.EXECUTED, books.alerts[bought]


def _fills_at_the_end(case: Case) -> bool:
    """Whether the order has to work, unfilled, until the last life: a delay would be over before a busy machine is there."""
    return case.gateway is Meets.GOT_IT and (case.point == WRITTEN or "acceptance" in case.point)


async def _prepare(case: Case, gateway: Gateway) -> None:
    """What the next order will meet at the gateway."""
    filled = case.gateway is Meets.FILLED
    if case.gateway is Meets.NEVER:
        await gateway.fault("drop_before")
    elif case.gateway is Meets.LATE:
        # Later than the first question after the start, sooner than the second.
        await gateway.fault("swallow", delay_s=5.5)
    elif case.way is Way.CANCEL:
        late = filled and "before the cancel" not in case.point
        await (gateway.fault("fill_after_cancel", delay_s=0.5) if late else gateway.fault("hold"))
    elif "partial" in case.point:
        await gateway.fault("partial", filled=1)
    elif filled:
        await gateway.fault("slow_fill", delay_s=0.4)
    elif _fills_at_the_end(case):
        await gateway.fault("hold")


async def _one_order(case: Case, daemon: MortalDaemon, gateway: Gateway) -> str:
    alert = await _dies_at_work(case, daemon, gateway)
    return await looked_at(case, daemon, gateway, await daemon.books(), [alert])


async def _dies_at_work(case: Case, daemon: MortalDaemon, gateway: Gateway, **fields: str) -> int:
    """The alert whose order was under way, once it has ended."""
    daemon.arm(case.point)
    first = await daemon.sent(case.side, TICKER, "the one", **fields)
    await daemon.died_there()
    await _while_down(case, gateway)
    if case.second:
        daemon.arm(case.second)
        await daemon.start()
        await daemon.died_there()
    await daemon.start()
    await daemon.listening()
    alert = await daemon.sent(case.side, TICKER, "the one", **fields)  # TradingView sends again what was not answered
    assert alert is not None
    assert first in (None, alert), f"alert {first} came back as {alert}"
    if _fills_at_the_end(case) or (case.side is Side.SELL and "partial" in case.point):
        await _fill_the_rest(gateway)
    await daemon.ended(alert)
    await daemon.well()  # what seemed to have ended may have filled while nobody looked
    return alert


async def _beside(case: Case, daemon: MortalDaemon, gateway: Gateway) -> str:
    """ema holds the stock too, whatever dies; in the end it has sold the part that it wanted sold, and nothing else."""
    await gateway.fault("slow_fill", delay_s=0.05)
    held = await daemon.alert("BUY", TICKER, alert_id="ema's", strategy="ema", quantity=str(HELD))
    await daemon.ended(held)
    part = {"strategy": "ema", "quantity": str(SOLD)}
    await _prepare(case, gateway)
    alert = await _dies_at_work(case, daemon, gateway, **(part if case.way is Way.PARTIAL else {}))
    alerts = [held, alert]
    if case.way is Way.SHARED:
        await gateway.control("DELETE", "/faults")
        alerts.append(await daemon.alert("SELL", TICKER, alert_id="ema's part", **part))
        await daemon.ended(*alerts)
        await daemon.well()
    books = await daemon.books()
    sold = books.alerts[alerts[-1]].status is AlertStatus.EXECUTED
    assert sold or case.way is Way.PARTIAL, books.alerts[alerts[-1]]
    held_now = {whose: books.held(whose, TICKER) for whose in ("ema", "main")}
    assert held_now["ema"] == HELD - SOLD * sold, held_now
    bought = books.trades[0].filled_qty if case.side is Side.SELL else 0
    assert case.way is Way.SHARED or held_now["main"] == bought, held_now
    return await looked_at(case, daemon, gateway, books, alerts, of=alert)


async def _while_down(case: Case, gateway: Gateway) -> None:
    if case.gateway is not Meets.FILLED:
        return
    if "partial" in case.point or "before the cancel" in case.point:
        for order in await gateway.orders():
            if order["status"] == "Submitted":
                await gateway.control("POST", f"/orders/{order['perm_id']}/fill", price="60")
    await until(lambda: _all_filled(gateway), "the fill while the daemon is down")


async def _fill_the_rest(gateway: Gateway) -> None:
    """What works, works on, however long it takes."""
    for order in await gateway.orders():
        if order["status"] == "Submitted":
            await gateway.control("POST", f"/orders/{order['perm_id']}/fill", price="60")


async def _all_filled(gateway: Gateway) -> bool:
    return all(Decimal(order["filled"]) == Decimal(order["quantity"]) for order in await gateway.orders())


# --- the kill switch --------------------------------------------------------------------------------------------------


async def _kill_switch(case: Case, daemon: MortalDaemon, gateway: Gateway) -> str:
    """`tradebot kill` while an order works: the command dies, or the daemon that carries it out."""
    await daemon.ready()
    alert = await _working_order(case, daemon, gateway)
    daemon.arm(case.point)
    code, said = await daemon.command("kill")
    if "kill" in case.point:  # it is the command that dies
        assert code == -signal.SIGKILL, said
    else:
        await daemon.died_there()
        await daemon.start()
        await daemon.listening()
    if case.point == "before the commit of the kill":  # never stored, never acknowledged: trading goes on
        [order] = [one for one in await gateway.orders() if one["status"] == "Submitted"]
        await gateway.control("POST", f"/orders/{order['perm_id']}/fill")
        books = await daemon.ended(alert)
        return await looked_at(case, daemon, gateway, books, [alert])
    return await _after_the_kill(case, daemon, gateway, alert)


async def _kill_from_the_chat(case: Case, daemon: MortalDaemon, gateway: Gateway) -> str:
    """`/kill` while an order works: wherever the daemon dies, Telegram delivers again what it had not heard of, and it holds."""
    async with bot_api() as bot:
        settings = {"BOT_TOKEN": TOKEN, "API_URL": bot.url, "CHAT_ID": str(CHAT["id"]), "USER_IDS": str(OWNER["id"])}
        daemon.env |= {f"TRADEBOT_TELEGRAM__{name}": value for name, value in settings.items()}
        await daemon.ready()
        alert = await _working_order(case, daemon, gateway)
        await bot.until_asked("getUpdates", 1)
        daemon.arm(case.point)
        await bot.say("/kill")
        await daemon.died_there()
        await daemon.start()
        what = f"the kill switch; the daemon printed {daemon.output[-3000:]}"
        await until(lambda: _is_killed(daemon), what, every_s=1.0)  # who asks more often than that is refused
        ended = await _after_the_kill(case, daemon, gateway, alert)
        await bot.heard("KILLED")
        return ended


async def _working_order(case: Case, daemon: MortalDaemon, gateway: Gateway) -> int:
    """The alert whose order the gateway holds."""
    await _hold_some(case, daemon, gateway)
    await gateway.fault("hold")
    alert = await daemon.sent(case.side, TICKER, "the one")
    assert alert is not None
    await until(gateway.working, "the order at the gateway")
    return alert


async def _after_the_kill(case: Case, daemon: MortalDaemon, gateway: Gateway, alert: int) -> str:
    """The order is cancelled, nothing is bought any more, and all this outlives the process."""
    await daemon.ended(alert)
    blocked = await daemon.sent("BUY", "MSFT", "after the kill")
    assert blocked is not None
    books = await daemon.ended(alert, blocked)
    assert books.alerts[blocked].status is AlertStatus.BLOCKED, f"KILLED, and yet {books.alerts[blocked]}"
    assert await _is_killed(daemon), await daemon.health()
    return await looked_at(case, daemon, gateway, books, [alert, blocked])


async def _is_killed(daemon: Daemon) -> bool:
    return TradingState.KILLED in str(await daemon.health())


# --- waiting for the market -------------------------------------------------------------------------------------------


async def _pending(case: Case, daemon: MortalDaemon, gateway: Gateway) -> str:
    """An alert outside the session, and the open: the clock of the daemon is the test's."""
    daemon.env |= {"TRADEBOT_TRADING__HOURS": "exchange"} | kept_in(daemon.clock)
    calendar = Calendar()
    bought_at = calendar.next_open(datetime.now(UTC)) + timedelta(hours=1)
    session = calendar.current(bought_at)
    assert session is not None
    await _set(daemon, bought_at)
    await daemon.ready()
    await _hold_some(case, daemon, gateway)
    await _set(daemon, session.close + timedelta(hours=1))
    arriving = case.point in PENDING[:2]
    if arriving:
        daemon.arm(case.point)
    alert = await daemon.sent(case.side, TICKER, "the one")
    if arriving:
        await daemon.died_there()
        await daemon.start()
        await daemon.listening()
    await until(lambda: _is_pending(daemon), f"a pending alert; {daemon.output[-2000:]}")
    if not arriving:
        daemon.arm(case.point)
    await _set(daemon, calendar.next_open(session.close) + timedelta(seconds=20))
    if not arriving:
        await daemon.died_there()
        await daemon.start()
    assert alert is not None
    books = await until(lambda: _executed(daemon, alert), f"its execution; {daemon.output[-3000:]}")
    return await looked_at(case, daemon, gateway, books, [alert])


async def _set(daemon: MortalDaemon, now: datetime) -> None:
    await set_ahead(daemon.clock, now - datetime.now(UTC))


async def _is_pending(daemon: Daemon) -> bool:
    return AlertStatus.PENDING in {alert.status for alert in (await daemon.books()).alerts.values()}


async def _executed(daemon: Daemon, alert: int) -> BooksNow | None:
    books = await daemon.books()
    return books if books.alerts[alert].status is AlertStatus.EXECUTED else None


# --- under load -------------------------------------------------------------------------------------------------------


async def _load(case: Case, daemon: MortalDaemon, gateway: Gateway) -> str:
    """A burst, a kill at a random time, and again; the gateway loses, delays and splits orders as it likes."""
    chance = random.Random(case.point)
    sent: dict[str, int] = {}
    asked: set[tuple[str, str, str]] = set()
    for life in range(4):
        await daemon.ready()
        for name, times in (("slow_fill", 3), ("late_commission", 2), ("repeat_status", 3), ("drop_after", 1)):
            if chance.random() < 0.5:
                await gateway.fault(name, times=times)
        side = "BUY" if life % 2 == 0 else "SELL"
        asked |= {(side, ticker, f"{life}-{ticker}") for ticker in TICKERS}
        sending = asyncio.gather(*(_burst(daemon, one, sent) for one in sorted(asked) if one[2] not in sent))
        await asyncio.sleep(chance.uniform(0.02, 1.5))  # the kill is to come at any time
        await daemon.kill()
        await sending
    await gateway.control("DELETE", "/faults")
    await daemon.start()
    await daemon.listening()
    for one in sorted(asked):
        await _burst(daemon, one, sent)
    books = await daemon.ended(*sent.values(), deadline_s=90)
    return await looked_at(case, daemon, gateway, books, list(sent.values()))


async def _burst(daemon: MortalDaemon, one: tuple[str, str, str], sent: dict[str, int]) -> None:
    if one[2] not in sent and (alert := await daemon.sent(*one)) is not None:
        sent[one[2]] = alert
