"""Buttons: the answers to questions, and those on messages about something that waits for the owner.

A button on a message never acts by itself, however old it is: it asks, showing how things stand now, and the answer acts.
"""

from functools import partial

from aiogram import F, Router
from aiogram.types import CallbackQuery, Message
from loguru import logger

from tradebot.domain.corporate_actions import Split
from tradebot.domain.facts.account import ExitIncomplete, ExitLeft
from tradebot.domain.facts.orders import SharesUnprotected
from tradebot.domain.positions import WriteOff
from tradebot.errors import TradebotError
from tradebot.operations.operations import Operations
from tradebot.queries.daemon import DaemonQueries
from tradebot.queries.mismatches import NothingToWriteOff
from tradebot.queries.splits import NoSplit
from tradebot.telegram import questions
from tradebot.telegram.answers import Turn
from tradebot.telegram.confirmations import Confirmations, Refused
from tradebot.telegram.handlers.actor import actor
from tradebot.telegram.markup import did_not_work, headed, lines
from tradebot.telegram.sender import Sender
from tradebot.words.standing import no_such


def router() -> Router:
    # Numbers of rows are as long as the database can hold: anything longer was never on a button of ours.
    made = Router(name="buttons")
    made.callback_query.register(do, F.data.regexp(r"^do:[\w-]+:[0-9]{1,3}$"))
    made.callback_query.register(leave, F.data.startswith("no:"))
    made.callback_query.register(sell_rest, F.data.regexp(r"^rest:[0-9]{1,18}$"))
    made.callback_query.register(protect_again, F.data.regexp(r"^protect:[0-9]{1,18}$"))
    made.callback_query.register(sell_held_back, F.data.regexp(r"^held:[0-9]{1,18}$"))
    made.callback_query.register(keep, F.data.regexp(r"^keep:[0-9]{1,18}$"))
    made.callback_query.register(switch_strategy, F.data.regexp(r"^strategy:(pause|resume):[a-z0-9_-]+$"))
    made.callback_query.register(it_filled, F.data.regexp(r"^filled:[0-9]{1,18}$"))
    made.callback_query.register(never_existed, F.data.regexp(r"^never:[0-9]{1,18}$"))
    made.callback_query.register(accept, F.data.regexp(r"^accept:[0-9]{1,18}$"))
    made.callback_query.register(split, F.data.regexp(r"^split:[0-9]{1,18}$"))
    made.callback_query.register(no_split, F.data.regexp(r"^nosplit:[0-9]{1,18}$"))
    return made


async def do(query: CallbackQuery, sender: Sender, confirmations: Confirmations, turn: Turn) -> None:
    _, key, number = (query.data or "").split(":")
    action = confirmations.take(key, int(number), query.from_user.id, _title(query))
    if isinstance(action, Refused):
        await _refuse(query, sender, action)
        return
    try:
        text = await action()
    except TradebotError as error:
        logger.warning("Telegram: what {} confirmed did not work: {}", actor(query.from_user), error)
        text = lines(did_not_work(str(error)), "Send the command again.")
        turn.fail()  # a part of it may be done
    await sender.notice(query)
    await sender.edit(query, text)


async def leave(query: CallbackQuery, sender: Sender, confirmations: Confirmations) -> None:
    refused = confirmations.drop(_argument(query), query.from_user.id, _title(query))
    if refused is not None:
        await _refuse(query, sender, refused)
        return
    await sender.notice(query)
    await sender.edit(query, "Left as it is.")


async def _refuse(query: CallbackQuery, sender: Sender, refused: Refused) -> None:
    await sender.notice(query, refused.notice)
    if refused.html is not None and isinstance(query.message, Message):
        await sender.amend(query.message.message_id, refused.html)


def _title(query: CallbackQuery) -> str:
    """The first line of the question."""
    text = query.message.text if isinstance(query.message, Message) else None
    return (text or "").partition("\n")[0]


async def sell_rest(
    query: CallbackQuery, operations: Operations, queries: DaemonQueries, sender: Sender, confirmations: Confirmations
) -> None:
    await sender.notice(query)
    event_id, by = int(_argument(query)), actor(query.from_user)
    event = await queries.event(event_id)
    rest = await queries.rest_of(event) if event else None
    if event is None or rest is None:
        await sender.answer(questions.NOTHING_LEFT)
        return

    async def sell() -> str:
        made = await operations.sell([rest.lots], by, f"rest:{event_id}", rest.part)
        return questions.selling(len(made))

    not_shown = isinstance(event.facts, ExitIncomplete) and event.facts.code is ExitLeft.NOT_SHOWN
    label = "I looked: sell" if not_shown else "Sell"
    buttons = confirmations.ask(query.from_user.id, (f"{label} {rest.ticker}", sell))
    question = questions.sell_all(
        [rest], queries.state, queries.market_is_open(), may_come_to_life=not_shown, several=queries.run.several
    )
    await sender.answer(question, buttons)


async def protect_again(
    query: CallbackQuery, operations: Operations, queries: DaemonQueries, sender: Sender, confirmations: Confirmations
) -> None:
    """Another stop in the place of one that ended."""
    await sender.notice(query)
    event_id, by = int(_argument(query)), actor(query.from_user)
    event = await queries.event(event_id)
    facts = event.facts if event else None
    if not isinstance(facts, SharesUnprotected):
        await sender.answer(questions.STALE)
        return
    entry_id = facts.entry_id

    async def protect() -> str:
        return questions.protected_again(done=await operations.protect_again(entry_id, by, f"protect:{event_id}"))

    buttons = confirmations.ask(query.from_user.id, ("Protect again", protect))
    await sender.answer(questions.protect_again(facts), buttons)


async def sell_held_back(
    query: CallbackQuery, operations: Operations, queries: DaemonQueries, sender: Sender, confirmations: Confirmations
) -> None:
    """Of the exits that a kill has stopped, those that are still held."""
    await sender.notice(query)
    event_id, by = int(_argument(query)), actor(query.from_user)
    event = await queries.event(event_id)
    exits = await queries.held_back(event) if event else ()
    if not exits:
        await sender.answer(questions.NOTHING_LEFT)
        return

    async def sell() -> str:
        made = [await operations.sell([one.lots], by, f"held:{event_id}", one.part) for one in exits]
        return questions.selling(sum(map(len, made)))

    buttons = confirmations.ask(query.from_user.id, ("Sell now", sell))
    question = questions.sell_all(exits, queries.state, queries.market_is_open(), several=queries.run.several)
    await sender.answer(question, buttons)


async def keep(
    query: CallbackQuery, operations: Operations, queries: DaemonQueries, sender: Sender, confirmations: Confirmations
) -> None:
    """Takes an exit that the close cut off out of the queue."""
    await sender.notice(query)
    by = actor(query.from_user)
    event = await queries.event(int(_argument(query)))
    waiting = [alert for alert in await queries.waiting_alerts() if event and alert.id == event.alert_id]
    if not waiting:
        await sender.answer(questions.WAITS_NO_MORE)
        return

    async def clear() -> str:
        done = await operations.clear_queue([alert.id for alert in waiting], by)
        return questions.cleared(waiting, done, several=queries.run.several)

    buttons = confirmations.ask(query.from_user.id, ("Do not sell", clear))
    await sender.answer(questions.clear_queue(waiting, several=queries.run.several), buttons)


async def switch_strategy(
    query: CallbackQuery, operations: Operations, queries: DaemonQueries, sender: Sender, confirmations: Confirmations
) -> None:
    """Pauses or resumes one strategy."""
    await sender.notice(query)
    _, what, name = (query.data or "").split(":")
    by, key = actor(query.from_user), f"telegram:button:{query.id}"
    one = next((one for one in (await queries.strategies()).strategies if one.strategy.name == name), None)
    if one is None:
        await sender.answer(headed(f"⚠️ {no_such(name, queries.run.strategies)}", "⚠️ There is no such strategy"))
        return

    async def switch() -> str:
        if what == "pause":
            return questions.strategy_paused(name, await operations.pause(by, key, name), queries.state)
        return questions.strategy_resumed(name, await operations.resume(by, key, strategy=name), queries.state)

    buttons = confirmations.ask(query.from_user.id, (f"{what.capitalize()} {name}", switch))
    await sender.answer(questions.switch_strategy(one, pause=what == "pause"), buttons)


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
        return questions.decided(await operations.book_as_filled(trade_id, by), presumed)

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
        return questions.decided(await operations.end_as_unfilled(trade_id, by), presumed)

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
    losses = await queries.missing_shares(ticker)
    if isinstance(losses, NothingToWriteOff):
        await sender.answer(questions.nothing_to_write_off(ticker, losses))
        return

    async def write_off(loss: WriteOff) -> str:
        whose = f":{loss.strategy}" if loss.others else ""
        return questions.accepted(await operations.write_off(loss, by, f"accept:{event_id}:{loss.held}{whose}"), loss)

    asked = [(questions.write_off_label(loss), partial(write_off, loss)) for loss in losses]
    await sender.answer(questions.accept(losses), confirmations.ask(query.from_user.id, *asked))


async def split(
    query: CallbackQuery, operations: Operations, queries: DaemonQueries, sender: Sender, confirmations: Confirmations
) -> None:
    seen = await _seen_split(query, queries, sender)
    if seen is None:
        return
    event_id, by = int(_argument(query)), actor(query.from_user)

    async def book() -> str:
        return questions.split_booked(seen, done=await operations.book_split(seen, by, f"split:{event_id}:{seen.key}"))

    buttons = confirmations.ask(query.from_user.id, (f"Yes, {seen.new} for {seen.old}", book))
    await sender.answer(questions.split(seen), buttons)


async def no_split(
    query: CallbackQuery, operations: Operations, queries: DaemonQueries, sender: Sender, confirmations: Confirmations
) -> None:
    seen = await _seen_split(query, queries, sender)
    if seen is None:
        return
    event_id, by = int(_argument(query)), actor(query.from_user)

    async def deny() -> str:
        await operations.deny_split(seen, by, f"nosplit:{event_id}:{seen.key}")
        return questions.split_denied(seen)

    buttons = confirmations.ask(query.from_user.id, ("It was no split", deny))
    await sender.answer(questions.no_split(seen), buttons)


async def _seen_split(query: CallbackQuery, queries: DaemonQueries, sender: Sender) -> Split | None:
    """What looks like a split now; None: it was answered why there is none."""
    await sender.notice(query)
    ticker = await queries.ticker_of_event(int(_argument(query)))
    if ticker is None:
        await sender.answer(questions.STALE)
        return None
    seen = await queries.seen_split(ticker)
    if isinstance(seen, NoSplit):
        await sender.answer(questions.no_split_seen(ticker, seen))
        return None
    return seen


def _argument(query: CallbackQuery) -> str:
    return (query.data or "").partition(":")[2]
