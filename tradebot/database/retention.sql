-- prunable_events --
-- Kept however old: what some channel still waits for; what belongs to an alert that has no certain end yet, to an order at work
-- or UNKNOWN, or to the order of a lot that is still open.
SELECT e.id FROM event AS e
WHERE e.at < :before AND e.at >= '-infinity'
  AND NOT EXISTS (SELECT 1 FROM delivery AS d WHERE d.event_id = e.id AND d.state = 'PENDING')
  AND NOT EXISTS (
      SELECT 1 FROM alert_log AS a
      WHERE a.id = e.alert_id AND a.status IN ('RECEIVED', 'PENDING', 'PROCESSING', 'UNKNOWN'))
  AND NOT EXISTS (
      SELECT 1 FROM trade AS t
      WHERE (t.id = e.trade_id OR t.alert_id = e.alert_id)
        AND (t.status IN ('SUBMITTING', 'SUBMITTED', 'UNKNOWN')
             OR EXISTS (SELECT 1 FROM position AS p WHERE p.opening_trade_id = t.id AND p.status = 'OPEN')))
ORDER BY e.at
LIMIT :limit

-- prune_deliveries --
DELETE FROM delivery WHERE event_id IN (:ids)

-- prune_events --
DELETE FROM event WHERE id IN (:ids)

-- prune_job_runs --
-- Each job keeps its newest slot: a restart would run it again.
DELETE FROM job_run WHERE (job, slot) IN (
    SELECT r.job, r.slot FROM job_run AS r
    WHERE r.slot < :before AND r.slot < (SELECT MAX(n.slot) FROM job_run AS n WHERE n.job = r.job)
    ORDER BY r.job, r.slot
    LIMIT :limit)
RETURNING job

-- prune_raw_bodies --
-- The alert stays, with its key and its hash: a replay years later is still a duplicate.
UPDATE alert_log SET raw_body = :empty WHERE id IN (
    SELECT id FROM alert_log
    WHERE received_at < :before AND received_at >= '-infinity' AND length(raw_body) > 0
      AND status NOT IN ('RECEIVED', 'PENDING', 'PROCESSING', 'UNKNOWN')
    ORDER BY received_at
    LIMIT :limit)
RETURNING id
