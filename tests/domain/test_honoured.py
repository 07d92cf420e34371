"""What is not honoured yet, under which strategy, and what the owner is told to do."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tradebot.domain.honoured import not_honoured
from tradebot.domain.instructions import (
    Exits,
    Instruction,
    Level,
    LevelKind,
    OrderTerms,
    PositionTarget,
    Size,
    SizeKind,
    Target,
    Verb,
)
from tradebot.domain.strategies import ExitSize, Sizing, Strategy
from tradebot.domain.trades import OrderType, TimeInForce

BUY = Instruction("own", Verb.BUY, "AAPL")
EXIT = replace(BUY, verb=Verb.EXIT)
FIVE = Level(LevelKind.PERCENT, Decimal(5))
TEN = Size(SizeKind.SHARES, Decimal(10))
FIXED = Strategy(name="ema")
ALERT = Strategy(name="ema", sizing=Sizing.ALERT, exit_size=ExitSize.ALERT)
HALF = PositionTarget(Target.LONG, Decimal(50), Target.LONG, Decimal(100))


@pytest.mark.parametrize(
    ("asked", "strategy"),
    [
        *((BUY, FIXED), (EXIT, FIXED), (EXIT, ALERT), (replace(BUY, size=TEN), ALERT)),
        *((replace(BUY, size=replace(TEN, kind=kind)), ALERT) for kind in (SizeKind.USD, SizeKind.EQUITY_PCT)),
        *((replace(EXIT, size=TEN), ALERT), (replace(EXIT, size=replace(TEN, kind=SizeKind.POSITION_PCT)), ALERT)),
        *((replace(EXIT, target=HALF), FIXED), (replace(EXIT, target=HALF), ALERT)),
        *((replace(EXIT, exits=Exits(stop_loss=FIVE)), FIXED), (replace(EXIT, exits=Exits(take_profit=FIVE)), ALERT)),
        (replace(EXIT, size=TEN, target=PositionTarget(Target.FLAT)), FIXED),
        (BUY, Strategy(name="ema", sizing=Sizing.SHARES, size=Decimal(5))),
    ],
)
def test_what_is_honoured(asked: Instruction, strategy: Strategy) -> None:
    """An alert that can be traded would be refused: an exit, and the position stays."""
    assert not_honoured(asked, strategy) is None


@pytest.mark.parametrize(
    ("asked", "strategy", "told"),
    [
        (
            replace(BUY, size=TEN),
            FIXED,
            "asks for 10 shares, and the strategy ema spends an amount of its own on every buy",
        ),
        (
            replace(BUY, size=TEN),
            FIXED,
            'Set sizing = "alert" for [strategies.ema], or take the size out of the alert.',
        ),
        (replace(BUY, verb=Verb.ADD, size=TEN), FIXED, 'sizing = "alert"'),
        (BUY, ALERT, "The alert has no size"),
        (replace(BUY, size=replace(TEN, kind=SizeKind.POSITION_PCT)), ALERT, "10 % of the position"),
        (replace(BUY, size=replace(TEN, kind=SizeKind.RISK_USD)), ALERT, "follows from a stop"),
        (replace(BUY, size=replace(TEN, kind=SizeKind.RISK_PCT)), ALERT, "follows from a stop"),
        (BUY, replace(FIXED, sizing=Sizing.RISK_USD), "sizes its buys by the risk at the stop"),
        (replace(EXIT, size=TEN), FIXED, 'Set exit_size = "alert" for [strategies.ema]'),
        (replace(EXIT, size=replace(TEN, kind=SizeKind.USD)), ALERT, "in shares or in percent of the position"),
        (replace(BUY, verb=Verb.CANCEL), FIXED, "cancels orders that wait for a price"),
        *(
            (replace(one, order=OrderTerms(kind)), FIXED, f"{kind.name.lower().replace('_', '-')} order")
            for one in (BUY, EXIT)
            for kind in OrderType
            if kind is not OrderType.MARKET
        ),
        *(
            (replace(BUY, order=OrderTerms(tif=tif)), FIXED, f"works {tif}")
            for tif in TimeInForce
            if tif is not TimeInForce.DAY
        ),
        (replace(BUY, order=OrderTerms(outside_rth=True)), FIXED, "outside regular trading hours"),
        (replace(BUY, order=OrderTerms(cancel_after=timedelta(seconds=60))), FIXED, "cancelled after 60 s"),
        (replace(BUY, order=OrderTerms(delay=timedelta(seconds=5))), FIXED, "5 s later"),
        (replace(BUY, exits=Exits(stop_loss=Level(LevelKind.PERCENT, Decimal(5)))), FIXED, "a stop of its own"),
        (replace(BUY, exits=Exits(trailing=Level(LevelKind.PERCENT, Decimal(5)))), FIXED, "a stop of its own"),
        (replace(BUY, exits=Exits(take_profit=Level(LevelKind.PRICE, Decimal(5)))), FIXED, "a take-profit of its own"),
    ],
)
def test_what_is_not_honoured_is_refused_with_what_to_do(asked: Instruction, strategy: Strategy, told: str) -> None:
    """Something else than what was asked would be traded, silently."""
    reason = not_honoured(asked, strategy) or "honoured"
    assert told in reason
    assert "Nothing was traded." in reason
