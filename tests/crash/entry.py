"""`tradebot` as it is, with points at which it can be killed: the sweep's own way in, so that production code has no hooks.

Rules: a point is a place between two steps that the outside can tell apart. The file named in CRASH_FILE holds the name of one;
whoever reaches it removes the file, so that the sweep knows, and takes SIGKILL on the spot. What is done at a point
is done by wrapping the adapters from outside: ledger, broker, queue, the webhook's answer, the gate.
FILE_SIZE_MAX fills its disk from the start.
"""

import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from tradebot.broker import IbBroker
from tradebot.cli import main
from tradebot.database.ledger import SqlLedger
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.brokerage import Numbered
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.orders import ProtectionLifted
from tradebot.domain.settings import STATE_KEY, TradingState
from tradebot.domain.trades import PROTECTIVE, Trade, TradeStatus
from tradebot.queues import EmbeddedQueue
from tradebot.queues.redis import RedisQueue
from tradebot.trading.gate import Gate

_FILE = Path(os.environ.get("CRASH_FILE", "/nonexistent"))


def point(name: str) -> None:
    """Dies here if this point is armed."""
    try:
        armed = _FILE.read_text()
    except OSError:
        return
    if armed == name:
        _FILE.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


# --- the ledger: what a transaction is about is told by what was done in it ------------------------------------------


class _Watched:
    """Books that remember what they were asked to do."""

    def __init__(self, books: Any, done: set[str]) -> None:
        self._books, self._done = books, done

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._books, name)

        def call(*arguments: Any, **named: Any) -> Any:
            if about := _about(name, arguments):
                self._done.add(about)
            return method(*arguments, **named)

        return call


_ALWAYS = {"insert_alert": "the alert", "mark_delivered": "the delivery", "change_terms": "the change"}


def _about(name: str, arguments: tuple[Any, ...]) -> str | None:
    match name, arguments:
        case "put_setting", (key, TradingState.KILLED, *_) if key == STATE_KEY:
            return "the kill"
        case "move_alert", (_, (AlertStatus.PENDING,), AlertStatus.RECEIVED, *_):
            return "the flush"
        case "move_alert", (_, _, AlertStatus.PENDING, *_):
            return "pending"
        case "insert_trade" | "save_trade", (trade, *_):
            return _about_order(name, trade)
        case "add_event", (NewEvent(facts=ProtectionLifted()),):
            return "the lifting"
    return _ALWAYS.get(name)


def _about_trade(trade: Trade) -> str | None:
    match trade.status:
        case TradeStatus.SUBMITTED:
            return "the partial fill" if trade.filled_qty else "the acceptance"
        case TradeStatus.FILLED | TradeStatus.PARTIAL:
            return "the fill"
        case TradeStatus.CANCELLED:
            return "the cancellation"
        case TradeStatus.FAILED:
            return "the failure"
    return None


def _about_order(name: str, order: Any) -> str | None:
    protective = order.role in PROTECTIVE
    if name == "save_trade":
        return _about_protection(order) if protective else _about_trade(order)
    anew = "the placing" if order.n > 1 else None  # the first ones are stored with their entry
    return anew if protective else "the decision"


def _about_protection(trade: Trade) -> str | None:
    match trade.status:
        case TradeStatus.SUBMITTED:
            return "the protection's partial fill" if trade.filled_qty else "the protection's acceptance"
        case TradeStatus.FILLED | TradeStatus.PARTIAL:
            return "the protection's fill"
        case TradeStatus.CANCELLED:
            return "the protection's end"
    return None


def _watch_ledger() -> None:
    begin: Callable[..., Any] = SqlLedger.begin

    @asynccontextmanager
    async def watched(ledger: SqlLedger) -> AsyncIterator[Any]:
        done: set[str] = set()
        async with begin(ledger) as books:
            yield _Watched(books, done)
            for about in done:
                point(f"before the commit of {about}")
        for about in done:
            point(f"after the commit of {about}")

    SqlLedger.begin = watched  # type: ignore[method-assign, assignment]


# --- broker, queue, webhook, gate ------------------------------------------------------------------------------------


def _around(owner: type, method: str, name: str) -> None:
    inner = getattr(owner, method)

    def outer(*arguments: Any, **named: Any) -> Any:
        point(f"before {name}")
        result = inner(*arguments, **named)
        point(f"after {name}")
        return result

    setattr(owner, method, outer)


def _around_awaited(owner: type, method: str, name: str) -> None:
    inner = getattr(owner, method)

    async def outer(*arguments: Any, **named: Any) -> Any:
        point(f"before {name}")
        result = await inner(*arguments, **named)
        point(f"after {name}")
        return result

    setattr(owner, method, outer)


def _watch_orders() -> None:
    """What is decided leaves in one piece; what becomes of a stop or target afterwards leaves alone, and in a group."""
    place_group = IbBroker.place_group

    def watched(broker: IbBroker, group: Sequence[Numbered], generation: int) -> None:
        alone = len(group) == 1 and group[0].order.oca_group
        name = "the protection is written" if alone else "the order is written"
        point(f"before {name}")
        place_group(broker, group, generation)
        point(f"after {name}")

    IbBroker.place_group = watched  # type: ignore[method-assign, assignment]


def _watch_answer() -> None:
    write_eof = web.Response.write_eof

    async def watched(response: web.Response, *arguments: Any) -> None:
        await write_eof(response, *arguments)
        if isinstance(response.body, bytes) and b'"queued"' in response.body:
            point("after the answer")

    web.Response.write_eof = watched  # type: ignore[assignment, method-assign]


def _watch_gate() -> None:
    opening = Gate.open

    def watched(gate: Gate, holder: str) -> None:
        if holder == "recovery":
            point("before the gate opens")
        opening(gate, holder)
        if gate.is_open:
            point("after the gate opens")

    Gate.open = watched  # type: ignore[method-assign, assignment]


# --- the disk ---------------------------------------------------------------------------------------------------------


def _limit_files() -> None:
    if limit := os.environ.get("FILE_SIZE_MAX"):
        sys.dont_write_bytecode = True  # Python would leave half a file for every process after this one
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))


if __name__ == "__main__":
    _watch_ledger()
    _watch_answer()
    _watch_gate()
    _watch_orders()
    _around(IbBroker, "cancel", "the cancel is written")
    for question in ("open_orders", "completed_orders", "executions", "position_report"):
        _around_awaited(IbBroker, question, f"the question for {question.replace('_', ' ')}")
    for queue in (EmbeddedQueue, RedisQueue):
        _around_awaited(queue, "push", "the push")
        _around_awaited(queue, "take", "the take")
    _limit_files()
    main()
