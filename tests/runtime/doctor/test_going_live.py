"""`tradebot doctor --live`: an installation that may trade real money, and each thing that says that it should not yet."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.runtime.doctor.installation import Installation, told
from tradebot.database import open_ledger
from tradebot.domain.settings import ACCOUNT_KEY
from tradebot.runtime.clock import SystemClock
from tradebot.runtime.doctor import Status
from tradebot.simgateway import GatewaySettings, open_gateway

LIVE = "U1234567"
SMALL = {
    "buy_amount_usd": 200,
    "max_open_positions": 3,
    "max_daily_buys": 3,
    "max_total_investment": 1000,
    "max_per_ticker": 1,
    "max_daily_loss": 100,
}


async def ready_for_real_money(one: Installation) -> Path:
    """The newest backup."""
    settings = GatewaySettings(port=0, moving=False, seed=1, account=LIVE)
    gateway = await one.stack.enter_async_context(open_gateway(settings))
    one.gateway = gateway
    one.set("broker", port=gateway.port, account=LIVE, allow_live=True)
    one.set("trading", max_order_value_usd=500)
    one.set("trading.defaults", **SMALL)
    one.credentials["schedule_heartbeat_url"] = "https://hc.example.net/ping"
    one.live = True
    backups = one.folder / "data" / "backups"
    backups.mkdir()
    backup = backups / "tradebot-20261126T030000Z-0009.db"
    backup.touch()
    one.write()
    return backup


async def test_nothing_stands_in_the_way(one: Installation) -> None:
    """Broken, an owner who did everything right is held up, or learns that the list is not to be taken seriously."""
    await ready_for_real_money(one)
    report = await one.examine()
    lines = told(report)
    live = {name: line for name, line in lines.items() if name.startswith("Going live: ")}
    assert len(live) == 11
    assert [line for line in live.values() if line.status is not Status.OK] == []
    assert "REAL MONEY" in lines["Interactive Brokers: account"].found
    assert report.exit_code == 0


async def paper_database(one: Installation) -> None:
    async with open_ledger(f"sqlite:///{one.database}") as ledger, ledger.begin() as books:
        await books.put_setting(ACCOUNT_KEY, "DU1234567", "bot", SystemClock().now())


async def a_larger_limit_in_the_chat(one: Installation) -> None:
    async with open_ledger(f"sqlite:///{one.database}") as ledger, ledger.begin() as books:
        await books.put_setting("limit.account.buy_amount_usd", "5000", "telegram 4242", SystemClock().now())


async def not_allowed(one: Installation) -> None:
    one.set("broker", allow_live=False)


async def paper_account(one: Installation) -> None:
    gateway = await one.stack.enter_async_context(open_gateway(GatewaySettings(port=0, moving=False, seed=1)))
    one.set("broker", port=gateway.port, account="DU1234567")


async def account_not_named(one: Installation) -> None:
    del one.config["broker"]["account"]
    one.write()


async def delayed(one: Installation) -> None:
    one.gateway.faults.arm("delayed_only", times=0)


async def a_larger_amount_of_one_strategy(one: Installation) -> None:
    one.set("strategies.ema", size=5000)


async def a_strategy_that_is_sized_by_alerts(one: Installation) -> None:
    one.set("trading", max_order_value_usd=900)
    one.set("strategies.ema", sizing="alert")


async def short_secret_of_one_strategy(one: Installation) -> None:
    one.config["strategies.ema"] = {}
    one.credentials["strategies_ema_secret"] = "twenty-characters-0x"
    one.write()


async def large_orders(one: Installation) -> None:
    one.set("trading", max_order_value_usd=25000)


async def no_collar(one: Installation) -> None:
    one.set("trading", price_collar_pct=0)


async def short_secret(one: Installation) -> None:
    one.credentials["webhook_secret"] = "twenty-characters-0x"
    one.write()


async def old_backup(one: Installation) -> None:
    a_month_ago = SystemClock().now().timestamp() - 30 * 86_400
    for file in (one.folder / "data" / "backups").iterdir():
        os.utime(file, (a_month_ago, a_month_ago))


async def no_backup(one: Installation) -> None:
    for file in (one.folder / "data" / "backups").iterdir():
        file.unlink()


async def no_switch(one: Installation) -> None:
    (one.directory / "schedule_heartbeat_url").unlink()


async def no_telegram(one: Installation) -> None:
    del one.config["telegram"], one.credentials["telegram_bot_token"]
    (one.directory / "telegram_bot_token").unlink()
    one.write()


FAILURE, WARNING = Status.FAILURE, Status.WARNING
TABLE: tuple[tuple[Callable[[Installation], Awaitable[None]], str, Status, str], ...] = (
    (paper_database, "fresh database", FAILURE, "[database] url"),
    (not_allowed, "allow_live", FAILURE, "allow_live = true"),
    (paper_account, "live account", FAILURE, "4001"),
    (account_not_named, "live account", WARNING, '[broker] account = "U1234567"'),
    (delayed, "live data", FAILURE, "subscribe"),
    (a_larger_limit_in_the_chat, "limits", WARNING, "/settings in the chat"),
    (a_larger_amount_of_one_strategy, "limits", WARNING, "[trading.defaults]"),
    (a_strategy_that_is_sized_by_alerts, "limits", WARNING, "[trading.defaults]"),
    (large_orders, "order value", WARNING, "max_order_value_usd = 1000"),
    (no_collar, "controls", FAILURE, "the defaults are the safe choice"),
    (short_secret, "strong secret", FAILURE, "openssl rand -hex 32"),
    (short_secret_of_one_strategy, "strong secret", FAILURE, "openssl rand -hex 32"),
    (old_backup, "backup", FAILURE, "tradebot-backup.timer"),
    (no_backup, "backup", FAILURE, "tradebot-backup.timer"),
    (no_switch, "dead-man's switch", FAILURE, "heartbeat_url"),
    (no_telegram, "Telegram", FAILURE, "docs/telegram.md"),
)


@pytest.mark.parametrize(("do", "check", "status", "fix"), TABLE, ids=lambda value: getattr(value, "__name__", None))
async def test_it_says_what_stands_in_the_way(
    one: Installation, *, do: Callable[[Installation], Awaitable[None]], check: str, status: Status, fix: str
) -> None:
    """Broken, real money is traded in an installation that was made for play."""
    await ready_for_real_money(one)
    await do(one)
    lines = told(await one.examine())
    line = lines[f"Going live: {check}"]
    assert (line.status, fix in line.fix) == (status, True), line
    red = [
        each.check for name, each in lines.items() if name.startswith("Going live: ") and each.status is not Status.OK
    ]
    assert red == [check]
