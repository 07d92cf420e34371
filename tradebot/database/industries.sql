-- industries --
SELECT con_id, name FROM industry

-- put_industry --
INSERT INTO industry (con_id, name) VALUES (:con_id, :industry)
ON CONFLICT (con_id) DO UPDATE SET name = excluded.name
