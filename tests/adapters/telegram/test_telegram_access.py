"""Strangers get no answer and move nothing, whatever they send."""

import pytest
from loguru import logger

from tests.adapters.telegram.conftest import Phone, open_phone
from tests.bot import Bot
from tests.botapi import CHAT, OWNER, STRANGER
from tests.facts import every_kind
from tradebot.domain.events import EventKind
from tradebot.domain.lots import LotStatus
from tradebot.domain.settings import TradingState
from tradebot.telegram.commands import COMMANDS

ELSEWHERE = {"id": -100777, "type": "supergroup", "title": "not the owner's chat"}
ANONYMOUS = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
WAYS = {
    "a stranger in the chat": (STRANGER, CHAT),
    "a stranger in a chat of his own": (STRANGER, {"id": 666, "type": "private"}),
    "the owner in another chat": (OWNER, ELSEWHERE),
    "an anonymous voice": (ANONYMOUS, CHAT),
}


@pytest.mark.parametrize("way", WAYS)
async def test_every_command_refuses_strangers(bot: Bot, way: str) -> None:
    """Anybody who finds the bot could stop the trading, or sell everything."""
    user, chat = WAYS[way]
    await bot.owns(5)
    before = len(await bot.events())
    async with open_phone(bot) as phone:
        for command in COMMANDS:
            for text in (f"/{command.name}", command.example, f"/{command.name}@tradebot_test_bot 5"):
                await phone.api.say(text, user=user, chat=chat)
                last = await phone.api.say(text, user=user, chat=chat, kind="edited_message")
        await phone.api.until_taken(last)
        await phone.hang_up()
        assert [sent.text for sent in phone.messages()] == []
    assert len(await bot.events()) == before
    assert bot.switch.state is TradingState.RUNNING


WITH_BUTTONS = (
    EventKind.EXIT_INCOMPLETE,
    EventKind.EXITS_HELD_BACK,
    EventKind.ORDER_UNKNOWN,
    EventKind.MISMATCH,
    EventKind.EXIT_WAITS_FOR_OPEN,  # no critical: delivered last
)


@pytest.mark.parametrize("way", WAYS)
async def test_every_button_refuses_strangers(bot: Bot, way: str) -> None:
    """A forwarded message would let its reader press the owner's buttons."""
    user, chat = WAYS[way]
    await bot.owns(5)
    _, order_ref = await bot.order("BUY", "MSFT")
    trade = await bot.trade(order_ref)
    async with open_phone(bot) as phone:
        api = phone.api
        question = await api.ask("/sell_all", "Sell at market?")
        for kind in WITH_BUTTONS:
            last_event = await phone.event(every_kind()[kind], trade.id)
        await phone.is_delivered(last_event)
        buttons = [data for sent in api.sent for data in sent.buttons.values()] + ["page:positions:1", "anything"]
        buttons += [f"cancel:{trade.id}", "protection:cancel"]
        assert {data.partition(":")[0] for data in buttons} == {
            *("do", "no", "rest", "held", "keep", "filled", "never", "accept", "page", "anything"),
            *("cancel", "protection"),
        }
        mark, asked = len(api.sent), len(api.asked)
        for data in buttons:
            last = await api.press(question, "", user=user, chat=chat, data=data)
        await api.until_taken(last)
        await phone.hang_up()
        assert [
            sent.text for sent in api.sent[mark:] if "The bot stopped" not in sent.text
        ] == []  # the owner's question ends
        assert "answerCallbackQuery" not in api.asked[asked:]
    assert len(await bot.lots(LotStatus.OPEN)) == 1
    assert len(bot.broker.sent) == 1
    assert bot.broker.cancels == []


async def test_without_user_ids_the_chat_decides(bot: Bot) -> None:
    """A chat configured without users would shut its owner out, or let other chats in."""
    async with open_phone(bot, user_ids=()) as phone:
        await phone.api.say("/pause", user=STRANGER, chat=ELSEWHERE)
        await phone.api.ask("/status", "RUNNING", user=STRANGER)


async def test_strangers_are_counted_in_the_log(phone: Phone) -> None:
    """The owner would never learn that somebody tries the handle."""
    lines: list[str] = []
    sink = logger.add(lines.append, level="WARNING", format="{message}")
    try:
        last = await phone.api.say("/kill", user=STRANGER)
        await phone.api.until_taken(last)
        await phone.hang_up()
    finally:
        logger.remove(sink)
    assert [line.strip() for line in lines if "stranger" in line] == [
        "Telegram: a stranger (user 666, chat 4242) was not answered, 1 times so far"
    ]
