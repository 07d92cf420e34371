-- industries --
SELECT con_id, name FROM industry

-- tickers_without_industry --
SELECT DISTINCT ticker FROM position WHERE status = 'OPEN' AND con_id NOT IN (SELECT con_id FROM industry) ORDER BY ticker

-- put_industry --
INSERT INTO industry (con_id, name) VALUES (:con_id, :industry)
ON CONFLICT (con_id) DO UPDATE SET name = excluded.name
