-- Everything that must survive a crash. Times are unix milliseconds; ids of Discord are integers.

-- One row per agent conversation.
CREATE TABLE agent_sessions (
    session_id           TEXT    NOT NULL PRIMARY KEY,
    -- NULL only while `/omp new` is making the thread. A thread on a message has the id of that message, so a
    -- launch knows it before Discord was asked.
    discord_thread_id    INTEGER UNIQUE,
    parent_channel_id    INTEGER NOT NULL,
    -- The message that the thread hangs on, where there is one.
    origin_message_id    INTEGER UNIQUE,
    dashboard_message_id INTEGER,
    -- opening: the thread may not exist yet; open; stopped: by a person; failed: the thread could not be made or is gone.
    phase                TEXT    NOT NULL CHECK (phase IN ('opening', 'open', 'stopped', 'failed')),
    thread_name          TEXT    NOT NULL,
    workspace            TEXT    NOT NULL,
    model                TEXT,
    thinking             TEXT,
    approval_mode        TEXT    NOT NULL,
    -- The agent's own id of the conversation, for `--resume`; NULL until it first started.
    agent_session_id     TEXT,
    started_by           INTEGER NOT NULL,
    -- A message that was pinned and has to be unpinned when the session stops running.
    pinned_message_id    INTEGER,
    -- Whether the opening line was posted.
    greeted              INTEGER NOT NULL DEFAULT 0,
    created_at           INTEGER NOT NULL,
    last_active_at       INTEGER NOT NULL
) STRICT;

-- The durable queue. A prompt is here before anything else happens.
CREATE TABLE prompts (
    prompt_id          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    session_id         TEXT    NOT NULL REFERENCES agent_sessions (session_id) ON DELETE CASCADE,
    -- Unique, so a message is never run twice, however often the gateway delivers it.
    discord_message_id INTEGER UNIQUE,
    author_id          INTEGER NOT NULL,
    -- Discord's order of writing, not our order of receiving: the message id, or the time as a snowflake.
    position           INTEGER NOT NULL,
    text               TEXT    NOT NULL,
    attachments        TEXT    NOT NULL DEFAULT '[]',
    -- queued: waits; held: set aside by a cancel until a person continues the queue; asking: came while the daemon
    -- was away, a person decides; running: given to the agent; interrupted: was running when the daemon died;
    -- done, failed, dropped: over.
    state              TEXT    NOT NULL CHECK (state IN ('queued', 'held', 'asking', 'running', 'interrupted', 'done', 'failed', 'dropped')),
    created_at         INTEGER NOT NULL,
    started_at         INTEGER,
    ended_at           INTEGER
) STRICT;
CREATE INDEX prompts_waiting ON prompts (session_id, position) WHERE state IN ('queued', 'held', 'asking', 'running', 'interrupted');

-- One launch per message, for ever.
CREATE TABLE launches (
    message_id  INTEGER NOT NULL PRIMARY KEY,
    channel_id  INTEGER NOT NULL,
    session_id  TEXT    NOT NULL REFERENCES agent_sessions (session_id),
    launched_by INTEGER NOT NULL,
    -- launched: the row stands for the launch, whatever becomes of the session; failed: may be launched again.
    state       TEXT    NOT NULL CHECK (state IN ('launched', 'failed')),
    created_at  INTEGER NOT NULL
) STRICT;

-- How far each channel was read, so that messages written while the daemon was away can be fetched.
CREATE TABLE channel_cursors (
    channel_id      INTEGER NOT NULL PRIMARY KEY,
    last_message_id INTEGER NOT NULL
) STRICT;

-- Small facts about the installation, such as the hash of the registered commands.
CREATE TABLE facts (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- What Discord has to be told. A message row is a wish: `payload` is what the message should say (revision
-- `wanted`), `sent` is the newest revision that Discord confirmed. Sending again is safe: a create carries the nonce.
CREATE TABLE outbox (
    outbox_id    INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    channel_id   INTEGER NOT NULL,
    -- message: create, then edit; deletion: delete the message and the row; action: a reaction, a pin, an archive …
    kind         TEXT    NOT NULL CHECK (kind IN ('message', 'deletion', 'action')),
    nonce        TEXT    NOT NULL UNIQUE,
    payload      TEXT    NOT NULL,
    wanted       INTEGER NOT NULL DEFAULT 1,
    sent         INTEGER NOT NULL DEFAULT 0,
    -- Known once the create was confirmed.
    message_id   INTEGER,
    -- When the first attempt began; NULL means that Discord cannot know of it.
    attempted_at INTEGER,
    -- Nobody will edit it any more: the row goes when it is sent.
    sealed       INTEGER NOT NULL DEFAULT 0,
    created_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_lane ON outbox (channel_id, outbox_id);
