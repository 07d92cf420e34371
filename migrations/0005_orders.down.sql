-- The way back of 0005: exactly the tables of 0004.
-- Nothing is lost: with stops or targets there is no way back.

-- REFUSE: there are stops or targets, which the version before would take for orders that are to be done at once
SELECT 1 FROM trade WHERE role IN ('STOP', 'TARGET') LIMIT 1;

DROP INDEX trade_place;
DROP INDEX trade_finished_at;
ALTER TABLE trade DROP COLUMN placed_nth;
ALTER TABLE trade DROP COLUMN placed_after;
