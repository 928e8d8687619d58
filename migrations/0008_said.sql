-- What a terminal said is written down together with the messages that say it: a crash just after has nothing said twice.
-- `shown_event` follows when nothing at all is left to show.
ALTER TABLE terminals ADD COLUMN said_event INTEGER NOT NULL DEFAULT 0;
