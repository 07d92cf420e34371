"""Requests for prices of past days. Only daily bars of stocks are simulated."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from tradebot.simgateway import replies
from tradebot.simgateway.days import NEW_YORK
from tradebot.simgateway.details import closed_all_day
from tradebot.simgateway.exchange import INVALID, NO_DEFINITION
from tradebot.simgateway.gateway import Gateway, RequestHandler
from tradebot.simgateway.history import bars, sessions_before
from tradebot.simgateway.market import USUAL
from tradebot.simgateway.requests import Request
from tradebot.simgateway.session import Session

_DURATION = re.compile(r"(\d+) ([DWMY])")
_SESSIONS = {"D": 1, "W": 5, "M": 21, "Y": 252}
_SHOWN = ("TRADES", "ADJUSTED_LAST")


def _historical_data(gateway: Gateway, session: Session, request: Request) -> None:
    req_id = request.integer("reqId")
    if req_id not in session.subscriptions.histories:
        return  # called off meanwhile
    session.subscriptions.histories.discard(req_id)
    listing = gateway.catalogue.find(
        request.integer("conId"),
        request.text("symbol") or request.text("localSymbol"),
        request.text("exchange"),
        request.text("primaryExchange"),
        request.text("currency"),
    )
    if listing is None or request.text("secType") not in ("", "STK"):
        gateway.deny(session, req_id, *NO_DEFINITION)
        return
    if (cause := _refused(request)) is not None:
        gateway.deny(session, req_id, 321, f"{INVALID}{cause}")
        return
    today = gateway.now().astimezone(NEW_YORK)
    end = _end(request.text("endDateTime"), today)
    days = _days(request.text("duration"), end)
    found = bars(listing, gateway.quote(listing.symbol), days, today.date())
    session.send(replies.historical_data(session.version, req_id, list(found)))


def _refused(request: Request) -> str | None:
    """Why there is no answer, in IB's words where they are known."""
    duration = _DURATION.fullmatch(request.text("duration"))
    if request.text("barSize") != "1 day" or request.flag("keepUpToDate") or request.text("formatDate") != "1":
        return "only bars of 1 day, not kept up to date, with dates as text, are simulated"
    if request.text("show") not in _SHOWN:
        return f"{request.text('show')} is not simulated; {' and '.join(_SHOWN)} are"
    if request.text("show") == "ADJUSTED_LAST" and request.text("endDateTime"):
        return "End date not supported with adjusted last"
    if duration is None:
        return "Historical data query duration is invalid"
    if duration[2] == "D" and int(duration[1]) > 365:
        return "Historical data requests for durations longer than 365 days must be made in years."
    return None


def _end(text: str, now: datetime) -> date:
    """The last day that can have a bar: without an end the one that trades, or has traded last."""
    if text:
        return datetime.strptime(text[:8], "%Y%m%d").replace(tzinfo=NEW_YORK).date()
    began = now.time() >= USUAL[0] and not closed_all_day(now.date())
    return now.date() if began else now.date() - timedelta(days=1)


def _days(duration: str, end: date) -> Sequence[date]:
    number, unit = duration.split()
    return sessions_before(end, int(number) * _SESSIONS[unit])


def _cancel(gateway: Gateway, session: Session, request: Request) -> None:
    """IB confirms it with an error, as users report; what was answered already is not found."""
    req_id = request.integer("reqId")
    if req_id not in session.subscriptions.histories:
        gateway.deny(session, req_id, 366, f"No historical data query found for ticker id:{req_id}")
        return
    session.subscriptions.histories.discard(req_id)
    cause = f"API historical data query cancelled: {req_id}"
    gateway.deny(session, req_id, 162, f"Historical Market Data Service error message:{cause}")


REQUESTS: dict[str, RequestHandler] = {"reqHistoricalData": _historical_data, "cancelHistoricalData": _cancel}
