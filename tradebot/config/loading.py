"""From file, environment and credentials to Settings, or to one line a mistake.

A line names the key, where it was given, what was given (never a secret) and what is allowed. An unknown name is reported
with the nearest that is, and its value is not repeated: it may be a secret under a misspelt name.
"""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tradebot.config import environment, strategies
from tradebot.config.channels import CHANNELS
from tradebot.config.contradictions import contradictions
from tradebot.config.environment import Path_
from tradebot.config.given import Given, Tree, shown
from tradebot.config.secrets import TOKEN_SHAPE
from tradebot.config.settings import Key, Settings, keys
from tradebot.config.values import Text
from tradebot.errors import ConfigError

DEFAULT_FILE = Path("config.toml")
_NAMED = {strategies.SECTION: "strategy", CHANNELS: "channel"}
"""Sections whose parts the owner names."""


def load(path: Path | None, env: Mapping[str, str]) -> Settings:
    """Settings from `path` (None: config.toml in the working directory, if there is one), from `.env` beside it, from `env`
    and from the directory that `env` names as $CREDENTIALS_DIRECTORY. Raises ConfigError."""
    given = Given()
    _read_file(path, given)
    _read_environment(env, environment.folder_of(path, DEFAULT_FILE), given)
    _gateway_if_named(given)
    known = {key.path: key for key in keys(given.strategies(), given.named(CHANNELS))}
    _read_credentials(env.get("CREDENTIALS_DIRECTORY"), known.values(), given)
    given.problems += contradictions(given)
    _relax_for_simulation(given)
    try:
        settings = Settings.model_validate(given.tree)
    except ValidationError as error:
        lines = [_line(mistake, given, known) for mistake in error.errors(include_url=False)]
        raise ConfigError("\n".join(given.problems + lines)) from None
    if given.problems:
        raise ConfigError("\n".join(given.problems))
    return settings


def _read_file(path: Path | None, given: Given) -> None:
    if path is None and not DEFAULT_FILE.exists():
        return
    file = path or DEFAULT_FILE
    try:
        tree = tomllib.loads(file.read_bytes().decode("utf-8-sig"), parse_float=Decimal)
    except FileNotFoundError:
        raise ConfigError(f"{file}: there is no such file; --config must name an existing one") from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: is not UTF-8 text (byte {error.start}): save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: is not TOML: {error}; text values need quotes") from None
    except RecursionError:
        raise ConfigError(f"{file}: is nested too deeply to be a configuration") from None
    _put_tree(tree, (), str(file), given)


def _put_tree(tree: Tree, path: Path_, origin: str, given: Given) -> None:
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            _put_tree(value, (*path, name), origin, given)
        else:
            given.put((*path, name), value, origin)


def _read_environment(env: Mapping[str, str], folder: Path, given: Given) -> None:
    in_file = given.strategies()
    by_variable = {key.variable: key.path for key in keys(in_file, given.named(CHANNELS))}

    def key_of(name: str) -> Path_ | None:
        return by_variable.get(name) or (None if in_file else strategies.path_of(name))

    def unknown(name: str, origin: str, prefix: str) -> None:
        names: Iterable[str] = by_variable if prefix else environment.SHORT_NAMES
        if not in_file:
            names = strategies.variables_beside(name.upper()) or names
        given.problems.append(f"{name} ({origin}): unknown variable{_nearest(name.upper(), names)}")

    for variable in environment.read(env, folder, key_of, unknown):
        given.put(variable.path, Text(variable.text), variable.origin)


def _gateway_if_named(given: Given) -> None:
    """Who says by IB_HOST, IB_PORT or IB_CLIENT_ID where his gateway is means to trade through it."""
    origins = [given.origins.get(environment.SHORT_NAMES[name], "") for name in ("IB_HOST", "IB_PORT", "IB_CLIENT_ID")]
    named = next((origin for origin in origins if ", IB_" in origin), None)
    if named and given.get("broker", "mode") is None:
        given.put(("broker", "mode"), "gateway", named)


def _read_credentials(directory: str | None, known: Iterable[Key], given: Given) -> None:
    """Other units' credentials may lie there too, so only a name that looks like one of ours is a mistake."""
    if not directory:
        return
    by_name = {key.credential: key for key in known if key.credential}
    sections = tuple({f"{key.path[0]}_" for key in by_name.values()} | {f"{strategies.SECTION}_", f"{CHANNELS}_"})
    try:
        files = sorted(each for each in Path(directory).iterdir() if each.is_file() and each.name[0] != ".")
    except OSError as error:
        given.problems.append(f"CREDENTIALS_DIRECTORY = {directory!r}: cannot be read: {error.strerror}")
        return
    for file in files:
        if key := by_name.get(file.name):
            try:
                given.put(key.path, Text(file.read_text(encoding="utf-8").rstrip("\r\n")), f"credential {file.name}")
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
                given.problems.append(f"{key.name} (credential {file.name}): cannot be read: {reason}")
        elif file.name.startswith(sections) or difflib.get_close_matches(file.name, by_name, 1, 0.8):
            given.problems.append(
                f"{file.name} (credentials directory): unknown credential{_nearest(file.name, by_name)}"
            )


def _relax_for_simulation(given: Given) -> None:
    """The simulated gateway never closes, and a collar around invented quotes would block every real alert."""
    if given.get("broker", "mode") not in (None, "simulated"):
        return
    for name, value in (("hours", "always"), ("price_collar_pct", 0)):
        if given.get("trading", name) is None:
            given.put(("trading", name), value, "simulated gateway")


def _line(mistake: ErrorDetails, given: Given, known: Mapping[Path_, Key]) -> str:
    path = tuple(str(part) for part in mistake["loc"])
    value = given.get(*path)
    name, origin = ".".join(path), given.origin(*path)
    if mistake["type"] == "extra_forbidden":
        kind = "section" if isinstance(value, dict) else "key"
        names = [".".join(each) for each in known]
        if isinstance(value, dict):
            names = [
                *dict.fromkeys(".".join(each[:-1]) for each in known),
                f"{strategies.SECTION}.NAME",
                f"{CHANNELS}.NAME",
            ]
        return f"{name} ({origin}): unknown {kind}{_nearest(name, names)}"
    if path[0] in _NAMED and len(path) < 3:
        return (
            f"{name} ({origin}): belongs to a {_NAMED[path[0]]}: write [{path[0]}.NAME] on a line of its own and its "
            "keys below"
        )
    if mistake["type"].startswith("model_"):
        return f"{name} ({origin}): is a section, so write [{name}] on a line of its own and its keys below"
    key = known[path]
    told = "" if key.secret or value is None else f" = {shown(value)}"
    return TOKEN_SHAPE.sub("***", f"{name}{told} ({origin}): {mistake['msg'].removeprefix('Value error, ')}")


def _nearest(name: str, names: Iterable[str]) -> str:
    """The known name most like this one: by its last word and as a whole, or by either where it stands in no section."""

    def likeness(known: str) -> float:
        word, whole = _likeness(name.rpartition(".")[2], known.rpartition(".")[2]), _likeness(name, known)
        return (word + whole) / 2 if "." in name else max(word, whole)

    near = max(names, key=likeness)
    return f"; did you mean {near}?" if likeness(near) >= 0.5 else "; config.toml.example lists all there are"


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, other, one).ratio()
