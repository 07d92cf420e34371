"""The database: reached, its tables those of this program, written to and taken back, with room, safe where it lies.

Rules: what is not there is not made; what is written is rolled back; a running daemon keeps its lock, and waits for at most one
statement of ours.
"""

import os
import stat
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from tradebot.config import describe_url
from tradebot.database import migrate, open_ledger
from tradebot.database.address import SqliteAddress, parse
from tradebot.domain.settings import ACCOUNT_KEY
from tradebot.errors import ConfigError, LedgerUnavailable, MigrationError
from tradebot.ports import Ledger
from tradebot.queries.left_behind import LeftBehind, left_behind
from tradebot.runtime.doctor.report import Section
from tradebot.runtime.doctor.surroundings import Asked, Machine

TITLE = "Database"
REACHED, TABLES, WRITE, FILE = "connection", "tables", "writing", "file"
CHECKS = (REACHED, TABLES, WRITE)
CHECKS_OF_A_FILE = (FILE, *CHECKS)
TIMEOUT_S = 3.0
WRITTEN_BYTES = 4 * 2**20
"""More than SQLite keeps in memory (2 MB), so that it reaches the disk: a write that is small is taken by a full one, too."""
_SHARES = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "glusterfs", "fuse.glusterfs", "ceph"})


@dataclass(frozen=True, slots=True)
class Stored:
    """What the doctor reads of the books."""

    settings: Mapping[str, str]
    traded: bool  # an order was ever stored
    left_behind: Sequence[LeftBehind] = ()

    @property
    def account(self) -> str | None:
        """The account that the database belongs to."""
        return self.settings.get(ACCOUNT_KEY)


EMPTY = Stored({}, traded=False)


class _TakenBack(Exception):
    """Ends a transaction that must leave nothing."""


def _take_back() -> NoReturn:
    raise _TakenBack


def is_file(asked: Asked) -> bool:
    return isinstance(parse(asked.settings.database.url.get_secret_value()), SqliteAddress)


async def look(section: Section, asked: Asked, machine: Machine) -> Stored | None:
    """What is stored; None where it cannot be read."""
    url = asked.settings.database.url.get_secret_value()
    place = parse(url)
    if isinstance(place, SqliteAddress):
        path = machine.place(place.path)
        if not path.exists():
            return _not_yet(section, path)
        _file(section, path, machine)
    try:
        async with open_ledger(url, timeout_s=asked.within(TIMEOUT_S)) as ledger:
            section.ok(REACHED, describe_url(url))
            names = [each.name for each in await migrate.status(url)]
            section.ok(TABLES, f"those of this program ({names[-1]})")
            stored = await _read(ledger, asked)
            await _write(section, ledger, machine)
            return stored
    except MigrationError as error:
        section.ok(REACHED, describe_url(url))
        section.complaint(TABLES, error)
    except (LedgerUnavailable, ConfigError) as error:
        section.complaint(REACHED, error)
    return None


def _not_yet(section: Section, path: Path) -> Stored:
    remedy = "the first start of the daemon makes it; if there was one, look at [database] url"
    section.warn(FILE, f"{path} is not there yet", remedy)
    for check in CHECKS:
        section.skip(check, "there is no database yet")
    return EMPTY


async def _read(ledger: Ledger, asked: Asked) -> Stored:
    left = await left_behind(ledger, asked.settings.strategies())
    async with ledger.read() as books:
        return Stored(await books.settings(), await books.last_order_id() > 0, left)


async def _write(section: Section, ledger: Ledger, machine: Machine) -> None:
    began = time.perf_counter()
    try:
        async with ledger.begin() as books:
            await books.put_setting("doctor", os.urandom(WRITTEN_BYTES // 2).hex(), "doctor", machine.now())
            _take_back()
    except _TakenBack:
        took_ms = (time.perf_counter() - began) * 1000
        section.ok(WRITE, f"{WRITTEN_BYTES >> 20} MB were written and taken back, in {took_ms:.1f} ms")
    except LedgerUnavailable as error:
        section.complaint(WRITE, error)


# --- a file -----------------------------------------------------------------------------------------------------------


def _file(section: Section, path: Path, machine: Machine) -> None:
    facts = path.stat()
    share = filesystem(machine.mounts(), path.resolve())
    if share in _SHARES:
        section.fail(
            FILE,
            f"{path} lies on a network share ({share}), where SQLite's locks cannot be relied upon: two bots could trade at once",
            "move it to a disk of this machine, or use PostgreSQL",
        )
    elif facts.st_mode & (stat.S_IROTH | stat.S_IWOTH):
        section.warn(FILE, f"every user of this machine may read {path}", f"chmod 600 {path}")
    elif os.geteuid() not in (0, facts.st_uid):
        section.warn(
            FILE,
            f"{path} belongs to user {facts.st_uid}, and this is user {os.geteuid()}",
            "run the doctor as the user that runs tradebot (the wrapper does), or chown the file to it",
        )
    else:
        section.ok(FILE, f"{path}, of user {facts.st_uid} alone, on {share or 'a disk of this machine'}")


def filesystem(mountinfo: str, path: Path) -> str:
    """The kind of file system that a path lies on, as /proc/self/mountinfo has it; empty where it does not say."""
    found, longest = "", -1
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split()
        if len(fields) < 5 or not right:
            continue
        mounted = Path(fields[4].replace("\\040", " "))
        if path.is_relative_to(mounted) and len(mounted.parts) > longest:
            found, longest = right.split()[0], len(mounted.parts)
    return found
