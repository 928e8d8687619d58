-- Questions of the agent to a person, and what was approved for the rest of a session.

-- One row per question. What is shown of it is kept without secrets; what the agent is told is only in memory,
-- because nobody can answer a question whose agent is gone.
CREATE TABLE dialogs (
    -- Random; the buttons carry it.
    dialog_key      TEXT    NOT NULL PRIMARY KEY,
    session_id      TEXT    NOT NULL REFERENCES agent_sessions (session_id) ON DELETE CASCADE,
    -- The agent's own id of it.
    agent_dialog_id TEXT    NOT NULL,
    kind            TEXT    NOT NULL CHECK (kind IN ('approval', 'select', 'confirm', 'input', 'editor')),
    title           TEXT    NOT NULL,
    -- All that its message is made of, the options among it, as JSON; emptied when it is over.
    question        TEXT    NOT NULL,
    -- The row of the outbox that is its message; NULL until that was written down.
    outbox_id       INTEGER,
    -- open: the agent waits; answered; withdrawn: by the agent; expired: nobody waits any more.
    state           TEXT    NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'answered', 'withdrawn', 'expired')),
    answered_by     INTEGER,
    answered_name   TEXT,
    -- The answer as people read it.
    answer          TEXT,
    created_at      INTEGER NOT NULL,
    ended_at        INTEGER
) STRICT;
CREATE INDEX dialogs_open ON dialogs (session_id) WHERE state = 'open';

-- Tools that need no approval any more in a session.
CREATE TABLE session_approvals (
    session_id  TEXT    NOT NULL REFERENCES agent_sessions (session_id) ON DELETE CASCADE,
    tool        TEXT    NOT NULL,
    approved_by INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (session_id, tool)
) STRICT, WITHOUT ROWID;

-- It is good for as long as the session is open, however that ends.
CREATE TRIGGER session_approvals_end AFTER UPDATE OF phase ON agent_sessions
WHEN NEW.phase IN ('stopped', 'failed')
BEGIN
    DELETE FROM session_approvals WHERE session_id = NEW.session_id;
END;
