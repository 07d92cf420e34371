-- The way back of 0008: exactly the tables of 0007.
-- Lost are the API's tokens, which have to be made anew, and its answers to what was asked with an Idempotency-Key.
DROP TABLE api_request;
DROP TABLE api_token;
