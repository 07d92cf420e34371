-- 0002 for SQLite, which takes no constraint off a table: each is made anew beside the old one and filled from it, in an order in
-- which every reference holds at every moment. What the columns are for stands in PostgreSQL's text.

ALTER TABLE alert_log RENAME TO old_alert_log;
ALTER TABLE trade RENAME TO old_trade;
ALTER TABLE position RENAME TO old_position;
ALTER TABLE execution RENAME TO old_execution;
ALTER TABLE event RENAME TO old_event;

CREATE TABLE alert_log (
    id               BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at      TIMESTAMPTZ NOT NULL,
    ticker           TEXT,
    action           TEXT CHECK (action IN ('BUY', 'SELL')),
    price            NUMERIC,
    alert_time       TIMESTAMPTZ,
    primary_exchange TEXT,
    idempotency_key  TEXT NOT NULL UNIQUE,
    payload_hash     TEXT NOT NULL,
    raw_body         BYTEA NOT NULL,
    source_ip        TEXT,
    status           TEXT NOT NULL CHECK (status IN ('RECEIVED', 'PENDING', 'PROCESSING', 'EXECUTED', 'BLOCKED', 'FAILED',
                                                     'EXPIRED', 'CLEARED', 'UNKNOWN', 'REJECTED')),
    reason           TEXT,
    duplicates       BIGINT NOT NULL DEFAULT 0,
    strategy         TEXT NOT NULL,
    dialect          TEXT,
    instruction      TEXT,
    test             INTEGER NOT NULL
);

CREATE TABLE trade (
    id                 BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id           BIGINT NOT NULL REFERENCES alert_log (id),
    ticker             TEXT NOT NULL,
    con_id             BIGINT NOT NULL,
    side               TEXT NOT NULL CHECK (side IN ('BUY', 'SELL')),
    requested_qty      NUMERIC NOT NULL,
    filled_qty         NUMERIC NOT NULL,
    avg_fill_price     NUMERIC,
    commission         NUMERIC NOT NULL,
    status             TEXT NOT NULL CHECK (status IN ('SUBMITTING', 'SUBMITTED', 'FILLED', 'PARTIAL', 'CANCELLED', 'FAILED',
                                                       'UNKNOWN')),
    error_message      TEXT,
    order_ref          TEXT NOT NULL UNIQUE,
    ib_order_id        BIGINT,
    perm_id            BIGINT,
    ib_position_before NUMERIC,
    decision           TEXT NOT NULL,
    created_at         TIMESTAMPTZ NOT NULL,
    submitted_at       TIMESTAMPTZ,
    finished_at        TIMESTAMPTZ,
    strategy           TEXT NOT NULL,
    role               TEXT NOT NULL CHECK (role IN ('ENTRY', 'EXIT', 'STOP', 'TARGET', 'REBALANCE')),
    n                  BIGINT NOT NULL CHECK (n >= 1),
    group_id           TEXT,
    parent_trade_id    BIGINT REFERENCES trade (id),
    order_type         TEXT NOT NULL CHECK (order_type IN ('MKT', 'LMT', 'STP', 'STP LMT', 'TRAIL')),
    limit_price        NUMERIC,
    stop_price         NUMERIC,
    trail_amount       NUMERIC,
    trail_pct          NUMERIC,
    tif                TEXT NOT NULL CHECK (tif IN ('DAY', 'GTC', 'IOC', 'GTD')),
    good_till          TIMESTAMPTZ,
    outside_rth        INTEGER NOT NULL,
    reserved           NUMERIC NOT NULL,
    quote              TEXT,
    UNIQUE (alert_id, role, n)
);

CREATE TABLE position (
    id               BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ticker           TEXT NOT NULL,
    con_id           BIGINT NOT NULL,
    qty              NUMERIC NOT NULL,
    entry_price      NUMERIC NOT NULL,
    entry_time       TIMESTAMPTZ NOT NULL,
    status           TEXT NOT NULL CHECK (status IN ('OPEN', 'CLOSED')),
    exit_price       NUMERIC,
    exit_time        TIMESTAMPTZ,
    pnl              NUMERIC,
    commission       NUMERIC NOT NULL,
    opening_trade_id BIGINT NOT NULL REFERENCES trade (id),
    closing_trade_id BIGINT REFERENCES trade (id),
    strategy         TEXT NOT NULL,
    splits           TEXT NOT NULL,
    UNIQUE (opening_trade_id, closing_trade_id)
);

CREATE TABLE execution (
    root       TEXT NOT NULL PRIMARY KEY,
    revision   BIGINT NOT NULL,
    exec_id    TEXT NOT NULL,
    trade_id   BIGINT NOT NULL REFERENCES trade (id),
    order_id   BIGINT NOT NULL,
    perm_id    BIGINT NOT NULL,
    shares     NUMERIC NOT NULL,
    price      NUMERIC NOT NULL,
    time       TIMESTAMPTZ NOT NULL,
    commission NUMERIC,
    realised   NUMERIC
);

CREATE TABLE event (
    id       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       TIMESTAMPTZ NOT NULL,
    kind     TEXT NOT NULL,
    text     TEXT,
    alert_id BIGINT REFERENCES alert_log (id),
    trade_id BIGINT REFERENCES trade (id),
    actor    TEXT NOT NULL,
    facts    TEXT NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('TRACE', 'INFO', 'WARNING', 'CRITICAL')),
    code     TEXT
);

CREATE TABLE channel (
    name TEXT NOT NULL PRIMARY KEY
);

CREATE TABLE delivery (
    event_id     BIGINT NOT NULL REFERENCES event (id),
    channel      TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('PENDING', 'DELIVERED', 'FAILED')),
    attempts     BIGINT NOT NULL,
    error        TEXT,
    delivered_at TIMESTAMPTZ,
    PRIMARY KEY (event_id, channel),
    CHECK ((state = 'DELIVERED') = (delivered_at IS NOT NULL))
);

CREATE TABLE equity (
    account         TEXT NOT NULL,
    at              TIMESTAMPTZ NOT NULL,
    net_liquidation NUMERIC NOT NULL,
    cash            NUMERIC,
    unrealised      NUMERIC,
    realised_today  NUMERIC,
    PRIMARY KEY (account, at)
);

-- No id is given twice, not even that of a row that is gone.
INSERT INTO sqlite_sequence (name, seq) SELECT 'alert_log', seq FROM sqlite_sequence WHERE name = 'old_alert_log';
INSERT INTO sqlite_sequence (name, seq) SELECT 'trade', seq FROM sqlite_sequence WHERE name = 'old_trade';
INSERT INTO sqlite_sequence (name, seq) SELECT 'position', seq FROM sqlite_sequence WHERE name = 'old_position';
INSERT INTO sqlite_sequence (name, seq) SELECT 'event', seq FROM sqlite_sequence WHERE name = 'old_event';

INSERT INTO alert_log (
    id, received_at, ticker, action, price, alert_time, primary_exchange, idempotency_key, payload_hash, raw_body,
    source_ip, status, reason, duplicates, strategy, test
)
SELECT id, received_at, ticker, action, price, alert_time, primary_exchange, idempotency_key, payload_hash, raw_body,
       source_ip, status, reason, duplicates,
       'main',
       FALSE
FROM old_alert_log;

INSERT INTO trade (
    id, alert_id, ticker, con_id, side, requested_qty, filled_qty, avg_fill_price, commission, status, error_message,
    order_ref, ib_order_id, perm_id, ib_position_before, decision, created_at, submitted_at, finished_at, strategy,
    role, n, order_type, tif, outside_rth, reserved
)
SELECT id, alert_id, ticker, con_id, side, requested_qty, filled_qty, avg_fill_price, commission, status, error_message,
       order_ref, ib_order_id, perm_id, ib_position_before, decision, created_at, submitted_at, finished_at,
       'main',
       CASE side WHEN 'BUY' THEN 'ENTRY' ELSE 'EXIT' END,
       1,
       'MKT',
       'DAY',
       FALSE,
       COALESCE(json_extract(decision, '$.reserved'), '0')
FROM old_trade;

INSERT INTO position (
    id, ticker, con_id, qty, entry_price, entry_time, status, exit_price, exit_time, pnl, commission,
    opening_trade_id, closing_trade_id, strategy, splits
)
SELECT id, ticker, con_id, qty, entry_price, entry_time, status, exit_price, exit_time, pnl, commission,
       opening_trade_id, closing_trade_id,
       'main',
       '[]'
FROM old_position;

INSERT INTO execution (
    root, revision, exec_id, trade_id, order_id, perm_id, shares, price, time, commission, realised
)
SELECT root, revision, exec_id, trade_id, order_id, perm_id, shares, price, time, commission, realised
FROM old_execution;

INSERT INTO event (
    id, at, kind, text, alert_id, trade_id, actor, facts, severity
)
SELECT id, at, kind, text, alert_id, trade_id, actor,
       data,
       CASE
           WHEN kind IN ('alert_stored', 'order_intent', 'order_accepted', 'gate_opened') THEN 'TRACE'
           WHEN kind IN ('alert_conflict', 'order_unknown', 'exit_incomplete', 'alien_order', 'mismatch', 'broker_unreachable',
                         'trading_refused', 'health_failing') THEN 'CRITICAL'
           WHEN kind IN ('alert_rejected', 'alert_blocked', 'alert_failed', 'alert_expired', 'order_cancelling', 'order_failed',
                         'state_changed', 'broker_lost', 'job_failed', 'job_missed') THEN 'WARNING'
           ELSE 'INFO' END
FROM old_event;

INSERT INTO delivery (event_id, channel, state, attempts, delivered_at)
SELECT id, 'owner', CASE WHEN delivered_at IS NULL THEN 'PENDING' ELSE 'DELIVERED' END,
       CASE WHEN delivered_at IS NULL THEN 0 ELSE 1 END, delivered_at
FROM old_event;

DROP TABLE old_event;
DROP TABLE old_execution;
DROP TABLE old_position;
DROP TABLE old_trade;
DROP TABLE old_alert_log;

CREATE INDEX alert_log_status ON alert_log (status, id);
CREATE INDEX alert_log_payload_hash ON alert_log (payload_hash, id);
CREATE INDEX trade_status ON trade (status, id);
CREATE INDEX trade_ticker ON trade (ticker, id);
CREATE INDEX trade_created_at ON trade (created_at);
CREATE INDEX trade_ib_order_id ON trade (ib_order_id);
CREATE UNIQUE INDEX position_open_part ON position (opening_trade_id) WHERE closing_trade_id IS NULL;
CREATE INDEX position_ticker ON position (ticker, status);
CREATE INDEX position_status ON position (status, id);
CREATE INDEX position_exit_time ON position (exit_time);
CREATE INDEX position_closing_trade_id ON position (closing_trade_id);
CREATE INDEX execution_trade_id ON execution (trade_id);
CREATE INDEX event_alert_id ON event (alert_id, id);
CREATE INDEX event_trade_id ON event (trade_id);
CREATE INDEX alert_log_raw_body ON alert_log (received_at) WHERE length(raw_body) > 0;
CREATE INDEX trade_strategy_ticker ON trade (strategy, ticker, status, id);
CREATE INDEX trade_parent_trade_id ON trade (parent_trade_id);
CREATE INDEX position_strategy_ticker ON position (strategy, ticker, status);
CREATE INDEX event_kind_at ON event (kind, at);
CREATE INDEX event_at ON event (at);
CREATE INDEX delivery_pending ON delivery (channel, event_id) WHERE state = 'PENDING';

-- What a person did, by its idempotency key: never twice.
CREATE TABLE operation (
    key   TEXT NOT NULL PRIMARY KEY,
    name  TEXT NOT NULL,
    actor TEXT NOT NULL,
    at    TIMESTAMPTZ NOT NULL
);

UPDATE bot_settings SET key = 'limit.main.' || key
WHERE key IN ('buy_amount_usd', 'max_open_positions', 'max_daily_buys', 'max_total_investment', 'max_per_ticker',
              'max_daily_loss', 'min_cash_reserve');

-- What the version before called otherwise.
UPDATE event SET kind = 'order_resolved' WHERE kind = 'order_settled';
UPDATE event SET kind = 'orphan_order' WHERE kind = 'alien_order';
UPDATE bot_settings SET key = 'orphan_orders' WHERE key = 'alien_orders';
UPDATE bot_settings SET key = 'accepted_orphan_orders' WHERE key = 'accepted_alien_orders';
