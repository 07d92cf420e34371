-- The way back of 0010: exactly the tables of 0009.
-- Nothing is lost that IB would not tell again: in which industry a stock is, which the version before does not know.

DROP TABLE industry;
