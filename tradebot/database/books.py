"""The tables inside one transaction: `tradebot.ports.Books` in SQL, the same for PostgreSQL and SQLite."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from tradebot.database import event_facts, named_sql, values
from tradebot.database.driver import Row, Transaction
from tradebot.database.performance import PerformanceRows
from tradebot.domain.alerts import Alert, AlertStatus, NewAlert, Side
from tradebot.domain.api_access import ApiRequest, ApiToken
from tradebot.domain.brokerage import Execution
from tradebot.domain.delivery import EVERYTHING, STATES, Backlog, Delivery, Wanted
from tradebot.domain.equity import Equity
from tradebot.domain.events import Event, EventKind, NewEvent, Severity, code_of
from tradebot.domain.lots import CorporateAction, Lot, LotStatus
from tradebot.domain.reasons import Reason
from tradebot.domain.strategies import History
from tradebot.domain.terms import Terms, columns
from tradebot.domain.trades import NewTrade, Place, Trade, TradeStatus
from tradebot.errors import LedgerUnavailable

T = TypeVar("T")
_FILES = (
    "alerts.sql",
    "trades.sql",
    "lots.sql",
    "settings.sql",
    "events.sql",
    "retention.sql",
    "api.sql",
    "performance.sql",
)
_TRADE = ", ".join(one.name for one in fields(Trade))  # all but the decision, which is kilobytes
_SQL = {name: sql.replace("{columns}", _TRADE) for name, sql in named_sql.load(*_FILES).items()}
_TABLES = {name: named_sql.tables(sql) for name, sql in _SQL.items()}
_WRITES = {name for name, sql in _SQL.items() if named_sql.writes(sql)}
_ASKED_AGAIN = {"alert", "alerts", "trades", "trades_of_alert", "trades_since_or_ended", "lots", "lots_closed_since"}
"""By a decision, several times; they are read once, and again after a change of the same transaction."""
_EVERYTHING = {"ticker": "", "strategy": ""}
_ALL_OF_THEM: Mapping[str, Wanted] = {}
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_ALL = 2**63 - 1
_AT_ONCE = 100  # records made without a turn for the loop: some milliseconds
_ID_MAX = 2**63 - 1
BACKLOG_MAX = 10_000  # deliveries that are counted
_CHUNK = 500  # ids in one statement: databases allow some 32,000 parameters


class SqlBooks(PerformanceRows):
    """See `tradebot.ports.Books`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._shares_channels = False
        self._remembers = False
        self._known: dict[tuple[str, str], Any] = {}  # answers, by statement and parameters
        self.has_news = False  # something was left to a channel
        self.has_arrivals = False  # an alert was left to be taken

    async def _rows(self, name: str, **parameters: Any) -> Sequence[Row]:
        if name in _WRITES:
            self._forget(name)
        return await self._transaction.rows(_SQL[name], **parameters)

    async def _rows_of(self, name: str, records: Sequence[Mapping[str, Any]]) -> Sequence[Row]:
        """Runs a statement that inserts one row once for all of these."""
        if not records:
            return []
        self._forget(name)
        numbered = {f"{key}_{number}": one for number, each in enumerate(records) for key, one in each.items()}
        return await self._transaction.rows(named_sql.repeated(_SQL[name], len(records)), **numbered)

    def _forget(self, name: str) -> None:
        """What a statement that writes makes untrue."""
        self._known = {key: answer for key, answer in self._known.items() if not _TABLES[key[0]] & _TABLES[name]}

    async def _all(self, kind: type[T], name: str, **parameters: Any) -> Sequence[T]:
        key = _key(name, **parameters)
        if key in self._known:
            return self._known[key]  # type: ignore[no-any-return]
        read = values.read_again if kind in (Trade, Lot) else values.read
        found = [read(kind, row) async for row in _in_turns(await self._rows(name, **parameters))]
        if self._remembers and name in _ASKED_AGAIN:
            self._known[key] = found
        return found

    async def _of_ids(self, kind: type[T], name: str, parameter: str, ids: Collection[int]) -> list[T]:
        wanted = sorted(ids)
        chunks = [wanted[start : start + _CHUNK] for start in range(0, len(wanted), _CHUNK)]
        return [one for chunk in chunks for one in await self._all(kind, name, **{parameter: chunk})]

    async def _row(self, name: str, **parameters: Any) -> Row | None:
        rows = await self._rows(name, **parameters)
        return rows[0] if rows else None

    def remember(self) -> None:
        self._remembers = True

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        await self._transaction.rows("SAVEPOINT one")
        try:
            yield
        except BaseException as error:
            self._known.clear()
            self._shares_channels = False  # a lock that was taken since is gone, too
            try:
                await self._transaction.rows("ROLLBACK TO SAVEPOINT one")
                await self._transaction.rows("RELEASE SAVEPOINT one")
            except Exception:  # some errors end the whole transaction, a full disk for one
                raise LedgerUnavailable(str(error)) from error
            raise
        await self._transaction.rows("RELEASE SAVEPOINT one")

    # --- alerts -----------------------------------------------------------------------------------------------------

    async def insert_alert(self, alert: NewAlert) -> int | None:
        # Ids of one ticker are given in the order of the commits: an exit that is seen has every older entry beside it.
        await self._transaction.lock(f"alerts of {alert.ticker}")
        row = await self._row("insert_alert", **values.parameters(alert))
        self.has_arrivals |= row is not None and alert.status is AlertStatus.RECEIVED
        return None if row is None else row["id"]

    async def insert_alerts(self, alerts: Sequence[NewAlert]) -> Mapping[str, int]:
        await self._transaction.lock(*sorted({f"alerts of {alert.ticker}" for alert in alerts}))
        rows = await self._rows_of("insert_alert", [values.parameters(alert) for alert in alerts])
        self.has_arrivals |= any(alert.status is AlertStatus.RECEIVED for alert in alerts)
        return {row["idempotency_key"]: row["id"] for row in rows}

    async def alert(self, alert_id: int) -> Alert | None:
        found = await self._all(Alert, "alert", id=alert_id)
        return found[0] if found else None

    async def alert_by_key(self, idempotency_key: str) -> Alert | None:
        return _one(Alert, await self._row("alert_by_key", idempotency_key=values.outgoing(idempotency_key)))

    async def recent_alert(self, payload_hash: str, since: datetime) -> Alert | None:
        await self._transaction.lock(f"alert {payload_hash}")
        row = await self._row("recent_alert", payload_hash=payload_hash, since=values.outgoing(since))
        return _one(Alert, row)

    async def recent_alerts(self, payload_hashes: Collection[str]) -> Mapping[str, Alert]:
        if not payload_hashes:
            return {}
        await self._transaction.lock(*sorted({f"alert {one}" for one in payload_hashes}))
        found = await self._all(Alert, "recent_alerts", payload_hashes=list(payload_hashes))
        return {alert.payload_hash: alert for alert in found}

    async def count_duplicate(self, alert_id: int) -> None:
        await self._rows("count_duplicate", id=alert_id)

    async def alerts(
        self,
        statuses: Collection[AlertStatus],
        *,
        ticker: str | None = None,
        strategy: str | None = None,
        limit: int | None = None,
    ) -> Sequence[Alert]:
        filters = {"ticker": ticker or "", "strategy": strategy or "", "limit": _ALL if limit is None else limit}
        return await self._all(Alert, "alerts", statuses=_names(statuses), **filters)

    async def newest_alerts(
        self, statuses: Collection[AlertStatus], limit: int, *, ticker: str | None = None, strategy: str | None = None
    ) -> Sequence[Alert]:
        filters = {"ticker": values.outgoing(ticker or ""), "strategy": values.outgoing(strategy or "")}
        found = await self._all(Alert, "newest_alerts", statuses=_names(statuses), limit=limit, **filters)
        return found[::-1]

    async def search_alerts(
        self,
        statuses: Collection[AlertStatus],
        limit: int,
        *,
        received: tuple[datetime, datetime] | None = None,
        ticker: str | None = None,
        strategy: str | None = None,
        before_id: int | None = None,
    ) -> Sequence[Alert]:
        filters = {"ticker": values.outgoing(ticker or ""), "strategy": values.outgoing(strategy or "")}
        filters |= {"statuses": _names(statuses), "before_id": _ID_MAX if before_id is None else before_id}
        if received is None:
            return (await self._all(Alert, "search_alerts", limit=limit, **filters))[::-1]
        since, until = map(values.outgoing, received)
        found = await self._all(Alert, "search_alerts_between", since=since, until=until, limit=limit, **filters)
        return found[::-1]

    async def newest_alert_time(
        self, strategy: str, ticker: str, side: Side, received_since: datetime
    ) -> datetime | None:
        row = await self._row(
            "newest_alert_time",
            strategy=strategy,
            ticker=ticker,
            side=str(side),
            since=values.outgoing(received_since),
        )
        return None if row is None else values.time(row["alert_time"])

    async def count_alerts(
        self, strategy: str, side: Side, received_since: datetime, *, up_to_id: int | None = None
    ) -> int:
        (row,) = await self._rows(
            "count_alerts",
            strategy=strategy,
            side=str(side),
            since=values.outgoing(received_since),
            up_to_id=_ALL if up_to_id is None else up_to_id,
        )
        return int(row["count"])

    async def count_waiting(self) -> Mapping[tuple[AlertStatus, Side | None], int]:
        return {
            (AlertStatus(row["status"]), Side(row["action"]) if row["action"] else None): int(row["count"])
            for row in await self._rows("count_waiting")
        }

    async def move_alert(
        self, alert_id: int, from_: Collection[AlertStatus], to: AlertStatus, reason: Reason | str | None
    ) -> bool:
        return await self._moved(alert_id, from_, to, reason) is not None

    async def _moved(
        self, alert_id: int, from_: Collection[AlertStatus], to: AlertStatus, reason: Reason | str | None
    ) -> str | None:
        """Whose alert was moved; None: none was."""
        moved = await self._row(
            "move_alert", id=alert_id, from_=_names(from_), to=values.outgoing(to), reason=values.outgoing(reason)
        )
        self.has_arrivals |= moved is not None and to is AlertStatus.RECEIVED
        return None if moved is None else moved["strategy"]

    # --- trades and executions --------------------------------------------------------------------------------------

    async def insert_trade(self, trade: NewTrade, ib_order_id: int | None = None) -> int:
        new = values.parameters(Trade.of(trade, ib_order_id=ib_order_id)) | {
            "decision": values.outgoing(trade.decision)
        }
        (row,) = await self._rows("insert_trade", **new)
        return int(row["id"])

    async def decision(self, trade_id: int) -> Mapping[str, object] | None:
        row = await self._row("decision", id=trade_id)
        return None if row is None else json.loads(row["decision"])

    async def trade(self, trade_id: int) -> Trade | None:
        return _one(Trade, await self._row("trade", id=trade_id))

    async def trade_by_ref(self, order_ref: str) -> Trade | None:
        return _one(Trade, await self._row("trade_by_ref", order_ref=values.outgoing(order_ref)))

    async def trade_of_alert(self, alert_id: int) -> Trade | None:
        trades = await self.trades_of_alert(alert_id)
        return trades[-1] if trades else None

    async def trades_of_alert(self, alert_id: int) -> Sequence[Trade]:
        return await self._all(Trade, "trades_of_alert", alert_id=alert_id)

    async def protection_of(self, trade_ids: Collection[int]) -> Sequence[Trade]:
        return await self._of_ids(Trade, "protection_of", "trade_ids", trade_ids)

    async def orders_of_alerts(self, alert_ids: Collection[int]) -> Sequence[Trade]:
        return await self._of_ids(Trade, "orders_of_alerts", "alert_ids", alert_ids)

    async def trades(
        self,
        statuses: Collection[TradeStatus] | None = None,
        *,
        ticker: str | None = None,
        strategy: str | None = None,
        since: datetime | None = None,
    ) -> Sequence[Trade]:
        filters = {"ticker": ticker or "", "strategy": strategy or "", "since": values.outgoing(since or _EVER)}
        if statuses is None:
            return await self._all(Trade, "trades_since", **filters)
        of_all = self._known.get(_key("trades", statuses=_names(statuses), **_EVERYTHING, since=_EVER))
        if of_all is not None:
            return [one for one in of_all if _is_of(one, ticker, strategy) and one.created_at >= (since or _EVER)]
        return await self._all(Trade, "trades", statuses=_names(statuses), **filters)

    async def newest_trades(self, limit: int, *, before_id: int | None, strategy: str | None) -> Sequence[Trade]:
        before = _ID_MAX if before_id is None else before_id
        return await self._all(Trade, "newest_trades", limit=limit, before=before, strategy=strategy or "")

    async def trades_since_or_ended(self, since: datetime) -> Sequence[Trade]:
        return await self._all(Trade, "trades_since_or_ended", since=values.outgoing(since))

    async def trades_from(self, strategy: str, ticker: str, place: Place, limit: int) -> Sequence[Trade]:
        filters = {"strategy": strategy, "ticker": values.outgoing(ticker), **place._asdict()}
        return await self._all(Trade, "trades_from", limit=limit, **filters)

    async def newest_trade_id(self, strategy: str, ticker: str) -> int:
        (row,) = await self._rows("newest_trade_id", strategy=strategy, ticker=values.outgoing(ticker))
        return int(row["newest"])

    async def next_place(self, strategy: str, ticker: str) -> tuple[int, int]:
        after = await self.newest_trade_id(strategy, ticker)
        (row,) = await self._rows("count_placed", strategy=strategy, ticker=values.outgoing(ticker), after=after)
        return after, int(row["found"]) + 1

    async def trades_ended_since(self, ticker: str, since: datetime) -> Sequence[Trade]:
        return await self._all(
            Trade, "trades_ended_since", ticker=values.outgoing(ticker), since=values.outgoing(since)
        )

    async def save_trade(self, trade: Trade) -> None:
        if await self._row("save_trade", **values.parameters(trade)) is None:
            raise LookupError(f"trade {trade.id} is not in the database")

    async def change_terms(self, trade_id: int, terms: Terms, qty: Decimal) -> None:
        changed = {name: values.outgoing(value) for name, value in columns(terms).items()}
        if await self._row("change_terms", id=trade_id, qty=values.outgoing(qty), **changed) is None:
            raise LookupError(f"trade {trade_id} is not in the database")

    async def last_order_id(self) -> int:
        key = _key("last_order_id")
        if key not in self._known:
            (row,) = await self._rows("last_order_id")
            self._known[key] = int(row["last"])
        return self._known[key]  # type: ignore[no-any-return]

    async def put_execution(self, trade_id: int, execution: Execution) -> bool:
        if await self._is_new(trade_id, execution):
            return True
        while True:
            stored = values.read(Execution, (await self._rows("execution", root=execution.root))[0])
            merged = _merge(stored, execution)
            if merged == stored:
                return False
            if await self._row("replace_execution", known_revision=stored.revision, **_columns(merged)) is not None:
                return True

    async def _is_new(self, trade_id: int, execution: Execution) -> bool:
        return await self._row("insert_execution", trade_id=trade_id, **_columns(execution)) is not None

    async def executions(self, trade_id: int) -> Sequence[Execution]:
        return await self._all(Execution, "executions", trade_id=trade_id)

    async def executions_since(self, at: datetime) -> Sequence[Execution]:
        return await self._all(Execution, "executions_since", since=values.outgoing(at))

    async def executions_of(self, trade_ids: Collection[int]) -> Mapping[int, Sequence[Execution]]:
        by_trade: dict[int, list[Execution]] = defaultdict(list)
        if not trade_ids:
            return by_trade
        async for row in _in_turns(await self._rows("executions_of", trade_ids=list(trade_ids))):
            by_trade[int(row["trade_id"])].append(values.read(Execution, row))
        return by_trade

    # --- lots -------------------------------------------------------------------------------------------------------

    async def lots(
        self,
        status: LotStatus | None = None,
        *,
        ticker: str | None = None,
        strategy: str | None = None,
        closed_since: datetime | None = None,
    ) -> Sequence[Lot]:
        statuses = _names(LotStatus if status is None else [status])
        filters = {"statuses": statuses, "ticker": ticker or "", "strategy": strategy or ""}
        if closed_since is None:
            of_all = self._known.get(_key("lots", statuses=statuses, **_EVERYTHING))
            if of_all is not None:
                return [lot for lot in of_all if _is_of(lot, ticker, strategy)]
            return await self._all(Lot, "lots", **filters)
        return await self._all(Lot, "lots_closed_since", closed_since=values.outgoing(closed_since), **filters)

    async def realised_since_start(self, strategy: str | None) -> tuple[Decimal, datetime | None]:
        (row,) = await self._rows("realised_since_start", strategy=strategy or "")
        first = row["first"]
        return Decimal(row["realised"]), None if first is None else values.time(first)

    async def lots_closed_by(self, trade_ids: Collection[int]) -> Sequence[Lot]:
        return await self._all(Lot, "lots_closed_by", trade_ids=list(trade_ids))

    async def lots_of(self, trade_ids: Collection[int]) -> Sequence[Lot]:
        found = {lot.id: lot for lot in await self._of_ids(Lot, "lots_of", "trade_ids", trade_ids)}
        return list(found.values())

    async def lots_open_before(self, strategy: str, ticker: str, place: Place) -> Sequence[Lot]:
        filters = {"strategy": strategy, "ticker": values.outgoing(ticker), **place._asdict()}
        return await self._all(Lot, "lots_open_before", **filters)

    async def rewrite_lots(
        self,
        strategy: str,
        ticker: str,
        lots: Iterable[Lot],
        *,
        closed_by: Collection[int] = (),
        and_open: bool = True,
    ) -> None:
        there = [*await self.lots_closed_by(closed_by)]
        if and_open:
            there += await self.lots(LotStatus.OPEN, ticker=ticker, strategy=strategy)
        stored = {(lot.opening_trade_id, lot.closing_trade_id): lot for lot in there}
        wanted = {(lot.opening_trade_id, lot.closing_trade_id): lot for lot in lots}
        gone = [lot.id for key, lot in stored.items() if key not in wanted]
        for start in range(0, len(gone), _CHUNK):
            await self._rows("delete_lots", ids=gone[start : start + _CHUNK])
        for key, lot in wanted.items():
            if (lot.strategy, lot.ticker) != (strategy, ticker):
                raise ValueError(f"a lot of {lot.ticker}, {lot.strategy}, among the lots of {ticker}, {strategy}")
            if key not in stored:
                await self._rows("insert_lot", **values.parameters(lot))
            elif replace(lot, id=stored[key].id) != stored[key]:
                await self._rows("update_lot", **values.parameters(replace(lot, id=stored[key].id)))

    async def add_corporate_action(self, action: CorporateAction) -> None:
        await self._transaction.lock(f"actions of {action.ticker}")
        await self._rows("insert_corporate_action", **values.parameters(action))

    async def corporate_actions(self, strategy: str, ticker: str) -> Sequence[CorporateAction]:
        await self._transaction.share(f"actions of {ticker}")
        rows = await self._rows("corporate_actions", strategy=strategy, ticker=values.outgoing(ticker))
        return [values.read(CorporateAction, row) for row in rows]

    async def histories(self, strategy: str) -> Sequence[History]:
        return [values.read(History, row) for row in await self._rows("histories", strategy=strategy)]

    async def reassign(self, from_strategy: str, to_strategy: str, ticker: str) -> None:
        both = {"from_strategy": from_strategy, "to_strategy": to_strategy, "ticker": ticker}
        await self._transaction.lock(f"actions of {ticker}")
        for table in ("alerts", "trades", "lots", "actions"):
            await self._rows(f"reassign_{table}", **both)

    # --- settings, events, jobs -------------------------------------------------------------------------------------

    async def settings(self) -> Mapping[str, str]:
        key = _key("settings")
        if key not in self._known:
            await self._transaction.lock("bot_settings")
            self._known[key] = {row["key"]: row["value"] for row in await self._rows("settings")}
        return self._known[key]  # type: ignore[no-any-return]

    async def put_setting(self, key: str, value: str, by: str, at: datetime) -> None:
        # The lock comes first here too: a row that does not exist yet cannot be locked, and a reader of the settings
        # must see either none or all of what this transaction changes.
        await self._transaction.lock("bot_settings")
        await self._rows(
            "put_setting", key=key, value=values.outgoing(value), by=values.outgoing(by), at=values.outgoing(at)
        )

    async def forget_setting(self, key: str) -> None:
        await self._transaction.lock("bot_settings")
        await self._rows("forget_setting", key=key)

    async def add_events(self, events: Sequence[NewEvent]) -> None:
        traces = [event for event in events if event.severity is Severity.TRACE]  # they wait for no channel
        await self._rows_of("add_event", [_columns_of(event) for event in traces])
        for event in events:
            if event.severity is not Severity.TRACE:
                await self.add_event(event)

    async def add_event(self, event: NewEvent) -> int:
        (row,) = await self._rows("add_event", **_columns_of(event))
        if event.severity is not Severity.TRACE:
            # Channels do not change between the look at them and the commit: the event would wait for one that is gone.
            if not self._shares_channels:
                await self._transaction.share("channels")
                self._shares_channels = True
            like_severity, like_kind = f"% {event.severity} %", f"% {event.facts.kind} %"
            await self._rows("add_deliveries", event_id=row["id"], like_severity=like_severity, like_kind=like_kind)
            self.has_news = True
        return int(row["id"])

    async def events(self, *, alert_id: int | None = None, after_id: int = 0, limit: int = 1000) -> Sequence[Event]:
        if alert_id is None:
            rows = await self._rows("events", after_id=after_id, limit=limit)
        else:
            rows = await self._rows("events_of_alert", alert_id=alert_id, after_id=after_id, limit=limit)
        return [_event(row) for row in rows]

    async def events_since(self, kinds: Collection[EventKind], since: datetime) -> Sequence[Event]:
        rows = await self._rows("events_since", kinds=_names(kinds), since=values.outgoing(since))
        return [_event(row) for row in rows]

    async def newest_events(self, limit: int, severities: Collection[Severity] = tuple(Severity)) -> Sequence[Event]:
        rows = await self._rows("newest_events", severities=_names(severities), limit=limit)
        return [_event(row) for row in reversed(rows)]

    async def serve_channels(self, channels: Sequence[str], wanted: Mapping[str, Wanted] = _ALL_OF_THEM) -> None:
        if not channels:
            raise ValueError("events would wait for nobody")
        await self._transaction.lock("channels")
        for name in channels:
            choice = wanted.get(name, EVERYTHING)
            await self._rows(
                "open_channel",
                channel=name,
                severities=_listed(choice.severities),
                kinds=None if choice.kinds is None else _listed(choice.kinds),
            )
        await self._rows("close_channels", channels=list(channels))
        await self._rows("take_over", channels=list(channels), heir=channels[0])
        await self._rows("give_up_taken_over", channels=list(channels))

    async def undelivered(
        self, channel: str, limit: int, *, severities: Collection[Severity] = tuple(Severity)
    ) -> Sequence[Event]:
        rows = await self._rows("undelivered", channel=channel, limit=limit, severities=_names(severities))
        return [_event(row) for row in rows]

    async def backlogs(self) -> Sequence[Backlog]:
        rows = await self._rows("backlogs", most=BACKLOG_MAX)
        return [values.read(Backlog, row) for row in rows]

    async def deliveries(self, event_ids: Collection[int]) -> Sequence[Delivery]:
        return await self._of_ids(Delivery, "deliveries", "ids", event_ids)

    async def mark_delivered(self, channel: str, event_ids: Collection[int], at: datetime) -> None:
        ids = list(event_ids)
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK]
            await self._rows("mark_delivered", channel=channel, ids=chunk, at=values.outgoing(at))

    async def delivery_failed(self, channel: str, event_ids: Collection[int], error: str) -> None:
        ids = list(event_ids)
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK]
            await self._rows("delivery_failed", channel=channel, ids=chunk, error=values.outgoing(error))

    async def give_up_delivery(self, channel: str, event_ids: Collection[int], error: str) -> None:
        ids = list(event_ids)
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK]
            await self._rows("give_up_delivery", channel=channel, ids=chunk, error=values.outgoing(error))

    async def newest_deliveries(
        self, limit: int, *, channel: str | None = None, states: Collection[str] = STATES
    ) -> Sequence[Delivery]:
        found = await self._all(
            Delivery, "newest_deliveries", channel=values.outgoing(channel or ""), states=_names(states), limit=limit
        )
        return found[::-1]

    async def events_by_id(self, event_ids: Collection[int]) -> Sequence[Event]:
        ids = sorted(event_ids)
        chunks = [ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK)]
        return [_event(row) for chunk in chunks for row in await self._rows("events_by_id", ids=chunk)]

    async def untold_since(self, channels: Collection[str]) -> datetime | None:
        row = await self._row("untold_since", channels=list(channels))
        return None if row is None or row["at"] is None else values.time(row["at"])

    async def setting_authors(self) -> Mapping[str, str]:
        return {row["key"]: row["updated_by"] for row in await self._rows("setting_authors")}

    async def claim(self, key: str, operation: str, by: str, at: datetime) -> bool:
        row = await self._row("claim", key=key, operation=operation, by=values.outgoing(by), at=values.outgoing(at))
        return row is not None

    async def record_job(self, job: str, slot: datetime) -> bool:
        return await self._row("record_job", job=job, slot=values.outgoing(slot)) is not None

    async def job_runs(self) -> Mapping[str, datetime]:
        return {row["job"]: values.time(row["slot"]) for row in await self._rows("job_runs")}

    # --- the API's users --------------------------------------------------------------------------------------------

    async def add_token(self, token: ApiToken) -> None:
        await self._rows("add_token", **values.parameters(token))

    async def token(self, token_id: str) -> ApiToken | None:
        return _one(ApiToken, await self._row("token", id=values.outgoing(token_id)))

    async def tokens(self) -> Sequence[ApiToken]:
        return await self._all(ApiToken, "tokens")

    async def revoke_token(self, token_id: str, at: datetime) -> bool:
        return await self._row("revoke_token", id=values.outgoing(token_id), at=values.outgoing(at)) is not None

    async def begin_request(self, request: ApiRequest) -> bool:
        asked = {name: values.outgoing(getattr(request, name)) for name in ("key", "fingerprint", "at")}
        return await self._row("begin_request", **asked) is not None

    async def request(self, key: str) -> ApiRequest | None:
        return _one(ApiRequest, await self._row("request", key=values.outgoing(key)))

    async def answer_request(self, key: str, status: int, answer: str) -> None:
        await self._rows("answer_request", key=key, status=status, answer=values.outgoing(answer))

    # --- equity, retention ------------------------------------------------------------------------------------------

    async def add_equity(self, equity: Equity) -> None:
        await self._rows("add_equity", **values.parameters(equity))

    async def equity(self, account: str, since: datetime, until: datetime | None = None) -> Sequence[Equity]:
        between = {"since": values.outgoing(since), "until": values.outgoing(until or _NEVER)}
        return await self._all(Equity, "equity", account=values.outgoing(account), **between)

    async def prune(self, before: datetime, limit: int) -> int:
        older = values.outgoing(before)
        ids = [row["id"] for row in await self._rows("prunable_events", before=older, limit=limit)]
        for start in range(0, len(ids), _CHUNK):
            for name in ("prune_deliveries", "prune_events"):
                await self._rows(name, ids=ids[start : start + _CHUNK])
        gone = len(ids)
        if gone < limit:
            gone += len(await self._rows("prune_job_runs", before=older, limit=limit - gone))
        if gone < limit:
            gone += len(await self._rows("prune_requests", before=older, limit=limit - gone))
        if gone < limit:
            gone += len(await self._rows("prune_raw_bodies", before=older, limit=limit - gone, empty=b""))
        return gone


async def _in_turns(rows: Sequence[Row]) -> AsyncIterator[Row]:
    """To make records of many rows without standing in the loop's way."""
    for number, row in enumerate(rows, start=1):
        yield row
        if not number % _AT_ONCE:
            await asyncio.sleep(0)


def _key(name: str, **parameters: object) -> tuple[str, str]:
    return name, repr(parameters)


def _is_of(record: Trade | Lot, ticker: str | None, strategy: str | None) -> bool:
    """Whether a record is one of this ticker and this strategy; an empty name stands for every one."""
    return (not ticker or record.ticker == ticker) and (not strategy or record.strategy == strategy)


def _one(kind: type[T], row: Row | None) -> T | None:
    return None if row is None else values.read(kind, row)


def _columns_of(event: NewEvent) -> dict[str, Any]:
    facts = event.facts
    return {
        "at": values.outgoing(event.at),
        "kind": str(facts.kind),
        "severity": str(event.severity),
        "code": code_of(facts),
        "facts": event_facts.outgoing(facts),
        "alert_id": event.alert_id,
        "trade_id": event.trade_id,
        "actor": values.outgoing(event.actor),
    }


def _event(row: Row) -> Event:
    kind, severity, text = (
        row["kind"],
        Severity(row["severity"]),
        row["text"],
    )  # 0.1.0 stored words, and facts of no type
    read = event_facts.untyped if text is not None else event_facts.incoming
    return Event(
        read(kind, severity, row["facts"]),
        values.time(row["at"]),
        row["alert_id"],
        row["trade_id"],
        row["actor"],
        id=row["id"],
        text=text,
        strategy=row["strategy"],
        told=severity is not Severity.TRACE,
    )


def _listed(names: Iterable[str]) -> str:
    """A list in one column, in which a name is found with the blanks around it."""
    return f" {' '.join(sorted(names))} "


def _names(statuses: Iterable[str]) -> list[str]:
    return [str(status) for status in statuses]


def _columns(execution: Execution) -> dict[str, Any]:
    return {**values.parameters(execution), "root": execution.root, "revision": execution.revision}


def _merge(stored: Execution, new: Execution) -> Execution:
    """Two reports of one fill: the higher revision counts; a commission once known is replaced, never lost."""
    if new.revision < stored.revision:
        return stored
    return replace(
        new if new.revision > stored.revision else stored,
        commission=stored.commission if new.commission is None else new.commission,
        realised=stored.realised if new.realised is None else new.realised,
    )
