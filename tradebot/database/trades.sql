-- insert_trade --
INSERT INTO trade (alert_id, ticker, con_id, side, requested_qty, filled_qty, commission, status, order_ref,
                   ib_position_before, decision, created_at, strategy, role, n, group_id, parent_trade_id, order_type,
                   limit_price, stop_price, trail_amount, trail_pct, tif, good_till, outside_rth, reserved, quote,
                   ib_order_id)
VALUES (:alert_id, :ticker, :con_id, :side, :requested_qty, :filled_qty, :commission, :status, :order_ref,
        :ib_position_before, :decision, :created_at, :strategy, :role, :n, :group_id, :parent_trade_id, :order_type,
        :limit_price, :stop_price, :trail_amount, :trail_pct, :tif, :good_till, :outside_rth, :reserved, :quote,
        :ib_order_id)
RETURNING id

-- decision --
SELECT decision FROM trade WHERE id = :id

-- trade --
SELECT {columns} FROM trade WHERE id = :id

-- trade_by_ref --
SELECT {columns} FROM trade WHERE order_ref = :order_ref

-- trades_of_alert --
-- Protective orders come beside an alert's order, not in its place.
SELECT {columns} FROM trade WHERE alert_id = :alert_id AND role IN ('ENTRY', 'EXIT') ORDER BY id

-- protection_of --
SELECT {columns} FROM trade WHERE parent_trade_id IN (:trade_ids) ORDER BY id

-- orders_of_alerts --
SELECT {columns} FROM trade WHERE alert_id IN (:alert_ids) ORDER BY id

-- newest_trades --
-- A page of all that there ever were.
SELECT {columns} FROM trade
WHERE id < :before AND (:strategy = '' OR strategy = :strategy)
ORDER BY id DESC
LIMIT :limit

-- trades --
-- An empty ticker or strategy stands for every one. States without an end are literals, for a partial index; orders that have ended
-- are read only where they are asked for, and by the index of times.
SELECT {columns} FROM trade
WHERE status IN ('SUBMITTING', 'SUBMITTED', 'UNKNOWN') AND status IN (:statuses)
  AND (:ticker = '' OR ticker = :ticker) AND (:strategy = '' OR strategy = :strategy) AND created_at >= :since
UNION ALL
SELECT {columns} FROM trade
WHERE status NOT IN ('SUBMITTING', 'SUBMITTED', 'UNKNOWN') AND status IN (:statuses)
  AND ('FILLED' IN (:statuses) OR 'PARTIAL' IN (:statuses) OR 'CANCELLED' IN (:statuses) OR 'FAILED' IN (:statuses))
  AND (:ticker = '' OR ticker = :ticker) AND (:strategy = '' OR strategy = :strategy)
  AND created_at >= :since AND created_at <= 'infinity'
ORDER BY id

-- trades_since --
-- Only the index of times keeps this small: `+ 0`, for else SQLite reads the whole table in the order of its ids.
SELECT {columns} FROM trade
WHERE (:ticker = '' OR ticker = :ticker) AND (:strategy = '' OR strategy = :strategy)
  AND created_at >= :since AND created_at <= 'infinity'
ORDER BY id + 0

-- trades_since_or_ended --
-- `+ 0` as above.
SELECT {columns} FROM trade
WHERE (created_at >= :since AND created_at <= 'infinity') OR (finished_at >= :since AND finished_at <= 'infinity')
   OR finished_at IS NULL
ORDER BY id + 0

-- trades_from --
SELECT {columns} FROM trade
WHERE strategy = :strategy AND ticker = :ticker AND COALESCE(placed_after, id) >= :after
  AND (COALESCE(placed_after, id), COALESCE(placed_nth, 0), id) >= (:after, :nth, :id)
ORDER BY COALESCE(placed_after, id), COALESCE(placed_nth, 0), id
LIMIT :limit

-- newest_trade_id --
SELECT COALESCE(MAX(id), 0) AS newest FROM trade WHERE strategy = :strategy AND ticker = :ticker

-- count_placed --
SELECT COUNT(*) AS found FROM trade
WHERE strategy = :strategy AND ticker = :ticker AND COALESCE(placed_after, id) = :after AND placed_after IS NOT NULL

-- trades_ended_since --
-- Few have just ended, of whichever ticker: by the index of ends alone.
SELECT {columns} FROM trade
WHERE (ticker || '') = :ticker AND (finished_at IS NULL OR (finished_at >= :since AND finished_at <= 'infinity'))
ORDER BY id + 0

-- save_trade --
UPDATE trade
SET filled_qty = :filled_qty, avg_fill_price = :avg_fill_price, commission = :commission, status = :status,
    error_message = :error_message, ib_order_id = :ib_order_id, perm_id = :perm_id, submitted_at = :submitted_at,
    finished_at = :finished_at, placed_after = :placed_after, placed_nth = :placed_nth
WHERE id = :id
RETURNING id

-- change_terms --
UPDATE trade
SET requested_qty = :qty, order_type = :order_type, limit_price = :limit_price, stop_price = :stop_price,
    trail_amount = :trail_amount, trail_pct = :trail_pct, tif = :tif, good_till = :good_till, outside_rth = :outside_rth
WHERE id = :id
RETURNING id

-- last_order_id --
SELECT COALESCE(MAX(ib_order_id), 0) AS last FROM trade

-- insert_execution --
INSERT INTO execution (root, revision, exec_id, trade_id, order_id, perm_id, shares, price, time, commission, realised)
VALUES (:root, :revision, :exec_id, :trade_id, :order_id, :perm_id, :shares, :price, :time, :commission, :realised)
ON CONFLICT (root) DO NOTHING
RETURNING root

-- replace_execution --
-- The revision that was read guards against another transaction's newer one.
UPDATE execution
SET revision = :revision, exec_id = :exec_id, order_id = :order_id, perm_id = :perm_id, shares = :shares, price = :price,
    time = :time, commission = :commission, realised = :realised
WHERE root = :root AND revision = :known_revision
RETURNING root

-- execution --
SELECT e.exec_id, t.order_ref, e.order_id, e.perm_id, t.con_id, t.ticker, t.side, e.shares, e.price, e.time, e.commission,
       e.realised
FROM execution AS e JOIN trade AS t ON t.id = e.trade_id
WHERE e.root = :root

-- executions --
SELECT e.exec_id, t.order_ref, e.order_id, e.perm_id, t.con_id, t.ticker, t.side, e.shares, e.price, e.time, e.commission,
       e.realised
FROM execution AS e JOIN trade AS t ON t.id = e.trade_id
WHERE e.trade_id = :trade_id
ORDER BY e.time, e.root

-- executions_since --
-- Every order is one of both sides: this tells PostgreSQL that few are meant, for else it reads every execution beside them.
SELECT e.exec_id, t.order_ref, e.order_id, e.perm_id, t.con_id, t.ticker, t.side, e.shares, e.price, e.time, e.commission,
       e.realised
FROM trade AS t JOIN execution AS e ON t.id = e.trade_id
WHERE t.created_at >= :since AND t.created_at <= 'infinity' AND (t.side || '') IN ('BUY', 'SELL')
ORDER BY e.time, e.root

-- executions_of --
SELECT e.trade_id, e.exec_id, t.order_ref, e.order_id, e.perm_id, t.con_id, t.ticker, t.side, e.shares, e.price, e.time,
       e.commission, e.realised
FROM execution AS e JOIN trade AS t ON t.id = e.trade_id
WHERE e.trade_id IN (:trade_ids)
ORDER BY e.time, e.root
