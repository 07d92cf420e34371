-- The benchmark's daily prices, and those of what is held: performance is measured beside them.

CREATE TABLE daily_bar (
    ticker TEXT NOT NULL,
    day    TEXT NOT NULL,
    open   NUMERIC NOT NULL,
    high   NUMERIC NOT NULL,
    low    NUMERIC NOT NULL,
    close  NUMERIC NOT NULL,
    PRIMARY KEY (ticker, day)
);
