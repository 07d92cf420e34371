"""Limits with what is used of them, and what is at stake by stock, strategy and sector. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlencode

from tradebot.domain.exposure import Exposure
from tradebot.domain.limits import FixedLimits, LossBasis
from tradebot.domain.pnl import ZERO
from tradebot.operations.limits import Value
from tradebot.queries.status import BooksStatus
from tradebot.words import figures
from tradebot.words.limits import TITLES, Title, value_text


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit in force and what is used of it; `used` and `most` None: nothing is used of it."""

    heading: str
    value: str
    use: str
    used: Decimal | None
    most: Decimal | None
    href: str


@dataclass(frozen=True, slots=True)
class Share:
    """A part of what is at stake."""

    name: str
    amount: Decimal
    positions: int | None = None  # None: not counted


@dataclass(frozen=True, slots=True)
class Whose:
    """A strategy's own limits."""

    name: str
    limits: Sequence[Limit]


@dataclass(frozen=True, slots=True)
class Risk:
    """The whole page."""

    limits: Sequence[Limit]
    strategies: Sequence[Whose]
    fixed: Sequence[tuple[str, str]]
    invested: Decimal
    by_ticker: Sequence[Share]
    by_strategy: Sequence[Share]
    by_sector: Sequence[Share]
    blocked: Sequence[str]  # stocks that nothing may buy


def risk(booked: BooksStatus, fixed: FixedLimits) -> Risk:
    by_ticker: dict[str, tuple[Decimal, int]] = {}
    for name, cost in [(lot.ticker, lot.cost) for lot in booked.lots] + [
        (one.ticker, one.reserved) for one in (*booked.in_flight, *booked.unknown, *booked.resting) if one.reserved
    ]:
        amount, positions = by_ticker.get(name, (ZERO, 0))
        by_ticker[name] = (amount + cost, positions + 1)
    in_force = {title.name: getattr(booked.limits, title.name) for title in TITLES}
    return Risk(
        limits=[limit(title, in_force[title.name], booked.exposure) for title in TITLES],
        strategies=[
            Whose(one.strategy.name, own)
            for one in booked.strategies
            if booked.several and (own := _own(one.limits, one.exposure, one.strategy.name))
        ],
        fixed=list(_fixed(fixed, booked.exposure)),
        invested=booked.exposure.invested,
        by_ticker=_ranked([Share(name, amount, number) for name, (amount, number) in by_ticker.items()]),
        by_strategy=_ranked(
            [
                Share(one.strategy.name, one.exposure.invested, one.exposure.open_positions)
                for one in booked.strategies
                if booked.several and one.exposure.invested
            ]
        ),
        by_sector=[Share(name, amount) for name, amount in booked.exposure.cost_by_sector.items()],
        blocked=sorted(booked.blocked),
    )


def _ranked(shares: Sequence[Share]) -> list[Share]:
    return sorted(shares, key=lambda one: (-one.amount, one.name))


def _own(limits: Mapping[str, Value], exposure: Exposure, strategy: str) -> list[Limit]:
    return [limit(title, limits[title.name], exposure, strategy) for title in TITLES if title.name in limits]


def limit(title: Title, value: Value, exposure: Exposure, strategy: str | None = None) -> Limit:
    of = f"?{urlencode({'strategy': strategy})}" if strategy else ""
    used, use = _used(title.name, exposure)
    if title.name == "max_daily_loss" and exposure.at_daily_loss(Decimal(value)):
        use = f"no BUY today: {use}"
    return Limit(
        heading=title.heading,
        value=value_text(title.name, value),
        use=use,
        used=used,
        most=Decimal(value) if used is not None else None,
        href=f"/limits/{title.name}{of}",
    )


def _used(name: str, now: Exposure) -> tuple[Decimal | None, str]:
    """As a figure to compare with the limit, where there is one, and in words."""
    ticker, most = now.fullest or ("", 0)
    lost = now.lost_today
    basis = "lost today, open positions included," if now.loss_basis is LossBasis.TOTAL else "lost today"
    uses: Mapping[str, tuple[Decimal | None, str]] = {
        "buy_amount_usd": (None, "for each BUY"),
        "max_open_positions": (Decimal(now.open_positions), f"{now.open_positions} open"),
        "max_daily_buys": (Decimal(now.buys_today), f"{now.buys_today} today"),
        "max_total_investment": (now.invested, f"{figures.usd(now.invested)} invested"),
        "max_per_ticker": (Decimal(most), f"{ticker} has most, {most}" if ticker else "none open"),
        "max_daily_loss": (
            lost,
            "not known, for a price is missing," if lost is None else f"{figures.usd(lost)} {basis}",
        ),
        "min_cash_reserve": (None, "never spent"),
    }
    return uses[name]


def _fixed(fixed: FixedLimits, now: Exposure) -> Sequence[tuple[str, str]]:
    def off(value: Decimal | int, text: str) -> str:
        return text if value else "off"

    most = f" of {figures.usd(fixed.max_risk_usd)}" if fixed.max_risk_usd else ", no limit"
    return [
        ("At risk down to the stops", f"{figures.usd(now.at_risk)}{most}"),
        ("Largest order", figures.usd(fixed.max_order_value_usd)),
        ("A BUY may wait since it came", f"{fixed.max_alert_age_s} s"),
        ("Price collar", off(fixed.price_collar_pct, f"{fixed.price_collar_pct.normalize():f} %")),
        ("Largest spread", off(fixed.max_spread_pct, f"{fixed.max_spread_pct.normalize():f} %")),
        ("The same alert again within", off(fixed.repeat_window_s, f"{fixed.repeat_window_s} s is refused")),
        ("Delayed quotes on a live account", "allowed" if fixed.allow_delayed_quotes else "refused"),
        (
            "IB is asked for the margin of a BUY",
            off(fixed.what_if_above_usd, f"above {figures.usd(fixed.what_if_above_usd)}"),
        ),
    ]
