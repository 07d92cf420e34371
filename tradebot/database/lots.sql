-- lots --
-- An empty ticker stands for every ticker.
SELECT * FROM position
WHERE status IN (:statuses) AND (:ticker = '' OR ticker = :ticker)
ORDER BY id

-- lots_closed_since --
SELECT * FROM position
WHERE exit_time >= :closed_since AND status IN (:statuses) AND (:ticker = '' OR ticker = :ticker)
ORDER BY id

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
                              actor)
VALUES (:at, :ticker, :con_id, :new_con_id, :new_shares, :old_shares, :qty_before, :qty_after, :after_trade_id, :actor)

-- corporate_actions --
SELECT * FROM corporate_action WHERE ticker = :ticker ORDER BY id
