-- Room for strategies, several orders an alert, order types, channels and the account's equity. PostgreSQL's text; SQLite's
-- stands beside it. Every old row gets the only values there were: strategy `main`, role ENTRY (BUY) or EXIT (SELL), MKT, DAY.

ALTER TABLE alert_log
    ADD COLUMN strategy    TEXT NOT NULL DEFAULT 'main',
    ADD COLUMN dialect     TEXT,
    ADD COLUMN instruction TEXT,
    ADD COLUMN test        BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE alert_log
    ALTER COLUMN strategy DROP DEFAULT,
    ALTER COLUMN test DROP DEFAULT;
-- Bodies that are still kept, by age: what the retention takes away.
CREATE INDEX alert_log_raw_body ON alert_log (received_at) WHERE length(raw_body) > 0;

-- One order an alert and role, counted by n: the database itself refuses a second one.
-- What an order reserves comes out of the decision's JSON as the text that it is there.
ALTER TABLE trade
    ADD COLUMN strategy        TEXT NOT NULL DEFAULT 'main',
    ADD COLUMN role            TEXT,
    ADD COLUMN n               BIGINT NOT NULL DEFAULT 1,
    ADD COLUMN group_id        TEXT,
    ADD COLUMN parent_trade_id BIGINT REFERENCES trade (id),
    ADD COLUMN order_type      TEXT NOT NULL DEFAULT 'MKT',
    ADD COLUMN limit_price     NUMERIC,
    ADD COLUMN stop_price      NUMERIC,
    ADD COLUMN trail_amount    NUMERIC,
    ADD COLUMN trail_pct       NUMERIC,
    ADD COLUMN tif             TEXT NOT NULL DEFAULT 'DAY',
    ADD COLUMN good_till       TIMESTAMPTZ,
    ADD COLUMN outside_rth     BOOLEAN NOT NULL DEFAULT FALSE,
    ADD COLUMN reserved        NUMERIC,
    ADD COLUMN quote           TEXT;
UPDATE trade
SET role = CASE side WHEN 'BUY' THEN 'ENTRY' ELSE 'EXIT' END,
    reserved = COALESCE(CAST(trim(BOTH '"' FROM CAST(CAST(decision AS JSON) -> 'reserved' AS TEXT)) AS NUMERIC), 0);
ALTER TABLE trade
    ALTER COLUMN strategy DROP DEFAULT,
    ALTER COLUMN role SET NOT NULL,
    ALTER COLUMN n DROP DEFAULT,
    ALTER COLUMN order_type DROP DEFAULT,
    ALTER COLUMN tif DROP DEFAULT,
    ALTER COLUMN outside_rth DROP DEFAULT,
    ALTER COLUMN reserved SET NOT NULL,
    ADD CHECK (role IN ('ENTRY', 'EXIT', 'STOP', 'TARGET', 'REBALANCE')),
    ADD CHECK (n >= 1),
    ADD CHECK (order_type IN ('MKT', 'LMT', 'STP', 'STP LMT', 'TRAIL')),
    ADD CHECK (tif IN ('DAY', 'GTC', 'IOC', 'GTD')),
    DROP CONSTRAINT trade_alert_id_key,
    ADD UNIQUE (alert_id, role, n);
CREATE INDEX trade_strategy_ticker ON trade (strategy, ticker, status, id);
CREATE INDEX trade_parent_trade_id ON trade (parent_trade_id);

-- `splits`: every split that the lot went through, oldest first, as JSON ([{"at", "new", "old"}]): a list and not one factor,
-- for a correction of an older execution must know which splits came after it.
ALTER TABLE position
    ADD COLUMN strategy TEXT NOT NULL DEFAULT 'main',
    ADD COLUMN splits   TEXT NOT NULL DEFAULT '[]';
ALTER TABLE position
    ALTER COLUMN strategy DROP DEFAULT,
    ALTER COLUMN splits DROP DEFAULT;
CREATE INDEX position_strategy_ticker ON position (strategy, ticker, status);

-- Who is told of events, at this moment: each of these gets a delivery of every event that is more than a trace. While there is none,
-- events wait for `owner`; whoever serves the owner first takes over what waits.
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
-- As small as what waits, however long the table grows: it is read twice a second.
CREATE INDEX delivery_pending ON delivery (channel, event_id) WHERE state = 'PENDING';

-- The version before knew one outbox and no channel. What it delivered was delivered to the owner; what it did not waits for
-- the owner, and goes to the channel that is served first after the upgrade, whichever that is: delivered once, and never again.
INSERT INTO delivery (event_id, channel, state, attempts, delivered_at)
SELECT id, 'owner', CASE WHEN delivered_at IS NULL THEN 'PENDING' ELSE 'DELIVERED' END,
       CASE WHEN delivered_at IS NULL THEN 0 ELSE 1 END, delivered_at
FROM event;

-- `text` is what the version before has said; `facts` (JSON) is what there is to say.
DROP INDEX event_undelivered;
ALTER TABLE event DROP COLUMN delivered_at;
ALTER TABLE event RENAME COLUMN data TO facts;
ALTER TABLE event
    ALTER COLUMN text DROP NOT NULL,
    ADD COLUMN severity TEXT,
    ADD COLUMN code     TEXT;
UPDATE event
SET severity = CASE
    WHEN kind IN ('alert_stored', 'order_intent', 'order_accepted', 'gate_opened') THEN 'TRACE'
    WHEN kind IN ('alert_conflict', 'order_unknown', 'exit_incomplete', 'alien_order', 'mismatch', 'broker_unreachable',
                  'trading_refused', 'health_failing') THEN 'CRITICAL'
    WHEN kind IN ('alert_rejected', 'alert_blocked', 'alert_failed', 'alert_expired', 'order_cancelling', 'order_failed',
                  'state_changed', 'broker_lost', 'job_failed', 'job_missed') THEN 'WARNING'
    ELSE 'INFO' END;
ALTER TABLE event
    ALTER COLUMN severity SET NOT NULL,
    ADD CHECK (severity IN ('TRACE', 'INFO', 'WARNING', 'CRITICAL'));
CREATE INDEX event_kind_at ON event (kind, at);
CREATE INDEX event_at ON event (at);

-- What the account was worth, as IB reports it.
CREATE TABLE equity (
    account         TEXT NOT NULL,
    at              TIMESTAMPTZ NOT NULL,
    net_liquidation NUMERIC NOT NULL,
    cash            NUMERIC,
    unrealised      NUMERIC,
    realised_today  NUMERIC,
    PRIMARY KEY (account, at)
);

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
