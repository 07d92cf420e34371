-- settings --
SELECT key, value FROM bot_settings ORDER BY key

-- setting_authors --
SELECT key, updated_by FROM bot_settings ORDER BY key

-- claim --
INSERT INTO operation (key, name, actor, at) VALUES (:key, :operation, :by, :at) ON CONFLICT (key) DO NOTHING RETURNING key

-- was_claimed --
SELECT key FROM operation WHERE key = :key

-- put_setting --
INSERT INTO bot_settings (key, value, updated_at, updated_by) VALUES (:key, :value, :at, :by)
ON CONFLICT (key) DO UPDATE
SET value = excluded.value, updated_at = excluded.updated_at, updated_by = excluded.updated_by

-- forget_setting --
DELETE FROM bot_settings WHERE key = :key

-- record_job --
INSERT INTO job_run (job, slot) VALUES (:job, :slot) ON CONFLICT (job, slot) DO NOTHING RETURNING job

-- job_runs --
-- From job to job in the index, and there to its end: it costs how many jobs there are, not how often they ran.
WITH RECURSIVE each_job (job) AS (
    SELECT MIN(job) FROM job_run
    UNION ALL
    SELECT (SELECT MIN(next.job) FROM job_run AS next WHERE next.job > each_job.job) FROM each_job WHERE each_job.job IS NOT NULL
)
SELECT job, (SELECT MAX(run.slot) FROM job_run AS run WHERE run.job = each_job.job) AS slot
FROM each_job WHERE job IS NOT NULL
ORDER BY job
