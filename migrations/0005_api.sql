-- What the HTTP API keeps.

-- What happened in the sessions, in the order in which it was stored: what agents in terminals post, and what the
-- daemon itself notes. Read again by whoever follows (`GET /api/events`, the thread of a terminal's session).
-- No foreign key: one event of a session that is gone must not undo the others of its transaction.
CREATE TABLE events (
    event_id    INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    session_id  TEXT    NOT NULL,
    -- agent: posted by the agent's side; daemon: noted here.
    source      TEXT    NOT NULL CHECK (source IN ('agent', 'daemon')),
    event_type  TEXT    NOT NULL,
    content     TEXT    NOT NULL,
    -- JSON.
    data        TEXT,
    -- The sender's own id of the event: one that comes again is not stored again.
    sender_id   TEXT,
    happened_at INTEGER NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_once ON events (session_id, sender_id) WHERE sender_id IS NOT NULL;

-- Tokens that are good for one session. Only hashes: a copy of the database opens nothing.
CREATE TABLE session_tokens (
    token_hash BLOB    NOT NULL PRIMARY KEY,
    session_id TEXT    NOT NULL REFERENCES agent_sessions (session_id) ON DELETE CASCADE,
    -- agent: in the environment of an agent that the daemon runs; terminal: given to an extension that attached.
    holder     TEXT    NOT NULL CHECK (holder IN ('agent', 'terminal')),
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX session_tokens_of ON session_tokens (session_id, holder);

-- Sessions whose agent runs in a person's terminal, or did.
CREATE TABLE terminals (
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
    -- off: a person said so; closed: the terminal ended.
    detach_reason     TEXT CHECK (detach_reason IN ('off', 'closed'))
) STRICT;

-- What waits for an agent in a terminal. A row goes when the extension acknowledges it; ids are never used again.
CREATE TABLE terminal_commands (
    command_id  INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    session_id  TEXT    NOT NULL REFERENCES agent_sessions (session_id) ON DELETE CASCADE,
    kind        TEXT    NOT NULL CHECK (kind IN ('prompt', 'steer', 'cancel', 'detach')),
    text        TEXT    NOT NULL,
    author_id   INTEGER,
    author_name TEXT,
    -- Unique, so a message is given once, however often the gateway delivers it.
    message_id  INTEGER UNIQUE,
    created_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX terminal_commands_of ON terminal_commands (session_id, command_id);

-- What came of a prompt, for whoever waits for it.
CREATE TABLE prompt_answers (
    prompt_id INTEGER NOT NULL PRIMARY KEY REFERENCES prompts (prompt_id) ON DELETE CASCADE,
    answer    TEXT    NOT NULL,
    error     TEXT
) STRICT;
