"""A question that is over says so in its own message, whatever ended it."""

import asyncio
from functools import partial

import pytest

from tests.adapters.telegram.conftest import Phone
from tests.botapi import Sent
from tests.facts import NOON
from tests.fakes import Clock
from tradebot.domain.settings import TradingState
from tradebot.telegram.confirmations import EDITS_MAX, Confirmations
from tradebot.telegram.markup import plain


def is_ended(question: Sent, sent: Sent) -> bool:
    edited = sent.method == "editMessageText" and sent.message_id == question.message_id
    return edited and "Ended by /kill: nothing was done" in sent.text


def edits(phone: Phone) -> list[Sent]:
    return [sent for sent in phone.api.sent if sent.method == "editMessageText"]


async def test_a_question_whose_time_is_over_says_what_to_send_again(phone: Phone) -> None:
    """Its buttons would stand there for ever, and do nothing."""
    await phone.bot.owns(5)
    question = await phone.api.ask("/sell_all AAPL", "Sell at market?")
    await phone.bot.seconds(31)
    edited = await phone.api.heard(lambda sent: sent.method == "editMessageText")
    assert (edited.message_id, edited.buttons) == (question.message_id, {})
    assert "Expired: nothing was done" in edited.text
    assert "/sell_all AAPL" in edited.text
    assert phone.bot.broker.sent == []


async def test_one_that_a_button_has_asked_names_itself(phone: Phone) -> None:
    """The owner would not know which of his buttons to press again."""
    await phone.bot.owns(5)
    message = await phone.api.ask("/sell", "Sell which?")
    await phone.api.pressed(message, "🔴 AAPL 5", "Sell at market?")
    await phone.bot.seconds(31)
    edited = await phone.api.heard("Expired")
    assert "Sell at market?\nPress its button again" in plain(edited.text)


async def test_an_answered_question_keeps_its_answer(phone: Phone) -> None:
    """What was sold would give way to "nothing was done", by its time or by a second tap."""
    await phone.bot.owns(5)
    question = await phone.api.ask("/sell_all", "Sell at market?")
    await phone.api.pressed(question, "Sell all 1", "1 SELL alert is in the queue")
    left = await phone.api.ask("/sell_all", "Sell at market?")
    await phone.api.pressed(left, "No, leave it", "Left as it is")
    for message, label in ((question, "Sell all 1"), (left, "Sell all 1"), (left, "No, leave it")):
        again = await phone.api.pressed(message, label, lambda sent: sent.method == "answerCallbackQuery")
        assert "answered already" in again.text
    await phone.bot.seconds(31)
    await phone.api.ask("/help", "Commands")
    assert len(edits(phone)) == 2


async def test_a_kill_ends_them_in_their_messages_the_newest_few(phone: Phone) -> None:
    """A button that sells would go on inviting after the kill; or the kill's edits would use up what Telegram takes."""
    await phone.bot.owns(5)
    with phone.bot.clock.standing_still():  # none expires before
        asked = [await phone.api.ask("/sell_all", "Sell at market?") for _ in range(EDITS_MAX + 2)]
        await phone.api.ask("/kill", "KILLED")
    for question in asked[2:]:
        await phone.api.heard(partial(is_ended, question))
    assert len(edits(phone)) == EDITS_MAX
    refused = await phone.api.pressed(asked[0], "Sell all 1", "Ended by /kill")
    assert refused.message_id == asked[0].message_id
    assert phone.bot.switch.state is TradingState.KILLED


async def test_the_end_of_the_bot_ends_them(phone: Phone) -> None:
    """A question of yesterday's bot would look as if it could be answered."""
    await phone.bot.owns(5)
    question = await phone.api.ask("/sell_all", "Sell at market?")
    await phone.hang_up()
    [edited] = edits(phone)
    assert edited.message_id == question.message_id
    assert "The bot stopped: nothing was done" in edited.text


@pytest.mark.parametrize("data", ["do:abcdefghijkl:0", "no:abcdefghijkl"])
async def test_a_button_of_a_bot_before_this_one_is_answered_and_its_message_edited(phone: Phone, data: str) -> None:
    """After a crash the button would do nothing without a word, or claim that nothing was done, which nobody knows."""
    await phone.bot.owns(5)
    question = await phone.api.ask("/sell_all", "Sell at market?")
    await phone.api.press(question, "", data=data)
    notice = await phone.api.heard(lambda sent: sent.fields.get("show_alert") == "true")
    assert "This question is over" in notice.text
    edited = await phone.api.heard(lambda sent: sent.method == "editMessageText")
    assert (edited.message_id, edited.buttons) == (question.message_id, {})
    assert "This question is over" in edited.text
    assert "Sell at market?" in edited.text
    assert "nothing was done" not in edited.text


async def test_an_edit_that_telegram_refuses_is_nothing(phone: Phone) -> None:
    """The chat would be shown as failing, or fall silent, because a message was deleted."""
    await phone.bot.owns(5)
    phone.api.refuse("editMessageText", 400, "Bad Request: message to edit not found")
    await phone.api.ask("/sell_all", "Sell at market?")
    await phone.bot.seconds(31)
    await phone.api.until_asked("editMessageText", 1)
    await phone.api.ask("/status", "RUNNING")
    assert phone.queries.chat.error is None
    question = await phone.api.ask("/sell_all", "Sell at market?")
    await phone.bot.seconds(31)
    edited = await phone.api.heard("Expired")
    assert edited.message_id == question.message_id


async def test_one_that_is_over_before_it_is_shown_is_edited_when_it_is() -> None:
    """An answer that Telegram held up for a minute would bring buttons that are dead already."""
    clock = Clock(NOON)
    confirmations = Confirmations(clock, lambda _: "key")
    amended: list[tuple[int, str]] = []
    one_more = asyncio.Event()

    async def amend(message_id: int, html: str) -> None:
        amended.append((message_id, html))
        one_more.set()

    running = asyncio.create_task(confirmations.run(amend), name="questions that end")
    confirmations.ask(1)
    clock.skip(31)
    confirmations.shown("key", 7, "Send /sell again.")
    await asyncio.wait_for(one_more.wait(), 10)
    running.cancel()
    assert [message_id for message_id, _ in amended] == [7]
    assert "Send /sell again." in amended[0][1]
