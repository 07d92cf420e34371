-- The way back of 0006: exactly the tables of 0005.
-- Nothing is lost: only indexes change.

CREATE INDEX position_ticker ON position (ticker, status);
CREATE INDEX event_trade_id ON event (trade_id);
DROP INDEX event_kind_at;
CREATE INDEX event_kind_at ON event (kind, at);
DROP INDEX trade_strategy_ticker;
CREATE INDEX trade_strategy_ticker ON trade (strategy, ticker, status, id);
CREATE INDEX trade_ticker ON trade (ticker, id);
DROP INDEX position_open;
CREATE INDEX position_status ON position (status, id);
DROP INDEX trade_unresolved;
CREATE INDEX trade_status ON trade (status, id);
DROP INDEX alert_log_unfinished;
CREATE INDEX alert_log_status ON alert_log (status, id);
