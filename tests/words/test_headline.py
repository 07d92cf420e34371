"""The bot in one line, as `systemctl status` shows it."""

from contextvars import copy_context
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from tradebot.domain.gate import GateCode, GateReason
from tradebot.domain.settings import TradingState
from tradebot.ports import Connection, LinkSession
from tradebot.queries.headline import Headline
from tradebot.words import zone
from tradebot.words.headline import headline

UP = Connection(True, True, LinkSession(1, 0), account="DU1234567", paper=True, tradable=True, why_not=None, since=None)
TRADING = Headline(TradingState.RUNNING, None, UP, held_up_by=(), positions=2, waiting=1, pending=0, opens=None)
MONDAY = datetime(2026, 11, 30, 14, 30, tzinfo=UTC)
AWAY = GateReason(
    GateCode.DISCONNECTED, {"reason": "cannot connect to a gateway at 127.0.0.1:4002: Connection refused"}
)


@pytest.mark.parametrize(
    ("now", "line"),
    [
        (TRADING, "Trading on DU1234567 (paper): 2 positions, 1 alert waits, IB connected"),
        (
            replace(TRADING, connection=replace(UP, account="U7654321", paper=False), positions=0, waiting=0),
            "Trading on U7654321 (LIVE): no positions, IB connected",
        ),
        (
            replace(TRADING, held_up_by=(AWAY,), positions=1, pending=2),
            "Waiting: IB is not connected: cannot connect to a gateway at 127.0.0.1:4002: Connection refused; "
            "alerts are taken and wait; 1 position, 3 alerts wait",
        ),
        (
            replace(TRADING, pending=3, waiting=0, opens=MONDAY),
            "Market closed, 3 alerts wait for Mon 30 Nov 09:30 New York; DU1234567 (paper): 2 positions, IB connected",
        ),
        (
            replace(TRADING, waiting=0, opens=MONDAY),
            "Market closed until Mon 30 Nov 09:30 New York; DU1234567 (paper): 2 positions, IB connected",
        ),
        (
            replace(TRADING, waiting=0, opens=MONDAY, always=True),
            "Trading on DU1234567 (paper): 2 positions, IB connected",
        ),
        (
            replace(TRADING, state=TradingState.PAUSED, by="Ann", waiting=0),
            "PAUSED by Ann: exits only; 2 positions",
        ),
        (
            replace(TRADING, state=TradingState.KILLED, by="Ann", held_up_by=(GateReason(GateCode.RESTART),)),
            "KILLED by Ann: nothing leaves; 2 positions, 1 alert waits; "
            "IB Gateway restarts about now. Orders wait and go on by themselves",
        ),
    ],
    ids=["trading", "live", "away", "closed and waiting", "closed", "at all hours", "paused", "killed"],
)
def test_the_line_says_what_counts_first(now: Headline, line: str) -> None:
    """`systemctl status` would show a number without a meaning, or hide that real money is traded, or that nothing is."""
    assert headline(now) == line


def test_the_open_is_on_the_owners_clock() -> None:
    """`systemctl status` would be read as 09:30 by somebody in Berlin, six hours off."""

    def show() -> str:
        zone.use(ZoneInfo("Europe/Berlin"))
        return headline(replace(TRADING, waiting=0, opens=MONDAY))

    line = copy_context().run(show)
    assert line.startswith("Market closed until Mon 30 Nov 15:30 (09:30 New York); ")
