"""From a template and what it is filled with to a page: escaping always on, and a name that is not there is a defect.

Rules: what came from outside (an alert's text, IB's words) goes through the templates' escaping and nothing else; `Markup` is
made here alone, of parts that are escaped one by one.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tradebot.words import figures, zone

HERE = Path(__file__).parent
TEMPLATES, STATIC = HERE / "templates", HERE / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
UNKNOWN = "–"
"""Where a figure is not known; never a zero."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the package as it is served: its name holds its content's sum, so that a browser may keep it for good."""

    name: str
    kind: str
    body: bytes


def assets() -> Mapping[str, Asset]:
    """By the stem of the file: `style`, `live`, `icon`."""
    found = {}
    for file in sorted(STATIC.iterdir()):
        if file.suffix in TYPES:
            body = file.read_bytes()
            name = f"{file.stem}.{hashlib.sha256(body).hexdigest()[:12]}{file.suffix}"
            found[file.stem] = Asset(name, TYPES[file.suffix], body)
    return found


def environment(files: Mapping[str, Asset]) -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(
        usd=_usd,
        gain=gain,
        price=lambda amount: UNKNOWN if amount is None else figures.price(amount),
        shares=figures.shares,
        span=figures.seconds,
        clock=clock,
        clock_s=lambda at: _time(at, f"{at.astimezone(zone.owners()):%H:%M:%S}"),
        moment=moment,
        moment_s=lambda at: _time(at, f"{at.astimezone(zone.owners()):%d %b %H:%M:%S}"),
        some=figures.some,
    )
    made.globals.update(
        percent=percent, bar=bar, assets={stem: one.name for stem, one in files.items()}, unknown=UNKNOWN
    )
    return made


def _usd(amount: Decimal | None) -> str:
    return UNKNOWN if amount is None else figures.usd(amount)


def gain(amount: Decimal | None) -> Markup:
    """`+$12.30` in the colour of what it is; the sign says it too. What is shown as nothing has neither."""
    if amount is None:
        return Markup("{}").format(UNKNOWN)
    text = figures.signed_usd(amount)
    mood = _mood(amount, text)
    return Markup('<span class="{}">{}</span>').format(mood, text if mood != "quiet" else figures.usd(amount))


def percent(part: Decimal | None, whole: Decimal | None) -> Markup:
    if part is None or not whole:
        return Markup("{}").format(UNKNOWN)
    text = figures.percent(part, whole)
    return Markup('<span class="{}">{}</span>').format(_mood(part, text), text)


def _mood(amount: Decimal, shown: str) -> str:
    """What is shown as nothing is neither a gain nor a loss."""
    if not any(digit in shown for digit in "123456789"):
        return "quiet"
    return "gain" if amount > 0 else "loss"


def clock(at: datetime) -> Markup:
    """Hour and minute, in the owner's zone."""
    return _time(at, f"{at.astimezone(zone.owners()):%H:%M}")


def moment(at: datetime) -> Markup:
    """`Fri 20 Nov 12:00`, in the owner's zone."""
    return _time(at, f"{at.astimezone(zone.owners()):%a %d %b %H:%M}")


def _time(at: datetime, text: str) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="seconds"), text)


def bar(used: Decimal | int | None, limit: Decimal | int | None) -> Markup:
    """How much of a limit is used, as a line; the figures stand beside it. Nothing where either is not known."""
    if used is None or not limit:
        return Markup("")
    share = max(0, min(100, round(Decimal(used) / Decimal(limit) * 100)))
    kind = "full" if share >= 100 else "near" if share >= 80 else ""
    return Markup(
        '<svg class="bar" aria-hidden="true" preserveAspectRatio="none"><rect width="100%" height="6" rx="3"/>'
        '<rect class="part {}" width="{}%" height="6" rx="3"/></svg>'
    ).format(kind, share)


def joined(parts: Iterable[str | None], sign: str = " · ") -> str:
    """What there is of them."""
    return sign.join(part for part in parts if part)
