"""Variables: the short names that bots are usually configured by, `.env`, and their rank."""

from pathlib import Path

import pytest

from tradebot.config import Settings, keys, load
from tradebot.config.environment import SHORT_NAMES
from tradebot.errors import ConfigError

SECRET = "k9Qm3vX7pL2sT8wZ4rB6"
TOKEN = "123456789:AAk9Qm3vX7pL2sT8wZ4rB6k9Qm3vX7pL2s"
VALUES = {
    "IB_HOST": ("10.0.0.5", "10.0.0.5"),
    "IB_PORT": ("7497", 7497),
    "IB_CLIENT_ID": ("7", 7),
    "WEBHOOK_SECRET": (SECRET, SECRET),
    "WEBHOOK_PORT": ("9001", 9001),
    "TELEGRAM_BOT_TOKEN": (TOKEN, TOKEN),
    "TELEGRAM_CHAT_ID": ("4242", 4242),
    "DATABASE_URL": ("postgresql://bot@db/tradebot", "postgresql://bot@db/tradebot"),
    "REDIS_URL": ("redis://cache:6379/0", "redis://cache:6379/0"),
    "DEFAULT_BUY_AMOUNT_USD": ("750", 750),
    "DEFAULT_MAX_OPEN_POSITIONS": ("20", 20),
    "DEFAULT_MAX_DAILY_BUYS": ("10", 10),
    "DEFAULT_MAX_TOTAL_INVESTMENT": ("25000", 25000),
    "DEFAULT_MAX_PER_TICKER": ("2", 2),
    "DEFAULT_MAX_DAILY_LOSS": ("500", 500),
    "DEFAULT_MIN_CASH_RESERVE": ("2000", 2000),
}
ENV = {name: text for name, (text, _) in VALUES.items()}


def value(settings: Settings, path: tuple[str, ...]) -> object:
    found: object = settings
    for name in path:
        found = getattr(found, name)
    return found.get_secret_value() if hasattr(found, "get_secret_value") else found


def in_env_file(folder: Path, text: str) -> Path:
    """A configuration file without a line, and `.env` beside it."""
    (folder / ".env").write_text(text)
    (folder / "bot.toml").write_text("")
    return folder / "bot.toml"


@pytest.mark.parametrize("from_file", [False, True])
def test_every_short_name_reaches_its_key(tmp_path: Path, from_file: bool) -> None:
    """Broken, a variable that every such bot knows is silently ignored, and a default is traded with."""
    assert set(VALUES) == set(SHORT_NAMES)
    file = in_env_file(tmp_path, "\n".join(f"{name}={text}" for name, text in ENV.items()) if from_file else "")
    settings = load(file, {} if from_file else ENV)
    assert {name: value(settings, SHORT_NAMES[name]) for name in VALUES} == {name: v for name, (_, v) in VALUES.items()}


def test_each_is_the_name_of_a_key() -> None:
    """Broken, a key that was renamed leaves its short name pointing at nothing."""
    assert set(SHORT_NAMES.values()) <= {key.path for key in keys()}


def test_the_rank_of_the_sources(tmp_path: Path) -> None:
    """Broken, what was meant to override is overridden: file, .env, environment, TRADEBOT_ in .env, in the environment."""
    file = in_env_file(tmp_path, "")
    ports = []
    for toml, env_file, env in (
        ("", "", {}),
        ("[webhook]\nport = 1001", "", {}),
        ("[webhook]\nport = 1001", "WEBHOOK_PORT=1002", {}),
        ("[webhook]\nport = 1001", "WEBHOOK_PORT=1002", {"WEBHOOK_PORT": "1003"}),
        ("", "WEBHOOK_PORT=1002\nTRADEBOT_WEBHOOK__PORT=1004", {"WEBHOOK_PORT": "1003"}),
        ("", "TRADEBOT_WEBHOOK__PORT=1004", {"TRADEBOT_WEBHOOK__PORT": "1005", "WEBHOOK_PORT": "1003"}),
    ):
        file.write_text(toml)
        (tmp_path / ".env").write_text(env_file)
        ports.append(load(file, env).webhook.port)
    assert ports == [8000, 1001, 1002, 1003, 1004, 1005]


def test_naming_the_gateway_means_to_use_it(tmp_path: Path) -> None:
    """Broken, who gives his gateway's address trades with the simulated one, or is told to set a key he never heard of."""
    file = in_env_file(tmp_path, "")
    settings = load(file, {"IB_HOST": "10.0.0.5"})
    assert (settings.broker.mode, settings.trading.hours) == ("gateway", "exchange")
    file.write_text('[broker]\nmode = "simulated"')
    assert load(file, {"IB_PORT": "4002"}).broker.mode == "simulated"


def test_set_and_empty_is_not_set(tmp_path: Path) -> None:
    """Broken, `REDIS_URL=` of some other program's environment stops the start."""
    settings = load(in_env_file(tmp_path, "DATABASE_URL=\n"), {"REDIS_URL": "", "IB_HOST": ""})
    assert (settings.queue.url.get_secret_value(), settings.broker.mode) == ("embedded://", "simulated")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql+asyncpg", "postgresql+psycopg2"])
def test_other_programs_forms_of_a_database(tmp_path: Path, scheme: str) -> None:
    """Broken, the address that a hosting service gives is refused."""
    settings = load(in_env_file(tmp_path, ""), {"DATABASE_URL": f"{scheme}://bot:pw@db/tradebot"})
    assert settings.database.url.get_secret_value() == "postgresql://bot:pw@db/tradebot"


def test_mistakes_name_the_variable_and_where_it_stood(tmp_path: Path) -> None:
    """Broken, the owner looks for a mistake in config.toml that stands in .env."""
    file = in_env_file(
        tmp_path, "WEBHOOK_SECRET=hunter2\nTELEGRAM_BOT_TOKN=abc\nTRADEBOT_WEBHOK__PORT=1\nWEBHOOK_PORT='many'\n"
    )
    with pytest.raises(ConfigError) as caught:
        load(file, {"IB_PORT": "0"})
    lines = str(caught.value).splitlines()
    assert len(lines) == 5, lines
    for part in (
        "webhook.secret (.env, WEBHOOK_SECRET): has 7 characters",
        "TELEGRAM_BOT_TOKN (.env): unknown variable; did you mean TELEGRAM_BOT_TOKEN?",
        "TRADEBOT_WEBHOK__PORT (.env): unknown variable; did you mean TRADEBOT_WEBHOOK__PORT?",
        'webhook.port = "many" (.env, WEBHOOK_PORT): allowed are',
        'broker.port = "0" (environment, IB_PORT): allowed are',
    ):
        assert any(line.startswith(part) for line in lines), (part, lines)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("line", ["IB_PORT: 4001", "IB_HOST 10.0.0.5", 'WEBHOOK_SECRET="k9Qm3vX7pL2s', "IB_PORT"])
def test_a_line_that_sets_nothing_is_a_mistake(tmp_path: Path, line: str) -> None:
    """Broken, a bot that is meant for a gateway starts with the simulated one, or with a secret that no alert carries."""
    with pytest.raises(ConfigError, match="line 2: is not NAME=value"):
        load(in_env_file(tmp_path, f"# mine\n{line}\n"), {})


@pytest.mark.parametrize("name", ["default_max_per_ticker", "BUY_AMOUNT_USD", "TELEGRAM_TOKEN"])
def test_a_misspelt_name_in_the_file_is_a_mistake(tmp_path: Path, name: str) -> None:
    """Broken, a limit that somebody set stays at its default, and nothing says so."""
    with pytest.raises(ConfigError, match=f"{name} .*: unknown variable"):
        load(in_env_file(tmp_path, f"{name}=5"), {})
