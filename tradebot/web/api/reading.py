"""What is read: each handler asks `queries` and shows what they answer. Nothing is changed, and nothing waits for IB."""

from datetime import timedelta
from http import HTTPStatus

from pydantic_core import to_jsonable_python

from tradebot.domain.events import Event
from tradebot.domain.job_plan import next_run, plans
from tradebot.domain.limits import is_count, limit_range
from tradebot.domain.trades import TradeStatus
from tradebot.queries import pages
from tradebot.queries.jobs import job_history
from tradebot.queries.mismatches import NothingToWriteOff
from tradebot.queries.newest import newest_fills
from tradebot.queries.results import DailyResults, daily_results
from tradebot.queries.search import AlertSearch, search_alerts
from tradebot.queries.splits import NoSplit
from tradebot.queries.strategies import StrategyStatus
from tradebot.web.api import figures as f
from tradebot.web.api import models as m
from tradebot.web.api import standing as s
from tradebot.web.api.endpoint import Asked
from tradebot.web.problems import Problem
from tradebot.words import events as words
from tradebot.words.gate import gate_reason
from tradebot.words.health import health_parts
from tradebot.words.questions import unanswered
from tradebot.words.unknown_orders import price_source


async def me(asked: Asked) -> m.Me:
    return m.Me.model_validate(asked.token)


async def status(asked: Asked) -> s.Status:
    now = await asked.ground.queries.status()
    books = now.books
    return s.Status.model_validate(
        {
            **{name: getattr(now, name) for name in ("state", "version", "uptime_s", "connection", "account")},
            **{name: getattr(books, name) for name in ("pending", "in_flight", "resting", "unknown", "exposure")},
            "simulated": list(now.simulated),
            "held_up_by": [gate_reason(one) for one in now.held_up_by],
            "unanswered": [unanswered(one) for one in now.silent],
            "queue": now.depths,
            "waiting_sells": books.received_sells,
            "waiting_buys": books.received_buys,
            "lots": len(books.lots),
            "blocked": list(books.blocked),
        }
    )


async def health(asked: Asked) -> s.Health:
    found = await asked.ground.queries.health()
    return s.Health(ok=found.ok, parts=health_parts(found))


async def positions(asked: Asked) -> s.Positions:
    strategy = _known(asked)
    return s.Positions.model_validate(await asked.ground.queries.positions(strategy))


async def working_orders(asked: Asked) -> m.WorkingOrders:
    found = await asked.ground.queries.orders(_known(asked))
    return m.WorkingOrders.model_validate({"items": list(found)})


async def orders(asked: Asked) -> m.Orders:
    before = None if asked.query.before is None else int(asked.query.before)
    ledger, limit = asked.ground.queries.ledger, asked.query.limit
    found = await pages.orders_page(ledger, limit + 1, before_id=before, strategy=_known(asked))
    page = list(found)[:limit]
    more = str(page[-1].id) if len(found) > limit else None
    return m.Orders.model_validate({"items": page, "next": more})


async def order(asked: Asked) -> m.Order:
    found = await pages.order(asked.ground.queries.ledger, int(asked.path["id"]))
    if found is None:
        raise _nothing("order")
    return m.Order.model_validate(found)


async def trades(asked: Asked) -> m.Trades:
    ground = asked.ground
    found = await newest_fills(ground.queries.ledger, ground.clock.now(), asked.query.limit, _known(asked))
    return m.Trades.model_validate({"items": list(found)[::-1]})


async def alerts(asked: Asked) -> m.Alerts:
    query, queries = asked.query, asked.ground.queries
    before = None if query.before is None else int(query.before)
    statuses = () if query.status is None else (query.status,)
    wanted = AlertSearch(query.ticker, statuses, query.day, _known(asked), before)
    found = await search_alerts(queries.ledger, queries.run.hours, wanted, query.limit + 1)
    page = list(found)[::-1][: query.limit]
    more = str(page[-1].alert.id) if len(found) > query.limit else None
    return m.Alerts.model_validate({"items": page, "next": more})


async def trace(asked: Asked) -> m.Trace:
    found = await asked.ground.queries.trace(asked.path["name"])
    if found is None:
        raise _nothing("alert")
    return m.Trace.model_validate(
        {
            **{name: getattr(found, name) for name in ("alert", "orders", "deliveries", "is_pruned")},
            "message": found.alert.raw_body.decode(errors="replace"),
            "events": [event(one) for one in found.events],
        }
    )


def event(one: Event) -> m.Event:
    """In words, and as facts."""
    names = ("id", "at", "kind", "severity", "actor", "alert_id", "trade_id", "strategy", "ticker")
    facts = to_jsonable_python(one.facts, inf_nan_mode="strings")
    return m.Event.model_validate(
        {**{name: getattr(one, name) for name in names}, "text": words.text(one), "facts": facts}
    )


async def events(asked: Asked) -> m.Events:
    query, ledger = asked.query, asked.ground.queries.ledger
    if query.after is None:
        found = await pages.newest_events(ledger, query.limit, traces=query.trace)
    else:
        found = await pages.events_after(ledger, int(query.after), query.limit)
    last = str(found[-1].id) if found else query.after or "0"
    return m.Events(items=[event(one) for one in found if query.trace or one.severity in pages.TOLD], next=last)


async def deliveries(asked: Asked) -> m.Deliveries:
    found = await pages.newest_deliveries(asked.ground.queries.ledger, asked.query.limit, asked.query.channel)
    return m.Deliveries.model_validate({"items": list(found)})


async def pnl(asked: Asked) -> s.Pnl:
    ground = asked.ground
    run, query = ground.queries.run, asked.query
    found = await daily_results(ground.queries.ledger, run.hours, ground.clock.now(), query.days, _known(asked))
    each = {name: _pnl_of(one) for name, one in found.by_strategy.items()}
    return s.Pnl.model_validate({**_pnl_of(found), "by_strategy": each})


def _pnl_of(found: DailyResults) -> dict[str, object]:
    return {"days": [{"date": day, "result": one} for day, one in found.days.items()], "total": found.total}


async def performance(asked: Asked) -> f.Performance:
    queries, days = asked.ground.queries.performance, asked.query.days
    found = await (queries.since_start() if days is None else queries.last_days(days))
    return f.Performance.model_validate(found)


async def results(asked: Asked) -> f.Spans:
    found = await asked.ground.queries.performance.spans(asked.query.unit, asked.query.count)
    return f.Spans.model_validate({"items": list(found)})


async def thresholds(asked: Asked) -> f.Readings:
    found = await asked.ground.queries.thresholds.readings(asked.ground.clock.now())
    return f.Readings.model_validate({"items": list(found)})


async def equity(asked: Asked) -> s.Equity:
    ground = asked.ground
    account = ground.queries.broker.connection.account
    since = ground.clock.now() - timedelta(days=asked.query.days)
    found = await pages.equity_since(ground.queries.ledger, account, since) if account else ()
    return s.Equity.model_validate({"account": account, "items": list(found)})


async def limits(asked: Asked) -> s.Limits:
    found = await asked.ground.queries.limits()
    account = {name: getattr(found.limits, name) for name in type(found.limits).__dataclass_fields__}
    rows = [_limit(name, None, value) for name, value in account.items()]
    rows += [_limit(name, one.strategy.name, value) for one in found.strategies for name, value in one.limits.items()]
    return s.Limits.model_validate({"items": rows, "exposure": found.exposure})


async def tellings(asked: Asked) -> s.Tellings:
    return s.Tellings(groups=dict(await asked.ground.queries.tellings()))


def _limit(name: str, strategy: str | None, value: object) -> dict[str, object]:
    low, high = limit_range(name)
    return {"name": name, "strategy": strategy, "value": value, "min": low, "max": high, "whole": is_count(name)}


async def strategies(asked: Asked) -> s.Strategies:
    found = await asked.ground.queries.strategies()
    return s.Strategies.model_validate({"state": found.state, "items": [_strategy(one) for one in found.strategies]})


def _strategy(one: StrategyStatus) -> dict[str, object]:
    names = ("standing", "paused", "lots", "limits", "exposure", "last_alert")
    return {"name": one.strategy.name, **{name: getattr(one, name) for name in names}}


async def queue(asked: Asked) -> s.Waiting:
    found = await asked.ground.queries.waiting(_known(asked))
    return s.Waiting.model_validate({name: list(getattr(found, name)) for name in ("sells", "buys", "pending")})


async def jobs(asked: Asked) -> s.Jobs:
    ground, now = asked.ground, asked.ground.clock.now()
    history = await job_history(ground.queries.ledger, now)
    rows = []
    for plan in plans(ground.crons, ground.queries.run.hours.calendar):
        last = history.last.get(plan.name)
        outcome = history.not_done.get((plan.name, last)) if last else None
        when = {"last_run": last, "last_outcome": outcome, "next_run": next_run(plan, now)}
        rows.append({"name": plan.name, "cron": plan.cron, **when})
    return s.Jobs.model_validate({"items": rows})


async def market(asked: Asked) -> s.Market:
    return s.Market.model_validate(asked.ground.queries.market())


async def log(asked: Asked) -> s.Log:
    found = await asked.ground.queries.log_lines(asked.query.limit, asked.query.level)
    return s.Log.model_validate({"items": list(found)})


# --- what only the owner can decide: as it is shown before he does -------------------------------------------------------


async def unknown_order(asked: Asked) -> s.UnknownOrder:
    found = await asked.ground.queries.presumed_fill(int(asked.path["id"]))
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"There is no order of this id that is {TradeStatus.UNKNOWN}.")
    words_ = price_source(found.source) or None
    return s.UnknownOrder.model_validate(
        {"trade": found.trade, "qty": found.qty, "price": found.price, "source": words_}
    )


async def mismatch(asked: Asked) -> s.Mismatch:
    found = await asked.ground.queries.missing_shares(ticker_of(asked))
    if isinstance(found, NothingToWriteOff):
        return s.Mismatch(items=[], nothing=found)
    return s.Mismatch.model_validate({"items": list(found), "nothing": None})


async def split(asked: Asked) -> s.SeenSplit:
    found = await asked.ground.queries.seen_split(ticker_of(asked))
    if isinstance(found, NoSplit):
        return s.SeenSplit(split=None, nothing=found)
    return s.SeenSplit.model_validate({"split": found, "nothing": None})


# --- what is named ------------------------------------------------------------------------------------------------------


def ticker_of(asked: Asked) -> str:
    """IB's form: "BRK B" for BRK.B."""
    return asked.path["ticker"].upper().replace(".", " ")


def _known(asked: Asked) -> str | None:
    """Raises UnknownStrategy."""
    name = asked.query.strategy
    return None if name is None else asked.ground.queries.run.strategies.named(name).name


def _nothing(what: str) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, f"There is no such {what}.")
