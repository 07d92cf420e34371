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

-- The version before takes every stored limit for a person's, above the file: those that are the file's go.
DELETE FROM bot_settings WHERE key LIKE 'limit.main.%' AND updated_by = 'configuration';
UPDATE bot_settings SET key = substr(key, 12)
WHERE key IN ('limit.main.buy_amount_usd', 'limit.main.max_open_positions', 'limit.main.max_daily_buys',
              'limit.main.max_total_investment', 'limit.main.max_per_ticker', 'limit.main.max_daily_loss',
              'limit.main.min_cash_reserve');

-- Why, as code and facts, is what the version before would show as JSON: it becomes the code in words.
UPDATE alert_log SET reason = replace(substring(reason FROM '^[{]"code": "([^"]+)", "facts": '), '_', ' ')
WHERE reason ~ '^[{]"code": "[^"]+", "facts": ';
UPDATE trade SET error_message = replace(substring(error_message FROM '^[{]"code": "([^"]+)", "facts": '), '_', ' ')
WHERE error_message ~ '^[{]"code": "[^"]+", "facts": ';

DROP TABLE operation;
DROP TABLE equity;

-- An event that waits for nobody (a trace) needs no second look: it counts as delivered when it happened.
DROP INDEX event_at;
DROP INDEX event_kind_at;
ALTER TABLE event RENAME COLUMN facts TO data;
ALTER TABLE event
    DROP COLUMN code,
    DROP COLUMN severity,
    ADD COLUMN delivered_at TIMESTAMPTZ;
UPDATE event
SET text = COALESCE(text, kind || ': ' || data),
    delivered_at = CASE
        WHEN NOT EXISTS (SELECT 1 FROM delivery AS d WHERE d.event_id = event.id) THEN at
        ELSE (SELECT MIN(d.delivered_at) FROM delivery AS d WHERE d.event_id = event.id) END;
ALTER TABLE event ALTER COLUMN text SET NOT NULL;
CREATE INDEX event_undelivered ON event (id) WHERE delivered_at IS NULL;
DROP TABLE delivery;
DROP TABLE channel;

DROP INDEX position_strategy_ticker;
ALTER TABLE position
    DROP COLUMN strategy,
    DROP COLUMN splits;

DROP INDEX trade_strategy_ticker;
DROP INDEX trade_parent_trade_id;
ALTER TABLE trade
    DROP CONSTRAINT trade_alert_id_role_n_key,
    ADD UNIQUE (alert_id),
    DROP COLUMN strategy,
    DROP COLUMN role,
    DROP COLUMN n,
    DROP COLUMN group_id,
    DROP COLUMN parent_trade_id,
    DROP COLUMN order_type,
    DROP COLUMN limit_price,
    DROP COLUMN stop_price,
    DROP COLUMN trail_amount,
    DROP COLUMN trail_pct,
    DROP COLUMN tif,
    DROP COLUMN good_till,
    DROP COLUMN outside_rth,
    DROP COLUMN reserved,
    DROP COLUMN quote;

DROP INDEX alert_log_raw_body;
ALTER TABLE alert_log
    DROP COLUMN strategy,
    DROP COLUMN dialect,
    DROP COLUMN instruction,
    DROP COLUMN test;

UPDATE event SET kind = 'order_settled' WHERE kind = 'order_resolved';
UPDATE event SET kind = 'alien_order' WHERE kind = 'orphan_order';
UPDATE event SET kind = 'books_corrected' WHERE kind = 'written_off';
UPDATE bot_settings SET key = 'alien_orders' WHERE key = 'orphan_orders';
UPDATE bot_settings SET key = 'accepted_alien_orders' WHERE key = 'accepted_orphan_orders';
