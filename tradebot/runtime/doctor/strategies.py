"""The strategies that the file names: whether each can do what its section says.

Rules: without any there is nothing to look at, unless the books know one that the file does not.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import time
from decimal import Decimal

from tradebot.domain.limits import Limits
from tradebot.domain.settings import limits_in, own_limits_in
from tradebot.domain.strategies import Sizing, Strategy
from tradebot.operations.limits import Value
from tradebot.runtime.doctor.books import Stored
from tradebot.runtime.doctor.report import Section
from tradebot.runtime.doctor.surroundings import Asked
from tradebot.runtime.doctor.webhook import SECRET_LENGTH_GOOD
from tradebot.words import figures
from tradebot.words import strategies as words
from tradebot.words.limits import value_text
from tradebot.words.standing import places

TITLE = "Strategies"
NAMES, BOOKS, SECRETS, WINDOWS, SIZES, ORDERS, LIMITS = (
    "names",
    "in the books",
    "own secrets",
    "windows",
    "sizing",
    "orders",
    "own limits",
)
CHECKS = (NAMES, BOOKS, SECRETS, WINDOWS, SIZES, ORDERS, LIMITS)
OPENS, CLOSES = time(9, 30), time(16)


def checks(asked: Asked) -> tuple[str, ...]:
    return CHECKS if asked.settings.strategy_sections else ()


def look(section: Section, asked: Asked, stored: Stored | None) -> None:
    if stored is not None and stored.left_behind and not section.checks:
        section.checks = (BOOKS,)
    if not section.checks:
        return
    _books(section, stored)
    if section.checks != CHECKS:
        return
    strategies = list(asked.settings.strategies())
    _names(section, strategies)
    _secrets(section, asked)
    _windows(section, asked, strategies)
    _sizes(section, strategies)
    _orders(section, strategies)
    _limits(section, asked, strategies, stored)


def _books(section: Section, stored: Stored | None) -> None:
    if stored is None:
        section.skip(BOOKS, "the database cannot be read")
    elif stored.left_behind:
        found = "; ".join(map(words.left_behind, stored.left_behind))
        section.fail(
            BOOKS,
            f"{found}, and the configuration has no section for it: the daemon does not start",
            "put the section back, with enabled = false if it shall buy no more; or `tradebot reassign`",
        )
    else:
        section.ok(BOOKS, "nothing of a strategy that is not in the file")


def _names(section: Section, strategies: Sequence[Strategy]) -> None:
    told = ", ".join(one.name if one.enabled else f"{one.name} (disabled)" for one in strategies)
    if not any(one.enabled for one in strategies):
        section.warn(NAMES, f"{told}: nothing is bought", "enabled = true in the section of the one that shall trade")
    else:
        section.ok(NAMES, told)


def _secrets(section: Section, asked: Asked) -> None:
    own = asked.settings.own_secrets()
    weak = [name for name, secret in own.items() if len(secret) < SECRET_LENGTH_GOOD]
    shared = [name for name, secret in own.items() if list(own.values()).count(secret) > 1]
    if weak:
        section.warn(
            SECRETS,
            f"{', '.join(weak)}: less than {SECRET_LENGTH_GOOD} characters: who guesses it trades with your money",
            "openssl rand -hex 32 makes one; change it in the strategy's alerts too",
        )
    elif shared:
        section.warn(
            SECRETS,
            f"{', '.join(shared)} have the same one: who knows it trades for each of them",
            "one of its own for each; or none, and they take the webhook's",
        )
    else:
        section.ok(
            SECRETS, f"{', '.join(own)}; all others take the webhook's" if own else "none: all take the webhook's"
        )


def _windows(section: Section, asked: Asked, strategies: Sequence[Strategy]) -> None:
    told = [f"{one.name} {begin:%H:%M}-{end:%H:%M}" for one in strategies if one.window for begin, end in (one.window,)]
    never = [one.name for one in strategies if not _meets_the_session(one)]
    if never and asked.settings.trading.hours == "exchange":
        section.warn(
            WINDOWS,
            f"{', '.join(never)}: the exchange is closed all that time (it trades 09:30-16:00), so nothing is ever bought",
            'New York\'s time, such as window = "09:35-15:45"',
        )
    else:
        section.ok(WINDOWS, ", ".join(told) or "none: each may buy at any time")


def _meets_the_session(strategy: Strategy) -> bool:
    if strategy.window is None:
        return True
    begin, end = strategy.window
    return (begin < CLOSES and end > OPENS) if begin < end else (begin < CLOSES or end > OPENS)


def _sizes(section: Section, strategies: Sequence[Strategy]) -> None:
    by_stop = [one for one in strategies if one.lacks_stops]
    if by_stop:
        section.fail(
            SIZES, "; ".join(map(words.needs_stops, by_stop)), 'stop_loss = "5%", or sizing = "usd", for instance'
        )
    else:
        section.ok(SIZES, ", ".join(f"{one.name}: {_size(one)}" for one in strategies))


def _size(one: Strategy) -> str:
    if one.sizing is Sizing.USD:
        return (
            figures.usd(Decimal(one.limits["buy_amount_usd"]))
            if "buy_amount_usd" in one.limits
            else "the account's amount"
        )
    return f"{one.sizing} {one.size:f}" if one.size is not None else str(one.sizing)


def _orders(section: Section, strategies: Sequence[Strategy]) -> None:
    there = [f"{one.name}: {'; '.join(lines)}" for one in strategies if (lines := list(places(one)))]
    section.ok(ORDERS, "\n".join(there) or "all buy at the market, and place no stop and no target")


def _limits(section: Section, asked: Asked, strategies: Sequence[Strategy], stored: Stored | None) -> None:
    """Those in force: a person's, stored in the database, go before the file's."""
    settings = stored.settings if stored else {}
    account = limits_in(settings, asked.settings.trading.defaults.limits())
    owns = [(one, own_limits_in(settings, one)) for one in strategies]
    useless = [line for one, own in owns for line in _never_reached(one.name, own, account)]
    most = asked.settings.trading.max_order_value_usd
    blocked = [one.name for one, own in owns if one.sizing is Sizing.USD and own.get("buy_amount_usd", 0) > most]
    if blocked:
        section.fail(
            LIMITS,
            f"{', '.join(blocked)}: every BUY is larger than max_order_value_usd, {figures.usd(most)}, and is blocked",
            "a smaller size, or a larger [trading] max_order_value_usd",
        )
    elif useless:
        section.warn(
            LIMITS, "; ".join(useless), "a limit of a strategy is of use where it is stricter than the account's"
        )
    else:
        risk = {one.name: ["max_risk_usd"] for one in strategies if one.max_risk_usd is not None}
        named = [(one.name, [*own, *risk.get(one.name, ())]) for one, own in owns]
        there = [f"{name}: {', '.join(limits)}" for name, limits in named if limits]
        section.ok(LIMITS, "; ".join(there) or "none: the account's alone")


def _never_reached(name: str, own: Mapping[str, Value], account: Limits) -> Iterator[str]:
    for limit, value in own.items():
        all_ = getattr(account, limit)
        looser = value < all_ if limit == "min_cash_reserve" else value > all_
        if looser and limit != "buy_amount_usd":
            yield f"{limit} of {name} is {value_text(limit, value)}, and the account's {value_text(limit, all_)} comes first"
