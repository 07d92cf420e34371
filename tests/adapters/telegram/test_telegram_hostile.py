"""Messages that cannot be read, a Telegram that lets nothing out, buttons that nobody made, topics of a group."""

from typing import Any

import pytest
from loguru import logger

from tests.adapters.telegram.conftest import Phone, open_phone
from tests.bot import Bot
from tests.botapi import CHAT, OWNER, STRANGER
from tradebot.domain.settings import TradingState

UNREADABLE: dict[str, dict[str, Any]] = {
    "a hidden sender without a name": {"forward_origin": {"type": "hidden_user", "date": 1}},
    "a reply to a story without an author": {"external_reply": {"origin": {"type": "user"}, "story": {}}},
    "a text that is no text": {"text": {"a": 1}},
    "no chat": {"chat": None},
}


def message(number: int, user: dict[str, Any], text: str, at: int, more: dict[str, Any]) -> dict[str, Any]:
    chat = CHAT if user is OWNER else {"id": user["id"], "type": "private"}
    return {"message_id": number, "date": at, "chat": chat, "from": user, "text": text} | more


@pytest.mark.parametrize("what", UNREADABLE)
async def test_a_stranger_s_unreadable_message_does_not_hide_the_kill_beside_it(bot: Bot, what: str) -> None:
    """Anybody who finds the bot could make it deaf with one message, for as long as Telegram keeps it."""
    async with open_phone(bot, up=False) as phone:
        await phone.drop()
        at = int(bot.clock.now().timestamp())
        await phone.api.update(message=message(1, STRANGER, "hello", at, UNREADABLE[what]))
        await phone.api.say("/kill")
        last = await phone.api.update(message=message(3, STRANGER, "hello", at, UNREADABLE[what]))
        await phone.api.up()
        await phone.connect()
        await phone.api.heard("KILLED")
        await phone.api.until_taken(last)
    assert bot.switch.state is TradingState.KILLED


async def test_the_owner_s_kill_counts_in_a_message_that_cannot_be_read(phone: Phone) -> None:
    """The owner answers to something that a library does not know, and his /kill is never heard."""
    at = int(phone.bot.clock.now().timestamp())
    await phone.api.update(message=message(9, OWNER, "/kill", at, UNREADABLE["a hidden sender without a name"]))
    await phone.api.heard("KILLED")
    assert phone.bot.switch.state is TradingState.KILLED


async def test_commands_are_acted_on_while_nothing_can_be_sent(phone: Phone) -> None:
    """Telegram asks for an hour of silence, and the owner's second command waits that long to be stored."""
    phone.api.refuse("sendMessage", 429, "Too Many Requests: retry after 3600", times=0, retry_after=3600)
    for text in ("/set_amount 700", "/set_amount 750", "/pause"):
        await phone.api.say(text)

    async def stored() -> bool:
        async with phone.bot.ledger.read() as books:
            settings = await books.settings()
        return (
            "750" in settings.get("limit.account.buy_amount_usd", "") and phone.bot.switch.state is TradingState.PAUSED
        )

    await phone.bot.until(stored, "both are stored")


@pytest.mark.parametrize("data", [*(f"{kind}:{'9' * 20}" for kind in ("rest", "filled", "never", "accept")),
                                  f"do:abc:{'9' * 20}", f"page:positions:{'9' * 20}", "page:positions:-1"])  # fmt: skip
async def test_a_number_that_no_button_has_is_another_time_s(phone: Phone, data: str) -> None:
    """A forged or broken button would end in a traceback, one for each press."""
    lines: list[str] = []
    sink = logger.add(lines.append, level="ERROR")
    try:
        question = await phone.api.ask("/status")
        mark = len(phone.api.asked)
        last = await phone.api.press(question, "", data=data)
        await phone.api.until_taken(last)
        await phone.hang_up()
    finally:
        logger.remove(sink)
    assert "answerCallbackQuery" in phone.api.asked[mark:]
    assert lines == []


async def test_an_answer_goes_to_the_topic_it_was_asked_in(phone: Phone) -> None:
    """In a group with topics the answers would all stand in another room."""
    at = int(phone.bot.clock.now().timestamp())
    in_topic = {"message_thread_id": 77, "is_topic_message": True}
    await phone.api.update(message=message(11, OWNER, "/status", at, in_topic))
    answer = await phone.api.heard("RUNNING")
    assert answer.fields["message_thread_id"] == "77"
    query = {
        "id": "1",
        "from": OWNER,
        "chat_instance": "1",
        "data": "rest:1",
        "message": message(12, OWNER, "…", 1, in_topic),
    }
    mark = len(phone.api.sent)
    await phone.api.update(callback_query=query)
    pressed = await phone.api.heard(lambda sent: sent.method == "sendMessage", mark)
    assert pressed.fields["message_thread_id"] == "77"
    # Elsewhere a thread is a chain of replies: Telegram would refuse to send to it.
    elsewhere = await phone.api.ask("/status", "RUNNING")
    assert "message_thread_id" not in elsewhere.fields
