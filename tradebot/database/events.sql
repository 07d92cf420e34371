-- add_event --
INSERT INTO event (at, kind, text, alert_id, trade_id, actor, data)
VALUES (:at, :kind, '', :alert_id, :trade_id, :actor, :data)
RETURNING id

-- events --
SELECT * FROM event WHERE id > :after_id ORDER BY id LIMIT :limit

-- events_of_alert --
SELECT * FROM event WHERE alert_id = :alert_id AND id > :after_id ORDER BY id LIMIT :limit

-- events_since --
SELECT * FROM event WHERE kind IN (:kinds) AND at >= :since ORDER BY id

-- undelivered --
SELECT * FROM event WHERE delivered_at IS NULL AND kind IN (:kinds) ORDER BY id LIMIT :limit

-- mark_delivered --
UPDATE event SET delivered_at = :at WHERE id IN (:ids) AND delivered_at IS NULL
