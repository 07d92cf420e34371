"""A PostgreSQL database as a file: PostgreSQL's own programs make the dump and bring it back.

Rules: they are of the server's version or newer, the oldest that fits; the password is in their environment, never on a command
line. A dump is read through to its end before it counts as one: the list at its beginning is whole in half a file too. Bringing
back is one transaction, which holds the instance's lock by itself, so that it does not matter when whoever began it dies.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import asyncpg

from tradebot.database.address import PostgresAddress
from tradebot.database.contents import COLUMNS, Contents, Counting
from tradebot.database.postgres import connecting
from tradebot.database.server_lock import LOCK_KEY
from tradebot.errors import BackupError

_PROGRAMS = ("pg_dump", "pg_restore", "psql")
DEBIAN = Path("/usr/lib/postgresql")
_COPY = re.compile(r'^COPY (?:"?\w+"?\.)?"?(\w+)"? \((.+)\) FROM stdin;$')
_ESCAPED = re.compile(r"\\(.)")
_SIGNS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_NEWER_SERVERS_ONLY = "SET transaction_timeout = 0;\n"  # what a program of version 17 asks of every server
_CONNECT_S = 10
_ALONE = f"""DO $$ BEGIN IF NOT pg_try_advisory_xact_lock({LOCK_KEY}) THEN
RAISE EXCEPTION 'another instance trades with this database: stop it first'; END IF; END $$;
"""


@dataclass(frozen=True, slots=True)
class Tools:
    """A folder with PostgreSQL's programs, and their version's first number."""

    folder: Path
    version: int

    @classmethod
    def fitting(cls, server: int) -> "Tools":
        """Those for a server of this version. Raises BackupError with what to install."""
        there = sorted(_there(), key=lambda tools: tools.version)
        fitting = next((tools for tools in there if tools.version >= server), None)
        if fitting is not None:
            return fitting
        install = (
            f"apt install postgresql-client-{server} (where Debian or Ubuntu has only older ones: from PostgreSQL's own "
            "package archive, PGDG)"
        )
        if there:
            raise BackupError(
                f"the server is PostgreSQL {server}, and the newest pg_dump here is {there[-1].version} ({there[-1].folder}), "
                f"which cannot read it: {install}"
            )
        raise BackupError(f"there is no pg_dump with its pg_restore and psql on this machine: {install}")

    def dump(self, place: PostgresAddress, tables: Sequence[str], target: Path) -> None:
        """Writes these tables to `target`, which is there and empty. Raises BackupError."""
        chosen = [f"--table={name}" for name in tables]
        options = ["--format=custom", "--no-owner", "--no-privileges", f"--lock-wait-timeout={_CONNECT_S}s"]
        self._run(
            "pg_dump", *options, *chosen, f"--file={target}", f"--dbname={without_password(place.url)}", url=place.url
        )

    def contents(self, dump: Path) -> Contents:
        """What is in it, read to its end. Raises BackupError when that is not there."""
        counting = Counting()
        with self._script(dump) as lines:
            for _ in _read(lines, counting):
                pass
        return counting.done(str(dump))

    def script(self, dump: Path, target: Path, before: str, after: str) -> None:
        """The whole way back as SQL, between these statements. Raises BackupError when the dump is not whole."""
        with target.open("w", encoding="utf-8", errors="surrogateescape", newline="") as out:
            out.write(before)
            with self._script(dump) as lines:
                for line in _read(lines, Counting()):
                    out.write("" if line == _NEWER_SERVERS_ONLY else line)
            out.write(f"RESET search_path;\n{after}\n")

    def bring_back(self, place: PostgresAddress, script: Path) -> None:
        """Runs the script in one transaction, alone with the database. Raises BackupError; then nothing was changed."""
        options = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null"]
        file = [f"--command={_ALONE}", f"--file={script}", f"--dbname={without_password(place.url)}"]
        self._run("psql", *options, *file, url=place.url)

    def _run(self, program: str, *arguments: str, url: str) -> None:
        done = subprocess.run(  # noqa: S603  # PostgreSQL's own program, and no shell
            [self.folder / program, *arguments],
            env=environment(url), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
        if done.returncode:
            killed = f"ended by signal {-done.returncode}" if done.returncode < 0 else _words(done.stderr)
            raise BackupError(f"{program} {self.version}: {killed}")

    @contextmanager
    def _script(self, dump: Path) -> Iterator[IO[str]]:
        """What pg_restore makes of the dump. Raises BackupError unless it could read it to its end."""
        command = [str(self.folder / "pg_restore"), "--no-owner", "--no-privileges", "--file=-", str(dump)]
        with subprocess.Popen(  # noqa: S603  # as above
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
            errors="surrogateescape", env=environment(""),
        ) as reading:  # fmt: skip
            assert reading.stdout is not None
            assert reading.stderr is not None
            yield reading.stdout
            words = reading.stderr.read()
        if reading.returncode:
            raise BackupError(f"{dump} is not a whole backup: pg_restore {self.version}: {_words(words.encode())}")


async def server_version(place: PostgresAddress, timeout_s: float = 5.0) -> int:
    """The first number of the server's version. Raises ConfigError, LedgerUnavailable."""
    with connecting(place.place):
        connection = await asyncpg.connect(place.url, timeout=timeout_s)
        try:
            return connection.get_server_version().major
        finally:
            connection.terminate()


def _there() -> Iterator[Tools]:
    """Every whole set of programs: on the path first, then where Debian keeps each version."""
    folders = [Path(name) for name in os.get_exec_path()] + sorted(DEBIAN.glob("*/bin"))
    for folder in dict.fromkeys(folders):
        if (folder / "pg_dump").resolve().name == "pg_wrapper":
            continue  # Debian's stand-in, which takes the newest version there is
        if all(shutil.which(program, path=str(folder)) for program in _PROGRAMS):
            told = subprocess.run(  # noqa: S603  # as above
                [folder / "pg_dump", "--version"], capture_output=True, text=True, check=False
            )
            if version := re.search(r"\) (\d+)", told.stdout):
                yield Tools(folder, int(version[1]))


def _read(lines: IO[str], counting: Counting) -> Iterator[str]:
    """Every line as it stands; the rows of the tables that matter are counted on the way."""
    table, columns, wanted = "", list[str](), {}
    for line in lines:
        yield line
        if not table:
            if found := _COPY.match(line):
                table, columns = found[1], found[2].replace('"', "").split(", ")
                wanted = {name: columns.index(name) for name in COLUMNS.get(table, ()) if name in columns}
        elif line == "\\.\n":
            table = ""
        elif wanted:
            fields = line.rstrip("\n").split("\t")
            counting.take(table, {name: _value(fields[at]) for name, at in wanted.items()})


def _value(field: str) -> str | None:
    if field == "\\N":
        return None
    return _ESCAPED.sub(lambda sign: _SIGNS.get(sign[1], sign[1]), field) if "\\" in field else field


def without_password(url: str) -> str:
    """The URL as it may stand on a command line."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    options = [(name, value) for name, value in parse_qsl(parts.query) if name != "password"]
    query = f"?{urlencode(options, quote_via=quote)}" if options else ""
    return f"{parts.scheme}://{user.partition(':')[0]}{at}{host}{parts.path}{query}"


def environment(url: str) -> Mapping[str, str]:
    """This process's own, with the URL's password; every program's words in English and in UTF-8."""
    given = urlsplit(url)
    password = dict(parse_qsl(given.query)).get("password") or unquote(
        given.netloc.rpartition("@")[0].partition(":")[2]
    )
    words = {"LC_ALL": "C.UTF-8", "PGCLIENTENCODING": "UTF8", "PGCONNECT_TIMEOUT": str(_CONNECT_S), "PGTZ": "UTC"}
    return os.environ | words | ({"PGPASSWORD": password} if password else {})


def _words(printed: bytes) -> str:
    lines = printed.decode("utf-8", "replace").strip().splitlines()
    return " ".join(line.partition("error: ")[2] or line for line in lines[:3]) or "it ended without a word"
