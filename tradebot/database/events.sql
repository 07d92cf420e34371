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

-- events_by_id --
SELECT e.id, e.at, e.kind, e.severity, e.text, e.alert_id, e.trade_id, e.actor, e.facts, a.strategy
FROM event AS e LEFT JOIN alert_log AS a ON a.id = e.alert_id
WHERE e.id IN (:ids)
ORDER BY e.id
