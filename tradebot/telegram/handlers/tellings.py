"""What the chat is told: shown with a button for each group, which changes it in place; or set by text."""

from aiogram import F, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import CallbackQuery, Message

from tradebot.domain.event_groups import EventGroup, Telling
from tradebot.operations.operations import Operations
from tradebot.queries.daemon import DaemonQueries
from tradebot.telegram import tellings
from tradebot.telegram.handlers.actor import actor
from tradebot.telegram.sender import Sender
from tradebot.telegram.sound import QuietHours

_OF_A_BUTTON = rf"^{tellings.TELL}({'|'.join(EventGroup)}):({'|'.join(Telling)})$"


def router() -> Router:
    made = Router(name="tellings")
    made.message.register(notify, Command("notify", ignore_case=True))
    return made


def buttons() -> Router:
    """Each says what it sets: pressed again, or on an old message, it does no more than that."""
    made = Router(name="tellings: buttons")
    made.callback_query.register(press, F.data.regexp(_OF_A_BUTTON))
    return made


async def notify(
    message: Message,
    command: CommandObject,
    operations: Operations,
    queries: DaemonQueries,
    sender: Sender,
    quiet_hours: QuietHours | None,
    key: str,
) -> None:
    wanted = tellings.asked(command.args)
    if wanted is None:
        await sender.answer(*tellings.view(await queries.tellings(), quiet_hours))
        return
    await sender.answer(tellings.changed(await operations.tell(*wanted, actor(message.from_user), key)))


async def press(
    query: CallbackQuery,
    operations: Operations,
    queries: DaemonQueries,
    sender: Sender,
    quiet_hours: QuietHours | None,
) -> None:
    await sender.notice(query)
    _, group, to = (query.data or "").split(":")
    await operations.tell(EventGroup(group), Telling(to), actor(query.from_user), f"telegram:button:{query.id}")
    await sender.edit(query, *tellings.view(await queries.tellings(), quiet_hours))
