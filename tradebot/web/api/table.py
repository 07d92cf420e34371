"""Every endpoint there is, in one table: it is served, described and documented from here."""

from collections.abc import Sequence

from tradebot.domain.api_access import Scope
from tradebot.domain.event_groups import EventGroup
from tradebot.domain.limits import limit_names
from tradebot.web.api import acting as do
from tradebot.web.api import asks as a
from tradebot.web.api import figures as f
from tradebot.web.api import models as m
from tradebot.web.api import reading as read
from tradebot.web.api import standing as s
from tradebot.web.api.endpoint import Endpoint

_R, _T, _A = Scope.READ, Scope.TRADE, Scope.ADMIN
_ORDER = "/orders/{id:[0-9]{1,18}}"
_EVENT = "/events/{id:[0-9]{1,18}}"
_TICKER = "{ticker:[A-Za-z][A-Za-z0-9]{0,5}(?:[.][A-Za-z])?}"
_NAME = "{name:[A-Za-z0-9_.:-]{1,100}}"
_NOT_THERE, _STANDS_OTHERWISE = 404, 409

READS: Sequence[Endpoint] = (
    Endpoint("GET", "/me", _R, "The token that asks", read.me, m.Me, "Access"),
    Endpoint("GET", "/status", _R, "The daemon at this moment", read.status, s.Status, "State"),
    Endpoint("GET", "/health", _R, "Each part's state", read.health, s.Health, "State"),
    Endpoint("GET", "/market", _R, "The exchange's hours", read.market, s.Market, "State"),
    Endpoint("GET", "/limits", _R, "The limits in force", read.limits, s.Limits, "State"),
    Endpoint("GET", "/tellings", _R, "What the chat is told", read.tellings, s.Tellings, "State"),
    Endpoint("GET", "/strategies", _R, "Each strategy as it stands", read.strategies, s.Strategies, "State"),
    Endpoint("GET", "/jobs", _R, "What runs when", read.jobs, s.Jobs, "State"),
    Endpoint("GET", "/positions", _R, "What is held", read.positions, s.Positions, "Books", a.OfStrategy),
    Endpoint(
        "GET", "/orders/working", _R, "What works at IB", read.working_orders, m.WorkingOrders, "Books", a.OfStrategy
    ),
    Endpoint("GET", "/orders", _R, "All orders, page by page", read.orders, m.Orders, "Books", a.Page),
    Endpoint("GET", _ORDER, _R, "One order", read.order, m.Order, "Books", refusals=(_NOT_THERE,)),
    Endpoint("GET", "/trades", _R, "The newest fills", read.trades, m.Trades, "Books", a.Newest),
    Endpoint("GET", "/pnl", _R, "Realised P&L by day", read.pnl, s.Pnl, "Books", a.Days),
    Endpoint("GET", "/performance", _R, "How a period went", read.performance, f.Performance, "Books", a.Period),
    Endpoint("GET", "/results", _R, "Each of the last days, weeks or months", read.results, f.Spans, "Books", a.Pieces),
    Endpoint("GET", "/thresholds", _R, "Figures beside their limits", read.thresholds, f.Readings, "Books"),
    Endpoint("GET", "/equity", _R, "What the account was worth", read.equity, s.Equity, "Books", a.PastDays),
    Endpoint("GET", "/alerts", _R, "Alerts that fit, page by page", read.alerts, m.Alerts, "Alerts", a.AlertSearch),
    Endpoint(
        *("GET", "/alerts/" + _NAME, _R, "One alert's whole life", read.trace, m.Trace, "Alerts"),
        refusals=(_NOT_THERE,),
    ),
    Endpoint("GET", "/queue", _R, "Alerts that wait", read.queue, s.Waiting, "Alerts", a.OfStrategy),
    Endpoint(
        "GET", "/deliveries", _R, "What was told on which channel", read.deliveries, m.Deliveries, "Events", a.OfChannel
    ),
    Endpoint("GET", "/logs", _R, "The daemon's log", read.log, s.Log, "Events", a.LogLines),
    Endpoint(
        *("GET", _ORDER + "/presumed-fill", _R, "An UNKNOWN order as it would be booked", read.unknown_order),
        *(s.UnknownOrder, "Decisions"),
        refusals=(_NOT_THERE,),
    ),
    Endpoint(
        "GET", "/mismatches/" + _TICKER, _R, "Shares that IB does not show", read.mismatch, s.Mismatch, "Decisions"
    ),
    Endpoint("GET", "/splits/" + _TICKER, _R, "What looks like a split", read.split, s.SeenSplit, "Decisions"),
)

EVENTS = Endpoint(
    "GET", "/events", _R, "What happened, as a page or as it happens", read.events, m.Events, "Events", a.After
)
"""A stream where `Accept: text/event-stream` asks for one."""

WRITES: Sequence[Endpoint] = (
    Endpoint(
        "POST", "/kill", _T, "Trade nothing from now on", do.kill, m.State, "Control", body=a.Nothing, at_once=True
    ),
    Endpoint(
        *("POST", "/pause", _T, "Take no more BUYs", do.pause, m.State, "Control"),
        body=a.WhichStrategy,
        refusals=(_STANDS_OTHERWISE,),
    ),
    Endpoint(
        *("POST", "/resume", _T, "Lift a pause, or the kill switch", do.resume, m.State, "Control"),
        body=a.Resume,
        refusals=(_STANDS_OTHERWISE,),
    ),
    Endpoint(
        *("PUT", "/limits/" + _NAME, _A, "Change a limit", do.set_limit, m.LimitChanged, "Control"),
        body=a.SetLimit,
        names=limit_names(),
    ),
    Endpoint(
        *("PUT", "/tellings/" + _NAME, _A, "Tell the chat otherwise of a group", do.tell, m.TellingChanged, "Control"),
        body=a.Tell,
        names=tuple(EventGroup),
    ),
    Endpoint("PUT", "/blocks/" + _TICKER, _T, "Let nothing buy a ticker", do.block, m.Done, "Control", body=a.Nothing),
    Endpoint(
        "DELETE",
        "/blocks/" + _TICKER,
        _T,
        "Let a ticker be bought again",
        do.unblock,
        m.Done,
        "Control",
        body=a.Nothing,
    ),
    Endpoint(
        *(
            "POST",
            "/positions/" + _TICKER + "/sell",
            _T,
            "Sell what is held of a ticker",
            do.sell,
            m.Selling,
            "Trading",
        ),
        body=a.Sell,
        needs_key=True,
        refusals=(_STANDS_OTHERWISE,),
    ),
    Endpoint(
        *("POST", "/positions/sell", _T, "Sell everything that is held", do.sell_all, m.Selling, "Trading"),
        body=a.WhichStrategy,
        needs_key=True,
    ),
    Endpoint(
        *("POST", _EVENT + "/sell-rest", _T, "Sell what an exit has left", do.sell_rest, m.Selling, "Trading"),
        body=a.Nothing,
        refusals=(_NOT_THERE, _STANDS_OTHERWISE),
    ),
    Endpoint(
        *("POST", "/buy/preview", _T, "What would become of it now", do.would_buy, m.Preview, "Trading"),
        body=a.Buy,
    ),
    Endpoint(
        *("POST", "/buy", _T, "Buy by hand, where the file allows it", do.buy, m.Buying, "Trading"),
        body=a.Buy,
        needs_key=True,
    ),
    Endpoint(
        *("POST", _ORDER + "/cancel", _T, "Have an order cancelled", do.cancel_order, m.Done, "Trading"),
        body=a.Nothing,
        refusals=(_NOT_THERE,),
    ),
    Endpoint(
        *("POST", _ORDER + "/protect-again", _T, "Give an entry's shares another stop", do.protect_again, m.Done),
        *("Trading",),
        body=a.Nothing,
        refusals=(_NOT_THERE,),
    ),
    Endpoint(
        "POST", "/queue/clear", _T, "Drop alerts that wait", do.clear_queue, m.Cleared, "Trading", body=a.ClearQueue
    ),
    Endpoint(
        *("POST", _ORDER + "/resolve", _A, "Decide an UNKNOWN order", do.resolve, m.Resolved, "Decisions"),
        body=a.Resolve,
        refusals=(_NOT_THERE, _STANDS_OTHERWISE),
    ),
    Endpoint(
        *(
            "POST",
            "/mismatches/" + _TICKER + "/accept",
            _A,
            "Accept that shares are gone",
            do.accept,
            m.Done,
            "Decisions",
        ),
        body=a.Accept,
        refusals=(_STANDS_OTHERWISE,),
    ),
    Endpoint(
        *("POST", "/splits/" + _TICKER + "/book", _A, "It was this split", do.book_split, m.Done, "Decisions"),
        body=a.Ratio,
        refusals=(_STANDS_OTHERWISE,),
    ),
    Endpoint(
        *("POST", "/splits/" + _TICKER + "/deny", _A, "It was no split", do.deny_split, m.Done, "Decisions"),
        body=a.Ratio,
        refusals=(_STANDS_OTHERWISE,),
    ),
)

ENDPOINTS: Sequence[Endpoint] = (*READS, EVENTS, *WRITES)
