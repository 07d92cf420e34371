-- A stop or a target is stored with its entry and fills long after it: where its fills stand among those of its strategy and ticker.
-- Entries and exits stand at their ids.
ALTER TABLE trade ADD COLUMN placed_after BIGINT;
-- The how manyth there, by the first fill.
ALTER TABLE trade ADD COLUMN placed_nth BIGINT;
-- What waits at IB for its price may end long after it was stored.
CREATE INDEX trade_finished_at ON trade (finished_at);
CREATE INDEX trade_place ON trade (strategy, ticker, (COALESCE(placed_after, id)));
