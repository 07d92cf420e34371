"""`[strategies.NAME]`: as many sections as there are strategies, all with the same keys.

Rules: the file names the strategies; only where it names none may variables do so, or a misspelt variable would be a strategy
of its own. A credential never does. What is not set is without a limit beside the account's.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Annotated

from tradebot.config.section import Section, limit
from tradebot.config.values import (
    Flag,
    Holding,
    Secret,
    Tickers,
    TimeOfDay,
    TradingWindow,
    choice,
    level,
    number,
    whole,
)
from tradebot.domain.limits import USD_MAX, limit_names
from tradebot.domain.strategies import (
    ACCOUNT,
    ExitSize,
    ExitSource,
    OnNewSignal,
    OrderSource,
    Sizing,
    Strategy,
)
from tradebot.domain.terms import NO_EXITS, Exits, Level, TimeInForce

SECTION = "strategies"
NAME = re.compile("[a-z][a-z0-9_-]{0,31}")
RESERVED = (ACCOUNT, "all")
SIZES: Mapping[Sizing, tuple[Decimal, Decimal]] = {
    Sizing.USD: (Decimal(1), USD_MAX),
    Sizing.SHARES: (Decimal(1), Decimal(1_000_000)),
    Sizing.EQUITY_PCT: (Decimal("0.01"), Decimal(100)),
    Sizing.RISK_USD: (Decimal(1), USD_MAX),
    Sizing.RISK_PCT: (Decimal("0.01"), Decimal(100)),
}
"""What `size` may be, by what it counts."""
ANY_SIZE = (Decimal("0.01"), USD_MAX)
WAITING = (TimeInForce.DAY, TimeInForce.GTC)
"""How long an order may wait by its time in force; how many seconds, by `good_for_s`."""
_VARIABLE = re.compile("TRADEBOT_STRATEGIES__(.+)__([A-Za-z_]+)")


class StrategySection(Section):
    """`[strategies.NAME]`: what the strategy may trade, how it is sized, and what limits it beside the account's."""

    enabled: Flag = True
    sizing: Annotated[Sizing, choice(*Sizing)] = Sizing.USD
    size: Annotated[Decimal | None, number(*ANY_SIZE)] = None
    exit_size: Annotated[ExitSize, choice(*ExitSize)] = ExitSize.ALL
    orders: Annotated[OrderSource, choice(*OrderSource)] = OrderSource.MARKET
    tif: Annotated[TimeInForce, choice(*WAITING, upper=True)] = TimeInForce.DAY
    good_for_s: Annotated[int | None, whole(5, 7_776_000)] = None
    on_new_signal: Annotated[OnNewSignal, choice(*OnNewSignal)] = OnNewSignal.REFUSE
    exits: Annotated[ExitSource, choice(ExitSource.NONE, ExitSource.ALERT)] = ExitSource.NONE
    stop_loss: Annotated[Level | None, level()] = None
    take_profit: Annotated[Level | None, level(Decimal(10_000))] = None
    trailing: Annotated[Level | None, level()] = None
    break_even_after: Annotated[Level | None, level(Decimal(10_000))] = None
    flat_by: TimeOfDay | None = None
    max_holding: Holding | None = None
    tickers: Tickers | None = None
    window: TradingWindow | None = None
    cooldown_s: Annotated[int, whole(0, 86_400)] = 0
    max_alerts_per_day: Annotated[int | None, whole(1, 10_000)] = None
    secret: Secret | None = None
    max_risk_usd: Annotated[Decimal | None, number(Decimal(1), USD_MAX)] = None
    buy_amount_usd: Annotated[Decimal | None, limit("buy_amount_usd")] = None
    max_open_positions: Annotated[int | None, limit("max_open_positions")] = None
    max_daily_buys: Annotated[int | None, limit("max_daily_buys")] = None
    max_total_investment: Annotated[Decimal | None, limit("max_total_investment")] = None
    max_per_ticker: Annotated[int | None, limit("max_per_ticker")] = None
    max_daily_loss: Annotated[Decimal | None, limit("max_daily_loss")] = None
    min_cash_reserve: Annotated[Decimal | None, limit("min_cash_reserve")] = None

    def strategy(self, name: str) -> Strategy:
        limits = {each: value for each in limit_names() if (value := getattr(self, each)) is not None}
        usd = self.sizing is Sizing.USD
        own_exits = Exits(stop_loss=self.stop_loss, trailing=self.trailing, take_profit=self.take_profit)
        own = ExitSource.NONE if own_exits == NO_EXITS else ExitSource.OWN
        if usd and self.size is not None:
            limits["buy_amount_usd"] = self.size  # the chat changes it like every limit
        return Strategy(
            name=name,
            sizing=self.sizing,
            size=None if usd else self.size,
            exit_size=self.exit_size,
            tickers=self.tickers,
            window=self.window,
            cooldown_s=self.cooldown_s,
            max_alerts_per_day=self.max_alerts_per_day,
            enabled=self.enabled,
            orders=self.orders,
            tif=self.tif,
            good_for=None if self.good_for_s is None else timedelta(seconds=self.good_for_s),
            on_new_signal=self.on_new_signal,
            exits=own if self.exits is ExitSource.NONE else self.exits,
            own_exits=own_exits,
            break_even_after=self.break_even_after,
            flat_by=self.flat_by,
            max_holding=self.max_holding,
            max_risk_usd=self.max_risk_usd,
            limits=limits,
        )


def path_of(variable: str) -> tuple[str, str, str] | None:
    """The key of a strategy that only its variables name; None when it is no variable of a strategy."""
    match = _VARIABLE.fullmatch(variable)
    if match is None or match[2].lower() not in StrategySection.model_fields:
        return None
    return SECTION, match[1].lower(), match[2].lower()


def variables_beside(variable: str) -> tuple[str, ...]:
    """The variables that the strategy of this misspelt one may have."""
    match = _VARIABLE.fullmatch(variable)
    return (
        tuple(f"TRADEBOT_STRATEGIES__{match[1]}__{key.upper()}" for key in StrategySection.model_fields)
        if match
        else ()
    )
