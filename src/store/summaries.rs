//! Sessions as programs ask for them: a row each, with what waits in it.

use anyhow::{Context, Result};

use super::Store;
use super::sessions::SessionPhase;
use crate::ids::{SessionId, ThreadId};

/// A session at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its id.
    pub id: SessionId,
    /// Its thread.
    pub thread: Option<ThreadId>,
    /// The thread's name.
    pub name: String,
    /// How far it is in its life.
    pub phase: SessionPhase,
    /// The directory that it runs in.
    pub workspace: String,
    /// The model that it was started with.
    pub model: Option<String>,
    /// The agent's own id of the conversation.
    pub agent_session: Option<String>,
    /// When it was made, in unix milliseconds.
    pub created_at: i64,
    /// When it last did something, in unix milliseconds.
    pub last_active_at: i64,
    /// Prompts, or commands for a terminal, that wait.
    pub queued: i64,
    /// Whether a prompt is with the agent.
    pub running: bool,
    /// Whether its agent runs in a terminal that is attached.
    pub attached: bool,
}

impl Store {
    /// Sessions, newest first: this one, or the open ones, or all.
    pub async fn summaries(&self, id: Option<&SessionId>, all: bool) -> Result<Vec<Summary>> {
        sqlx::query_as!(
            Summary,
            r#"SELECT s.session_id AS "id!: SessionId", discord_thread_id AS "thread: ThreadId", thread_name AS name,
                   phase AS "phase!: SessionPhase", workspace, model, s.agent_session_id AS agent_session, created_at,
                   last_active_at,
                   (SELECT count(*) FROM prompts p WHERE p.session_id = s.session_id AND state IN ('queued', 'held', 'asking'))
                     + (SELECT count(*) FROM terminal_commands c WHERE c.session_id = s.session_id) AS "queued!: i64",
                   EXISTS (SELECT 1 FROM prompts p WHERE p.session_id = s.session_id AND state = 'running')
                     AS "running!: bool",
                   EXISTS (SELECT 1 FROM terminals t WHERE t.session_id = s.session_id AND detached_at IS NULL)
                     AS "attached!: bool"
               FROM agent_sessions s
               WHERE (?1 IS NULL OR s.session_id = ?1) AND (?2 OR phase IN ('opening', 'open'))
               ORDER BY created_at DESC, s.session_id"#,
            id,
            all
        )
        .fetch_all(self.pool())
        .await
        .context("cannot read the sessions")
    }
}
