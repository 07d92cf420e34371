"""Buttons: the answers to questions, and those on messages about something that waits for the owner.

A button on a message never acts by itself, however old it is: it asks, showing how things stand now, and the answer acts.
"""

from aiogram import F, Router
from aiogram.types import CallbackQuery
from loguru import logger

from tradebot.errors import TradebotError
from tradebot.operations import exits
from tradebot.operations.operations import Operations
from tradebot.telegram import questions
from tradebot.telegram.confirmations import Confirmations
from tradebot.telegram.handlers.actor import who
from tradebot.telegram.markup import prose
from tradebot.telegram.sender import Sender


def router() -> Router:
    made = Router(name="buttons")
    made.callback_query.register(do, F.data.regexp(r"^do:[\w-]+:[0-9]+$"))
    made.callback_query.register(leave, F.data.startswith("no:"))
    made.callback_query.register(sell_rest, F.data.regexp(r"^rest:[0-9]+$"))
    made.callback_query.register(it_filled, F.data.regexp(r"^filled:[0-9]+$"))
    made.callback_query.register(never_existed, F.data.regexp(r"^never:[0-9]+$"))
    made.callback_query.register(accept, F.data.regexp(r"^accept:[0-9]+$"))
    return made


async def do(query: CallbackQuery, sender: Sender, confirmations: Confirmations) -> None:
    _, key, number = (query.data or "").split(":")
    action = confirmations.take(key, int(number), query.from_user.id)
    if isinstance(action, str):
        await sender.notice(query, action)
        return
    try:
        said = await action()
    except TradebotError as error:
        logger.warning("Telegram: what {} confirmed did not work: {}", who(query.from_user), error)
        said = f"⚠️ That did not work: {prose(str(error))}\nSend the command again."
    await sender.notice(query)
    await sender.edit(query, said)


async def leave(query: CallbackQuery, sender: Sender, confirmations: Confirmations) -> None:
    if not confirmations.drop(_argument(query), query.from_user.id):
        await sender.notice(query, "Only who was asked can answer this.")
        return
    await sender.notice(query)
    await sender.edit(query, "Left as it is.")


async def sell_rest(query: CallbackQuery, operations: Operations, sender: Sender, confirmations: Confirmations) -> None:
    await sender.notice(query)
    event_id, by = int(_argument(query)), who(query.from_user)
    ticker = await _ticker(operations, event_id)
    async with operations.ledger.read() as books:
        planned = await exits.planned(books, operations.broker.positions(), ticker) if ticker else []
    if not planned:
        await sender.answer(questions.NOTHING_LEFT)
        return

    async def sell() -> str:
        made = await exits.sell(operations.intake, [one.ticker for one in planned], f"rest:{event_id}", by)
        return questions.selling(len(made), operations.overview.market_is_open())

    buttons = confirmations.ask(query.from_user.id, (f"Sell {planned[0].ticker}", sell))
    await sender.answer(
        questions.sell_all(planned, operations.switch.state, operations.overview.market_is_open()), buttons
    )


async def it_filled(query: CallbackQuery, operations: Operations, sender: Sender, confirmations: Confirmations) -> None:
    await sender.notice(query)
    trade_id, by = int(_argument(query)), who(query.from_user)
    guess = await operations.resolutions.guess(trade_id)
    if guess is None or guess.price is None:
        await sender.answer(questions.NOT_UNKNOWN if guess is None else questions.NO_PRICE)
        return

    async def book() -> str:
        return questions.decided(await operations.resolutions.it_filled(trade_id, by))

    buttons = confirmations.ask(query.from_user.id, ("Yes, it filled", book))
    await sender.answer(questions.it_filled(guess), buttons)


async def never_existed(
    query: CallbackQuery, operations: Operations, sender: Sender, confirmations: Confirmations
) -> None:
    await sender.notice(query)
    trade_id, by = int(_argument(query)), who(query.from_user)
    guess = await operations.resolutions.guess(trade_id)
    if guess is None:
        await sender.answer(questions.NOT_UNKNOWN)
        return

    async def book() -> str:
        return questions.decided(await operations.resolutions.it_never_existed(trade_id, by))

    buttons = confirmations.ask(query.from_user.id, ("Yes, I looked in TWS", book))
    await sender.answer(questions.never_existed(guess), buttons)


async def accept(query: CallbackQuery, operations: Operations, sender: Sender, confirmations: Confirmations) -> None:
    await sender.notice(query)
    event_id, by = int(_argument(query)), who(query.from_user)
    ticker = await _ticker(operations, event_id)
    loss = await operations.resolutions.shortfall(ticker) if ticker else questions.STALE
    if isinstance(loss, str):
        await sender.answer(prose(loss))
        return

    async def write_off() -> str:
        return questions.accepted(await operations.resolutions.accept(loss, by, f"accept:{event_id}:{loss.held}"))

    buttons = confirmations.ask(query.from_user.id, (f"Write off {loss.ticker}", write_off))
    await sender.answer(questions.accept(loss), buttons)


def _argument(query: CallbackQuery) -> str:
    return (query.data or "").partition(":")[2]


async def _ticker(operations: Operations, event_id: int) -> str | None:
    async with operations.ledger.read() as books:
        events = await books.events(after_id=event_id - 1, limit=1)
    return events[0].ticker if events and events[0].id == event_id else None
