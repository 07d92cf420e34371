"""What the API takes: parameters and bodies."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from tradebot.domain.alerts import AlertStatus
from tradebot.domain.calendar_units import Unit
from tradebot.domain.event_groups import Telling
from tradebot.web.api.endpoint import Given, Nothing
from tradebot.web.api.values import GivenAmount, StrategyName, Ticker

__all__ = ["Nothing"]

Id = Annotated[int, Field(ge=1, le=10**18 - 1)]
Cursor = Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]
Count = Annotated[int, Field(ge=1, le=200)]


class OfStrategy(Given):
    """Of one strategy; without it, of all."""

    strategy: StrategyName | None = None


class Page(OfStrategy):
    """`limit` at most, those before `before` where it is given."""

    limit: Count = 50
    before: Cursor | None = None


class AlertSearch(Page):
    """What is looked for; what is not given admits all. `day` is New York's."""

    ticker: Ticker | None = None
    status: AlertStatus | None = None
    day: date | None = None


class Newest(OfStrategy):
    """So many, the newest."""

    limit: Count = 50


class After(Given):
    """Those after an event; without `after`, the newest. `trace`: also what is kept as the trace of an alert alone."""

    limit: Count = 50
    after: Cursor | None = None
    trace: bool = False


class Days(OfStrategy):
    """The last so many New York dates, today included."""

    days: Annotated[int, Field(ge=1, le=366)] = 7


class PastDays(Given):
    """The last so many days."""

    days: Annotated[int, Field(ge=1, le=366)] = 30


class Period(Given):
    """The last so many New York dates, today included; without `days`, everything since the start."""

    days: Annotated[int, Field(ge=1, le=3660)] | None = None


class Pieces(Given):
    """The last so many days, weeks or months, the one of today included."""

    unit: Unit = Unit.WEEK
    count: Annotated[int, Field(ge=1, le=60)] = 4


class OfChannel(Given):
    """Of one channel; without it, of all."""

    limit: Count = 50
    channel: Annotated[str, Field(min_length=1, max_length=60)] | None = None


class LogLines(Given):
    """The newest lines of this level and above."""

    limit: Count = 50
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "WARNING"


# --- bodies -----------------------------------------------------------------------------------------------------------


class WhichStrategy(Given):
    """One strategy; without it, the whole."""

    strategy: StrategyName | None = None


class Resume(WhichStrategy):
    """`lift_kill`: also from KILLED, which needs scope admin; `to` says what is taken up then."""

    lift_kill: bool = False
    to: Literal["everything", "sells_only"] = "everything"


class SetLimit(WhichStrategy):
    """The value that is to be in force."""

    value: GivenAmount


class Tell(Given):
    """How the chat is told; what is critical is told whatever stands here."""

    to: Telling


class Sell(WhichStrategy):
    """So many shares of it; without `shares`, all that is held."""

    shares: GivenAmount | None = None


class Buy(Given):
    """For so much; without `usd`, as the strategy sizes its buys."""

    ticker: Ticker
    usd: GivenAmount | None = None
    strategy: StrategyName = "main"


class ClearQueue(Given):
    """Those of these alerts that still wait."""

    alert_ids: Annotated[list[Id], Field(min_length=1, max_length=1000)]


class Resolve(Given):
    """What you saw in TWS."""

    outcome: Literal["filled", "not_filled"]


class Accept(Given):
    """The shares that you accept as gone from this strategy's books, as they were shown: nothing is done where it has changed."""

    strategy: StrategyName
    qty: GivenAmount


class Ratio(Given):
    """So many new shares for so many old ones, as they were shown: nothing is done where it has changed."""

    new: Annotated[int, Field(ge=1, le=100_000)]
    old: Annotated[int, Field(ge=1, le=100_000)]
