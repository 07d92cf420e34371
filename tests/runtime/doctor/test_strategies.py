"""What the doctor says of strategies: nothing where there are none, and each thing that keeps one from what its section says."""

from collections.abc import Awaitable, Callable

import pytest

from tests.operations.test_strategies import bought
from tests.runtime.doctor.installation import SECRET, Installation, told
from tradebot.database import open_ledger
from tradebot.runtime.clock import SystemClock
from tradebot.runtime.doctor import Status

OK, WARNING, FAILURE = Status.OK, Status.WARNING, Status.FAILURE
CHECKS = ["names", "in the books", "own secrets", "windows", "sizing", "orders", "own limits"]


async def lines(one: Installation) -> dict[str, tuple[Status, str]]:
    """Of the section, by check."""
    report = await one.examine()
    return {
        name.removeprefix("Strategies: "): (line.status, line.found)
        for name, line in told(report).items()
        if name.startswith("Strategies: ")
    }


async def in_books(one: Installation, strategy: str) -> None:
    async with open_ledger(f"sqlite:///{one.database}") as ledger, ledger.begin() as books:
        await bought(books, strategy, "AAPL")


async def test_without_a_section_nothing_is_said(one: Installation) -> None:
    """Who has one strategy would read of things that he has never heard of."""
    assert await lines(one) == {}


async def test_two_that_are_well(one: Installation) -> None:
    """An owner who did everything right would be held up, or would not see what the bot makes of his sections."""
    one.set("strategies.ema", sizing="shares", size=10, window="20:00-10:00", max_daily_buys=3)
    one.set("strategies.rsi", enabled=False, size=750)
    one.credentials["strategies_ema_secret"] = SECRET[::-1]
    one.write()
    assert await lines(one) == {
        "names": (OK, "ema, rsi (disabled)"),
        "in the books": (OK, "nothing of a strategy that is not in the file"),
        "own secrets": (OK, "ema; all others take the webhook's"),
        "windows": (OK, "ema 20:00-10:00"),
        "sizing": (OK, "ema: shares 10, rsi: $750.00"),
        "orders": (OK, "all buy at the market, and place no stop and no target"),
        "own limits": (OK, "ema: max_daily_buys; rsi: buy_amount_usd"),
    }


@pytest.mark.parametrize("sections", [False, True])
async def test_what_is_left_behind(one: Installation, sections: bool) -> None:
    """The doctor would call an installation well whose daemon does not start."""
    await in_books(one, "old")
    if sections:
        one.set("strategies.ema", size=750)
    said = await lines(one)
    assert list(said) == (CHECKS if sections else ["in the books"])
    assert said["in the books"] == (
        FAILURE,
        "strategy old holds 10 AAPL, and the configuration has no section for it: the daemon does not start",
    )


async def all_disabled(one: Installation) -> None:
    one.set("strategies.ema", enabled=False)


async def weak(one: Installation) -> None:
    one.credentials["strategies_ema_secret"] = "twenty-characters-0x"
    one.write()


async def shared(one: Installation) -> None:
    one.credentials["strategies_ema_secret"] = one.credentials["strategies_rsi_secret"] = SECRET
    one.set("strategies.rsi", size=750)


async def at_night(one: Installation) -> None:
    one.set("trading", hours="exchange")
    one.set("strategies.ema", window="16:00-09:30")


async def by_stops(one: Installation) -> None:
    one.set("strategies.ema", sizing="risk_pct", size=1)


async def looser(one: Installation) -> None:
    one.set("strategies.ema", max_daily_buys=51)


async def looser_since_the_chat(one: Installation) -> None:
    one.set("strategies.ema", max_daily_buys=10)
    async with open_ledger(f"sqlite:///{one.database}") as ledger, ledger.begin() as books:
        await books.put_setting("limit.account.max_daily_buys", "9", "telegram 4242", SystemClock().now())


async def more_than_an_order(one: Installation) -> None:
    one.set("strategies.ema", size=30_000)


TABLE: tuple[tuple[Callable[[Installation], Awaitable[None]], str, Status, str], ...] = (
    (all_disabled, "names", WARNING, "ema (disabled): nothing is bought"),
    (weak, "own secrets", WARNING, "ema: less than 32 characters"),
    (shared, "own secrets", WARNING, "ema, rsi have the same one"),
    (at_night, "windows", WARNING, "ema: the exchange is closed all that time"),
    (by_stops, "sizing", FAILURE, "every BUY of strategy ema will be refused"),
    (looser, "own limits", WARNING, "max_daily_buys of ema is 51, and the account's 50 comes first"),
    (looser_since_the_chat, "own limits", WARNING, "max_daily_buys of ema is 10, and the account's 9 comes first"),
    (more_than_an_order, "own limits", FAILURE, "ema: every BUY is larger than max_order_value_usd, $25,000.00"),
)


@pytest.mark.parametrize(("do", "check", "status", "found"), TABLE, ids=lambda value: getattr(value, "__name__", None))
async def test_what_keeps_a_strategy_from_its_section(
    one: Installation, *, do: Callable[[Installation], Awaitable[None]], check: str, status: Status, found: str
) -> None:
    """The owner would wait for trades that can never come, or trust a limit that never holds anything."""
    one.config["strategies.ema"] = {}
    one.write()
    await do(one)
    said = await lines(one)
    assert (said[check][0], found in said[check][1]) == (status, True), said[check]
    assert [name for name, (how, _) in said.items() if how is not OK] == [check]
