-- insert_alert --
INSERT INTO alert_log (received_at, ticker, action, price, alert_time, primary_exchange, idempotency_key, payload_hash,
                       raw_body, source_ip, status, reason, strategy, dialect, instruction, test)
VALUES (:received_at, :ticker, :action, :price, :alert_time, :primary_exchange, :idempotency_key, :payload_hash,
        :raw_body, :source_ip, :status, :reason, :strategy, :dialect, :instruction, :test)
ON CONFLICT (idempotency_key) DO NOTHING
RETURNING id, idempotency_key

-- alert --
SELECT * FROM alert_log WHERE id = :id

-- alert_by_key --
SELECT * FROM alert_log WHERE idempotency_key = :idempotency_key

-- recent_alert --
SELECT * FROM alert_log
WHERE payload_hash = :payload_hash AND received_at >= :since
ORDER BY id DESC
LIMIT 1

-- recent_alerts --
SELECT * FROM alert_log
WHERE id IN (SELECT MAX(id) FROM alert_log WHERE payload_hash IN (:payload_hashes) GROUP BY payload_hash)

-- count_duplicate --
UPDATE alert_log SET duplicates = duplicates + 1 WHERE id = :id

-- alerts --
-- An empty ticker or strategy stands for every one.
SELECT * FROM alert_log
WHERE status IN (:statuses) AND (:ticker = '' OR ticker = :ticker) AND (:strategy = '' OR strategy = :strategy)
ORDER BY id
LIMIT :limit

-- newest_alerts --
-- An empty ticker or strategy stands for every one.
SELECT * FROM alert_log
WHERE status IN (:statuses) AND (:ticker = '' OR ticker = :ticker) AND (:strategy = '' OR strategy = :strategy)
ORDER BY id DESC
LIMIT :limit

-- newest_alert_time --
SELECT alert_time FROM alert_log
WHERE strategy = :strategy AND ticker = :ticker AND action = :side AND received_at >= :since AND alert_time IS NOT NULL
  AND NOT test
ORDER BY alert_time DESC
LIMIT 1

-- count_alerts --
SELECT COUNT(*) AS count FROM alert_log
WHERE strategy = :strategy AND action = :side AND received_at >= :since AND id <= :up_to_id AND NOT test

-- move_alert --
UPDATE alert_log SET status = :to, reason = :reason
WHERE id = :id AND status IN (:from_)
RETURNING id
