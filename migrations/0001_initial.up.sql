-- Every table of the bot. One text for both databases: PostgreSQL runs it as it stands; for SQLite the runner replaces a few
-- type words (money and times become TEXT there: exact, and sorted as times are).

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
CREATE INDEX alert_log_status ON alert_log (status, id);
CREATE INDEX alert_log_payload_hash ON alert_log (payload_hash, id);

-- One alert, one order: the database itself refuses a second one.
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
CREATE INDEX trade_status ON trade (status, id);
CREATE INDEX trade_ticker ON trade (ticker, id);
CREATE INDEX trade_created_at ON trade (created_at);
CREATE INDEX trade_ib_order_id ON trade (ib_order_id);

-- A row is a lot: shares of one BUY, open, or closed by one SELL.
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
-- NULLs never collide in a UNIQUE: the part of a lot that is still open needs its own.
CREATE UNIQUE INDEX position_open_part ON position (opening_trade_id) WHERE closing_trade_id IS NULL;
CREATE INDEX position_ticker ON position (ticker, status);
CREATE INDEX position_status ON position (status, id);
CREATE INDEX position_exit_time ON position (exit_time);
CREATE INDEX position_closing_trade_id ON position (closing_trade_id);

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
CREATE INDEX execution_trade_id ON execution (trade_id);

-- Limits, trading state, the account this database belongs to, the instance that trades and its epoch.
CREATE TABLE bot_settings (
    key        TEXT NOT NULL PRIMARY KEY,
    value      TEXT NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    updated_by TEXT NOT NULL
);

-- Append-only: outbox, audit trail and trace in one. Only delivered_at is ever written again.
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
CREATE INDEX event_undelivered ON event (id) WHERE delivered_at IS NULL;
CREATE INDEX event_alert_id ON event (alert_id, id);
CREATE INDEX event_trade_id ON event (trade_id);

-- A job and the New York slot it ran for: never twice.
CREATE TABLE job_run (
    job  TEXT NOT NULL,
    slot TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (job, slot)
);
