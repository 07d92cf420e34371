-- What IB calls the industry of a stock, as it was told when the stock was last looked up: exposure is shown by it.

CREATE TABLE industry (
    con_id BIGINT PRIMARY KEY,
    name   TEXT NOT NULL
);
