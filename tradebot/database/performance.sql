-- add_equity --
INSERT INTO equity (account, at, net_liquidation, cash, unrealised, realised_today)
VALUES (:account, :at, :net_liquidation, :cash, :unrealised, :realised_today)
ON CONFLICT (account, at) DO NOTHING

-- equity --
SELECT account, at, net_liquidation, cash, unrealised, realised_today
FROM equity
WHERE account = :account AND at >= :since AND at < :until
ORDER BY at

-- closed_lots --
-- Page by page: from a place on in the index of exits.
SELECT * FROM position
WHERE exit_time >= :at AND exit_time <= 'infinity' AND (exit_time > :at OR id > :id)
ORDER BY exit_time, id
LIMIT :limit

-- sent_orders --
-- Page by page: from a place on in the index of decisions.
SELECT t.id, t.strategy, t.ticker, t.side, t.role, t.n, t.order_type, t.stop_price, t.filled_qty, t.avg_fill_price, t.status, t.quote,
       t.created_at, t.submitted_at, t.finished_at, a.received_at, a.alert_time, a.price AS alert_price
FROM (
    SELECT * FROM trade
    WHERE created_at >= :at AND created_at <= 'infinity' AND (created_at > :at OR id > :id)
    ORDER BY created_at, id
    LIMIT :limit
) AS t JOIN alert_log AS a ON a.id = t.alert_id
ORDER BY t.created_at, t.id

-- alert_outcomes --
SELECT status, COUNT(*) AS count FROM alert_log
WHERE strategy = :strategy AND received_at >= :since AND received_at < :until AND NOT test
GROUP BY status

-- first_equity --
SELECT MIN(at) AS first FROM equity WHERE account = :account

-- put_daily_bar --
INSERT INTO daily_bar (ticker, day, open, high, low, close) VALUES (:ticker, :day, :open, :high, :low, :close)
ON CONFLICT (ticker, day) DO UPDATE
SET open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close

-- daily_bars --
SELECT ticker, day, open, high, low, close FROM daily_bar WHERE ticker = :ticker AND day >= :since ORDER BY day
