"""From sources to settings: precedence, and one readable line a mistake."""

import re
from datetime import date, time
from decimal import Decimal
from pathlib import Path

import pytest

from tradebot.config import Settings, keys, load
from tradebot.config.settings import Key
from tradebot.domain.limits import FixedLimits, Limits, limit_range
from tradebot.errors import ConfigError

SECRET = "k9Qm3vX7pL2sT8wZ4rB6"
OTHER_SECRET = "f0d1c2b3a4958677685a4b3c"


def file_of(folder: Path, text: str) -> Path:
    file = folder / "tradebot.toml"
    file.write_text(text, encoding="utf-8")
    return file


def mistakes(folder: Path, text: str = "", env: dict[str, str] | None = None) -> list[str]:
    """The lines told about this file and environment."""
    with pytest.raises(ConfigError) as caught:
        load(file_of(folder, text), env or {})
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def test_nothing_configured_is_the_embedded_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fresh clone would not start, or would start with something other than the simulated, embedded parts."""
    monkeypatch.chdir(tmp_path)
    settings = load(None, {"HOME": "/", "PATH": "/bin"})
    assert settings.broker.mode == "simulated"
    assert settings.database.url.get_secret_value() == "sqlite:///data/tradebot.db"
    assert settings.queue.url.get_secret_value() == "embedded://"
    assert (settings.trading.hours, settings.trading.price_collar_pct) == ("always", 0)
    assert settings.telegram.bot_token is None
    assert settings.broker.restart_window == (time(0, 15), time(1, 45))
    assert [part.split(":")[0] for part in settings.simulated_parts()] == [
        "broker",
        "hours",
        "price collar",
        "database",
        "queue",
        "webhook secret",
        "Telegram",
    ]


def test_a_gateway_gets_the_safe_defaults(tmp_path: Path) -> None:
    """Real orders would go without price collar, or while the exchange is closed."""
    settings = load(file_of(tmp_path, '[broker]\nmode = "gateway"'), {})
    assert (settings.trading.hours, settings.trading.price_collar_pct) == ("exchange", 5)
    assert settings.broker.allow_live is False
    assert settings.trading.defaults.limits() == Limits()
    assert settings.trading.fixed_limits() == FixedLimits()
    assert not [part for part in settings.simulated_parts() if part.startswith(("broker", "hours", "price"))]


def test_settings_made_without_the_loader_read_no_environment_and_are_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    """A forgotten variable would steer settings that were never loaded, or bare settings would be the lax ones."""
    monkeypatch.setenv("TRADEBOT_TRADING__PRICE_COLLAR_PCT", "50")
    assert (Settings().trading.price_collar_pct, Settings().trading.hours) == (5, "exchange")


def test_simulation_relaxes_only_what_was_left_open(tmp_path: Path) -> None:
    """A collar that the owner set would be switched off by the simulated gateway."""
    text = '[trading]\nhours = "exchange"\nprice_collar_pct = 2.5'
    settings = load(file_of(tmp_path, text), {})
    assert (settings.trading.hours, settings.trading.price_collar_pct) == ("exchange", Decimal("2.5"))


def test_environment_wins_over_file_and_credential_over_environment(tmp_path: Path) -> None:
    """A value would come from another source than the documentation says."""
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "webhook_secret").write_text(SECRET + "\n")
    env = {
        "CREDENTIALS_DIRECTORY": str(tmp_path / "credentials"),
        "TRADEBOT_WEBHOOK__SECRET": OTHER_SECRET,
        "TRADEBOT_WEBHOOK__PORT": "9001",
    }
    settings = load(file_of(tmp_path, '[webhook]\nport = 9000\nhost = "0.0.0.0"'), env)
    assert settings.webhook.secret is not None
    assert settings.webhook.secret.get_secret_value() == SECRET
    assert (settings.webhook.port, settings.webhook.host) == (9001, "0.0.0.0")


def test_the_environment_can_say_everything_the_file_can(tmp_path: Path) -> None:
    """A container that is configured by variables alone could not set a list, a date, a number or a flag."""
    env = {
        "TRADEBOT_BROKER__MODE": "gateway",
        "TRADEBOT_BROKER__ALLOW_LIVE": "true",
        "TRADEBOT_BROKER__RESTART_WINDOW": "23:45-00:45",
        "TRADEBOT_WEBHOOK__ALLOWED_IPS": "203.0.113.7, 10.0.0.0/8",
        "TRADEBOT_TELEGRAM__BOT_TOKEN": "123456:AAErt7Uio_9pLkjhgfdsZxcvbnm-QwErTy1",
        "TRADEBOT_TELEGRAM__CHAT_ID": "-1001234567890",
        "TRADEBOT_TELEGRAM__USER_IDS": "[1, 22]",
        "TRADEBOT_TELEGRAM__QUIET_HOURS": "22:00-07:00",
        "TRADEBOT_OWNER__TIMEZONE": "Europe/Berlin",
        "TRADEBOT_TRADING__EXTRA_CLOSURES": "2026-12-24,2027-01-09",
        "TRADEBOT_TRADING__PRICE_COLLAR_PCT": "2.5",
        "TRADEBOT_TRADING__DEFAULTS__MAX_DAILY_BUYS": "7",
        "TRADEBOT_LOG__LEVEL": "debug",
        "TRADEBOT_TEST_POSTGRES": "postgresql:///mine",
    }
    settings = load(file_of(tmp_path, ""), env)
    assert settings.broker.allow_live is True
    assert settings.broker.restart_window == (time(23, 45), time(0, 45))
    assert settings.webhook.allowed_ips == ("203.0.113.7", "10.0.0.0/8")
    assert (settings.telegram.chat_id, settings.telegram.user_ids) == (-1001234567890, (1, 22))
    assert settings.telegram.quiet_hours == (time(22), time(7))
    assert str(settings.owner.zone()) == "Europe/Berlin"
    assert settings.trading.extra_closures == {date(2026, 12, 24), date(2027, 1, 9)}
    assert settings.trading.price_collar_pct == Decimal("2.5")
    assert settings.trading.defaults.max_daily_buys == 7
    assert settings.log.level == "DEBUG"


BAD_VALUES = {
    '[webhook]\nport = "8000"': 'webhook.port = "8000" (tradebot.toml): allowed are whole numbers from 0 to 65,535',
    "[webhook]\nport = true": "webhook.port = true (tradebot.toml): allowed are whole numbers",
    "[webhook]\nport = 70000": "webhook.port = 70000 (tradebot.toml): allowed are whole numbers",
    '[webhook]\nhost = "example.org"': 'webhook.host = "example.org" (tradebot.toml): allowed is an address of this',
    '[webhook]\nallowed_ips = ["10.0.0.1/8"]': "10.0.0.1/8 has host bits set",
    '[webhook]\nallowed_ips = "10.0.0.1"': "allowed is a list of addresses and networks",
    "[webhook]\nallowed_ips = [10]": "allowed is a list of addresses and networks",
    '[webhook]\ntrusted_proxies = ["0.0.0.0/0"]': "would let everybody choose the address we see",
    '[webhook]\nsecret = "change-me-change-me"': "webhook.secret (tradebot.toml): is a placeholder out of an example",
    '[webhook]\nsecret = "<your own secret here>"': "webhook.secret (tradebot.toml): is a placeholder",
    '[webhook]\nsecret = "your-secret-goes-in-here"': "webhook.secret (tradebot.toml): is a placeholder",
    '[webhook]\nprevious_secret = "k9Qm3vX7pL2sT8w"': "has 15 characters; allowed are at least 16",
    '[webhook]\nsecret = "abababababababababab"': "can be guessed",
    "[webhook]\nsecret = 12345678901234567890": "webhook.secret (tradebot.toml): allowed is text in quotes",
    '[broker]\nmode = "live"': 'broker.mode = "live" (tradebot.toml): allowed are "simulated", "gateway"',
    '[broker]\nmode = "gateway"\nhost = "10.0.0.1:4002"': "the port has its own key",
    '[broker]\nmode = "gateway"\naccount = "mine"': "allowed is an account id as IB writes it",
    '[broker]\nmode = "gateway"\nclient_id = 0': "broker.client_id = 0 (tradebot.toml): allowed are whole numbers from 1",
    '[broker]\nhost = "10.0.0.1"': "broker.host (tradebot.toml): is set, but broker.mode is not",
    "[broker]\nport = 4001": "broker.port (tradebot.toml): is set, but broker.mode is not",
    '[broker]\naccount = "DU1"': "broker.account (tradebot.toml): is set, but broker.mode is not",
    '[broker]\nrestart_window = "24:00-01:00"': 'allowed is "HH:MM-HH:MM"',
    '[broker]\nmode="gateway"\naccount="U1234567"\n[trading]\nhours="always"': "allowed only with the simulated gateway",
    '[database]\nurl = "mysql://h/d"': "database.url (tradebot.toml): allowed are sqlite:///data/tradebot.db",
    '[database]\nurl = "sqlite://data/t.db"': "names a host where the path should be",
    '[database]\nurl = "sqlite:///:memory:"': "names no file",
    '[database]\nurl = "postgresql://h"': "names no database",
    '[database]\nurl = "postgresql://h:port/d"': "has a host or port that cannot be read",
    '[database]\nurl = "postgresql://u:change-me@h/d"': "holds a placeholder",
    '[queue]\nurl = "http://h"': "queue.url (tradebot.toml): allowed are embedded://",
    '[queue]\nurl = "redis://"': "names no host",
    "[telegram]\nchat_id = 5\nuser_ids = [5]": "telegram.bot_token: is missing while telegram.chat_id and telegram.user_ids",
    '[telegram]\nbot_token = "123456:AAErt7Uio_9pLkjhgfdsZxcvbnm-QwErTy1"\nchat_id = -100': "telegram.user_ids: is missing while",
    '[telegram]\nchat_id = "me"': 'telegram.chat_id = "me" (tradebot.toml): allowed is a Telegram chat id',
    '[owner]\ntimezone = "CEST"': 'owner.timezone = "CEST" (tradebot.toml): allowed is the name of a time zone',
    '[owner]\ntimezone = "../etc"': "allowed is the name of a time zone",
    'timezone = "Europe/Berlin"': "timezone (tradebot.toml): unknown key; did you mean owner.timezone?",
    '[telegram]\nquiet_hours = "22-7"': 'allowed is "HH:MM-HH:MM" in your own time zone',
    '[telegram]\nquiet_hours = "07:00-07:00"': "begins when it ends",
    '[telegram]\nbot_token = "k9Qm3vX7pL2sT8wZ4rB6"': "telegram.bot_token (tradebot.toml): is not a bot token",
    '[telegram]\nbot_token = "12345:AAE"': "is not a bot token; allowed is what @BotFather gave you (/token shows it)",
    "[trading]\norders_per_second = 10.0": "trading.orders_per_second = 10.0 (tradebot.toml): allowed are whole numbers",
    '[trading]\nfractional = "true"': "allowed are true and false",
    "[trading]\nprice_collar_pct = nan": "trading.price_collar_pct = NaN (tradebot.toml): allowed are numbers from 0",
    "[trading]\nmax_order_value_usd = inf": "allowed are numbers from 1 to 10,000,000",
    "[trading]\nextra_closures = [2026-12-24T10:00:00]": "allowed is a list of dates",
    "[trading.defaults]\nmax_daily_buys = 0": "trading.defaults.max_daily_buys = 0 (tradebot.toml): allowed are whole",
    '[schedule]\nmarket_open = "0 30 9 * * 1-5"': "has 6 fields; allowed is a cron line of five",
    '[schedule]\ndaily_report = "0 0 31 2 *"': "never comes round",
    '[schedule]\nhealth_check = "every day at * noon"': "is no cron line",
    '[schedule]\nhealth_check = "R * * * *"': "random times (R, H) are not supported",
    '[schedule]\nhealth_check = "H * * * *"': "random times (R, H) are not supported",
    '[log]\nlevel = "loud"': 'log.level = "loud" (tradebot.toml): allowed are "TRACE"',
    "webhook = 5": "webhook (tradebot.toml): is a section, so write [webhook]",
    "[webhook]\nprot = 1": "webhook.prot (tradebot.toml): unknown key; did you mean webhook.port?",
    "port = 1": "port (tradebot.toml): unknown key; did you mean webhook.port?",
    "[webhok]\nport = 1": "webhok (tradebot.toml): unknown section; did you mean webhook?",
    "[trading]\nmax_dayly = 1": "trading.max_dayly (tradebot.toml): unknown key; did you mean trading.defaults.max_daily_buys?",
    "[broker]\nhots = 1": "broker.hots (tradebot.toml): unknown key; did you mean broker.host?",
    "[broker]\nhours = 1": "broker.hours (tradebot.toml): unknown key; did you mean trading.hours?",
    "[trading.default]\nmax_per_ticker = 1": "trading.default (tradebot.toml): unknown section; did you mean trading.defaults?",
}


@pytest.mark.parametrize("text", BAD_VALUES)
def test_a_wrong_key_or_value_is_one_line_that_says_what_is_allowed(tmp_path: Path, text: str) -> None:
    """The bot would start on a value that nobody meant, or refuse it without saying what to mend."""
    found = [line for line in mistakes(tmp_path, text) if BAD_VALUES[text] in line]
    assert len(found) == 1, mistakes(tmp_path, text)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    """The owner would have to start the bot once for each mistake."""
    lines = mistakes(tmp_path, '[webhook]\nport = -1\nsekret = "x"\n[log]\nlevel = 5', {"TRADEBOT_LOG__DIR": ""})
    assert [line.split(" ")[0] for line in lines] == ["webhook.port", "webhook.sekret", "log.level", "log.dir"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("TRADEBOT_WEBHOK__PORT", "TRADEBOT_WEBHOOK__PORT"),
        ("TRADEBOT_WEBHOOK_PORT", "TRADEBOT_WEBHOOK__PORT"),
        ("tradebot_webhook__port", "TRADEBOT_WEBHOOK__PORT"),
        ("TRADEBOT_TRADING__DEFALTS__MAX_PER_TICKER", "TRADEBOT_TRADING__DEFAULTS__MAX_PER_TICKER"),
        ("TRADEBOT_WEBHOOK", "TRADEBOT_WEBHOOK__PORT"),
    ],
)
def test_a_misspelt_variable_stops_the_start(tmp_path: Path, name: str, meant: str) -> None:
    """A limit set under a misspelt name would silently not hold."""
    (line,) = mistakes(tmp_path, env={name: "1"})
    assert line.startswith(f"{name} (environment): unknown variable; did you mean TRADEBOT_")
    assert name == "TRADEBOT_WEBHOOK" or f"did you mean {meant}?" in line


def test_a_wrong_variable_is_told_under_its_own_name(tmp_path: Path) -> None:
    """The owner would look for the mistake in the file, where it is not."""
    (line,) = mistakes(tmp_path, "[webhook]\nport = 8000", {"TRADEBOT_WEBHOOK__PORT": "many"})
    assert line.startswith('webhook.port = "many" (environment, TRADEBOT_WEBHOOK__PORT): allowed')


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    """A typing mistake in --config would start the bot on its defaults."""
    with pytest.raises(ConfigError, match=r"nowhere\.toml: there is no such file"):
        load(tmp_path / "nowhere.toml", {})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[webhook]\nhost = localhost\n", "line 2"),
        (b"[webhook]\n[webhook]\n", "line 2"),
        (b'[webhook]\nhost = "\xff"\n', "UTF-8"),
        (b"a = " + b"[" * 20_000, "nested too deeply"),
    ],
)
def test_a_file_that_cannot_be_understood_says_where(tmp_path: Path, content: bytes, told: str) -> None:
    """The owner would see a traceback, or have to guess the line."""
    file = tmp_path / "config.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=re.escape(str(file))) as caught:
        load(file, {})
    assert told in str(caught.value)


def test_the_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    """A file saved by a Windows editor would be refused at its first character."""
    file = tmp_path / "config.toml"
    file.write_bytes(b"\xef\xbb\xbf[webhook]\nport = 9000\n")
    assert load(file, {}).webhook.port == 9000


def test_the_working_directory_s_file_is_read_when_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`make run` would ignore the owner's config.toml."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text("[webhook]\nport = 9000\n")
    assert load(None, {}).webhook.port == 9000


def test_credentials_misspelt_or_unreadable_stop_the_start_and_others_do_not(tmp_path: Path) -> None:
    """A secret under a misspelt name would be silently replaced by a generated one; or another program's would stop us."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "tls.key").write_text("another program's")
    (folder / "webhook_secrt").write_text(SECRET)
    (folder / "queue_url").write_bytes(b"\xff\xfe")
    lines = mistakes(tmp_path, env={"CREDENTIALS_DIRECTORY": str(folder)})
    assert lines == [
        "queue.url (credential queue_url): cannot be read: it is not UTF-8 text",
        "webhook_secrt (credentials directory): unknown credential; did you mean webhook_secret?",
    ]
    (line,) = mistakes(tmp_path, env={"CREDENTIALS_DIRECTORY": str(tmp_path / "gone")})
    assert "cannot be read: No such file" in line


def test_no_mistake_repeats_a_secret(tmp_path: Path) -> None:
    """A secret would stand in the console, the journal and the bug report."""
    canary = "Xq7canaryPw0"
    text = f"""
        [webhook]
        secret = "{canary}"
        sekret = "{canary}"
        host = "redis://u:{canary}@h"
        previous_secret = ["{canary}"]
        allowed_ips = ["123456789:AAErt7Uio_9{canary}gfdsZxcvbnm"]
        [database]
        url = "mysql://u:{canary}@h/{canary}"
        [queue]
        url = "{canary}"
        [telegram]
        bot_token = "{canary}"
        chat_id = "123456789:AAErt7Uio_9{canary}gfdsZxcvbnm"
        [schedule]
        heartbeat_url = "ftp://h/{canary}"
    """
    env = {"TRADEBOT_WEBHOOK__SECRT": canary, "TRADEBOT_LOG__LEVEL": f"redis://:{canary}@h"}
    lines = mistakes(tmp_path, text, env)
    assert len(lines) == 12
    assert not [line for line in lines if canary in line]


def test_settings_do_not_print_their_secrets(tmp_path: Path) -> None:
    """Settings in a log line or a traceback would carry every secret with them."""
    text = f"""
        [webhook]
        secret = "{SECRET}"
        [database]
        url = "postgresql://me:p%40ss{OTHER_SECRET}@h/d"
        [queue]
        url = "redis://h?password={OTHER_SECRET[::-1]}"
    """
    settings = load(file_of(tmp_path, text), {})
    shown = f"{settings!r} {settings} {settings.simulated_parts()}"
    assert SECRET not in shown
    assert OTHER_SECRET not in shown
    assert OTHER_SECRET[::-1] not in shown
    told = settings.secrets()
    assert {SECRET, f"p%40ss{OTHER_SECRET}", f"p@ss{OTHER_SECRET}", OTHER_SECRET[::-1]} <= set(told)


def test_settings_are_frozen() -> None:
    """A part of the bot could loosen a limit for all others."""
    with pytest.raises(ValueError, match="frozen"):
        Settings().trading.hours = "always"  # type: ignore[misc]


@pytest.mark.parametrize(
    "key", [key for key in keys() if key.path[:2] == ("trading", "defaults")], ids=lambda k: k.name
)
def test_limits_hold_to_the_table_that_the_chat_uses(tmp_path: Path, key: Key) -> None:
    """File and chat would allow different values for the same limit."""
    low, high = limit_range(key.path[-1])
    for value in (low, high):
        settings = load(file_of(tmp_path, f"[trading.defaults]\n{key.path[-1]} = {value}"), {})
        assert getattr(settings.trading.defaults.limits(), key.path[-1]) == value
    for value in (low - 1, high + 1):
        assert f"{key.name} = {value}" in mistakes(tmp_path, f"[trading.defaults]\n{key.path[-1]} = {value}")[0]


HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2E$BqYbHcN0u6yU2m3oFf0Yw0Yt0N7tBqYbHcN0u6yU2m3"


@pytest.mark.parametrize(
    ("web", "told"),
    [
        ('password = "short"', "has 5 characters"),
        ('password_hash = "5f4dcc3b5aa765d61d8327deb882cf99"', "is no argon2id hash"),
        *(
            (f'password_hash = "{HASH.replace("m=19456,t=2,p=1", figures)}"', "`tradebot password` makes one")
            for figures in (
                "m=4194304,t=2,p=1",
                "m=19456,t=1000000,p=1",
                "m=19456,t=2,p=64",
                "m=8,t=2,p=2",
                "m=19456,t=0,p=1",
            )
        ),
        (f'password_hash = "{HASH.replace("m=19456,t=2,p=1", "t=2,m=19456,p=1")}"', "is no argon2id hash"),
        (f'password = "seven horses under it"\npassword_hash = "{HASH}"', "take one of the two out"),
        ('password = "seven horses under it"\nport = 8000', "two doors"),
        ('hosts = ["https://bot.example.com"]', "without https://"),
        ('metrics_token = "seven horses under it"', "the second listener is off"),
    ],
)
def test_a_second_listener_that_cannot_be_meant_is_refused(tmp_path: Path, web: str, told: str) -> None:
    """The owner would believe that a door is locked which is not, or would be locked out himself."""
    file = tmp_path / "config.toml"
    file.write_text(f"[web]\n{web}\n")
    with pytest.raises(ConfigError) as refused:
        load(file, {})
    assert told in str(refused.value)
    assert "horses" not in str(refused.value)
    assert HASH.rpartition("$")[2] not in str(refused.value)


def test_the_second_listener_is_off_until_there_is_a_password(tmp_path: Path) -> None:
    """A door that nobody asked for would be open, or one that was asked for shut."""
    assert not load(None, {}).web.on
    for variable, value in (("PASSWORD", "seven horses under it"), ("PASSWORD_HASH", HASH)):
        settings = load(None, {f"TRADEBOT_WEB__{variable}": value})
        assert settings.web.on
        assert value in settings.secrets()
    both = {"TRADEBOT_WEB__PASSWORD": "seven horses under it", "TRADEBOT_WEB__METRICS_TOKEN": "eight horses under it"}
    assert "eight horses under it" in load(None, both).secrets()
