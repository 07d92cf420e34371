-- lots --
-- An empty ticker or strategy stands for every one. The state is a literal, for a partial index: it costs what is open, and not
-- what ever closed, which is read only where it is asked for.
SELECT * FROM position
WHERE status = 'OPEN' AND 'OPEN' IN (:statuses)
  AND (:ticker = '' OR ticker = :ticker) AND (:strategy = '' OR strategy = :strategy)
UNION ALL
SELECT * FROM position
WHERE status = 'CLOSED' AND 'CLOSED' IN (:statuses)
  AND (:ticker = '' OR ticker = :ticker) AND (:strategy = '' OR strategy = :strategy)
ORDER BY id

-- lots_closed_since --
-- Only the index of times keeps this small: `|| ''` and `+ 0`, for else SQLite reads all that ever closed.
SELECT * FROM position
WHERE exit_time >= :closed_since AND exit_time <= 'infinity' AND (status || '') IN (:statuses) AND (:ticker = '' OR ticker = :ticker)
  AND (:strategy = '' OR strategy = :strategy)
ORDER BY id + 0

-- realised_since_start --
-- SQLite adds up in binary: what is lost there is far below what is rounded off.
SELECT CAST(ROUND(COALESCE(SUM(pnl), 0), 4) AS TEXT) AS realised, MIN(entry_time) AS first
FROM position
WHERE (:strategy = '' OR strategy = :strategy)

-- lots_closed_by --
SELECT * FROM position WHERE closing_trade_id IN (:trade_ids) ORDER BY id

-- lots_of --
SELECT * FROM position WHERE opening_trade_id IN (:trade_ids) OR closing_trade_id IN (:trade_ids) ORDER BY id

-- lots_open_before --
-- By indexes from both sides: few lots are open, and few trades follow the newest. What opens a lot stands at its own id.
SELECT * FROM position
WHERE strategy = :strategy AND ticker = :ticker AND status = 'OPEN'
  AND (opening_trade_id < :after OR (opening_trade_id = :after AND (:nth > 0 OR opening_trade_id < :id)))
UNION ALL
SELECT * FROM position
WHERE closing_trade_id IN (
    SELECT id FROM trade
    WHERE strategy = :strategy AND ticker = :ticker AND COALESCE(placed_after, id) >= :after
      AND (COALESCE(placed_after, id), COALESCE(placed_nth, 0), id) >= (:after, :nth, :id)
)
  AND (opening_trade_id < :after OR (opening_trade_id = :after AND (:nth > 0 OR opening_trade_id < :id)))

-- insert_lot --
INSERT INTO position (ticker, con_id, qty, entry_price, entry_time, status, exit_price, exit_time, pnl, commission,
                      opening_trade_id, closing_trade_id, strategy, splits)
VALUES (:ticker, :con_id, :qty, :entry_price, :entry_time, :status, :exit_price, :exit_time, :pnl, :commission,
        :opening_trade_id, :closing_trade_id, :strategy, :splits)

-- update_lot --
UPDATE position
SET con_id = :con_id, qty = :qty, entry_price = :entry_price, entry_time = :entry_time, status = :status,
    exit_price = :exit_price, exit_time = :exit_time, pnl = :pnl, commission = :commission,
    strategy = :strategy, splits = :splits
WHERE id = :id

-- delete_lots --
DELETE FROM position WHERE id IN (:ids)

-- insert_corporate_action --
INSERT INTO corporate_action (at, ticker, con_id, new_con_id, new_shares, old_shares, qty_before, qty_after, after_trade_id,
                              actor, strategy)
VALUES (:at, :ticker, :con_id, :new_con_id, :new_shares, :old_shares, :qty_before, :qty_after, :after_trade_id, :actor,
        :strategy)

-- corporate_actions --
SELECT * FROM corporate_action WHERE strategy = :strategy AND ticker = :ticker ORDER BY id

-- histories --
SELECT ticker, CAST(SUM(trades) AS BIGINT) AS trades, CAST(SUM(alerts) AS BIGINT) AS alerts
FROM (
    SELECT ticker, 1 AS trades, 0 AS alerts FROM trade WHERE strategy = :strategy
    UNION ALL
    SELECT ticker, 0 AS trades, 1 AS alerts FROM alert_log WHERE strategy = :strategy AND ticker IS NOT NULL
) AS each_one
GROUP BY ticker
ORDER BY ticker

-- reassign_alerts --
UPDATE alert_log SET strategy = :to_strategy WHERE strategy = :from_strategy AND ticker = :ticker

-- reassign_trades --
UPDATE trade SET strategy = :to_strategy WHERE strategy = :from_strategy AND ticker = :ticker

-- reassign_lots --
UPDATE position SET strategy = :to_strategy WHERE strategy = :from_strategy AND ticker = :ticker

-- reassign_actions --
UPDATE corporate_action SET strategy = :to_strategy WHERE strategy = :from_strategy AND ticker = :ticker
