-- The way back of 0002: exactly the tables of 0001, with every row that they can hold.
-- Lost are: which strategy an alert was for and what was understood of it, the quote at the decision, deliveries by channel (an
-- event that any of them delivered counts as delivered), severities, the account's equity, the
-- keys of what people did. Limits of other strategies stay
-- in bot_settings, where the version before does not look.
-- Orders that the version before could not have made are never lost or misread: with such rows there is no way back.

-- REFUSE: there are alerts with more than one order, which the version before cannot hold
SELECT 1 FROM trade GROUP BY alert_id HAVING COUNT(*) > 1 LIMIT 1;

-- REFUSE: there are orders of another strategy, role or type than the version before knows, and it would misread them
SELECT 1 FROM trade
WHERE strategy <> 'main' OR role <> CASE side WHEN 'BUY' THEN 'ENTRY' ELSE 'EXIT' END OR order_type <> 'MKT' OR tif <> 'DAY'
LIMIT 1;

-- REFUSE: there are lots that went through a split, which the version before would count in the old shares
SELECT 1 FROM position WHERE splits <> '[]' LIMIT 1;

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
    duplicates       BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE trade (
    id                 BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id           BIGINT NOT NULL UNIQUE REFERENCES alert_log (id),
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
    finished_at        TIMESTAMPTZ
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
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           TIMESTAMPTZ NOT NULL,
    kind         TEXT NOT NULL,
    text         TEXT NOT NULL,
    alert_id     BIGINT REFERENCES alert_log (id),
    trade_id     BIGINT REFERENCES trade (id),
    actor        TEXT NOT NULL,
    data         TEXT NOT NULL,
    delivered_at TIMESTAMPTZ
);

-- No id is given twice, not even that of a row that is gone.
INSERT INTO sqlite_sequence (name, seq) SELECT 'alert_log', seq FROM sqlite_sequence WHERE name = 'old_alert_log';
INSERT INTO sqlite_sequence (name, seq) SELECT 'trade', seq FROM sqlite_sequence WHERE name = 'old_trade';
INSERT INTO sqlite_sequence (name, seq) SELECT 'position', seq FROM sqlite_sequence WHERE name = 'old_position';
INSERT INTO sqlite_sequence (name, seq) SELECT 'event', seq FROM sqlite_sequence WHERE name = 'old_event';

INSERT INTO alert_log (
    id, received_at, ticker, action, price, alert_time, primary_exchange, idempotency_key, payload_hash, raw_body,
    source_ip, status, reason, duplicates
)
SELECT id, received_at, ticker, action, price, alert_time, primary_exchange, idempotency_key, payload_hash, raw_body,
       source_ip, status, reason, duplicates
FROM old_alert_log;

INSERT INTO trade (
    id, alert_id, ticker, con_id, side, requested_qty, filled_qty, avg_fill_price, commission, status, error_message,
    order_ref, ib_order_id, perm_id, ib_position_before, decision, created_at, submitted_at, finished_at
)
SELECT id, alert_id, ticker, con_id, side, requested_qty, filled_qty, avg_fill_price, commission, status, error_message,
       order_ref, ib_order_id, perm_id, ib_position_before, decision, created_at, submitted_at, finished_at
FROM old_trade;

INSERT INTO position (
    id, ticker, con_id, qty, entry_price, entry_time, status, exit_price, exit_time, pnl, commission,
    opening_trade_id, closing_trade_id
)
SELECT id, ticker, con_id, qty, entry_price, entry_time, status, exit_price, exit_time, pnl, commission,
       opening_trade_id, closing_trade_id
FROM old_position;

INSERT INTO execution (
    root, revision, exec_id, trade_id, order_id, perm_id, shares, price, time, commission, realised
)
SELECT root, revision, exec_id, trade_id, order_id, perm_id, shares, price, time, commission, realised
FROM old_execution;

-- An event that waits for nobody (a trace) needs no second look: it counts as delivered when it happened.
INSERT INTO event (
    id, at, kind, alert_id, trade_id, actor, text, data, delivered_at
)
SELECT id, at, kind, alert_id, trade_id, actor,
       COALESCE(text, kind || ': ' || facts),
       facts,
       CASE
           WHEN NOT EXISTS (SELECT 1 FROM delivery AS d WHERE d.event_id = old_event.id) THEN at
           ELSE (SELECT MIN(d.delivered_at) FROM delivery AS d WHERE d.event_id = old_event.id) END
FROM old_event;

DROP TABLE delivery;
DROP TABLE channel;
DROP TABLE operation;
DROP TABLE equity;
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
CREATE INDEX event_undelivered ON event (id) WHERE delivered_at IS NULL;
CREATE INDEX event_alert_id ON event (alert_id, id);
CREATE INDEX event_trade_id ON event (trade_id);

-- The version before takes every stored limit for a person's, above the file: those that are the file's go.
DELETE FROM bot_settings WHERE key LIKE 'limit.main.%' AND updated_by = 'configuration';
UPDATE bot_settings SET key = substr(key, 12)
WHERE key IN ('limit.main.buy_amount_usd', 'limit.main.max_open_positions', 'limit.main.max_daily_buys',
              'limit.main.max_total_investment', 'limit.main.max_per_ticker', 'limit.main.max_daily_loss',
              'limit.main.min_cash_reserve');

UPDATE event SET kind = 'order_settled' WHERE kind = 'order_resolved';
UPDATE event SET kind = 'alien_order' WHERE kind = 'orphan_order';
UPDATE event SET kind = 'books_corrected' WHERE kind = 'written_off';
UPDATE bot_settings SET key = 'alien_orders' WHERE key = 'orphan_orders';
UPDATE bot_settings SET key = 'accepted_alien_orders' WHERE key = 'accepted_orphan_orders';

-- Why, as code and facts, is what the version before would show as JSON: it becomes the code in words.
UPDATE alert_log SET reason = replace(json_extract(reason, '$.code'), '_', ' ')
WHERE reason LIKE '{"code": "%", "facts": {%' AND json_valid(reason);
UPDATE trade SET error_message = replace(json_extract(error_message, '$.code'), '_', ' ')
WHERE error_message LIKE '{"code": "%", "facts": {%' AND json_valid(error_message);
