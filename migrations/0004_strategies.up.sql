-- Limits have a scope: the account's, over the sum of all strategies, or one strategy's own. What was stored so far limits the account.
UPDATE bot_settings SET key = 'limit.account.' || substr(key, length('limit.main.') + 1) WHERE key LIKE 'limit.main.%';

-- A split is booked for each strategy that holds the stock, with its own shares.
ALTER TABLE corporate_action ADD COLUMN strategy TEXT NOT NULL DEFAULT 'main';
DROP INDEX corporate_action_ticker;
CREATE INDEX corporate_action_strategy_ticker ON corporate_action (strategy, ticker, id);

-- What a strategy's alerts were told of lately, and how many there were today.
CREATE INDEX alert_log_strategy_received_at ON alert_log (strategy, received_at);
