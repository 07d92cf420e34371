"""A database after two years, written as SQL: for what must not grow with a history.

Rules: there is a trade for every ten alerts: an entry and its exit, an entry with its stop, that filled, and its target, which
was cancelled with that. All of it is over: nothing is open, at work or undelivered, and the newest row is a day old. Half of
the alerts are the same few texts again and again. One text serves both databases; only times are reckoned otherwise.
"""

import json
import sqlite3
from datetime import UTC, datetime, timedelta

import asyncpg

from tests.facts import every_kind
from tradebot.database import address, event_facts, migrate
from tradebot.domain.events import EventKind

DAYS = 730
TIMEOUT_S = 1800.0
_TICKERS = """
    CASE {n} % 100 WHEN 0 THEN 'AAPL' WHEN 1 THEN 'MSFT' WHEN 2 THEN 'NVDA' WHEN 3 THEN 'TSLA' ELSE 'T' || ({n} % 100) END
"""
_DECISION = json.dumps({"reserved": "1001", "checks": [{"name": "kill_switch", "code": None, "facts": {}}] * 50})
_KINDS = ("alert_stored", "order_intent", "order_accepted", "alert_blocked", "buy_filled", "sell_filled")

# Of every tenth alert, 10 k, is the trade k; stops and targets are of their entry's alert.
_SCRIPT = """
INSERT INTO alert_log (received_at, ticker, action, alert_time, idempotency_key, payload_hash, raw_body, source_ip, status,
                       reason, duplicates, strategy, dialect, instruction, test)
WITH RECURSIVE one (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM one WHERE i < {alerts}),
     each_one (i, ticker, side, key, traded) AS (
         SELECT i, {ticker_of_alert}, CASE WHEN i / 10 % 5 = 2 THEN 'SELL' ELSE 'BUY' END, i * 2654435761 % 4294967296,
                i % 10 = 0 AND i / 10 % 5 IN (1, 2, 3)
         FROM one)
SELECT {at_alert}, ticker, side, {at_alert}, 'id:' || key || '-' || i,
       CASE WHEN i % 2 = 0 THEN 'the same text each time: ' || side || ' ' || ticker ELSE 'sha256 ' || key || ' ' || i END,
       CAST(CASE WHEN i * 2 > {alerts} THEN '{{"secret": "***", "action": "BUY", "ticker": "AAPL", "alert_id": "1"}}' ELSE '' END
            AS BYTEA),
       '52.89.214.238',
       CASE WHEN traded THEN 'EXECUTED' WHEN i % 20 = 1 THEN 'EXPIRED' WHEN i % 20 = 2 THEN 'REJECTED'
            WHEN i % 20 = 3 THEN 'FAILED' WHEN i % 20 = 4 THEN 'CLEARED' ELSE 'BLOCKED' END,
       CASE WHEN traded THEN NULL ELSE '{{"code": "market_closed", "facts": {{}}}}' END, 0, 'main', 'own',
       '{{"dialect": "own", "verb": "' || CASE side WHEN 'BUY' THEN 'buy' ELSE 'exit' END || '", "ticker": "' || ticker || '"}}',
       FALSE
FROM each_one ORDER BY i;

INSERT INTO trade (alert_id, ticker, con_id, side, requested_qty, filled_qty, avg_fill_price, commission, status, order_ref,
                   ib_order_id, perm_id, ib_position_before, decision, created_at, submitted_at, finished_at, strategy, role, n,
                   parent_trade_id, order_type, limit_price, stop_price, tif, outside_rth, reserved, placed_after, placed_nth)
WITH RECURSIVE one (k) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT k + 1 FROM one WHERE k < {trades}),
     each_one (k, role, entry) AS (
         SELECT k, CASE k % 5 WHEN 1 THEN 'ENTRY' WHEN 2 THEN 'EXIT' WHEN 3 THEN 'ENTRY' WHEN 4 THEN 'STOP' ELSE 'TARGET' END,
                CASE k % 5 WHEN 4 THEN k - 1 WHEN 0 THEN k - 2 END
         FROM one)
SELECT 10 * COALESCE(entry, k), {ticker_of_trade}, (k + 4) / 5 % 100 + 1, CASE role WHEN 'ENTRY' THEN 'BUY' ELSE 'SELL' END, 10,
       CASE role WHEN 'TARGET' THEN 0 ELSE 10 END, CASE WHEN role <> 'TARGET' THEN 100 END, 1,
       CASE role WHEN 'TARGET' THEN 'CANCELLED' ELSE 'FILLED' END, 'tb-' || (10 * k) || '-years', k, k, 0, '{decision}',
       {at_trade}, {at_trade}, {at_trade}, 'main', role, 1, entry,
       CASE role WHEN 'STOP' THEN 'STP' WHEN 'TARGET' THEN 'LMT' ELSE 'MKT' END, CASE role WHEN 'TARGET' THEN 110 END,
       CASE role WHEN 'STOP' THEN 100 END, CASE WHEN entry IS NULL THEN 'DAY' ELSE 'GTC' END, FALSE, 0,
       CASE WHEN role = 'STOP' THEN k + 1 END, CASE WHEN role = 'STOP' THEN 1 END
FROM each_one ORDER BY k;

INSERT INTO execution (root, revision, exec_id, trade_id, order_id, perm_id, shares, price, time, commission, realised)
SELECT 'years.' || (id * 2654435761 % 4294967296) || '.' || id, 1, 'years.' || id || '.01', id, id, id, 10, 100, created_at,
       1, 0
FROM trade WHERE status = 'FILLED' ORDER BY id;

INSERT INTO position (ticker, con_id, qty, entry_price, entry_time, status, exit_price, exit_time, pnl, commission,
                      opening_trade_id, closing_trade_id, strategy, splits)
SELECT b.ticker, b.con_id, 10, 100, b.created_at, 'CLOSED', 100, s.created_at, -2, 2, b.id, s.id, 'main', '[]'
FROM trade AS b JOIN trade AS s ON s.id = b.id + 1 WHERE b.side = 'BUY' ORDER BY b.id;

INSERT INTO event (at, kind, alert_id, trade_id, actor, facts, severity)
WITH part (p) AS (SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4)
SELECT CASE WHEN p = 1 THEN a.received_at ELSE COALESCE(t.created_at, a.received_at) END,
       CASE WHEN p = 1 THEN 'alert_stored' WHEN p = 2 THEN 'order_intent' WHEN p = 3 THEN 'order_accepted'
            WHEN t.id IS NULL THEN 'alert_blocked' WHEN t.side = 'BUY' THEN 'buy_filled' ELSE 'sell_filled' END,
       a.id, CASE WHEN p > 1 THEN t.id END, 'bot',
       CASE WHEN p = 1 THEN '{alert_stored}' WHEN p = 2 THEN '{order_intent}' WHEN p = 3 THEN '{order_accepted}'
            WHEN t.id IS NULL THEN '{alert_blocked}' WHEN t.side = 'BUY' THEN '{buy_filled}' ELSE '{sell_filled}' END,
       CASE WHEN p < 4 THEN 'TRACE' WHEN t.id IS NULL THEN 'WARNING' ELSE 'INFO' END
FROM alert_log AS a CROSS JOIN part LEFT JOIN trade AS t ON t.alert_id = a.id AND t.parent_trade_id IS NULL
WHERE p IN (1, 4) OR t.id IS NOT NULL
ORDER BY a.id, p;

INSERT INTO delivery (event_id, channel, state, attempts, delivered_at)
SELECT id, 'log', 'DELIVERED', 1, at FROM event WHERE severity <> 'TRACE' ORDER BY id;

INSERT INTO job_run (job, slot) SELECT 'health_check', created_at FROM trade;
INSERT INTO job_run (job, slot) SELECT 'prune', created_at FROM trade WHERE id % 100 = 0;
INSERT INTO equity (account, at, net_liquidation, cash) SELECT 'DU1234567', created_at, 100000, 50000 FROM trade;
INSERT INTO operation (key, name, actor, at) SELECT 'years ' || id, 'set_limit', 'Ann', created_at FROM trade WHERE id % 10 = 0;
"""


async def two_years(url: str, alerts: int, *, now: datetime | None = None) -> None:
    """Fills a migrated database, whose tables are empty, with so many alerts and a tenth as many trades."""
    end = (now or datetime.now(UTC)) - timedelta(days=1)
    begin, step = end - timedelta(days=DAYS), DAYS * 86400 // (alerts + 1)
    sqlite = isinstance(address.parse(url), address.SqliteAddress)

    def at(seconds: str) -> str:
        if sqlite:
            moment = f"strftime('%Y-%m-%dT%H:%M:%S', '{begin:%Y-%m-%d %H:%M:%S}', '+' || ({seconds}) || ' seconds')"
            return f"({moment} || '.000000+00:00')"
        return f"(CAST('{begin:%Y-%m-%d %H:%M:%S}+00' AS TIMESTAMPTZ) + ({seconds}) * INTERVAL '1 second')"

    script = _SCRIPT.format(
        alerts=alerts,
        trades=alerts // 10,
        ticker_of_alert=_TICKERS.format(n="((i / 10 + 4) / 5)"),
        ticker_of_trade=_TICKERS.format(n="((k + 4) / 5)"),
        at_alert=at(f"i * {step}"),
        at_trade=at(f"10 * k * {step} + 1"),
        decision=_DECISION,
        **{kind: event_facts.outgoing(every_kind()[EventKind(kind)]).replace("'", "''") for kind in _KINDS},
    )
    async with migrate.open_driver(url, TIMEOUT_S) as driver, driver.transaction() as transaction:
        await transaction.script(script)
    if not sqlite:
        await _as_autovacuum(url)


async def _as_autovacuum(url: str) -> None:
    """What every PostgreSQL does by itself within the minute."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()


def analyzed(path: str) -> None:
    """SQLite's statistics, as whoever opens the file with a tool may leave them there."""
    connection = sqlite3.connect(path)
    connection.execute("ANALYZE")
    connection.close()
