-- What a company did to its shares, as the owner confirmed it: open lots of `con_id` became lots of `new_con_id`, `new_shares` for
-- `old_shares`, after the trade `after_trade_id` and before every newer one. Lots are computed from trades and from these rows, so
-- that a correction of an older execution, or a late commission, needs no path of its own.
CREATE TABLE corporate_action (
    id             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at             TIMESTAMPTZ NOT NULL,
    ticker         TEXT NOT NULL,
    con_id         BIGINT NOT NULL,
    new_con_id     BIGINT NOT NULL,
    new_shares     BIGINT NOT NULL CHECK (new_shares >= 1),
    old_shares     BIGINT NOT NULL CHECK (old_shares >= 1),
    qty_before     NUMERIC NOT NULL,
    qty_after      NUMERIC NOT NULL,
    after_trade_id BIGINT NOT NULL REFERENCES trade (id),
    actor          TEXT NOT NULL
);
CREATE INDEX corporate_action_ticker ON corporate_action (ticker, id);
