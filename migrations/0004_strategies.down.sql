-- The way back of 0004: exactly the tables of 0003.
-- Lost are: limits and pauses of single strategies.

-- REFUSE: there are orders of another strategy than main, and the version before would mix their lots
SELECT 1 FROM trade WHERE strategy <> 'main' LIMIT 1;

-- REFUSE: there are alerts of another strategy than main that still wait, and the version before would trade them as its own
SELECT 1 FROM alert_log WHERE strategy <> 'main' AND status IN ('RECEIVED', 'PENDING', 'PROCESSING') LIMIT 1;

DROP INDEX alert_log_strategy_received_at;
DROP INDEX corporate_action_strategy_ticker;
ALTER TABLE corporate_action DROP COLUMN strategy;
CREATE INDEX corporate_action_ticker ON corporate_action (ticker, id);
DELETE FROM bot_settings WHERE key LIKE 'state.%' OR (key LIKE 'limit.%' AND key NOT LIKE 'limit.account.%');
UPDATE bot_settings SET key = 'limit.main.' || substr(key, length('limit.account.') + 1) WHERE key LIKE 'limit.account.%';
