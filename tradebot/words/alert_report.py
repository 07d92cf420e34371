"""What would become of an alert, in sentences: of `tradebot lint-alert`, and of the answer to a test."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum

from tradebot.domain.alert_report import AlertReport, PriceFrom
from tradebot.domain.alerts import Side
from tradebot.domain.instructions import Instruction, SizeKind, Verb
from tradebot.domain.order_plan import EntryPlan
from tradebot.domain.payload.notes import Note, NoteCode
from tradebot.domain.payload.readings import Reading, Use
from tradebot.domain.refusals import Figure
from tradebot.domain.terms import Level, OrderType, TimeInForce
from tradebot.words import figures, instructions, refusals, sizing

_N = NoteCode
_REFUSED, _NOT_TRADED = "It would be refused:", "It would not be traded:"


def headline(report: AlertReport) -> str:
    """`BUY 2 AAPL`, `SELL all AAPL`, or that nothing is traded."""
    wanted = _wanted(report)
    if report.not_honoured is not None:
        return f"{wanted}: refused"
    return wanted if report.refusal is None else f"{wanted}: not traded"


def _wanted(report: AlertReport) -> str:
    one = report.instruction
    if one.verb is Verb.CANCEL:
        return f"CANCEL entries of {one.ticker}"
    if report.sized is not None and (report.accepted or report.sized.qty):
        return f"{report.side} {figures.shares(report.sized.qty)} {one.ticker}{_planned(report.plan)}"
    if report.side is Side.BUY:
        return f"BUY {one.ticker}"
    if not one.is_partial:
        held = f" ({figures.shares(report.held)})" if report.held else ""
        return f"SELL all {one.ticker}{held}"
    return f"SELL {_part(one)} {one.ticker}"


def _planned(plan: EntryPlan | None) -> str:
    """` at a limit of $180.00, stop $171.00, target $198.00`; nothing of a mere market order."""
    if plan is None or plan.at_market:
        return ""
    kind, terms = plan.terms.type, plan.terms
    parts = []
    if kind is OrderType.TRAILING_STOP and terms.stop_price is not None:
        parts.append(f"trailing from {figures.price(terms.stop_price)}")
    elif terms.stop_price is not None:
        parts.append(f"from {figures.price(terms.stop_price)} on")
    if terms.limit_price is not None:
        parts.append(f"at a limit of {figures.price(terms.limit_price)}")
    order = " " + " ".join(parts) if parts else ""
    exits = []
    if plan.stop is not None and plan.stop.stop_price is not None:
        trailing = "trailing " if plan.stop.type is OrderType.TRAILING_STOP else ""
        exits.append(f"{trailing}stop {figures.price(plan.stop.stop_price)}")
    if plan.target is not None and plan.target.limit_price is not None:
        exits.append(f"target {figures.price(plan.target.limit_price)}")
    return "".join([order, *(f", {one}" for one in exits)])


def _part(one: Instruction) -> str:
    """Of an exit whose shares are not known."""
    if one.target is not None and (sold := one.target.fraction_sold) is not None:
        return f"{sold:.0%} of the"
    if one.size is None or one.size.kind is not SizeKind.SHARES:
        return "a part of the" if one.size is None else f"{figures.shares(one.size.value)}% of the"
    return figures.shares(one.size.value)


def lines(report: AlertReport, *, name_strategy: bool) -> list[str]:
    """The whole, a sentence a line, what becomes of it first."""
    return [line for line in _lines(report, name_strategy=name_strategy) if line]


def would_trade(said: Sequence[str]) -> bool:
    """Whether these `lines` say that an order would be made."""
    return not any(line.startswith((_REFUSED, _NOT_TRADED)) for line in said[:1])


def _lines(report: AlertReport, *, name_strategy: bool) -> Iterator[str]:
    whose = f" Strategy {report.strategy.name}." if name_strategy else ""
    if report.not_honoured is not None:
        yield f"{_REFUSED} {_ended(report.not_honoured)}"
    elif report.refusal is not None:
        reason = refusals.refusal(report.refusal.code, report.refusal.facts)
        yield f"{_NOT_TRADED} {_ended(reason)}"
    else:
        yield f"It would {_wanted(report)}."
    yield f"Read as {instructions.dialect(report.instruction.dialect)}: {understood(report.instruction)}.{whose}"
    if report.not_honoured is None and report.instruction.verb is not Verb.CANCEL:
        yield from _figures(report)


def _figures(report: AlertReport) -> Iterator[str]:
    if report.sized is not None:
        yield f"Size: {sizing.arithmetic(report.sized.facts)}."
    elif report.unsized is Figure.EQUITY:
        yield "Size: a part of what the account is worth, which is not known here."
    if report.side is Side.BUY:
        yield _price(report)
    elif report.held is None:
        yield "What is held is not known here."
    if report.gap is not None:
        believed = "some" if report.gap.believed is None else figures.shares(report.gap.believed)
        yield f"The sender believes it held {believed}, the books hold {figures.shares(report.gap.held)}: an alert is missing."
    if report.not_known is not None:
        yield f"Not known: {_ended(report.not_known)}"
    if report.opens_at is not None:
        yield f"The market is closed: it would wait for the open, {figures.market_time(report.opens_at)}."
    if report.unjudged:
        titles = ", ".join(refusals.title(code) for code in report.unjudged)
        yield f"Not judged, for only IB knows the figures: {titles}."


def _price(report: AlertReport) -> str:
    if report.price is None:
        return "There is no price to compute with: the alert has none, and neither IB nor --price has given one."
    price = figures.price(report.price)
    match report.price_from:
        case PriceFrom.QUOTE:
            return f"Price: {price}, IB's ask."
        case PriceFrom.GIVEN:
            return f"Price: {price}, as given."
    return f"Price: {price}, the alert's own; a real BUY is sized by IB's quote."


def understood(instruction: Instruction) -> str:
    """`buy AAPL, listed at NASDAQ, 10 shares, to be long afterwards`."""
    return ", ".join(_understood(instruction))


def _understood(one: Instruction) -> Iterator[str]:
    yield f"{one.verb} {one.ticker}"
    if one.primary_exchange is not None:
        yield f"listed at {one.primary_exchange}"
    if one.size is not None:
        yield instructions.size(one.size)
    if one.target is not None:
        yield instructions.target(one.target)
    yield from instructions.order(one.order)
    yield from instructions.exits(one.exits)
    if one.price is not None:
        yield f"price {figures.price(one.price)}"
    if one.alert_time is not None:
        yield f"sent at {_moment(one.alert_time)}"
    if one.test:
        yield "only a test: it is never sent"


# --- fields and notes -----------------------------------------------------------------------------------------------


def reading(one: Reading) -> tuple[str, str, str, str]:
    """Field, what stands there, what it means, what it comes to."""
    match one.use:
        case Use.HIDDEN:
            return one.field, one.written, "The secret.", ""
        case Use.UNKNOWN:
            return one.field, one.written, "Not known: kept with the alert, and ignored.", ""
        case Use.NOT_USED:
            return one.field, one.written, "Known, and it changes nothing here.", ""
        case Use.EMPTY:
            return one.field, one.written, one.about, "empty: as if it were not there"
    return one.field, one.written, one.about, _value(one.value)


def _value(value: object) -> str:
    match value:
        case None | "":
            text = ""
        case bool():
            text = "yes" if value else "no"
        case OrderType():
            text = instructions.ORDER_TYPES[value]
        case TimeInForce():
            text = instructions.TIMES_IN_FORCE[value]
        case Level():
            text = instructions.level(value)
        case Enum():
            text = str(value.value).lower()
        case Decimal():
            text = figures.shares(value)
        case datetime():
            text = _moment(value)
        case (listed, str() as ticker) if not isinstance(ticker, Enum):
            text = f"{ticker}, listed at {listed}" if listed else ticker
        case (_, done):  # a word that says two things at once
            text = "" if done is None else str(done)
        case _:
            text = str(value)
    return text


def note(one: Note) -> str:
    """A sentence, with what to do."""
    return _NOTES[one.code](one.facts)


_Told = Mapping[str, str]


def _unknown_placeholder(f: _Told) -> str:
    meant = f" Write {f['meant']}." if f["meant"] else ""
    return f"{f['written']} is no placeholder that TradingView knows: it arrives as it stands there, braces and all.{meant}"


_NOTES: Mapping[NoteCode, Callable[[_Told], str]] = {
    _N.UNKNOWN_PLACEHOLDER: _unknown_placeholder,
    _N.IN_THE_SCRIPT: lambda f: (
        "The message is what the script gives as alert_message: nothing of it can be read here. Lint that text."
    ),
    _N.AUTHENTIC: lambda f: f'"{f["field"]}" holds the secret.',
    _N.STAND_IN: lambda f: f'"{f["field"]}" holds a word that stands for the secret: put the secret in its place.',
    _N.UNSIGNED: lambda f: (
        'There is no secret in the message: sent so, it would be answered 401. Write "secret": "…" into it, or put the secret'
        " into the address (?secret=…)."
    ),
    _N.NOT_COMPARED: lambda f: f'"{f["field"]}" holds the secret; there is none here to compare it with.',
    _N.NOT_AUTHENTIC: lambda f: (
        f'"{f["field"]}" holds another secret than the strategy\'s: the alert would be answered 401.'
    ),
    _N.BROKEN_LINE: lambda f: (
        f'There is a line break in "{f["field"]}": the secret is one line, without a break in it.'
    ),
    _N.MISNAMED: lambda f: f'The secret does not belong into "{f["field"]}": call the field "{f["meant"]}".',
    _N.MISSPELT: lambda f: f'"{f["field"]}" is not known and is ignored. Did you mean "{f["meant"]}"?',
    _N.PASSED_OVER: lambda f: f"Not known, kept with the alert and ignored: {f['fields']}.",
    _N.NOT_USED: lambda f: f"Known, and without any effect here: {f['fields']}.",
    _N.TEST: lambda f: "It says that it is only a test: it would be judged and told, and never sent.",
}


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _ended(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
