"""Where the database is: `sqlite:///relative`, `sqlite:////absolute`, or `postgresql://user:password@host:port/name`.

Rules: what is shown to people is `place`, which never holds the password, and no error quotes the URL.
"""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tradebot.errors import ConfigError

_FORMS = "write sqlite:///data/tradebot.db or postgresql://user:password@host:5432/name"


@dataclass(frozen=True, slots=True)
class SqliteAddress:
    """A file."""

    path: Path

    @property
    def place(self) -> str:
        return f"SQLite file {self.path}"


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """A server's database; the URL may hold a password, `place` does not."""

    url: str = field(repr=False)
    place: str


def parse(url: str) -> SqliteAddress | PostgresAddress:
    """Raises ConfigError for any other form."""
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        path = unquote(rest.removeprefix("/"))
        if not rest.startswith("/") or not path or path.endswith("/") or ":memory:" in path:
            raise ConfigError(f"the database URL names no SQLite file: {_FORMS}")
        return SqliteAddress(Path(path))
    if scheme in ("postgresql", "postgres"):
        return PostgresAddress(url, _postgres_place(url))
    raise ConfigError(f"the database URL is of no known kind: {_FORMS}")


def _postgres_place(url: str) -> str:
    try:
        parts = urlsplit(url)
        hosts = parts.netloc.rpartition("@")[2] or "localhost"
        if "," not in hosts:  # several hosts (a primary and its standbys) are asyncpg's to read
            hosts = f"{parts.hostname or 'localhost'}:{parts.port or 5432}"
        # Programs disagree at which @ the host begins; one behind a bare / ? or # was meant to be part of the password.
        clear = parts.netloc.count("@") <= 1 and "@" not in parts.path + parts.query and not parts.fragment
    except ValueError:
        clear = False
    if not clear:  # the error's own text may quote a part of the password
        raise ConfigError(
            f"the database URL cannot be read: {_FORMS}, and write @ : / ? # in the password as %40 %3A %2F %3F %23"
        )
    return f"PostgreSQL at {hosts}, database {unquote(parts.path.lstrip('/')) or '(default)'}"
