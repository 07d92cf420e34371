"""Limits: what is none, and whose value is in force, the configuration's or a person's."""

from dataclasses import asdict, fields, replace
from decimal import Decimal

import pytest

from tests.adapters.database.release import restore
from tests.adapters.database.samples import NOON
from tests.bot import Bot
from tradebot.database import migrate, open_ledger
from tradebot.domain.limits import Limits, is_count, limit_range
from tradebot.domain.settings import limit_key, limits_in, own_limits_in
from tradebot.domain.strategies import Strategies, Strategy, UnknownStrategy
from tradebot.operations.limits import (
    CONFIGURATION,
    InvalidLimit,
    Overridden,
    Problem,
    change,
    check,
    store_configured,
)
from tradebot.ports import Ledger

ANN = "Ann (Telegram 1)"
FILE = Limits(buy_amount_usd=Decimal("650.50"), max_daily_buys=20)
NAMES = [field.name for field in fields(Limits)]
INVALID = [
    ("buy_amount_usd", "0", Problem.OUT_OF_RANGE),
    ("buy_amount_usd", "0.99", Problem.OUT_OF_RANGE),
    ("buy_amount_usd", "-500", Problem.OUT_OF_RANGE),
    ("buy_amount_usd", "10000000.01", Problem.OUT_OF_RANGE),
    ("buy_amount_usd", "NaN", Problem.OUT_OF_RANGE),
    ("buy_amount_usd", "sNaN", Problem.OUT_OF_RANGE),
    ("buy_amount_usd", "Infinity", Problem.OUT_OF_RANGE),
    ("buy_amount_usd", "700.005", Problem.FRACTION_OF_A_CENT),
    ("min_cash_reserve", "-0.01", Problem.OUT_OF_RANGE),
    ("min_cash_reserve", "0.001", Problem.FRACTION_OF_A_CENT),
    ("max_daily_buys", "0", Problem.OUT_OF_RANGE),
    ("max_daily_buys", "10001", Problem.OUT_OF_RANGE),
    ("max_daily_buys", "2.5", Problem.NOT_WHOLE),
    ("max_open_positions", "1.0001", Problem.NOT_WHOLE),
]


async def stored(ledger: Ledger) -> tuple[Limits, dict[str, str]]:
    """The limits in force, and who stored each of those that are stored."""
    async with ledger.read() as books:
        settings, authors = await books.settings(), await books.setting_authors()
    return limits_in(settings, Limits()), {
        name: authors[limit_key(name)] for name in NAMES if limit_key(name) in authors
    }


@pytest.mark.parametrize(("name", "value", "problem"), INVALID)
def test_what_is_no_limit_is_refused(name: str, value: str, problem: Problem) -> None:
    """A limit that is no number, or none that can be kept to, would be in force."""
    with pytest.raises(InvalidLimit) as refused:
        check(name, Decimal(value))
    assert (refused.value.name, refused.value.problem) == (name, problem)


@pytest.mark.parametrize("name", NAMES)
def test_both_ends_of_a_range_are_limits(name: str) -> None:
    """The chat would refuse a value that the configuration takes."""
    for end in limit_range(name):
        assert check(name, end) == end
        assert isinstance(check(name, end), int) is is_count(name)


async def test_a_refused_value_leaves_limit_and_key_as_they_were(still: Bot) -> None:
    """After a typing mistake the message with the right value would do nothing."""
    with pytest.raises(InvalidLimit):
        await still.operations.set_limit("max_daily_buys", Decimal("2.5"), ANN, "key")
    assert await still.events() == []
    done = await still.operations.set_limit("max_daily_buys", Decimal(2), ANN, "key")
    assert (done.old, done.new) == (Limits().max_daily_buys, 2)


async def test_the_same_value_is_no_change(still: Bot) -> None:
    """The owner would be told of a change that is none."""
    await still.operations.set_limit("max_daily_buys", Limits().max_daily_buys, ANN, "key")
    assert await still.events() == []


async def test_the_first_start_stores_the_files_limits(ledger: Ledger) -> None:
    """A limit that is only in the file would be another one on a machine with another file."""
    assert await store_configured(ledger, FILE, NOON) == []
    assert await stored(ledger) == (FILE, dict.fromkeys(NAMES, CONFIGURATION))


async def test_a_changed_file_is_in_force_at_the_next_start(ledger: Ledger) -> None:
    """The owner edits the file, restarts, and trades with yesterday's limits."""
    await store_configured(ledger, FILE, NOON)
    now = replace(FILE, max_daily_loss=Decimal(250), max_daily_buys=7)
    assert await store_configured(ledger, now, NOON) == []
    assert await stored(ledger) == (now, dict.fromkeys(NAMES, CONFIGURATION))


async def test_what_a_person_has_set_stays_and_is_reported(ledger: Ledger) -> None:
    """A restart would take back the limit that the owner set in the chat, or keep it without saying so."""
    await store_configured(ledger, FILE, NOON)
    await change(ledger, FILE, "max_daily_buys", 3, ANN, "key", NOON)
    for configured in (FILE, replace(FILE, max_daily_buys=9)):
        [overridden] = await store_configured(ledger, configured, NOON)
        assert overridden == Overridden("max_daily_buys", configured.max_daily_buys, 3, ANN)
    limits, authors = await stored(ledger)
    assert limits == replace(FILE, max_daily_buys=3)
    assert authors == {**dict.fromkeys(NAMES, CONFIGURATION), "max_daily_buys": ANN}


async def test_a_file_that_agrees_with_the_person_overrides_nothing(ledger: Ledger) -> None:
    """The owner would be warned of a difference that there is not."""
    await change(ledger, Limits(), "max_daily_buys", FILE.max_daily_buys, ANN, "key", NOON)
    assert await store_configured(ledger, FILE, NOON) == []


async def test_the_limits_that_the_owner_gave_to_0_1_0_stay(empty_url: str) -> None:
    """After the upgrade the bot would trade with the file's limits instead of those that its owner had set."""
    await restore(empty_url)
    await migrate.up(empty_url)
    async with open_ledger(empty_url) as ledger:
        async with ledger.read() as books:
            owners = {key for key in await books.settings() if key.startswith("limit.")}
        overridden = {one.name: one for one in await store_configured(ledger, Limits(), NOON)}
        limits, authors = await stored(ledger)
    assert {limit_key(name) for name in overridden} == owners
    assert {name: one.in_force for name, one in overridden.items()} == {
        "buy_amount_usd": 750,
        "max_daily_loss": 500,
        "min_cash_reserve": Decimal("1500.50"),
        "max_daily_buys": 40,
    }
    assert asdict(limits) == asdict(Limits()) | {name: one.in_force for name, one in overridden.items()}
    assert all(one.by == authors[name] != CONFIGURATION for name, one in overridden.items())
    assert {author for name, author in authors.items() if name not in overridden} == {CONFIGURATION}
    assert set(authors) == set(NAMES)


EMA = Strategy(name="ema", limits={"max_daily_buys": 3, "max_daily_loss": Decimal(99)})
RSI = Strategy(name="rsi")
BOTH = Strategies({"ema": EMA, "rsi": RSI})


async def own_limits(ledger: Ledger, *strategies: Strategy) -> list[dict[str, Decimal | int]]:
    async with ledger.read() as books:
        settings = await books.settings()
    return [dict(own_limits_in(settings, strategy)) for strategy in strategies]


async def test_the_start_stores_each_strategy_s_own_limits(ledger: Ledger) -> None:
    """A strategy would have the account's limits in the place of its own, or another strategy's."""
    assert await store_configured(ledger, FILE, NOON, BOTH) == []
    assert await own_limits(ledger, Strategy(name="ema"), RSI) == [dict(EMA.limits), {}]
    assert (await stored(ledger))[0] == FILE


async def test_a_limit_that_was_taken_out_of_the_file_is_none_any_more(ledger: Ledger) -> None:
    """The owner takes a limit out, restarts, and the strategy is held by it for ever."""
    await store_configured(ledger, FILE, NOON, BOTH)
    without = Strategy(name="ema", limits={"max_daily_buys": 3})
    assert await store_configured(ledger, FILE, NOON, Strategies({"ema": without})) == []
    assert await own_limits(ledger, without) == [{"max_daily_buys": 3}]


async def test_a_person_s_limit_of_a_strategy_stays_and_is_reported(ledger: Ledger) -> None:
    """A restart would take back what the owner set for one strategy, or keep it without saying so."""
    await store_configured(ledger, FILE, NOON, BOTH)
    done = await change(ledger, FILE, "max_daily_buys", 9, ANN, "a key", NOON, EMA)
    assert (done.old, done.new, done.strategy) == (3, 9, "ema")
    first = await change(ledger, FILE, "max_daily_loss", Decimal(50), ANN, "another", NOON, RSI)
    assert (first.old, first.new) == (None, 50)
    assert await store_configured(ledger, FILE, NOON, BOTH) == [Overridden("max_daily_buys", 3, 9, ANN, "ema")]
    assert await own_limits(ledger, EMA, RSI) == [
        {"max_daily_buys": 9, "max_daily_loss": Decimal(99)},
        {"max_daily_loss": Decimal(50)},
    ]
    assert (await stored(ledger))[0] == FILE


async def test_a_strategy_that_there_is_not_gets_no_limit(still: Bot) -> None:
    """A misspelt name would be answered as done, and the strategy meant trade on without its limit."""
    with pytest.raises(UnknownStrategy):
        await still.operations.set_limit("max_daily_buys", Decimal(2), ANN, "key", "emma")
    assert await still.events() == []
