-- The way back of 0001: takes every table away.
-- Lost is all that the bot knows.

DROP TABLE job_run;
DROP TABLE event;
DROP TABLE bot_settings;
DROP TABLE execution;
DROP TABLE position;
DROP TABLE trade;
DROP TABLE alert_log;
