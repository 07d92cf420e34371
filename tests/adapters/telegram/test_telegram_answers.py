"""What an answer has said is not told again; what no answer has said is told, whatever became of the answer."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.adapters.telegram.conftest import Phone
from tests.facts import a_split, bought, every_kind
from tests.fakes import FixedClock
from tradebot.domain.events import Event, EventKind, Facts, NewEvent, Severity
from tradebot.domain.facts.account import SplitBooked, StateChanged
from tradebot.domain.settings import TradingState
from tradebot.telegram.answers import TURNS_MAX, Answers

ANN, BOB = "Ann (Telegram 1)", "Bob (Telegram 2)"
NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)
PAUSED = StateChanged(TradingState.RUNNING, TradingState.PAUSED)


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("/pause", EventKind.STATE_CHANGED),
        ("/kill", EventKind.STATE_CHANGED),
        ("/set_max_daily 7", EventKind.SETTING_CHANGED),
        ("/block AAPL", EventKind.TICKER_BLOCK),
        ("/notify jobs off", EventKind.TELLING_CHANGED),
    ],
)
async def test_what_a_command_has_answered_is_not_said_again(phone: Phone, command: str, kind: EventKind) -> None:
    """Each command would be answered twice."""
    await phone.api.ask(command)
    await phone.is_not_said_again(kind)


async def test_what_telegram_did_not_take_as_an_answer_is_told(phone: Phone) -> None:
    """The owner would not learn that his pause is in force."""
    phone.api.refuse("sendMessage", 400, "Bad Request: no", times=2)  # as it is, and as plain words
    await phone.api.say("/pause")
    await phone.api.heard("Paused: SELL only")


async def test_an_answer_on_its_way_is_waited_for_and_nothing_else_waits(phone: Phone) -> None:
    """What an answer is about to say would be told before it; or a slow answer would hold up every fill."""
    release = phone.api.stall("sendMessage")
    await phone.api.say("/pause")
    [event] = await phone.bot.told(EventKind.STATE_CHANGED)
    await phone.is_delivered(await phone.event(bought("BESIDE")))
    assert not any("Paused" in sent.text for sent in phone.messages())
    async with phone.bot.ledger.read() as books:
        assert event.id in {one.id for one in await books.undelivered("telegram", 100)}
    release.set()
    await phone.api.heard("⏸ PAUSED")
    await phone.is_not_said_again(EventKind.STATE_CHANGED)


async def test_after_a_restart_it_is_told(phone: Phone) -> None:
    """The bot ends between the pause and its answer, and the owner never hears of it."""
    release = phone.api.stall("sendMessage")
    await phone.api.say("/pause")
    await phone.bot.told(EventKind.STATE_CHANGED)
    await phone.drop()
    release.set()
    await phone.connect()
    await phone.api.heard("Paused: SELL only")


async def test_a_kill_that_was_stored_later_is_told(phone: Phone) -> None:
    """The owner was told "NOT stored", and would not learn that it is by now."""
    phone.bot.ledger.away = True
    await phone.api.ask("/kill", "NOT stored")
    phone.bot.ledger.away = False

    async def told() -> bool:
        return any("⛔ KILLED: nothing is traded" in sent.text for sent in phone.messages())

    await phone.bot.sooner_or_later(told, "the stored kill is told")


async def test_what_others_did_is_told(phone: Phone) -> None:
    """A pause from the dashboard would go unheard, because somebody looked at the chat just then."""
    async with phone.bot.ledger.begin() as books:
        await books.add_event(NewEvent(PAUSED, phone.bot.clock.now(), actor="the dashboard"))
    await phone.api.heard("changed by the dashboard")


def answers_at(moment: datetime) -> Answers:
    return Answers(FixedClock(lambda: moment))


def event(facts: Facts = PAUSED, actor: str = ANN, at: datetime = NOON) -> Event:
    return Event(facts, at, actor=actor)


def test_one_answer_of_two_commands_at_once_says_nothing_for_the_other() -> None:
    """A pause whose answer was lost would be kept from the owner, because his /status was answered."""
    answers = answers_at(NOON)
    with answers.turn(ANN) as pause, answers.turn(ANN) as status:
        assert answers.said(event()) is None, "at work"
        pause.sends()
        status.sends()
    status.sent(taken=True)
    assert answers.said(event()) is None, "one is on its way"
    pause.sent(taken=False)
    assert answers.said(event()) is False
    assert answers.said(event(actor=BOB)) is False


def test_only_what_happened_within_a_turn_is_said_by_it() -> None:
    """What the same person did elsewhere an hour ago would be taken for answered."""
    now = [NOON]
    answers = Answers(FixedClock(lambda: now[0]))
    with answers.turn(ANN) as turn:
        turn.sends()
        now[0] = NOON + timedelta(seconds=1)
    turn.sent(taken=True)
    assert [answers.said(event(at=NOON + timedelta(seconds=late))) for late in (-1, 0, 1, 2)] == [
        False,
        True,
        True,
        False,
    ]


def test_a_command_that_failed_has_said_nothing() -> None:
    """What a command had done before it failed would stay untold."""
    answers = answers_at(NOON)

    def fails() -> None:
        with answers.turn(ANN) as turn:
            turn.sends()
            turn.sent(taken=True)
            raise ValueError("on the way")

    with pytest.raises(ValueError, match="on the way"):
        fails()
    assert answers.said(event()) is False
    with answers.turn(BOB):
        pass
    assert answers.said(event(actor=BOB)) is False, "without an answer"


def test_what_is_critical_is_never_kept_back_and_never_waits() -> None:
    """The exits that a kill has stopped would wait for an answer, or be taken for said."""
    answers = answers_at(NOON)
    critical = [facts for facts in every_kind().values() if facts.severity is Severity.CRITICAL]
    assert len(critical) > 5
    with answers.turn(ANN) as turn:
        assert {answers.said(event(facts)) for facts in critical} == {False}
        turn.sends()
    turn.sent(taken=True)
    assert {answers.said(event(facts)) for facts in critical} == {False}
    assert answers.said(event()) is True


def test_what_an_answer_leaves_out_is_told() -> None:
    """Whose shares a split has made how many would never be said."""
    answers = answers_at(NOON)
    with answers.turn(ANN) as turn:
        turn.sends()
    turn.sent(taken=True)
    split = a_split()
    assert answers.said(event(SplitBooked(split))) is True
    assert answers.said(event(SplitBooked(split, {"ema": Decimal(40), "rsi": Decimal(60)}))) is False
    assert answers.said(event(bought())) is False


def test_the_oldest_turns_are_forgotten() -> None:
    """Months of commands would be kept in memory."""
    now = [NOON]
    answers = Answers(FixedClock(lambda: now[0]))
    for number in range(TURNS_MAX + 1):
        now[0] = NOON + timedelta(seconds=number)
        with answers.turn(ANN) as turn:
            turn.sends()
        turn.sent(taken=True)
    assert answers.said(event()) is False
    assert answers.said(event(at=now[0])) is True
