"""Whoever reads a message outside the chat is told what he can do there, and the chat is told its own commands."""

import re

import pytest

from tests.facts import NOON
from tests.words.test_lines import TOLD, VARIANTS
from tests.words.test_refusals import SAID
from tradebot.cli.commands import COMMANDS
from tradebot.domain.events import Event
from tradebot.domain.facts import account as c
from tradebot.domain.settings import TradingState
from tradebot.telegram.commands import NAMES
from tradebot.telegram.markup import prose
from tradebot.words import events, refusals
from tradebot.words.lines import lines
from tradebot.words.told import told

EVENTS = [
    Event(facts, NOON, alert_id=4, actor="Ann")
    for facts in (
        *TOLD,
        *VARIANTS,
        *(
            c.StateChanged(TradingState.RUNNING, state, strategy)
            for state in TradingState
            for strategy in (None, "ema")
        ),
    )
]
WORDS = sorted(
    {
        *map(events.text, EVENTS),
        *map(told, EVENTS),
        *(part for event in EVENTS for part in (lines(event).first, lines(event).below)),
        *(refusals.refusal(code, facts) for code, facts, _ in SAID),
    }
)
COMMAND = re.compile(rf"(?<![\w/])/(?:{'|'.join(name for name in NAMES if name != 'health')})\b")
"""/health is an address of the daemon's, too."""


def test_outside_the_chat_no_command_is_named_that_works_only_there_without_saying_so() -> None:
    """A mail at night would say "/orders", and nothing takes that but the chat."""
    assert [text for text in WORDS if len(COMMAND.findall(text)) > text.count(" in the chat")] == []
    assert len([text for text in WORDS if COMMAND.search(text)]) > 10, "there is something to look at"


def test_in_the_chat_what_it_can_do_is_said_by_its_own_commands() -> None:
    """The owner would be sent to a terminal for what one press does, or be told "in the chat" in the chat."""
    shown = [prose(text) for text in WORDS]
    assert [
        text
        for text in shown
        if re.search(r"tradebot (?:pause|resume|kill|stats|performance)|/\w+.* in the chat", text)
    ] == []
    assert any("/resume ema" in text for text in shown)


@pytest.mark.parametrize(
    ("anywhere", "chat"),
    [
        ("until `tradebot resume`.", "until /resume."),
        ("until tradebot resume --strategy ema", "until /resume ema"),
        ("until /unblock BRK B in the chat.", "until /unblock BRK B."),
        ("raise it with /set_max_loss ema in the chat", "raise it with /set_max_loss ema"),
        ("`tradebot resume --sells-only` lets it sell", "<code>tradebot resume --sells-only</code> lets it sell"),
        ("`tradebot deliveries` shows what", "<code>tradebot deliveries</code> shows what"),
    ],
)
def test_a_command_is_said_in_the_form_of_the_chat(anywhere: str, chat: str) -> None:
    """A strategy's own pause would be lifted by a command that lifts the whole bot's, or by none."""
    assert prose(anywhere) == chat


def test_the_command_line_has_what_is_named_of_it() -> None:
    """A mail would name a command that there is not."""
    named = {name for text in WORDS for name in re.findall(r"`tradebot ([a-z-]+)", text)}
    assert len(named) > 5, "there is something to look at"
    assert named <= set(COMMANDS)
