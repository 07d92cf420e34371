"""Variables: the process's environment, and below it a file `.env` beside the configuration file.

Rules: `TRADEBOT_<SECTION>__<KEY>` names every key; beneath it in rank stand the short names that such bots are usually configured
by (`SHORT_NAMES`). A short name that is set and empty counts as not set: many shells and containers have it so.
"""

import difflib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream

from tradebot.errors import ConfigError

PREFIX = "TRADEBOT_"
TESTS_PREFIX = "TRADEBOT_TEST_"
"""Variables that steer the test suite, not the daemon."""
CONFIG_VARIABLE = "TRADEBOT_CONFIG"
"""Names the configuration file where the command line does not: no key of it."""
ENV_FILE = ".env"

Path_ = tuple[str, ...]

SHORT_NAMES: Mapping[str, Path_] = {
    "IB_HOST": ("broker", "host"),
    "IB_PORT": ("broker", "port"),
    "IB_CLIENT_ID": ("broker", "client_id"),
    "WEBHOOK_SECRET": ("webhook", "secret"),
    "WEBHOOK_PORT": ("webhook", "port"),
    "TELEGRAM_BOT_TOKEN": ("telegram", "bot_token"),
    "TELEGRAM_CHAT_ID": ("telegram", "chat_id"),
    "DATABASE_URL": ("database", "url"),
    "REDIS_URL": ("queue", "url"),
    "DEFAULT_BUY_AMOUNT_USD": ("trading", "defaults", "buy_amount_usd"),
    "DEFAULT_MAX_OPEN_POSITIONS": ("trading", "defaults", "max_open_positions"),
    "DEFAULT_MAX_DAILY_BUYS": ("trading", "defaults", "max_daily_buys"),
    "DEFAULT_MAX_TOTAL_INVESTMENT": ("trading", "defaults", "max_total_investment"),
    "DEFAULT_MAX_PER_TICKER": ("trading", "defaults", "max_per_ticker"),
    "DEFAULT_MAX_DAILY_LOSS": ("trading", "defaults", "max_daily_loss"),
    "DEFAULT_MIN_CASH_RESERVE": ("trading", "defaults", "min_cash_reserve"),
}
_DRIVER = re.compile(r"^(?:postgres|postgresql\+\w+)://")
_SQLITE_DRIVER = re.compile(r"^sqlite\+\w+://")


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that names a key, with where it was given."""

    path: Path_
    text: str
    origin: str


def read(
    env: Mapping[str, str],
    folder: Path,
    key_of: Callable[[str], Path_ | None],
    problem: Callable[[str, str, str], None],
) -> Iterator[Variable]:
    """The lowest rank first. `key_of` says which key a `TRADEBOT_` name is. `problem(name, origin, kind)` is called for names
    that nobody knows. Raises ConfigError."""
    from_file = _env_file(folder / ENV_FILE)
    sources = ((from_file, f"{ENV_FILE}, {{}}"), (env, "environment, {}"))
    for variables, origin in sources:
        for name, path in SHORT_NAMES.items():
            if text := variables.get(name, ""):
                yield Variable(path, _plain(text) if name == "DATABASE_URL" else text, origin.format(name))
    for variables, origin in sources:
        for name, text in variables.items():
            if (
                not name.upper().startswith(PREFIX)
                or name.startswith(TESTS_PREFIX)
                or (name == CONFIG_VARIABLE and variables is env)
            ):
                continue
            known = key_of(name)
            if known is not None:
                yield Variable(known, text, origin.format(name))
            else:
                problem(name, origin.partition(",")[0], PREFIX)
    for name in from_file:
        if name not in SHORT_NAMES and difflib.get_close_matches(name.upper(), SHORT_NAMES, 1, 0.75):
            problem(name, ENV_FILE, "")


def _env_file(file: Path) -> Mapping[str, str]:
    """What the file sets; nothing where there is none. A line that sets nothing is a mistake, never overlooked."""
    try:
        text = file.read_text("utf-8-sig")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: is not UTF-8 text (byte {error.start}): save it as UTF-8") from None
    values: dict[str, str] = {}
    for line in parse_stream(StringIO(text)):
        if line.error or (line.key is not None and line.value is None):
            raise ConfigError(
                f"{file}, line {line.original.line}: is not NAME=value; a value in quotes needs both of them"
            )
        if line.key is not None and line.value is not None:
            values[line.key] = line.value
    return values


def _plain(url: str) -> str:
    """Other programs' forms of the same address: `postgres://`, `postgresql+asyncpg://`, `sqlite+aiosqlite://`."""
    return _SQLITE_DRIVER.sub("sqlite://", _DRIVER.sub("postgresql://", url))


def folder_of(path: Path | None, default: Path) -> Path:
    """Where `.env` lies: beside the configuration file, or in the working directory."""
    return Path(os.path.dirname(path or default) or ".")
