"""Before real money: what has to be so besides, and what a careful person begins with.

A failure is what would go wrong; a warning is a figure larger than a first week needs, which stays the owner's choice.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal

from tradebot.config import DATA_DIR
from tradebot.domain.limits import Limits
from tradebot.domain.settings import limits_in, own_limits_in
from tradebot.domain.strategies import Sizing
from tradebot.operations.limits import Value
from tradebot.runtime.doctor.books import Stored
from tradebot.runtime.doctor.gateway import Seen, is_simulated
from tradebot.runtime.doctor.report import Section
from tradebot.runtime.doctor.surroundings import Asked, Machine
from tradebot.runtime.doctor.webhook import SECRET_LENGTH_GOOD
from tradebot.words import figures

TITLE = "Going live"
FRESH, ALLOWED, ACCOUNT, DATA = "fresh database", "allow_live", "live account", "live data"
LIMITS, ORDER, CONTROLS = "limits", "order value", "controls"
SECRET, BACKUP, SWITCH, CHAT = "strong secret", "backup", "dead-man's switch", "Telegram"
CHECKS = (FRESH, ALLOWED, ACCOUNT, DATA, LIMITS, ORDER, CONTROLS, SECRET, BACKUP, SWITCH, CHAT)
START = Limits(
    buy_amount_usd=Decimal(500),
    max_open_positions=5,
    max_daily_buys=5,
    max_total_investment=Decimal(2_500),
    max_per_ticker=1,
    max_daily_loss=Decimal(250),
    min_cash_reserve=Decimal(0),  # the only one that may be larger
)
"""The largest limits that a first week needs."""
ORDER_VALUE_START = Decimal(1_000)
BACKUP_AGE_MAX = timedelta(days=2)


def look(section: Section, asked: Asked, machine: Machine, stored: Stored | None, seen: Seen) -> None:
    _database(section, stored, seen)
    _permission(section, asked, seen)
    _market_data(section, seen)
    _limits(section, asked, stored)
    _fixed(section, asked)
    _secret(section, asked)
    _backup(section, machine)
    _told(section, asked)


def _database(section: Section, stored: Stored | None, seen: Seen) -> None:
    remedy = "a new one for real money: [database] url = another file or database; the paper one stays as it is"
    if stored is None:
        section.skip(FRESH, "the database cannot be read")
    elif stored.account and stored.account.startswith("D"):
        section.fail(FRESH, f"it belongs to paper account {stored.account}: its positions are not real", remedy)
    elif stored.traded and not stored.account:
        section.fail(FRESH, "it has trades in it, and nobody knows of which account", remedy)
    elif stored.account and seen.account and stored.account != seen.account:
        section.fail(FRESH, f"it belongs to account {stored.account}", remedy)
    elif stored.traded:
        section.ok(FRESH, f"it has trades of live account {stored.account} already")
    else:
        section.ok(FRESH, "no trade in it yet")


def _permission(section: Section, asked: Asked, seen: Seen) -> None:
    broker = asked.settings.broker
    if broker.allow_live:
        section.ok(ALLOWED, "true: a live account is traded")
    else:
        section.fail(
            ALLOWED,
            "false: a live account is connected and shown, and not traded",
            "[broker] allow_live = true, as the last step",
        )
    if seen.account is None:
        section.fail(
            ACCOUNT,
            "no account at IB is known (see above)",
            'begin with [broker] mode = "gateway", port = 4001, and the gateway logged in to the live account',
        )
    elif not seen.live:
        section.fail(
            ACCOUNT,
            f"{seen.account} is a paper account",
            "log the gateway in to the live account; its port is 4001 by default",
        )
    elif broker.account is None:
        section.warn(
            ACCOUNT,
            f"{seen.account}, not named in the configuration",
            f'[broker] account = "{seen.account}": then no other is traded',
        )
    else:
        section.ok(ACCOUNT, seen.account)


def _market_data(section: Section, seen: Seen) -> None:
    if seen.delayed is None:
        section.skip(DATA, "no quote (see above)")
    elif seen.delayed:
        section.fail(
            DATA,
            "quotes are delayed by some 15 minutes",
            "subscribe in IB's Client Portal, then log the gateway in again",
        )
    else:
        section.ok(DATA, "quotes are not delayed")


def _limits(section: Section, asked: Asked, stored: Stored | None) -> None:
    """Those in force: a person's, stored in the database, go before the file's."""
    settings = stored.settings if stored else {}
    now = limits_in(settings, asked.settings.trading.defaults.limits())
    names = [name for name in Limits.__dataclass_fields__ if name != "min_cash_reserve"]
    large = [
        f"{name} {_figure(now, name)} (start: {_figure(START, name)})"
        for name in names
        if getattr(now, name) > getattr(START, name)
    ]
    large += [
        f"a BUY of strategy {name} {figures.usd(Decimal(value))} (start: {_figure(START, 'buy_amount_usd')})"
        for name, value in _amounts(asked, settings)
        if value > START.buy_amount_usd
    ]
    if large:
        section.warn(
            LIMITS,
            f"larger than a first week needs: {', '.join(large)}",
            "[trading.defaults] in the file, or /settings in the chat",
        )
    else:
        section.ok(
            LIMITS, f"a BUY of {figures.usd(now.buy_amount_usd)}, {figures.usd(now.max_total_investment)} in all"
        )


def _amounts(asked: Asked, settings: Mapping[str, str]) -> Iterator[tuple[str, Value]]:
    """What a BUY of each strategy may take at most, where it is not the account's amount."""
    for strategy in asked.settings.strategies():
        own = own_limits_in(settings, strategy)
        if "buy_amount_usd" in own:
            yield strategy.name, own["buy_amount_usd"]
        elif strategy.sizing is not Sizing.USD:
            yield strategy.name, asked.settings.trading.max_order_value_usd


def _figure(limits: Limits, name: str) -> str:
    value = getattr(limits, name)
    return f"{value}" if isinstance(value, int) else figures.usd(value)


def _fixed(section: Section, asked: Asked) -> None:
    trading = asked.settings.trading
    most = figures.usd(trading.max_order_value_usd)
    if trading.max_order_value_usd > ORDER_VALUE_START:
        section.warn(
            ORDER,
            f"one order may be worth {most}",
            f"[trading] max_order_value_usd = {ORDER_VALUE_START} until you have seen it trade",
        )
    else:
        section.ok(ORDER, f"at most {most} an order")
    if is_simulated(asked):
        return section.skip(CONTROLS, "the simulated gateway has looser ones")
    off = [
        name
        for name, holds in {
            "price_collar_pct = 0": trading.price_collar_pct == 0,
            "max_spread_pct = 0": trading.max_spread_pct == 0,
            'hours = "always"': trading.hours == "always",
            "allow_delayed_quotes = true": trading.allow_delayed_quotes,
        }.items()
        if holds
    ]
    if off:
        section.fail(
            CONTROLS, f"switched off: {', '.join(off)}", "take these out of [trading]: the defaults are the safe choice"
        )
    else:
        section.ok(CONTROLS, "price collar, spread and exchange's hours are looked at")
    return None


def _secret(section: Section, asked: Asked) -> None:
    secret, own = asked.settings.webhook.secret, asked.settings.own_secrets().values()
    if (secret is None or len(secret.get_secret_value()) >= SECRET_LENGTH_GOOD) and all(
        len(one) >= SECRET_LENGTH_GOOD for one in own
    ):
        section.ok(SECRET, "long enough")
    else:
        section.fail(SECRET, "too short for real money", "openssl rand -hex 32 makes one")


def _backup(section: Section, machine: Machine) -> None:
    system = machine.system_backups
    folder = system if system.is_dir() else machine.place(DATA_DIR) / "backups"  # as `tradebot backup` chooses
    ages = {
        file: machine.now().timestamp() - file.stat().st_mtime
        for file in folder.glob("tradebot-*")
        if file.suffix in (".db", ".dump")
    }
    remedy = "systemctl enable --now tradebot-backup.timer; keep copies on another machine too"
    if not ages:
        section.fail(BACKUP, f"none in {folder}", remedy)
        return
    newest, age_s = min(ages.items(), key=lambda each: each[1])
    if age_s > BACKUP_AGE_MAX.total_seconds():
        section.fail(BACKUP, f"the newest, {newest.name}, is {figures.seconds(age_s)} old", remedy)
    else:
        section.ok(BACKUP, f"{newest.name}, {figures.seconds(max(age_s, 10))} old")


def _told(section: Section, asked: Asked) -> None:
    if asked.settings.schedule.heartbeat_url is None:
        section.fail(
            SWITCH,
            "not set: nobody hears of a machine that is gone",
            "[schedule] heartbeat_url, of a service that calls you when pings stop",
        )
    else:
        section.ok(SWITCH, "set")
    if asked.settings.telegram.bot_token is None:
        section.fail(
            CHAT, "off: no word of a fill or a failure reaches you, and no /kill reaches the bot", "docs/telegram.md"
        )
    else:
        section.ok(CHAT, "on")
