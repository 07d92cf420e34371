-- add_event --
INSERT INTO event (at, kind, severity, code, alert_id, trade_id, actor, facts)
VALUES (:at, :kind, :severity, :code, :alert_id, :trade_id, :actor, :facts)
RETURNING id

-- add_deliveries --
-- For each channel that wants it. While nobody serves a channel, the event waits for the owner.
INSERT INTO delivery (event_id, channel, state, attempts)
SELECT CAST(:event_id AS BIGINT), name, 'PENDING', 0 FROM channel
WHERE (severities IS NULL OR severities LIKE :like_severity) AND (kinds IS NULL OR kinds LIKE :like_kind)
UNION ALL
SELECT CAST(:event_id AS BIGINT), 'owner', 'PENDING', 0 WHERE NOT EXISTS (SELECT 1 FROM channel)

-- events --
SELECT e.id, e.at, e.kind, e.severity, e.text, e.alert_id, e.trade_id, e.actor, e.facts, a.strategy
FROM event AS e LEFT JOIN alert_log AS a ON a.id = e.alert_id
WHERE e.id > :after_id
ORDER BY e.id
LIMIT :limit

-- events_of_alert --
SELECT e.id, e.at, e.kind, e.severity, e.text, e.alert_id, e.trade_id, e.actor, e.facts, a.strategy
FROM event AS e LEFT JOIN alert_log AS a ON a.id = e.alert_id
WHERE e.alert_id = :alert_id AND e.id > :after_id
ORDER BY e.id
LIMIT :limit

-- events_since --
-- The ids come out of the index of kinds first: else PostgreSQL reads every event since then, of whichever kind.
SELECT e.id, e.at, e.kind, e.severity, e.text, e.alert_id, e.trade_id, e.actor, e.facts, a.strategy
FROM event AS e LEFT JOIN alert_log AS a ON a.id = e.alert_id
WHERE e.id IN (SELECT k.id FROM event AS k WHERE k.kind IN (:kinds) AND k.at >= :since AND k.at <= 'infinity')
ORDER BY e.id

-- newest_events --
-- Backwards from the newest, until so many are found.
SELECT e.id, e.at, e.kind, e.severity, e.text, e.alert_id, e.trade_id, e.actor, e.facts, a.strategy
FROM event AS e LEFT JOIN alert_log AS a ON a.id = e.alert_id
WHERE (e.severity || '') IN (:severities)
ORDER BY e.id DESC
LIMIT :limit

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

-- events_by_id --
SELECT e.id, e.at, e.kind, e.severity, e.text, e.alert_id, e.trade_id, e.actor, e.facts, a.strategy
FROM event AS e LEFT JOIN alert_log AS a ON a.id = e.alert_id
WHERE e.id IN (:ids)
ORDER BY e.id

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
