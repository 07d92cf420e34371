-- What the API needs to know of its users: which tokens were given out, never a token itself, and what each asked to be done, so
-- that the same question again gets the same answer.
CREATE TABLE api_token (
    id         TEXT PRIMARY KEY,
    label      TEXT NOT NULL,
    scope      TEXT NOT NULL CHECK (scope IN ('read', 'trade', 'admin')),
    made_at    TIMESTAMPTZ NOT NULL,
    made_by    TEXT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ
);

CREATE TABLE api_request (
    key         TEXT PRIMARY KEY,  -- of the client, with the token's id before it
    fingerprint TEXT NOT NULL,     -- SHA-256 (hex) of what was asked
    at          TIMESTAMPTZ NOT NULL,
    status      INTEGER,           -- NULL: not answered yet
    answer      TEXT               -- JSON
);
CREATE INDEX api_request_at ON api_request (at);
