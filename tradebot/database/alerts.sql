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

-- alert_by_own_id --
-- Each strategy's key by itself, by the index of keys: no kind's keys are looked through.
WITH RECURSIVE each_one (strategy) AS (
    SELECT MIN(strategy) FROM alert_log
    UNION ALL
    SELECT (SELECT MIN(later.strategy) FROM alert_log AS later WHERE later.strategy > each_one.strategy)
    FROM each_one WHERE each_one.strategy IS NOT NULL
)
SELECT * FROM alert_log
WHERE idempotency_key IN (
    SELECT CAST(:of_main AS TEXT) FROM each_one
    UNION
    SELECT 'id@' || strategy || ':' || CAST(:own_id AS TEXT) FROM each_one WHERE strategy IS NOT NULL
)
ORDER BY id + 0 DESC
LIMIT 1

-- own_alerts --
-- By the index of keys, whose kind comes first: a range, for an index of PostgreSQL's serves LIKE in one collation alone.
SELECT * FROM alert_log WHERE idempotency_key >= 'own' AND idempotency_key < 'owo' ORDER BY id

-- recent_alert --
-- The newest of all, and then whether it is recent: else the same text, sent for years, would be looked through each time.
SELECT * FROM (
    SELECT * FROM alert_log WHERE payload_hash = :payload_hash ORDER BY id DESC LIMIT 1
) AS newest
WHERE received_at >= :since

-- recent_alerts --
-- The newest of each text, without a look at its older ones.
WITH wanted (payload_hash) AS (VALUES (:payload_hashes))
SELECT * FROM alert_log
WHERE id IN (SELECT (SELECT MAX(same.id) FROM alert_log AS same WHERE same.payload_hash = wanted.payload_hash) FROM wanted)

-- count_duplicate --
UPDATE alert_log SET duplicates = duplicates + 1 WHERE id = :id

-- alerts --
-- An empty ticker or strategy stands for every one. States without an end are literals, for a partial index: it costs what is
-- going on, and not what ever ended, which is read only where it is asked for.
SELECT * FROM alert_log
WHERE status IN ('RECEIVED', 'PENDING', 'PROCESSING', 'UNKNOWN') AND status IN (:statuses)
  AND (:ticker = '' OR ticker = :ticker) AND (:strategy = '' OR strategy = :strategy)
UNION ALL
SELECT * FROM alert_log
WHERE status NOT IN ('RECEIVED', 'PENDING', 'PROCESSING', 'UNKNOWN') AND status IN (:statuses)
  AND ('EXECUTED' IN (:statuses) OR 'BLOCKED' IN (:statuses) OR 'FAILED' IN (:statuses) OR 'EXPIRED' IN (:statuses)
       OR 'CLEARED' IN (:statuses) OR 'REJECTED' IN (:statuses))
  AND (:ticker = '' OR ticker = :ticker) AND (:strategy = '' OR strategy = :strategy)
ORDER BY id
LIMIT :limit

-- newest_alerts --
-- An empty ticker or strategy stands for every one. Backwards from the newest, of a strategy by its own index, until so many
-- are found: `|| ''`, for else SQLite sorts all that ever had these states.
SELECT * FROM (
    SELECT * FROM alert_log
    WHERE :strategy = '' AND (status || '') IN (:statuses) AND (:ticker = '' OR ticker = :ticker)
    ORDER BY id DESC
    LIMIT :limit
) AS of_all
UNION ALL
SELECT * FROM (
    SELECT * FROM alert_log
    WHERE strategy = :strategy AND (status || '') IN (:statuses) AND (:ticker = '' OR ticker = :ticker)
    ORDER BY received_at DESC, id DESC
    LIMIT :limit
) AS of_one
ORDER BY id DESC
LIMIT :limit

-- search_alerts --
-- Backwards from an id, until so many are found: `|| ''`, for else SQLite sorts all that ever had these states; what tells most
-- rows apart comes first, for it looks at conditions in their order. What has not ended is found by its partial index: of an
-- UNKNOWN one there may be none, and all that ever ended would be looked through for it.
SELECT * FROM (
    SELECT * FROM alert_log
    WHERE status IN ('RECEIVED', 'PENDING', 'PROCESSING', 'UNKNOWN') AND status IN (:statuses) AND id < :before_id
      AND (:ticker = '' OR ticker = :ticker) AND (:strategy = '' OR (strategy || '') = :strategy)
    ORDER BY id DESC
    LIMIT :limit
) AS under_way
UNION ALL
SELECT * FROM (
    SELECT * FROM alert_log
    WHERE id < :before_id AND (:ticker = '' OR ticker = :ticker) AND (:strategy = '' OR (strategy || '') = :strategy)
      AND (status || '') IN (:statuses) AND status NOT IN ('RECEIVED', 'PENDING', 'PROCESSING', 'UNKNOWN')
      AND ('EXECUTED' IN (:statuses) OR 'BLOCKED' IN (:statuses) OR 'FAILED' IN (:statuses) OR 'EXPIRED' IN (:statuses)
           OR 'CLEARED' IN (:statuses) OR 'REJECTED' IN (:statuses))
    ORDER BY id DESC
    LIMIT :limit
) AS over
ORDER BY id DESC
LIMIT :limit

-- search_alerts_between --
-- By the index of strategies and times: what came then, strategy by strategy. `+ 0`, for else it may be read backwards from the newest.
WITH RECURSIVE each_one (strategy) AS (
    SELECT MIN(strategy) FROM alert_log
    UNION ALL
    SELECT (SELECT MIN(later.strategy) FROM alert_log AS later WHERE later.strategy > each_one.strategy)
    FROM each_one WHERE each_one.strategy IS NOT NULL
)
SELECT * FROM alert_log
WHERE strategy IN (SELECT strategy FROM each_one WHERE strategy IS NOT NULL) AND received_at >= :since AND received_at < :until
  AND (:strategy = '' OR (strategy || '') = :strategy)
  AND id + 0 < :before_id AND (status || '') IN (:statuses) AND (:ticker = '' OR ticker = :ticker)
ORDER BY id + 0 DESC
LIMIT :limit

-- newest_alert_time --
SELECT alert_time FROM alert_log
WHERE strategy = :strategy AND ticker = :ticker AND action = :side AND received_at >= :since AND received_at <= 'infinity'
  AND alert_time IS NOT NULL AND NOT test
ORDER BY alert_time DESC
LIMIT 1

-- count_alerts --
-- `+ 0`, for else SQLite may count from the first id on.
SELECT COUNT(*) AS count FROM alert_log
WHERE strategy = :strategy AND action = :side AND received_at >= :since AND received_at <= 'infinity'
  AND id + 0 <= :up_to_id AND NOT test

-- count_waiting --
-- By the partial index, without a row of each.
SELECT status, action, COUNT(*) AS count FROM alert_log
WHERE status IN ('RECEIVED', 'PENDING', 'PROCESSING', 'UNKNOWN') AND status IN ('RECEIVED', 'PENDING')
GROUP BY status, action

-- move_alert --
UPDATE alert_log SET status = :to, reason = :reason
WHERE id = :id AND status IN (:from_)
RETURNING id, strategy
