-- What the cards and the board are made of, and which messages they are.

-- How a session is doing, as far as it must be known again after a restart.
CREATE TABLE session_vitals (
    session_id      TEXT    NOT NULL PRIMARY KEY REFERENCES agent_sessions (session_id) ON DELETE CASCADE,
    -- good; warned and turn_failed: the last turn; died and not_started: the process.
    health          TEXT    NOT NULL DEFAULT 'good' CHECK (health IN ('good', 'warned', 'turn_failed', 'died', 'not_started')),
    model           TEXT,
    thinking        TEXT,
    tokens          INTEGER,
    context_percent REAL,
    cost            REAL    NOT NULL DEFAULT 0,
    -- The name that the thread was to get from the agent. There is one try, and this is its mark.
    title           TEXT,
    -- A person chose the thread's name: it stays.
    named           INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The messages that are edited in place for ever: one card a session, one board.
CREATE TABLE dashboards (
    -- The session's id, or `board`.
    place      TEXT    NOT NULL PRIMARY KEY,
    channel_id INTEGER NOT NULL,
    -- The row of the outbox that makes it. Written in one step with that row, so that no crash in between makes a
    -- second message.
    outbox_id  INTEGER NOT NULL,
    -- Once it exists.
    message_id INTEGER,
    -- A fingerprint of what it was last told to say.
    painted    TEXT    NOT NULL
) STRICT;
CREATE INDEX dashboards_rows ON dashboards (outbox_id);

ALTER TABLE agent_sessions DROP COLUMN dashboard_message_id;
