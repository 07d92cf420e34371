-- A channel may want some events only: those of these severities and of these kinds, a list with a blank around each name. NULL: all.
ALTER TABLE channel ADD COLUMN severities TEXT;
ALTER TABLE channel ADD COLUMN kinds TEXT;
