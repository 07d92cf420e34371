"""The settings: one frozen class a section of config.toml, with each key's kind, range and default.

A default is the safe choice for real trading; what only the simulated gateway may relax is relaxed by the loader.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, SecretStr
from pydantic.fields import FieldInfo

from tradebot.config.channels import CHANNELS, ChannelSection
from tradebot.config.secrets import describe_url, url_secrets
from tradebot.config.section import Section, limit
from tradebot.config.strategies import SECTION, StrategySection
from tradebot.config.values import (
    Account,
    BindAddress,
    BotToken,
    Cron,
    DatabaseUrl,
    Dates,
    Flag,
    Folder,
    Host,
    HostNames,
    Networks,
    PasswordHash,
    Proxies,
    QueueUrl,
    QuietHours,
    Secret,
    SecretSite,
    Site,
    TelegramId,
    TelegramIds,
    Window,
    Zone,
    choice,
    number,
    whole,
)
from tradebot.domain.analytics.thresholds import Thresholds
from tradebot.domain.calendar import Calendar
from tradebot.domain.hours import Hours
from tradebot.domain.limits import FixedLimits, Limits, LossBasis
from tradebot.domain.strategies import Strategies

DATA_DIR = Path("data")
"""Everything the daemon creates on its defaults lies here, below the working directory."""
GATEWAY_STATE = DATA_DIR / "gateway.jsonl"
GATEWAY_SOCKET = DATA_DIR / "gateway.sock"
"""The embedded simulated gateway's control routes, for `tradebot price`."""
WEBHOOK_SECRET_FILE = DATA_DIR / "webhook_secret"
API_KEY_FILE = DATA_DIR / "api_key"

TRADINGVIEW_ADDRESSES = ("52.89.214.238", "34.212.75.30", "54.218.53.128", "52.32.178.7")
"""https://www.tradingview.com/support/solutions/43000529348: where its webhooks come from."""

_LIMITS = Limits()
_CONTROLS = FixedLimits()


class Webhook(Section):
    """`[webhook]`: where alerts come in, and who may send them."""

    host: BindAddress = "127.0.0.1"
    port: Annotated[int, whole(0, 65_535)] = 8000
    secret: Secret | None = None
    previous_secret: Secret | None = None
    allowed_ips: Networks = TRADINGVIEW_ADDRESSES
    trusted_proxies: Proxies = ()


class Web(Section):
    """`[web]`: the second listener, for people and their programs; off without a password."""

    host: BindAddress = "127.0.0.1"
    port: Annotated[int, whole(0, 65_535)] = 8001
    password: Secret | None = None
    password_hash: PasswordHash | None = None
    metrics_token: Secret | None = None
    hosts: HostNames = ()
    trusted_proxies: Proxies = ()

    @property
    def on(self) -> bool:
        return self.password is not None or self.password_hash is not None


class Broker(Section):
    """`[broker]`: the gateway, and whether a live account may be traded."""

    mode: Annotated[Literal["simulated", "gateway"], choice("simulated", "gateway")] = "simulated"
    host: Host = "127.0.0.1"
    port: Annotated[int, whole(1, 65_535)] = 4002
    client_id: Annotated[int, whole(1, 2_147_483_647)] = 1
    account: Account | None = None
    allow_live: Flag = False
    connect_attempts: Annotated[int, whole(1, 1_000)] = 50
    restart_window: Window = (time(0, 15), time(1, 45))


class Database(Section):
    """`[database]`: where the books are."""

    url: DatabaseUrl = SecretStr(f"sqlite:///{DATA_DIR}/tradebot.db")
    keep_days: Annotated[int, whole(0, 3_650)] = 365

    def keep(self) -> timedelta | None:
        """How long the record of what is over stays; None: for ever."""
        return timedelta(days=self.keep_days) if self.keep_days else None


class Queue(Section):
    """`[queue]`: where the lists of alert ids are."""

    url: QueueUrl = SecretStr("embedded://")


class Owner(Section):
    """`[owner]`: whom the messages are for."""

    timezone: Zone = "America/New_York"

    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class Telegram(Section):
    """`[telegram]`: the chat; off without a token."""

    bot_token: BotToken | None = None
    chat_id: TelegramId | None = None
    user_ids: TelegramIds = ()
    api_url: Site = "https://api.telegram.org"
    quiet_hours: QuietHours | None = None
    topic_id: Annotated[int, whole(1, 2_147_483_647)] | None = None
    allow_buy: Flag = False
    theme: Annotated[Literal["dark", "light"], choice("dark", "light")] = "dark"


class Defaults(Section):
    """The owner's limits until they are changed from the chat."""

    buy_amount_usd: Annotated[Decimal, limit("buy_amount_usd")] = _LIMITS.buy_amount_usd
    max_open_positions: Annotated[int, limit("max_open_positions")] = _LIMITS.max_open_positions
    max_daily_buys: Annotated[int, limit("max_daily_buys")] = _LIMITS.max_daily_buys
    max_total_investment: Annotated[Decimal, limit("max_total_investment")] = _LIMITS.max_total_investment
    max_per_ticker: Annotated[int, limit("max_per_ticker")] = _LIMITS.max_per_ticker
    max_daily_loss: Annotated[Decimal, limit("max_daily_loss")] = _LIMITS.max_daily_loss
    min_cash_reserve: Annotated[Decimal, limit("min_cash_reserve")] = _LIMITS.min_cash_reserve

    def limits(self) -> Limits:
        return Limits(**self.model_dump())


class Trading(Section):
    """`[trading]`: how orders are sent, and the controls that only the file changes."""

    # IB takes 50 messages a second, of every kind: entries stay well below. Exits wait for IB's limit alone.
    orders_per_second: Annotated[int, whole(1, 40)] = 10
    order_timeout_s: Annotated[int, whole(1, 3_600)] = 30
    hours: Annotated[Literal["exchange", "always"], choice("exchange", "always")] = "exchange"
    extra_closures: Dates = frozenset[date]()
    pending_max_age_h: Annotated[int, whole(1, 720)] = 96
    fractional: Flag = False
    max_alert_age_s: Annotated[int, whole(1, 86_400)] = _CONTROLS.max_alert_age_s
    price_collar_pct: Annotated[Decimal, number(Decimal(0), Decimal(100))] = _CONTROLS.price_collar_pct
    max_order_value_usd: Annotated[Decimal, number(Decimal(1), Decimal(10_000_000))] = _CONTROLS.max_order_value_usd
    repeat_window_s: Annotated[int, whole(0, 3_600)] = _CONTROLS.repeat_window_s
    max_spread_pct: Annotated[Decimal, number(Decimal(0), Decimal(100))] = _CONTROLS.max_spread_pct
    allow_delayed_quotes: Flag = _CONTROLS.allow_delayed_quotes
    daily_loss_basis: Annotated[LossBasis, choice(*LossBasis)] = _CONTROLS.daily_loss_basis
    max_risk_usd: Annotated[Decimal, number(Decimal(0), Decimal(10_000_000))] = _CONTROLS.max_risk_usd
    what_if_above_usd: Annotated[Decimal, number(Decimal(0), Decimal(10_000_000))] = _CONTROLS.what_if_above_usd
    defaults: Defaults = Defaults()

    def open_hours(self) -> Hours:
        return Hours(Calendar(self.extra_closures), always=self.hours == "always")

    def fixed_limits(self) -> FixedLimits:
        return FixedLimits(
            max_alert_age_s=self.max_alert_age_s,
            price_collar_pct=self.price_collar_pct,
            max_order_value_usd=self.max_order_value_usd,
            repeat_window_s=self.repeat_window_s,
            max_spread_pct=self.max_spread_pct,
            allow_delayed_quotes=self.allow_delayed_quotes,
            daily_loss_basis=self.daily_loss_basis,
            max_risk_usd=self.max_risk_usd,
            what_if_above_usd=self.what_if_above_usd,
        )


class Schedule(Section):
    """`[schedule]`: the jobs' cron lines, New York time, and the dead-man's switch."""

    market_open: Cron = "30 9 * * 1-5"
    daily_report: Cron = "5 13,16 * * 1-5"
    position_sync: Cron = "0 10,14,18 * * 1-5"
    health_check: Cron = "*/5 * * * *"
    sunday_reminder: Cron = "0 10 * * 0"
    equity: Cron = "*/15 * * * *"
    daily_bars: Cron = "40 16 * * 1-5"
    weekly_report: Cron = "45 16 * * 1-5"
    monthly_report: Cron = "50 16 * * 1-5"
    thresholds: Cron = "*/15 * * * *"
    prune: Cron = "30 3 * * *"
    heartbeat_url: SecretSite | None = None

    def crons(self) -> dict[str, str]:
        """Each job's cron line by its name."""
        return self.model_dump(exclude={"heartbeat_url"})


class ThresholdSection(Section):
    """`[thresholds]`: figures with a limit, told when they are crossed and when they are back; none by default."""

    drawdown_pct: Annotated[Decimal, number(Decimal("0.1"), Decimal(100))] | None = None
    loss_streak: Annotated[int, whole(2, 1_000)] | None = None
    in_time_pct: Annotated[Decimal, number(Decimal(1), Decimal(100))] | None = None
    slippage_bps: Annotated[Decimal, number(Decimal("0.1"), Decimal(10_000))] | None = None
    rejected_pct: Annotated[Decimal, number(Decimal("0.1"), Decimal(100))] | None = None
    silent_sessions: Annotated[int, whole(1, 20)] | None = None

    def limits(self) -> Thresholds:
        return Thresholds(**{name: float(one) for name, one in self.model_dump(exclude_none=True).items()})


class Log(Section):
    """`[log]`: how much is logged, where, and for how long it is kept."""

    level: Annotated[str, choice("TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", upper=True)] = "INFO"
    dir: Folder = f"{DATA_DIR}/logs"
    rotation_mb: Annotated[int, whole(1, 1_000)] = 20
    retention_days: Annotated[int, whole(1, 3_650)] = 30
    total_mb: Annotated[int, whole(1, 1_000_000)] = 500


class Settings(Section):
    """The whole configuration, checked."""

    owner: Owner = Owner()
    webhook: Webhook = Webhook()
    web: Web = Web()
    broker: Broker = Broker()
    database: Database = Database()
    queue: Queue = Queue()
    telegram: Telegram = Telegram()
    trading: Trading = Trading()
    schedule: Schedule = Schedule()
    thresholds: ThresholdSection = ThresholdSection()
    log: Log = Log()
    strategy_sections: Mapping[str, StrategySection] = Field(default={}, alias=SECTION)
    channel_sections: Mapping[str, ChannelSection] = Field(default={}, alias=CHANNELS)

    def strategies(self) -> Strategies:
        """Those that the file names, in its order; without any there is `main`."""
        named = {name: section.strategy(name) for name, section in self.strategy_sections.items()}
        return Strategies(named) if named else Strategies()

    def accepted_secrets(self, secret: str) -> Mapping[str, tuple[str, ...]]:
        """By strategy: its own secret alone where it has one, else the webhook's (`secret`, which may be a generated one) and the
        previous one."""
        previous = self.webhook.previous_secret
        common = (secret, previous.get_secret_value()) if previous else (secret,)
        own = self.own_secrets()
        return {name: (own[name],) if name in own else common for name in self.strategies().names}

    def own_secrets(self) -> Mapping[str, str]:
        """Of the strategies that have one, by name."""
        return {
            name: section.secret.get_secret_value()
            for name, section in self.strategy_sections.items()
            if section.secret
        }

    def secrets(self) -> list[str]:
        """Every secret in these settings as plain text, for the log to cut out."""
        whole_values = (
            self.webhook.secret,
            self.webhook.previous_secret,
            self.web.password,
            self.web.password_hash,
            self.web.metrics_token,
            self.telegram.bot_token,
            self.schedule.heartbeat_url,
        )
        found = [each.get_secret_value() for each in whole_values if each]
        for url in (self.database.url, self.queue.url):
            found += url_secrets(url.get_secret_value())
        of_channels = [secret for section in self.channel_sections.values() for secret in section.secrets()]
        return [*found, *self.own_secrets().values(), *of_channels]

    def simulated_parts(self) -> list[str]:
        """What is simulated, embedded, relaxed or off, in words for people: the banner, /status and /health show it."""
        database, queue = self.database.url.get_secret_value(), self.queue.url.get_secret_value()
        told = ["the log", *([", ".join(self.channel_sections)] if self.channel_sections else [])]
        parts = {
            f"broker: simulated gateway in this process, invented quotes, no real money ({GATEWAY_STATE})": (
                self.broker.mode == "simulated"
            ),
            "hours: always open, the exchange's calendar is not looked at": self.trading.hours == "always",
            "price collar: off": self.trading.price_collar_pct == 0,
            f"database: SQLite file {describe_url(database).removeprefix('sqlite:///')}": database.startswith(
                "sqlite:"
            ),
            "queue: embedded, in memory (refilled from the database)": queue.startswith("embedded:"),
            f"webhook secret: generated, in {WEBHOOK_SECRET_FILE}": self.webhook.secret is None,
            f"Telegram: off, messages go to {' and to '.join(told)}": self.telegram.bot_token is None,
        }
        return [text for text, holds in parts.items() if holds]


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the configuration: where it stands and by what names it is reached."""

    path: tuple[str, ...]
    field: FieldInfo

    @property
    def name(self) -> str:
        return ".".join(self.path)

    @property
    def variable(self) -> str:
        return "TRADEBOT_" + "__".join(self.path).upper().replace("-", "_")  # which no shell allows in a name

    @property
    def secret(self) -> bool:
        return "SecretStr" in str(self.field.annotation)

    @property
    def credential(self) -> str | None:
        """The file in the credentials directory; only secrets have one."""
        return "_".join(self.path) if self.secret else None


def keys(strategies: Iterable[str] = (), channels: Iterable[str] = ()) -> Iterator[Key]:
    """Every key there is, in the order of the file, and those of these strategies and channels."""
    yield from _keys(Settings, ())
    for name in strategies:
        yield from _keys(StrategySection, (SECTION, name))
    for name in channels:
        yield from _keys(ChannelSection, (CHANNELS, name))


def _keys(section: type[BaseModel], path: tuple[str, ...]) -> Iterator[Key]:
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from _keys(kind, (*path, name))
        elif field.alias not in (SECTION, CHANNELS):
            yield Key((*path, name), field)
