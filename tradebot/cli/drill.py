"""`tradebot drill`: how long nobody trades when a standby takes over. Watches the lock and the books; ends nobody itself.

Rules: every time is of one clock, this process's. "Takes alerts" and "orders leave" are what the instance has stored of itself.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console

from tradebot.cli import daemon_client
from tradebot.cli.base import FAILED, cli, do
from tradebot.cli.settings import Config, settings_of
from tradebot.config import Settings
from tradebot.database.lock_watch import LockSession, LockWatch, open_lock_watch
from tradebot.domain.events import EventKind
from tradebot.domain.instance import Instance
from tradebot.ports import Ledger
from tradebot.queries.instance import came_up, last_instance

LOOK_EVERY_S = 0.1
RECENT = timedelta(days=1)  # whatever the machines' clocks say
_SAID = {EventKind.STARTED: "it takes alerts", EventKind.GATE_OPENED: "books and IB agree: orders leave"}


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, so many seconds after the lock was let go. `kind` is for `--json`."""

    after_s: float
    kind: str
    said: str


@cli.command()
def drill(
    timeout: Annotated[int, typer.Option(metavar="SECONDS", min=1, help="How long to watch.")] = 600,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="One JSON document instead of lines.")] = False,
    config: Config = None,
) -> None:
    """Measure a take-over: watches while you end the instance that trades, until the standby trades.

    Example: `tradebot drill`

    Exit code 0 when the standby trades, 1 when it does not or nobody waits, 2 where the database is no PostgreSQL.
    """
    do(_drill(settings_of(config), timeout, as_json))


async def _drill(settings: Settings, timeout_s: int, as_json: bool) -> int:
    """Raises ConfigError, LedgerUnavailable, MigrationError."""
    out = Console(markup=False, highlight=False, soft_wrap=True, quiet=as_json)
    async with (
        open_lock_watch(settings.database.url.get_secret_value()) as watch,
        daemon_client.open_database(settings) as ledger,
    ):
        seen, before = await watch.look(), await last_instance(ledger)
        if seen.holder is None or before is None:
            return _complain("nobody trades with this database: start the first instance (tradebot run)")
        if not seen.waiting:
            return _complain("nobody waits: start `tradebot run --wait` on the second machine first")
        out.print(f"holds the lock  {before}, from {seen.holder.address}")
        for session in seen.waiting:
            out.print(f"waits           from {session.address}")
        out.print(
            "Now end the one that holds it: systemctl stop tradebot, kill -9, or its plug. Ctrl-C ends the drill."
        )
        moments: list[Moment] = []
        try:
            async with asyncio.timeout(timeout_s):
                async for moment in _take_over(watch, ledger, seen.holder):
                    moments.append(moment)
                    out.print(f"  +{moment.after_s:6.2f} s  {moment.said}")
        except TimeoutError:
            pass
        except asyncio.CancelledError:  # Ctrl-C
            return _complain("the drill was ended; nothing else was")
        after = await last_instance(ledger)
    if as_json:
        typer.echo(json.dumps(_document(moments, before, after), indent=2))
    out.print(_verdict(moments, timeout_s), style="bold")
    return 0 if _traded_after(moments) is not None else FAILED


def _complain(text: str) -> int:
    Console(stderr=True, markup=False, highlight=False, soft_wrap=True).print(f"tradebot: {text}")
    return FAILED


async def _take_over(watch: LockWatch, ledger: Ledger, holder: LockSession) -> AsyncIterator[Moment]:
    """Each moment as it is seen, until orders leave again. Raises LedgerUnavailable."""
    now = asyncio.get_running_loop().time
    seen = await watch.look()
    while seen.holder is not None and seen.holder.pid == holder.pid:
        holder = seen.holder
        await asyncio.sleep(LOOK_EVERY_S)
        seen = await watch.look()
    freed, known = now(), await came_up(ledger, seen.at - RECENT)
    yield Moment(0.0, "freed", f"the lock is let go; {holder.silent_s:.1f} s before, its holder still lived")
    while seen.holder is None:
        await asyncio.sleep(LOOK_EVERY_S)
        seen = await watch.look()
    yield Moment(round(now() - freed, 3), "taken", f"an instance at {seen.holder.address} holds it")
    wanted = set(_SAID)
    while wanted:
        for kind in [kind for number, kind in (await came_up(ledger, seen.at - RECENT)).items() if number not in known]:
            if kind in wanted:
                wanted.remove(kind)
                yield Moment(round(now() - freed, 3), kind, _SAID[kind])
        await asyncio.sleep(LOOK_EVERY_S)


def _traded_after(moments: list[Moment]) -> float | None:
    """Seconds until the standby took alerts and sent orders; None: it does not yet."""
    reached = {moment.kind: moment.after_s for moment in moments}
    return max(reached[kind] for kind in _SAID) if _SAID.keys() <= reached.keys() else None


def _verdict(moments: list[Moment], timeout_s: int) -> str:
    traded = _traded_after(moments)
    if traded is not None:
        return f"Taken over: nobody traded for {traded:.2f} s."
    if not moments:
        return f"The lock was held for all of {timeout_s} s: nothing was ended, so nothing was measured."
    last = moments[-1].said
    return f"NOT taken over within {timeout_s} s; the last that was seen: {last}. `tradebot status` there says why."


def _document(moments: list[Moment], before: Instance, after: Instance | None) -> dict[str, object]:
    return {
        "taken_over": _traded_after(moments) is not None,
        "nobody_traded_s": _traded_after(moments),
        "before": str(before),
        "after": str(after),
        "moments": [{"kind": one.kind, "after_s": one.after_s, "said": one.said} for one in moments],
    }
