-- What a person did, by its idempotency key: never twice.
CREATE TABLE operation (
    key  TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    actor TEXT NOT NULL,
    at   TIMESTAMPTZ NOT NULL
);
