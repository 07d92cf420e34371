"""What /health, /logs and /version show: the program itself. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tradebot.domain.log_lines import LogLine
from tradebot.domain.settings import TradingState
from tradebot.queries.daemon import RunSettings
from tradebot.queries.health import Health
from tradebot.telegram.markup import bold, esc, lines, prose
from tradebot.words import figures, zone
from tradebot.words.health import health_parts
from tradebot.words.health_events import NAMES, TO_DO

LINE_LENGTH = 240
_LEVELS = {"WARNING": "⚠️", "ERROR": "❗", "CRITICAL": "⛔"}
_ABOUT = "daemon"
_TITLES: Mapping[object, tuple[str, str]] = {
    TradingState.KILLED: ("⛔ KILLED, and not well", "⛔ KILLED; the machine is well"),
    TradingState.PAUSED: ("❗ Not well: alerts may wait", "⏸ PAUSED: no BUY; the machine is well"),
    None: ("❗ Not well: alerts may wait", "✅ All is well"),
}
"""By the trading state: not well, and well."""
_SIGNS: Mapping[object, str] = {TradingState.KILLED: "⛔", TradingState.PAUSED: "⏸"}


def health(found: Health) -> str:
    """Each part; of what is not well why, and what to do."""
    parts = health_parts(found)
    about = parts.get(_ABOUT, {})
    title = _TITLES.get(parts.get("trading", {}).get("state"), _TITLES[None])[found.ok]
    return lines(
        bold(title),
        *(row for name, part in parts.items() if name != _ABOUT for row in _part(name, part)),
        "",
        f"Up {esc(about.get('uptime', 'for an unknown time'))}, tradebot {esc(about.get('version', ''))}",
    )


def _part(name: str, part: Mapping[str, Any]) -> Iterable[str]:
    title = esc(NAMES.get(name, name))
    if part.get("state") == "off":
        yield f"⚪ {title}: off"
        return
    well = bool(part.get("ok", True))
    sign = _SIGNS.get(part.get("state"), "✅") if well else "❗"
    yield f"{sign} {title}{f': {details}' if (details := _details(part)) else ''}"
    if not well:
        yield from (f"   {prose(why, 400)}" for why in _why(part))
        if to_do := TO_DO.get(name):
            yield f"   {prose(to_do)}"


def _details(part: Mapping[str, Any]) -> str:
    """What tells a part apart when it is well."""
    account = " ".join(str(part[key]) for key in ("kind", "account") if part.get(key))
    state = str(part["state"]) if part.get("state") not in (None, "connected") else ""
    waiting = [f"{part[key]} {key}" for key in ("sell", "buy", "pending") if part.get(key)]
    return esc(", ".join(each for each in (account, state, *waiting) if each))


def _why(part: Mapping[str, Any]) -> Iterable[str]:
    said = [part.get("error"), part.get("why_not"), *part.get("waiting_for", ()), *part.get("unanswered", ())]
    yield from (str(each) for each in said if each)
    if part.get("lock") == "LOST":
        yield "The right to trade on this database is lost."


def logs(found: Sequence[LogLine], number: int) -> str:
    """The newest last."""
    if not found:
        return "The log has no warning and no error.\nAs far back as it was looked at."
    shown = [_line(line) for line in found]
    of = "line" if number == 1 else f"{len(found)} lines"
    return lines(bold(f"Last {of} of the log"), "WARNING and above", *shown)


def _line(line: LogLine) -> str:
    text = " ".join(line.message.split())
    if line.exception:
        text = f"{text} ({line.exception.strip().splitlines()[-1]})"
    at = "?" if line.at is None else f"{line.at.astimezone(zone.owners()):%d %b %H:%M:%S}"
    cut = text if len(text) <= LINE_LENGTH else f"{text[: LINE_LENGTH - 1]}…"
    return f"\n{_LEVELS.get(line.level, '❗')} {bold(at)}\n{esc(cut)}"


def version(run: RunSettings, python: str) -> str:
    return lines(
        bold(f"tradebot {run.version}"),
        f"Python {esc(python)}",
        f"Up since {figures.local(run.started_at)}",
        *(["", bold("Simulated, embedded or off")] if run.simulated else []),
        *(f"• {esc(part)}" for part in run.simulated),
    )
