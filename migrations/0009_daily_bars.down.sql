-- The way back of 0009: exactly the tables of 0008.
-- Nothing is lost that IB would not tell again: daily prices, which the version before does not know.

DROP TABLE daily_bar;
