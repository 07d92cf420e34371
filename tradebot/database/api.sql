-- add_token --
INSERT INTO api_token (id, label, scope, made_at, made_by, expires_at, revoked_at)
VALUES (:id, :label, :scope, :made_at, :made_by, :expires_at, :revoked_at)

-- token --
SELECT id, label, scope, made_at, made_by, expires_at, revoked_at FROM api_token WHERE id = :id

-- tokens --
SELECT id, label, scope, made_at, made_by, expires_at, revoked_at FROM api_token ORDER BY made_at, id

-- revoke_token --
UPDATE api_token SET revoked_at = :at WHERE id = :id AND revoked_at IS NULL RETURNING id

-- begin_request --
INSERT INTO api_request (key, fingerprint, at) VALUES (:key, :fingerprint, :at) ON CONFLICT (key) DO NOTHING RETURNING key

-- request --
SELECT key, fingerprint, at, status, answer FROM api_request WHERE key = :key

-- answer_request --
UPDATE api_request SET status = :status, answer = :answer WHERE key = :key AND status IS NULL

-- prune_requests --
-- What was done under the key stays known to the operations themselves: only the answer is forgotten.
DELETE FROM api_request WHERE key IN (SELECT key FROM api_request WHERE at < :before ORDER BY at LIMIT :limit) RETURNING key
