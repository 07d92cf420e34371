"""Messages as services and tutorials document them, with other values, and what each must become.

Where from: TradersPost ("Signal Message Reference", "Order Behavior", its Pine library), 3Commas (help pages of the signal bot:
the strategy and the custom type), SignalStack (JSON and plain words), TBOT on TradingBoat (its repository and Pine library),
OctoBot ("TradingView alerts format"), the tutorials of the nested form, TradingView users' own.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from tradebot.domain.instructions import Instruction, OrderTerms, PositionTarget, Size, SizeKind, Target, Verb
from tradebot.domain.terms import Exits, Level, LevelKind, OrderType, TimeInForce

AT = datetime(2026, 11, 20, 15, 4, 5, tzinfo=UTC)
WHEN = "2026-11-20T15:04:05Z"


@dataclass(frozen=True, slots=True)
class Template:
    """One documented message. `becomes` is an instruction, or words of the refusal."""

    name: str
    body: Mapping[str, object] | str
    becomes: Instruction | str

    @property
    def sent(self) -> bytes:
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


def shares(number: str) -> Size:
    return Size(SizeKind.SHARES, Decimal(number))


def long(size: str | None = None, previous: Target | None = None, previous_size: str | None = None) -> PositionTarget:
    return PositionTarget(
        Target.LONG,
        None if size is None else Decimal(size),
        previous,
        None if previous_size is None else Decimal(previous_size),
    )


def flat(previous: Target | None = None, previous_size: str | None = None) -> PositionTarget:
    return PositionTarget(Target.FLAT, None, previous, None if previous_size is None else Decimal(previous_size))


def level(kind: LevelKind, value: str) -> Level:
    return Level(kind, Decimal(value))


BUY = Instruction("own", Verb.BUY, "AAPL")
TRADERSPOST = Instruction("traderspost", Verb.BUY, "TSLA")
NESTED = Instruction("nested", Verb.BUY, "AAPL", price=Decimal("191.5"), alert_time=AT, primary_exchange="NASDAQ")
COMMAS = Instruction("3commas", Verb.BUY, "NVDA", price=Decimal("140.2"), alert_time=AT, primary_exchange="NASDAQ")
TBOT = Instruction("tbot", Verb.BUY, "MSFT", price=Decimal("410.5"), alert_time=AT)


def commas(action: str, before: tuple[str, str], after: tuple[str, str], amount: str) -> Mapping[str, object]:
    """The strategy type, filled in by TradingView."""
    return {
        "secret": "…",
        "max_lag": "300",
        "timestamp": WHEN,
        "trigger_price": "140.2",
        "tv_exchange": "NASDAQ",
        "tv_instrument": "NVDA",
        "action": action,
        "bot_uuid": "0e1f",
        "strategy_info": {
            "market_position": after[0],
            "market_position_size": after[1],
            "prev_market_position": before[0],
            "prev_market_position_size": before[1],
        },
        "order": {"amount": amount, "currency_type": "base"},
    }


def nested(action: str, before: tuple[str, str], after: tuple[str, str], contracts: object) -> Mapping[str, object]:
    return {
        "passphrase": "…",
        "time": WHEN,
        "exchange": "NASDAQ",
        "ticker": "AAPL",
        "bar": {"time": WHEN, "open": 190, "high": 192.1, "low": 189.5, "close": 191.4, "volume": 1200},
        "strategy": {
            "position_size": after[1],
            "order_action": action,
            "order_contracts": contracts,
            "order_price": 191.5,
            "order_id": "close everything",
            "market_position": after[0],
            "market_position_size": after[1],
            "prev_market_position": before[0],
            "prev_market_position_size": before[1],
        },
    }


def tbot(direction: str, qty: object, **prices: object) -> Mapping[str, object]:
    metrics = {"entry.limit": 0, "entry.stop": 0, "exit.limit": 0, "exit.stop": 0, "qty": qty, "price": 410.5}
    metrics |= {name.replace("_", "."): value for name, value in prices.items()}
    return {
        "timestamp": 1795187045000,
        "ticker": "MSFT",
        "currency": "USD",
        "timeframe": "1H",
        "clientId": 1,
        "key": "…",
        "contract": "stock",
        "orderRef": "Long#1",
        "direction": direction,
        "metrics": [{"name": name, "value": value} for name, value in metrics.items()],
    }


_UNUSED_COMMAS = ("max_lag", "bot_uuid")
_UNUSED_TBOT = ("orderRef", "clientId", "timeframe")

TEMPLATES = (
    # --- TradersPost
    Template(
        "traderspost: indicator",
        {"ticker": "TSLA", "action": "buy", "price": "420.5", "time": WHEN, "interval": "5"},
        Instruction("own", Verb.BUY, "TSLA", price=Decimal("420.5"), alert_time=AT),
    ),
    Template(
        "traderspost: strategy opens",
        {
            "ticker": "TSLA",
            "action": "buy",
            "sentiment": "long",
            "quantity": "7",
            "price": "420.5",
            "time": WHEN,
            "interval": "5",
        },
        replace(TRADERSPOST, size=shares("7"), target=long(), price=Decimal("420.5"), alert_time=AT),
    ),
    Template(
        "traderspost: strategy closes, its quantity is no part",
        {"ticker": "TSLA", "action": "sell", "sentiment": "flat", "quantity": "7", "price": "430", "time": WHEN},
        replace(TRADERSPOST, verb=Verb.EXIT, target=flat(), price=Decimal(430), alert_time=AT),
    ),
    Template(
        "traderspost: strategy covers a short",
        {"ticker": "TSLA", "action": "buy", "sentiment": "flat", "quantity": "7"},
        replace(TRADERSPOST, verb=Verb.EXIT, target=flat()),
    ),
    Template(
        "traderspost: strategy reverses to short",
        {"ticker": "TSLA", "action": "sell", "sentiment": "bearish", "quantity": "14"},
        replace(TRADERSPOST, verb=Verb.EXIT, target=PositionTarget(Target.SHORT)),
    ),
    Template(
        "traderspost: partial exit",
        {"ticker": "TSLA", "action": "sell", "sentiment": "long", "quantity": 3},
        replace(TRADERSPOST, verb=Verb.EXIT, size=shares("3"), target=long()),
    ),
    Template(
        "traderspost: half of the position",
        {"ticker": "TSLA", "action": "exit", "quantityType": "percent_of_position", "quantity": 50},
        replace(TRADERSPOST, verb=Verb.EXIT, size=Size(SizeKind.POSITION_PCT, Decimal(50))),
    ),
    Template(
        "traderspost: adds",
        {"ticker": "TSLA", "action": "add", "quantity": 2},
        replace(TRADERSPOST, verb=Verb.ADD, size=shares("2")),
    ),
    Template(
        "traderspost: bracket",
        {
            "ticker": "TSLA",
            "action": "buy",
            "signalPrice": 143.5,
            "quantity": 1,
            "takeProfit": {"percent": 10},
            "stopLoss": {"type": "stop", "percent": 5},
        },
        replace(
            TRADERSPOST,
            size=shares("1"),
            price=Decimal("143.5"),
            exits=Exits(stop_loss=level(LevelKind.PERCENT, "5"), take_profit=level(LevelKind.PERCENT, "10")),
        ),
    ),
    Template(
        "traderspost: trailing stop of a long",
        {"ticker": "TSLA", "action": "buy", "quantity": 1, "stopLoss": {"type": "trailing_stop", "trailPercent": 0.75}},
        replace(TRADERSPOST, size=shares("1"), exits=Exits(trailing=level(LevelKind.PERCENT, "0.75"))),
    ),
    Template(
        "traderspost: stop-limit order, good till cancelled",
        {
            "ticker": "TSLA",
            "action": "buy",
            "orderType": "stop_limit",
            "stopPrice": 100,
            "limitPrice": 99,
            "timeInForce": "gtc",
            "extendedHours": False,
        },
        replace(
            TRADERSPOST,
            order=OrderTerms(OrderType.STOP_LIMIT, Decimal(99), Decimal(100), tif=TimeInForce.GTC),
        ),
    ),
    Template(
        "traderspost: risk in dollars",
        {
            "ticker": "TSLA",
            "action": "buy",
            "quantityType": "risk_dollar_amount",
            "quantity": "200",
            "stopLoss": {"amount": 2.5},
        },
        replace(
            TRADERSPOST,
            size=Size(SizeKind.RISK_USD, Decimal(200)),
            exits=Exits(stop_loss=level(LevelKind.AMOUNT, "2.5")),
        ),
    ),
    Template(
        "traderspost: options",
        {"ticker": "TSLA", "action": "buy", "optionType": "call", "expiration": "+6 months"},
        "options are not traded",
    ),
    Template(
        "traderspost: formula",
        {"ticker": "TSLA", "action": "buy", "signalPrice": "195.5", "limitPrice": "=signal.signalPrice + 0.05"},
        "formulas are not computed here",
    ),
    Template("traderspost: break-even", {"ticker": "TSLA", "action": "breakeven"}, "break_even_after"),
    # --- nested
    Template(
        "nested: opens",
        nested("buy", ("flat", "0"), ("long", "10"), 10),
        replace(NESTED, size=shares("10"), target=long("10", Target.FLAT)),
    ),
    Template(
        "nested: sells half",
        nested("sell", ("long", "10"), ("long", "5"), "5"),
        replace(NESTED, verb=Verb.EXIT, target=long("5", Target.LONG, "10")),
    ),
    Template(
        "nested: reverses from short, its contracts cover too",
        nested("buy", ("short", "10"), ("long", "5"), 15),
        replace(NESTED, size=shares("5"), target=long("5", Target.SHORT, "10")),
    ),
    # --- 3Commas
    Template(
        "3commas: opens",
        commas("buy", ("flat", "0"), ("long", "100"), "100"),
        replace(COMMAS, size=shares("100"), target=long("100", Target.FLAT), unused=_UNUSED_COMMAS),
    ),
    Template(
        "3commas: closes",
        commas("sell", ("long", "100"), ("flat", "0"), "100"),
        replace(COMMAS, verb=Verb.EXIT, target=flat(Target.LONG, "100"), unused=_UNUSED_COMMAS),
    ),
    Template(
        "3commas: sells half",
        commas("sell", ("long", "100"), ("long", "50"), "50"),
        replace(COMMAS, verb=Verb.EXIT, target=long("50", Target.LONG, "100"), unused=_UNUSED_COMMAS),
    ),
    Template(
        "3commas: contradicts itself",
        commas("sell", ("long", "50"), ("long", "100"), "50"),
        "contradicts itself",
    ),
    Template(
        "3commas: custom type",
        {
            "secret": "…",
            "max_lag": "300",
            "timestamp": WHEN,
            "trigger_price": "140.2",
            "tv_exchange": "NASDAQ",
            "tv_instrument": "NVDA",
            "action": "exit_long",
            "bot_uuid": "0e1f",
            "order": {"amount": "25", "currency_type": "position_percent"},
        },
        replace(COMMAS, verb=Verb.EXIT, size=Size(SizeKind.POSITION_PCT, Decimal(25)), unused=_UNUSED_COMMAS),
    ),
    # --- SignalStack
    Template(
        "signalstack: buys",
        {"symbol": "AAPL", "action": "buy", "quantity": 10},
        Instruction("signalstack", Verb.BUY, "AAPL", size=shares("10")),
    ),
    Template(
        "signalstack: limit",
        {"symbol": "AAPL", "action": "buy", "quantity": "10", "limit_price": "180.5", "class": "stock"},
        Instruction(
            "signalstack",
            Verb.BUY,
            "AAPL",
            size=shares("10"),
            order=OrderTerms(OrderType.LIMIT, Decimal("180.5")),
        ),
    ),
    Template(
        "signalstack: closes",
        {"symbol": "AAPL", "action": "close"},
        Instruction("signalstack", Verb.EXIT, "AAPL"),
    ),
    Template(
        "signalstack: sells short",
        {"symbol": "AAPL", "action": "sell_short", "quantity": 10},
        Instruction("signalstack", Verb.EXIT, "AAPL", target=PositionTarget(Target.SHORT)),
    ),
    Template(
        "signalstack: covers",
        {"symbol": "AAPL", "action": "buy_to_cover", "quantity": 10},
        "the bot is never short",
    ),
    Template("signalstack: words", "BUY 10 AAPL", Instruction("text", Verb.BUY, "AAPL", size=shares("10"))),
    Template("signalstack: closing word", "close NVDA", Instruction("text", Verb.EXIT, "NVDA")),
    # --- TBOT
    Template(
        "tbot: opens at the market",
        tbot("strategy.entrylong", 10),
        replace(TBOT, size=shares("10"), unused=_UNUSED_TBOT),
    ),
    Template(
        "tbot: bracket",
        tbot("strategy.entrylong", 10, entry_limit=405, exit_limit=450.5, exit_stop=390),
        replace(
            TBOT,
            size=shares("10"),
            order=OrderTerms(OrderType.LIMIT, Decimal(405)),
            exits=Exits(stop_loss=level(LevelKind.PRICE, "390"), take_profit=level(LevelKind.PRICE, "450.5")),
            unused=_UNUSED_TBOT,
        ),
    ),
    Template("tbot: closes all", tbot("strategy.close", -1e10), replace(TBOT, verb=Verb.EXIT, unused=_UNUSED_TBOT)),
    Template(
        "tbot: closes all of the ticker",
        tbot("strategy.close_all", -10000000000),
        replace(TBOT, verb=Verb.EXIT, unused=_UNUSED_TBOT),
    ),
    Template(
        "tbot: closes a part",
        tbot("strategy.close", 4),
        replace(TBOT, verb=Verb.EXIT, size=shares("4"), unused=_UNUSED_TBOT),
    ),
    Template("tbot: changes its stop", tbot("strategy.exitlong", 10, exit_stop=395), "no alert changes them"),
    Template("tbot: all of nothing", tbot("strategy.entrylong", -1e10), "must be a number above zero"),
    # --- key=value
    Template(
        "octobot: buys",
        "EXCHANGE=NASDAQ\nSYMBOL=AAPL\nSIGNAL=BUY",
        Instruction("keyvalue", Verb.BUY, "AAPL", primary_exchange="NASDAQ"),
    ),
    Template(
        "octobot: limit with stop and target",
        "SYMBOL=AAPL;SIGNAL=BUY;ORDER_TYPE=LIMIT;VOLUME=2%;PRICE=180;STOP_PRICE=170;TAKE_PROFIT_PRICE=200;REDUCE_ONLY=true;"
        "TAG=close",
        Instruction(
            "keyvalue",
            Verb.BUY,
            "AAPL",
            size=Size(SizeKind.EQUITY_PCT, Decimal(2)),
            order=OrderTerms(OrderType.LIMIT, Decimal(180)),
            exits=Exits(stop_loss=level(LevelKind.PRICE, "170"), take_profit=level(LevelKind.PRICE, "200")),
            unused=("reduce_only", "tag"),
        ),
    ),
    Template(
        "key=value: our own names",
        f"secret=x\r\naction=sell\r\nticker=AAPL\r\nprice=187.5\r\ntime={WHEN}\r\nstrategy=ema\r\ntest=true\r\n"
        "comment=buy the dip = now",
        Instruction("keyvalue", Verb.EXIT, "AAPL", price=Decimal("187.5"), alert_time=AT, strategy="ema", test=True),
    ),
    # --- TradingView users' own
    Template(
        "own: everything about the position",
        {
            "action": "buy",
            "ticker": "AAPL",
            "market_position": "long",
            "market_position_size": "20",
            "prev_market_position": "long",
            "prev_market_position_size": "10",
            "position_size": "20",
            "quantity": "10",
            "comment": "close",
        },
        replace(BUY, size=shares("10"), target=long("20", Target.LONG, "10")),
    ),
    Template(
        "own: contracts under another name",
        {"action": "buy", "ticker": "AAPL", "contracts": "10"},
        'Call it "quantity"',
    ),
    Template(
        "two at once: symbol and ticker",
        {"action": "buy", "ticker": "AAPL", "symbol": "AAPL"},
        "a message of the bot's own kind and a message of SignalStack at once",
    ),
    Template(
        "two at once: flat and nested",
        {"symbol": "AAPL", "ticker": "AAPL", "strategy": {"order_action": "buy"}, "action": "sell"},
        "at once",
    ),
    Template("autoview", "b=buy q=10 s=AAPL", '"action" is missing'),
    Template("alertatron", "Keys(AAPL) { market(side=buy, amount=100); }", "not JSON"),
    Template("tradingview's default", "AAPL Crossing 187.32", "not JSON"),
)
