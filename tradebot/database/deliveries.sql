-- undelivered --
-- Read from the index of what waits: it costs what waits, not what was ever delivered. The state is a literal, for a partial index.
SELECT e.id, e.at, e.kind, e.severity, e.text, e.alert_id, e.trade_id, e.actor, e.facts, a.strategy
FROM delivery AS d JOIN event AS e ON e.id = d.event_id LEFT JOIN alert_log AS a ON a.id = e.alert_id
WHERE d.channel = :channel AND d.state = 'PENDING' AND e.severity IN (:severities)
ORDER BY d.event_id
LIMIT :limit

-- mark_delivered --
UPDATE delivery SET state = 'DELIVERED', attempts = attempts + 1, error = NULL, delivered_at = :at
WHERE channel = :channel AND event_id IN (:ids) AND state <> 'DELIVERED'

-- delivery_failed --
UPDATE delivery SET attempts = attempts + 1, error = :error
WHERE channel = :channel AND event_id IN (:ids) AND state = 'PENDING'

-- give_up_delivery --
UPDATE delivery SET state = 'FAILED', attempts = attempts + 1, error = :error
WHERE channel = :channel AND event_id IN (:ids) AND state = 'PENDING'

-- deliveries --
SELECT event_id, channel, state, attempts, error, delivered_at FROM delivery WHERE event_id IN (:ids) ORDER BY event_id, channel

-- newest_deliveries --
-- By the event's id downwards: it costs what is shown.
SELECT event_id, channel, state, attempts, error, delivered_at FROM delivery
WHERE (:channel = '' OR channel = :channel) AND state IN (:states)
ORDER BY event_id DESC, channel
LIMIT :limit

-- untold_since --
-- Read from the index of what waits. Whoever has it from one of these channels has been told.
SELECT MIN(e.at) AS at
FROM delivery AS d JOIN event AS e ON e.id = d.event_id
WHERE d.channel IN (:channels) AND d.state = 'PENDING' AND e.severity = 'CRITICAL'
  AND NOT EXISTS (
      SELECT 1 FROM delivery AS o WHERE o.event_id = d.event_id AND o.channel IN (:channels) AND o.state = 'DELIVERED')

-- backlogs --
-- Out of the index of what waits, and no further than asked for.
SELECT c.name AS channel,
       (SELECT COUNT(*) FROM (
            SELECT 1 FROM delivery AS d WHERE d.channel = c.name AND d.state = 'PENDING' LIMIT :most) AS counted) AS waiting,
       (SELECT e.at FROM delivery AS d JOIN event AS e ON e.id = d.event_id
        WHERE d.channel = c.name AND d.state = 'PENDING' ORDER BY d.event_id LIMIT 1) AS oldest
FROM channel AS c
ORDER BY c.name

-- open_channel --
INSERT INTO channel (name, severities, kinds) VALUES (:channel, :severities, :kinds)
ON CONFLICT (name) DO UPDATE SET severities = excluded.severities, kinds = excluded.kinds

-- close_channels --
DELETE FROM channel WHERE name NOT IN (:channels)

-- take_over --
INSERT INTO delivery (event_id, channel, state, attempts)
SELECT DISTINCT event_id, CAST(:heir AS TEXT), 'PENDING', 0
FROM delivery
WHERE state = 'PENDING' AND channel NOT IN (:channels)
ON CONFLICT (event_id, channel) DO NOTHING

-- give_up_taken_over --
DELETE FROM delivery WHERE state = 'PENDING' AND channel NOT IN (:channels)
