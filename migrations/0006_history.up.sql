-- What costs the same after years as on the first day. Nothing is stored otherwise; only indexes change.

-- As small as what is going on, however much has ended: alerts and orders without an end, and open lots.
DROP INDEX alert_log_status;
CREATE INDEX alert_log_unfinished ON alert_log (id) WHERE status IN ('RECEIVED', 'PENDING', 'PROCESSING', 'UNKNOWN');
DROP INDEX trade_status;
CREATE INDEX trade_unresolved ON trade (id) WHERE status IN ('SUBMITTING', 'SUBMITTED', 'UNKNOWN');
DROP INDEX position_status;
CREATE INDEX position_open ON position (id) WHERE status = 'OPEN';

-- The newest trade of a strategy and ticker, however often another strategy traded it; in place of two that nothing else reads.
DROP INDEX trade_ticker;
DROP INDEX trade_strategy_ticker;
CREATE INDEX trade_strategy_ticker ON trade (strategy, ticker, id);

-- What happened of a kind since then, without a look at anything else that happened.
DROP INDEX event_kind_at;
CREATE INDEX event_kind_at ON event (kind, at, id);

-- Written with each event and lot, and read by nothing.
DROP INDEX event_trade_id;
DROP INDEX position_ticker;
