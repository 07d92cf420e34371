"""One flaw of a bracket: the alert, what goes wrong, what must have become of it and stay so; then an exit, and nothing is left.

What was sold is judged from the gateway's journal and what is protected from the books beside it, by the checker of all runs.
"""

import asyncio
from dataclasses import dataclass

from tests.botapi import TOKEN
from tests.faults.brackets import SHARES, STOP_PRICE, TARGET_PRICE, TICKER, Ends, Flaw, Stage
from tests.system.checker import check, check_secrets
from tests.system.harness import SECRET, BooksNow, Daemon, until
from tests.system.protected import gaps
from tests.system.replay import account
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.events import Severity
from tradebot.domain.facts.orders import OrderStuck, SharesUnprotected
from tradebot.words import events as words

STAYS_S = 12.0
"""Longer than from one look at protection to the second one of the next."""
ENDS_WITHIN_S = 150.0


@dataclass
class Outcome:
    done_s: float = 0.0
    """From the alert until all was as it must be."""
    told: str = ""
    ended: str = ""

    def __str__(self) -> str:
        return f"after {self.done_s:.1f} s; critical: {self.told or 'nothing'}; {self.ended}"


async def drill(flaw: Flaw, stage: Stage) -> Outcome:
    """Raises AssertionError for whatever is not as promised."""
    gateway, daemon, outcome = stage.gateway, stage.daemon, Outcome()
    await gateway.ready()
    await gateway.control("POST", "/quotes/frozen", frozen=True)
    if flaw.switches:
        await gateway.control("POST", "/switches", **flaw.switches)
    await stage.quote(100)
    await daemon.ready()
    for name, how in flaw.faults:
        await gateway.fault(name, **how)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await _buy(flaw, stage)
    await until(lambda: _as_it_must_be(flaw.ends, stage), f"{flaw.ends}; {daemon.output[-3000:]}", ENDS_WITHIN_S)
    outcome.done_s = loop.time() - began
    waiting = [fault for fault in await gateway.control("GET", "/faults") if fault["times"]]
    assert not waiting, f"nothing has met {waiting}; {daemon.output[-3000:]}"
    await asyncio.sleep(STAYS_S)  # that it stays so is a part of what is promised
    assert await _as_it_must_be(flaw.ends, stage), await _now(stage)
    outcome.told = ", ".join(sorted(_told(await daemon.books())))
    books = await _sold(flaw, stage)
    outcome.ended = ", ".join(f"{alert.action} {alert.status}" for alert in books.alerts.values())
    assert await daemon.stop() == 0, daemon.output[-3000:]
    assert "Traceback" not in daemon.output, daemon.output[-8000:]
    await check_secrets(daemon, [SECRET, TOKEN])
    return outcome


async def _buy(flaw: Flaw, stage: Stage) -> None:
    price = {"order_type": "limit", "limit_price": "99", "time_in_force": "gtc"} if flaw.waits else {}
    levels = {"stop_loss": str(STOP_PRICE), "take_profit": str(TARGET_PRICE)}
    alert = await stage.daemon.alert("BUY", TICKER, quantity=str(SHARES), **levels, **price)
    for act in flaw.then:
        await act(stage)
    await stage.daemon.ended(alert)


async def _as_it_must_be(ends: Ends, stage: Stage) -> bool:
    """At the gateway and in the messages; and every share is protected, or its owner knows better."""
    if await _now(stage) != ends:
        return False
    return not gaps(await stage.daemon.books(), await account(stage.gateway))


async def _now(stage: Stage) -> Ends:
    live = {kind: await stage.selling(kind) for kind in ("STP", "LMT")}
    left = {kind: sum(int(one["quantity"]) - int(one["filled"]) for one in orders) for kind, orders in live.items()}
    assert not await stage.buying() or await stage.gateway.position(TICKER) == "0"
    held = int(await stage.gateway.position(TICKER))
    told = frozenset(_told(await stage.daemon.books()))
    lasting = all(one["tif"] == "GTC" for orders in live.values() for one in orders)
    return Ends(held, left["STP"], left["LMT"], told, lasting)


def _told(books: BooksNow) -> set[str]:
    """What was told as critical, by its code where it has one."""
    critical = [event for event in books.events if event.severity is Severity.CRITICAL]
    coded = {event.facts.code for event in critical if isinstance(event.facts, SharesUnprotected | OrderStuck)}
    others = {event.kind for event in critical if not isinstance(event.facts, SharesUnprotected | OrderStuck)}
    assert all(words.text(event) for event in critical)
    return {str(one) for one in (*coded, *others)}


async def _sold(flaw: Flaw, stage: Stage) -> BooksNow:
    """A person does his part, an exit sells what is held, and nothing of it all is left."""
    daemon = stage.daemon
    for act in flaw.last:
        await act(stage)
    books = await daemon.books()
    if flaw.ends.held > 0 and all(alert.status is not AlertStatus.RECEIVED for alert in books.alerts.values()):
        await stage.exit()
        books = await daemon.books()
    await daemon.ended(*books.alerts)
    await until(lambda: _flat(flaw, stage), f"the end of all of it; {daemon.output[-3000:]}", ENDS_WITHIN_S)
    await daemon.well()
    await until(lambda: _all_told(daemon), "every event to be delivered")
    books = await daemon.books()
    await check(books, stage.gateway, acknowledged=list(books.alerts))
    return books


async def _flat(flaw: Flaw, stage: Stage) -> bool:
    books = await stage.daemon.books()
    over = not await stage.selling() and not await stage.buying() and not books.held("main", TICKER)
    return over and await stage.gateway.position(TICKER) == str(-flaw.beyond or 0)


async def _all_told(daemon: Daemon) -> bool:
    return not (await daemon.books()).untold
