-- The way back of 0001: takes every table away, and all that the bot knows with them.

DROP TABLE job_run;
DROP TABLE event;
DROP TABLE bot_settings;
DROP TABLE execution;
DROP TABLE position;
DROP TABLE trade;
DROP TABLE alert_log;
