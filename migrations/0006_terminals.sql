-- Sessions of terminals: how far their events were shown, what became of their commands, and how they end.

-- The same with one more way to go, and with how far the thread is.
CREATE TABLE terminals_new (
    session_id        TEXT    NOT NULL PRIMARY KEY REFERENCES agent_sessions (session_id) ON DELETE CASCADE,
    -- The agent's own id of the conversation: attaching it again finds the same session.
    agent_session_id  TEXT    NOT NULL UNIQUE,
    host              TEXT,
    pid               INTEGER NOT NULL,
    agent_version     TEXT    NOT NULL,
    extension_version TEXT    NOT NULL,
    attached_at       INTEGER NOT NULL,
    -- NULL while it is attached.
    detached_at       INTEGER,
    -- off: a person said so; closed: the terminal ended; lost: it was not heard of any more.
    detach_reason     TEXT CHECK (detach_reason IN ('off', 'closed', 'lost')),
    -- Its events up to this one were shown in the thread.
    shown_event       INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO terminals_new (session_id, agent_session_id, host, pid, agent_version, extension_version, attached_at,
    detached_at, detach_reason)
SELECT session_id, agent_session_id, host, pid, agent_version, extension_version, attached_at, detached_at, detach_reason
FROM terminals;
DROP TABLE terminals;
ALTER TABLE terminals_new RENAME TO terminals;

-- The prompt that a command carries.
ALTER TABLE terminal_commands ADD COLUMN prompt_id INTEGER REFERENCES prompts (prompt_id) ON DELETE CASCADE;
-- When it was first given to the terminal; NULL means that the terminal cannot know of it.
ALTER TABLE terminal_commands ADD COLUMN given_at INTEGER;

-- How the author is called: the terminal shows whose prompt it is.
ALTER TABLE prompts ADD COLUMN author_name TEXT;

-- The same with one more way to be: the terminal that a session ran in is gone.
CREATE TABLE session_vitals_new (
    session_id      TEXT    NOT NULL PRIMARY KEY REFERENCES agent_sessions (session_id) ON DELETE CASCADE,
    -- good; warned and turn_failed: the last turn; died and not_started: the process; terminal_gone: the terminal.
    health          TEXT    NOT NULL DEFAULT 'good'
        CHECK (health IN ('good', 'warned', 'turn_failed', 'died', 'not_started', 'terminal_gone')),
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
INSERT INTO session_vitals_new SELECT * FROM session_vitals;
DROP TABLE session_vitals;
ALTER TABLE session_vitals_new RENAME TO session_vitals;
