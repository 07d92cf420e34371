"""Buttons: the answers to questions, and those on messages about something that waits for the owner.

A button on a message never acts by itself, however old it is: it asks, showing how things stand now, and the answer acts.
"""

from aiogram import F, Router
from aiogram.types import CallbackQuery
from loguru import logger

from tradebot.errors import TradebotError
from tradebot.operations.operations import Operations
from tradebot.queries.daemon import DaemonQueries
from tradebot.queries.mismatches import NothingToWriteOff
from tradebot.telegram import questions
from tradebot.telegram.confirmations import Confirmations
from tradebot.telegram.handlers.actor import actor
from tradebot.telegram.markup import prose
from tradebot.telegram.sender import Sender


def router() -> Router:
    # Numbers of rows are as long as the database can hold: anything longer was never on a button of ours.
    made = Router(name="buttons")
    made.callback_query.register(do, F.data.regexp(r"^do:[\w-]+:[0-9]{1,3}$"))
    made.callback_query.register(leave, F.data.startswith("no:"))
    made.callback_query.register(sell_rest, F.data.regexp(r"^rest:[0-9]{1,18}$"))
    made.callback_query.register(it_filled, F.data.regexp(r"^filled:[0-9]{1,18}$"))
    made.callback_query.register(never_existed, F.data.regexp(r"^never:[0-9]{1,18}$"))
    made.callback_query.register(accept, F.data.regexp(r"^accept:[0-9]{1,18}$"))
    return made


async def do(query: CallbackQuery, sender: Sender, confirmations: Confirmations) -> None:
    _, key, number = (query.data or "").split(":")
    action = confirmations.take(key, int(number), query.from_user.id)
    if isinstance(action, str):
        await sender.notice(query, action)
        return
    try:
        text = await action()
    except TradebotError as error:
        logger.warning("Telegram: what {} confirmed did not work: {}", actor(query.from_user), error)
        text = f"⚠️ That did not work: {prose(str(error))}\nSend the command again."
    await sender.notice(query)
    await sender.edit(query, text)


async def leave(query: CallbackQuery, sender: Sender, confirmations: Confirmations) -> None:
    if not confirmations.drop(_argument(query), query.from_user.id):
        await sender.notice(query, "Only who was asked can answer this.")
        return
    await sender.notice(query)
    await sender.edit(query, "Left as it is.")


async def sell_rest(
    query: CallbackQuery, operations: Operations, queries: DaemonQueries, sender: Sender, confirmations: Confirmations
) -> None:
    await sender.notice(query)
    event_id, by = int(_argument(query)), actor(query.from_user)
    ticker = await queries.ticker_of_event(event_id)
    exits = await queries.exits(ticker) if ticker else []
    if not exits:
        await sender.answer(questions.NOTHING_LEFT)
        return

    async def sell() -> str:
        made = await operations.sell([one.ticker for one in exits], by, f"rest:{event_id}")
        return questions.selling(len(made), queries.market_is_open())

    buttons = confirmations.ask(query.from_user.id, (f"Sell {exits[0].ticker}", sell))
    await sender.answer(questions.sell_all(exits, queries.state, queries.market_is_open()), buttons)


async def it_filled(
    query: CallbackQuery, operations: Operations, queries: DaemonQueries, sender: Sender, confirmations: Confirmations
) -> None:
    await sender.notice(query)
    trade_id, by = int(_argument(query)), actor(query.from_user)
    presumed = await queries.presumed_fill(trade_id)
    if presumed is None or presumed.price is None:
        await sender.answer(questions.NOT_UNKNOWN if presumed is None else questions.NO_PRICE)
        return

    async def book() -> str:
        return questions.decided(await operations.book_as_filled(trade_id, by))

    buttons = confirmations.ask(query.from_user.id, ("Yes, it filled", book))
    await sender.answer(questions.it_filled(presumed), buttons)


async def never_existed(
    query: CallbackQuery, operations: Operations, queries: DaemonQueries, sender: Sender, confirmations: Confirmations
) -> None:
    await sender.notice(query)
    trade_id, by = int(_argument(query)), actor(query.from_user)
    presumed = await queries.presumed_fill(trade_id)
    if presumed is None:
        await sender.answer(questions.NOT_UNKNOWN)
        return

    async def book() -> str:
        return questions.decided(await operations.end_as_unfilled(trade_id, by))

    buttons = confirmations.ask(query.from_user.id, ("Yes, I looked in TWS", book))
    await sender.answer(questions.never_existed(presumed), buttons)


async def accept(
    query: CallbackQuery, operations: Operations, queries: DaemonQueries, sender: Sender, confirmations: Confirmations
) -> None:
    await sender.notice(query)
    event_id, by = int(_argument(query)), actor(query.from_user)
    ticker = await queries.ticker_of_event(event_id)
    if ticker is None:
        await sender.answer(questions.STALE)
        return
    loss = await queries.missing_shares(ticker)
    if isinstance(loss, NothingToWriteOff):
        await sender.answer(questions.nothing_to_write_off(ticker, loss))
        return

    async def write_off() -> str:
        return questions.accepted(await operations.write_off(loss, by, f"accept:{event_id}:{loss.held}"))

    buttons = confirmations.ask(query.from_user.id, (f"Write off {loss.ticker}", write_off))
    await sender.answer(questions.accept(loss), buttons)


def _argument(query: CallbackQuery) -> str:
    return (query.data or "").partition(":")[2]
