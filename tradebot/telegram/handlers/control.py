"""Pause, resume, kill, sell everything, empty the queue.

The kill switch stands alone: it waits for nothing, works however old its message is, and acts before anything is read or sent.
"""

import asyncio
from collections.abc import Sequence

from aiogram import Router
from aiogram.filters import Command, CommandObject
from aiogram.types import Message
from loguru import logger

from tradebot.domain.settings import TradingState
from tradebot.errors import LedgerUnavailable
from tradebot.operations.operations import Operations
from tradebot.queries.daemon import DaemonQueries
from tradebot.telegram import orders, questions
from tradebot.telegram.answers import Turn
from tradebot.telegram.asked import strategy_of, strategy_to_switch, to_sell
from tradebot.telegram.confirmations import Confirmations
from tradebot.telegram.handlers.actor import actor
from tradebot.telegram.handlers.selling import Selling
from tradebot.telegram.markup import esc
from tradebot.telegram.sender import Sender

STORE_WITHIN_S = 1.5


def kill_router() -> Router:
    made = Router(name="kill")
    made.message.register(kill, Command("kill", ignore_case=True))
    return made


def router() -> Router:
    made = Router(name="control")
    made.message.register(pause, Command("pause", ignore_case=True))
    made.message.register(resume, Command("resume", ignore_case=True))
    made.message.register(sell_all, Command("sell_all", ignore_case=True))
    made.message.register(clear_queue, Command("clear_queue", ignore_case=True))
    return made


async def kill(
    message: Message,
    operations: Operations,
    queries: DaemonQueries,
    sender: Sender,
    confirmations: Confirmations,
    turn: Turn,
) -> None:
    confirmations.void()
    stored = False
    try:
        async with asyncio.timeout(STORE_WITHIN_S):  # in force before its first wait; only the storing may take long
            stored = await operations.kill(actor(message.from_user))
    except TimeoutError:
        logger.critical("KILL SWITCH in force, NOT stored yet: the database is slow, storing goes on")
    if not stored:
        turn.fail()  # it is told when it is stored
    found = await _working(queries) if stored else None
    await sender.answer(questions.killed(stored, found), orders.stays(found.protective if found else ())[1])


async def _working(queries: DaemonQueries) -> questions.AtKill | None:
    try:
        async with asyncio.timeout(STORE_WITHIN_S):
            connected, several = queries.broker.connection.up, queries.run.several
            live = await queries.live_trades()
            working = [one for one in live if not one.is_protective]
            return questions.AtKill(working, connected, several, [one for one in live if one.is_protective])
    except (LedgerUnavailable, TimeoutError):
        return None


async def pause(
    message: Message, command: CommandObject, operations: Operations, queries: DaemonQueries, sender: Sender, key: str
) -> None:
    by, strategy = actor(message.from_user), strategy_to_switch(command.args, queries.run.strategies)
    state = await operations.pause(by, key, strategy)
    if strategy is None:
        await sender.answer(questions.paused(state))
    else:
        await sender.answer(questions.strategy_paused(strategy, state, queries.state))


async def resume(
    message: Message,
    command: CommandObject,
    operations: Operations,
    queries: DaemonQueries,
    sender: Sender,
    confirmations: Confirmations,
    key: str,
) -> None:
    """Lifts a pause. The kill switch is lifted by a button only, which says what to resume."""
    by, strategy = actor(message.from_user), strategy_to_switch(command.args, queries.run.strategies)
    state = await operations.resume(by, key, lift_kill=False, strategy=strategy)
    if strategy is not None:
        await sender.answer(questions.strategy_resumed(strategy, state, queries.state))
        return
    if state is not TradingState.KILLED:
        await sender.answer(questions.resumed(state, _still_paused(queries)))
        return

    async def lift(to: TradingState) -> str:
        return questions.resumed(await operations.resume(by, f"{key}:{to}", to), _still_paused(queries))

    buttons = confirmations.ask(
        _id(message),
        ("Sells only", lambda: lift(TradingState.PAUSED)),
        ("Everything: BUY and SELL", lambda: lift(TradingState.RUNNING)),
    )
    await sender.answer(questions.RESUME_FROM_KILLED, buttons)


def _still_paused(queries: DaemonQueries) -> Sequence[str]:
    return sorted(queries.switch.paused_strategies & frozenset(queries.run.strategies.names))


async def sell_all(
    message: Message,
    command: CommandObject,
    operations: Operations,
    queries: DaemonQueries,
    sender: Sender,
    confirmations: Confirmations,
    key: str,
) -> None:
    """Everything, or what a strategy holds, or one ticker."""
    exits = await queries.exits()
    if not exits:
        await sender.answer(questions.NOTHING_HELD)
        return
    wanted = to_sell(command.args, [one.lots for one in exits], queries.run.strategies)
    selling = Selling(operations, queries, actor(message.from_user), key)
    await sender.answer(*selling.question(exits, wanted, confirmations, _id(message)))


async def clear_queue(
    message: Message,
    command: CommandObject,
    operations: Operations,
    queries: DaemonQueries,
    sender: Sender,
    confirmations: Confirmations,
) -> None:
    strategy = strategy_of(command.args, queries.run.strategies)
    waiting = await queries.waiting_alerts(strategy)
    if not waiting:
        await sender.answer(questions.NOTHING_WAITS if strategy is None else f"No alert of {esc(strategy)} waits.")
        return
    by, ids = actor(message.from_user), {alert.id for alert in waiting}

    async def clear() -> str:
        return questions.cleared(waiting, await operations.clear_queue(ids, by), several=queries.run.several)

    buttons = confirmations.ask(_id(message), (f"Clear {len(ids)}", clear))
    await sender.answer(questions.clear_queue(waiting, several=queries.run.several), buttons)


def _id(message: Message) -> int:
    assert message.from_user is not None, "the root filter lets nobody through without a name"
    return message.from_user.id
