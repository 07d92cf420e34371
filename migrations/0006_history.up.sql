-- What costs the same after years as on the first day. Nothing is stored otherwise; only indexes change.

-- Orders in these states, and of these the newest: what was ever cancelled is not read to find what was cancelled lately.
DROP INDEX trade_status;
CREATE INDEX trade_status ON trade (status, created_at);

-- The newest trade of a strategy and ticker, however often another strategy traded it; in place of two that nothing else reads.
DROP INDEX trade_ticker;
DROP INDEX trade_strategy_ticker;
CREATE INDEX trade_strategy_ticker ON trade (strategy, ticker, id);

-- As small as what is held, however much was ever closed.
DROP INDEX position_status;
CREATE INDEX position_open ON position (id) WHERE status = 'OPEN';

-- Written with each event and lot, and read by nothing.
DROP INDEX event_trade_id;
DROP INDEX position_ticker;
