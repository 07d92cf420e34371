"""What is not honoured, under which strategy, and what the owner is told to do."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tradebot.domain.honoured import not_honoured
from tradebot.domain.instructions import Instruction, OrderTerms, PositionTarget, Size, SizeKind, Target, Verb
from tradebot.domain.strategies import ExitSize, ExitSource, OrderSource, Sizing, Strategy
from tradebot.domain.terms import Exits, Level, LevelKind, OrderType, TimeInForce

BUY = Instruction("own", Verb.BUY, "AAPL")
EXIT = replace(BUY, verb=Verb.EXIT)
FIVE = Level(LevelKind.PERCENT, Decimal(5))
TEN = Size(SizeKind.SHARES, Decimal(10))
FIXED = Strategy(name="ema")
ALERT = Strategy(name="ema", sizing=Sizing.ALERT, exit_size=ExitSize.ALERT)
WITH_ORDERS = Strategy(name="ema", orders=OrderSource.ALERT)
LIMITS = Strategy(name="ema", orders=OrderSource.LIMIT)
WITH_EXITS = Strategy(name="ema", exits=ExitSource.ALERT)
OWN = Strategy(name="ema", exits=ExitSource.OWN, own_exits=Exits(Level(LevelKind.PERCENT, Decimal(5))))
MINUTE, TIFS = timedelta(minutes=1), (TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC)
STOP, TRAILING = OWN.own_exits, Exits(trailing=Level(LevelKind.PERCENT, Decimal(5)))
TARGET = Exits(take_profit=Level(LevelKind.PRICE, Decimal(5)))
BOTH = replace(STOP, take_profit=TARGET.take_profit)
RISK = replace(TEN, kind=SizeKind.RISK_USD)
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
        *((replace(BUY, order=OrderTerms(kind)), WITH_ORDERS) for kind in OrderType),
        *((replace(BUY, order=OrderTerms(OrderType.LIMIT, tif=tif)), WITH_ORDERS) for tif in TIFS),
        (replace(BUY, order=OrderTerms(OrderType.LIMIT, outside_rth=True)), WITH_ORDERS),
        (replace(BUY, order=OrderTerms(OrderType.STOP, cancel_after=MINUTE)), WITH_ORDERS),
        (replace(BUY, order=OrderTerms(OrderType.STOP, tif=TimeInForce.GTD, cancel_after=MINUTE)), WITH_ORDERS),
        (replace(BUY, order=OrderTerms(OrderType.STOP, tif=TimeInForce.GTD)), replace(WITH_ORDERS, good_for=MINUTE)),
        *((replace(BUY, price=Decimal(5), order=OrderTerms(tif=tif)), LIMITS) for tif in TIFS),
        (replace(BUY, order=OrderTerms(OrderType.LIMIT, Decimal(5))), LIMITS),
        *((replace(BUY, exits=exits), WITH_EXITS) for exits in (STOP, TRAILING, TARGET, BOTH)),
        (EXIT, WITH_EXITS),
        (EXIT, LIMITS),
        (replace(BUY, size=RISK, exits=STOP), replace(WITH_EXITS, sizing=Sizing.ALERT)),
        (replace(BUY, size=RISK), replace(ALERT, exits=ExitSource.OWN, own_exits=TRAILING)),
        (replace(BUY, exits=TRAILING), replace(WITH_EXITS, sizing=Sizing.RISK_PCT, size=Decimal(1))),
        (BUY, replace(WITH_EXITS, sizing=Sizing.RISK_PCT, size=Decimal(1), own_exits=STOP)),
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
        *(
            (replace(BUY, order=OrderTerms(kind)), LIMITS, "buys by limit orders at the alert's price. Nothing")
            for kind in (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)
        ),
        (replace(BUY, order=OrderTerms(OrderType.LIMIT)), FIXED, 'Set orders = "alert" for [strategies.ema]'),
        (BUY, LIMITS, "buys by limit orders at the alert's price, and the alert has none"),
        (replace(EXIT, order=OrderTerms(OrderType.LIMIT, Decimal(5))), WITH_ORDERS, "an exit is a market order"),
        (
            replace(EXIT, order=OrderTerms(tif=TimeInForce.GTC)),
            WITH_ORDERS,
            "works GTC, and a market order works for the day",
        ),
        (
            replace(BUY, order=OrderTerms(tif=TimeInForce.GTC)),
            WITH_ORDERS,
            "works GTC, and a market order works for the day",
        ),
        (replace(BUY, order=OrderTerms(OrderType.STOP, outside_rth=True)), WITH_ORDERS, "where only limit orders work"),
        (
            replace(BUY, order=OrderTerms(OrderType.STOP, tif=TimeInForce.GTD)),
            WITH_ORDERS,
            "works GTD, and says no end",
        ),
        (
            replace(BUY, order=OrderTerms(OrderType.LIMIT, tif=TimeInForce.IOC, cancel_after=MINUTE)),
            WITH_ORDERS,
            "works IOC, which waits for nothing",
        ),
        (replace(BUY, order=OrderTerms(OrderType.LIMIT, delay=MINUTE)), WITH_ORDERS, "every order leaves at once"),
        (
            replace(BUY, exits=STOP),
            WITH_ORDERS,
            'Set exits = "alert" for [strategies.ema], or take it out of the alert.',
        ),
        (replace(BUY, exits=TARGET), OWN, "the strategy ema places its own"),
        (replace(BUY, exits=replace(STOP, trailing=STOP.stop_loss)), WITH_EXITS, "one order protects a position"),
        (replace(BUY, size=RISK, exits=TARGET), replace(WITH_EXITS, sizing=Sizing.ALERT), "follows from a stop"),
        (
            replace(BUY, exits=TARGET),
            replace(WITH_EXITS, sizing=Sizing.RISK_PCT, size=Decimal(1), own_exits=STOP),
            "sizes its buys by the risk at the stop",
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
