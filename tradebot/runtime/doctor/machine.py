"""The machine and the files: configuration, permissions of secrets, disk, time zones, clock."""

import os
import stat
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from zoneinfo import ZoneInfoNotFoundError

from tradebot.config import WEBHOOK_SECRET_FILE, keys
from tradebot.config.environment import ENV_FILE
from tradebot.database.address import SqliteAddress, parse
from tradebot.runtime.doctor.report import Section
from tradebot.runtime.doctor.surroundings import GB, Asked, Machine, size, there

TITLE = "This machine"
CONFIGURATION, SECRETS, DISK, ZONES, CLOCK = "configuration", "secret files", "disk", "time zones", "clock"
CHECKS = (CONFIGURATION, SECRETS, DISK, ZONES, CLOCK)
FREE_MIN, FREE_LOW = 200_000_000, GB
CLOCK_OFF_S, CLOCK_WRONG_S = 2.0, 10.0  # from the second on the daemon tells its owner


def look(section: Section, asked: Asked, machine: Machine) -> None:
    """Everything but the clock, which others' clocks are needed for."""
    section.ok(CONFIGURATION, f"{_source(asked)}, every key is understood")
    _secret_files(section, asked, machine)
    _disk(section, asked, machine)
    _zones(section, machine)


def _source(asked: Asked) -> str:
    named = f"{asked.file}" if asked.file else "no configuration file, defaults and environment alone"
    directory = asked.env.get("CREDENTIALS_DIRECTORY")
    return f"{named}, credentials in {directory}" if directory else named


# --- permissions ------------------------------------------------------------------------------------------------------


def _secret_files(section: Section, asked: Asked, machine: Machine) -> None:
    # A container's secrets are mounted one by one, readable by the one user that there is.
    files = {file: file.stat().st_mode for file in _with_secrets(asked, machine) if not file.is_mount()}
    writable = [file for file, mode in files.items() if mode & stat.S_IWOTH]
    open_ = [file for file, mode in files.items() if mode & stat.S_IROTH]
    if writable:
        names = " ".join(map(str, writable))
        section.fail(SECRETS, f"every user of this machine may write {names}", f"chmod o-rwx {names}")
    elif open_:
        names = " ".join(map(str, open_))
        section.fail(SECRETS, f"every user of this machine may read {names}", f"chmod o-rwx {names}")
    else:
        names = ", ".join(file.name for file in files)
        section.ok(SECRETS, f"{names}: not readable by others" if files else "no file has a secret in it")


def _with_secrets(asked: Asked, machine: Machine) -> Iterator[Path]:
    if asked.file and _holds_a_secret(asked.file):
        yield asked.file
    beside = (asked.file.parent if asked.file else machine.folder) / ENV_FILE
    if beside.is_file():
        yield beside
    if directory := asked.env.get("CREDENTIALS_DIRECTORY"):
        yield from (each for each in sorted(Path(directory).iterdir()) if each.is_file() and each.name[0] != ".")
    if asked.settings.webhook.secret is None and (made := machine.place(WEBHOOK_SECRET_FILE)).is_file():
        yield made


def _holds_a_secret(file: Path) -> bool:
    tree = tomllib.loads(file.read_text("utf-8-sig"))
    for key in keys(tree.get("strategies", ()), tree.get("channels", ())):
        found: object = tree
        for name in key.path:
            found = found.get(name) if isinstance(found, Mapping) else None
        address = (
            key.path[-1] == "url" and key.path[0] != "channels"
        )  # of a database or queue: only with a password in it
        if key.secret and isinstance(found, str) and (not address or "@" in found or "password=" in found):
            return True
    return False


# --- disk -------------------------------------------------------------------------------------------------------------


def _disk(section: Section, asked: Asked, machine: Machine) -> None:
    places = {"the log": machine.place(asked.settings.log.dir)}
    database = parse(asked.settings.database.url.get_secret_value())
    if isinstance(database, SqliteAddress):
        places["the database"] = machine.place(database.path.parent)
    for what, place in places.items():
        near = there(place)
        if not (near.is_dir() and os.access(near, os.W_OK | os.X_OK)):
            return section.fail(
                DISK,
                f"{near} may not be written by this user, and {what} lies there",
                f"chown it to the user that runs tradebot, or name another place for {what}",
            )
    free = {there(place): machine.free_bytes(there(place)) for place in places.values()}
    place, least = min(free.items(), key=lambda each: each[1])
    found = f"{size(least)} free at {place}"
    remedy = "make room: old logs, old backups, packages (`du -xh / | sort -h | tail`)"
    if least < FREE_MIN:
        section.fail(DISK, f"{found}: no alert can be stored when it is full", remedy)
    elif least < FREE_LOW:
        section.warn(DISK, found, remedy)
    else:
        section.ok(DISK, found)
    return None


# --- time -------------------------------------------------------------------------------------------------------------


def _zones(section: Section, machine: Machine) -> None:
    try:
        machine.zone("America/New_York")
    except (ZoneInfoNotFoundError, OSError, ValueError) as error:
        section.fail(
            ZONES,
            f"New York's time is not known here ({error}): without it nobody knows when the exchange is open",
            "install the time zone data: apt-get install tzdata",
        )
    else:
        section.ok(ZONES, "New York's time is known")


def clock(section: Section, ahead: Mapping[str, float]) -> None:
    """`ahead`: by how much this machine's clock is ahead of others' (negative: behind), to the second."""
    if not ahead:
        section.skip(CLOCK, "nobody to compare it with: neither a gateway nor Telegram answers")
        return
    whose, most = max(ahead.items(), key=lambda each: abs(each[1]))
    found = f"{abs(most):.0f} s {'ahead of' if most > 0 else 'behind'} {whose} clock"
    agrees = next((other for other, by in ahead.items() if abs(by) <= CLOCK_OFF_S), None)
    remedy = f"timedatectl set-ntp true{f', where the gateway runs: {agrees} clock is as this one' if agrees else ''}"
    if abs(most) >= CLOCK_WRONG_S:
        section.fail(CLOCK, f"{found}: the age of alerts, the open and the close go by it", remedy)
    elif abs(most) > CLOCK_OFF_S:
        section.warn(CLOCK, found, remedy)
    else:
        section.ok(CLOCK, f"as {' and '.join(ahead)} clock, to {CLOCK_OFF_S:g} s")
