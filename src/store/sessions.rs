//! Sessions: which conversation lives in which thread. Without these rows a restart would forget every thread.

use anyhow::{Context, Result};

use super::{Store, now_ms};
use crate::ids::{ChannelId, MessageId, SessionId, ThreadId, UserId};

/// How far a session is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(rename_all = "lowercase")]
pub enum SessionPhase {
    /// The thread may not exist yet.
    Opening,
    /// Prompts are taken.
    Open,
    /// Ended by a person.
    Stopped,
    /// The thread could not be made, or is gone.
    Failed,
}

impl SessionPhase {
    /// Whether nothing more can come of the session.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Stopped | Self::Failed)
    }
}

/// A session's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The session's id.
    pub id: SessionId,
    /// Its thread; `None` only while `/omp new` makes it.
    pub thread: Option<ThreadId>,
    /// The channel that the thread is under.
    pub parent: ChannelId,
    /// The message that the thread hangs on, where there is one.
    pub origin: Option<MessageId>,
    /// How far it is.
    pub phase: SessionPhase,
    /// The thread's name.
    pub thread_name: String,
    /// The directory that the agent runs in.
    pub workspace: String,
    /// The model it was started with; `None` is the agent's own default.
    pub model: Option<String>,
    /// The thinking level it was started with.
    pub thinking: Option<String>,
    /// `always-ask`, `write` or `yolo`.
    pub approval_mode: String,
    /// The agent's own id of the conversation.
    pub agent_session: Option<String>,
    /// Who started it.
    pub started_by: UserId,
    /// A message that is pinned while the session runs.
    pub pinned: Option<MessageId>,
    /// Whether the opening line was posted.
    pub greeted: bool,
    /// When it last did something, in unix milliseconds.
    pub last_active_at: i64,
    /// When it was made, in unix milliseconds.
    pub created_at: i64,
}

/// What a new session is made of.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The session's id.
    pub id: SessionId,
    /// Its thread where it is known before it exists.
    pub thread: Option<ThreadId>,
    /// The channel that the thread is under.
    pub parent: ChannelId,
    /// The message that the thread hangs on.
    pub origin: Option<MessageId>,
    /// The thread's name.
    pub thread_name: String,
    /// The directory that the agent runs in.
    pub workspace: String,
    /// The model.
    pub model: Option<String>,
    /// The thinking level.
    pub thinking: Option<String>,
    /// The approval mode.
    pub approval_mode: String,
    /// Who started it.
    pub started_by: UserId,
}

pub(super) async fn insert(tx: &mut sqlx::SqliteConnection, new: &NewSession, now: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO agent_sessions (session_id, discord_thread_id, parent_channel_id, origin_message_id, phase,
             thread_name, workspace, model, thinking, approval_mode, started_by, created_at, last_active_at)
         VALUES (?1, ?2, ?3, ?4, 'opening', ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11)",
        new.id,
        new.thread,
        new.parent,
        new.origin,
        new.thread_name,
        new.workspace,
        new.model,
        new.thinking,
        new.approval_mode,
        new.started_by,
        now,
    )
    .execute(tx)
    .await?;
    Ok(())
}

impl Store {
    /// A session that is about to get a thread (`/omp new`).
    pub async fn create_session(&self, new: &NewSession) -> Result<()> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        insert(&mut tx, new, now_ms())
            .await
            .context("cannot store the new session")?;
        tx.commit().await.context("cannot store the new session")
    }

    /// The session with this id.
    pub async fn session(&self, id: &SessionId) -> Result<Option<Session>> {
        Ok(self.sessions_where(Some(id), None, false).await?.pop())
    }

    /// The session of a thread, whatever its phase.
    pub async fn session_of_thread(&self, thread: ThreadId) -> Result<Option<Session>> {
        Ok(self.sessions_where(None, Some(thread), false).await?.pop())
    }

    /// Every session that is opening or open.
    pub async fn open_sessions(&self) -> Result<Vec<Session>> {
        self.sessions_where(None, None, true).await
    }

    async fn sessions_where(
        &self,
        id: Option<&SessionId>,
        thread: Option<ThreadId>,
        open: bool,
    ) -> Result<Vec<Session>> {
        sqlx::query_as!(
            Session,
            r#"SELECT session_id AS "id!: SessionId", discord_thread_id AS "thread: ThreadId",
                   parent_channel_id AS "parent!: ChannelId", origin_message_id AS "origin: MessageId",
                   phase AS "phase!: SessionPhase", thread_name, workspace, model, thinking, approval_mode,
                   agent_session_id AS agent_session, started_by AS "started_by!: UserId",
                   pinned_message_id AS "pinned: MessageId", greeted AS "greeted!: bool", last_active_at, created_at
               FROM agent_sessions
               WHERE (?1 IS NULL OR session_id = ?1) AND (?2 IS NULL OR discord_thread_id = ?2)
                 AND (NOT ?3 OR phase IN ('opening', 'open'))
               ORDER BY created_at"#,
            id,
            thread,
            open,
        )
        .fetch_all(&self.pool)
        .await
        .context("cannot read the sessions")
    }

    /// Sessions that ended with a conversation that no open session continues, newest first. Of a conversation that
    /// went through several threads only the last one counts.
    pub async fn past_sessions(&self, limit: u32) -> Result<Vec<Session>> {
        sqlx::query_as!(
            Session,
            r#"SELECT session_id AS "id!: SessionId", discord_thread_id AS "thread: ThreadId",
                   parent_channel_id AS "parent!: ChannelId", origin_message_id AS "origin: MessageId",
                   phase AS "phase!: SessionPhase", thread_name, workspace, model, thinking, approval_mode,
                   agent_session_id AS agent_session, started_by AS "started_by!: UserId",
                   pinned_message_id AS "pinned: MessageId", greeted AS "greeted!: bool", last_active_at, created_at
               FROM agent_sessions AS past
               WHERE phase IN ('stopped', 'failed') AND agent_session_id IS NOT NULL
                 AND NOT EXISTS (
                     SELECT 1 FROM agent_sessions AS other
                     WHERE other.agent_session_id = past.agent_session_id
                       AND (other.phase IN ('opening', 'open')
                            OR (other.last_active_at, other.rowid) > (past.last_active_at, past.rowid)))
               ORDER BY last_active_at DESC
               LIMIT ?1"#,
            limit,
        )
        .fetch_all(&self.pool)
        .await
        .context("cannot read the past sessions")
    }

    /// The sessions that ended and had this conversation.
    pub async fn sessions_of_conversation(&self, agent_session: &str) -> Result<Vec<SessionId>> {
        sqlx::query_scalar!(
            r#"SELECT session_id AS "id!: SessionId" FROM agent_sessions
               WHERE agent_session_id = ?1 AND phase IN ('stopped', 'failed')"#,
            agent_session
        )
        .fetch_all(&self.pool)
        .await
        .context("cannot read the past sessions")
    }

    /// A session that continues the conversation of another one. `Err` inside: an open session has it already; two
    /// writers of one conversation would spoil it.
    pub async fn continue_session(
        &self,
        new: &NewSession,
        agent_session: &str,
    ) -> Result<Result<(), SessionId>> {
        let now = now_ms();
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let open = sqlx::query_scalar!(
            r#"SELECT session_id AS "id!: SessionId" FROM agent_sessions
               WHERE agent_session_id = ?1 AND phase IN ('opening', 'open')"#,
            agent_session
        )
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(open) = open {
            return Ok(Err(open));
        }
        insert(&mut tx, new, now)
            .await
            .context("cannot store the session")?;
        sqlx::query!(
            "UPDATE agent_sessions SET agent_session_id = ?2 WHERE session_id = ?1",
            new.id,
            agent_session
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await.context("cannot store the session")?;
        Ok(Ok(()))
    }

    /// Directories that sessions were run in, the newest first.
    pub async fn workspaces(&self, limit: u32) -> Result<Vec<String>> {
        sqlx::query_scalar!(
            r#"SELECT workspace AS "workspace!" FROM agent_sessions
               GROUP BY workspace ORDER BY max(last_active_at) DESC LIMIT ?1"#,
            limit
        )
        .fetch_all(&self.pool)
        .await
        .context("cannot read the workspaces")
    }

    /// The model from the next start of the agent on.
    pub async fn set_model(&self, id: &SessionId, model: &str) -> Result<()> {
        let mut tx = self.write().await?;
        sqlx::query!(
            "UPDATE agent_sessions SET model = ?2 WHERE session_id = ?1",
            id,
            model
        )
        .execute(&mut *tx)
        .await?;
        // What was last seen of the agent, which is what people are shown.
        sqlx::query!(
            "UPDATE session_vitals SET model = ?2 WHERE session_id = ?1",
            id,
            model
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await.context("cannot store the session's model")?;
        Ok(())
    }

    /// The thinking level from the next start of the agent on.
    pub async fn set_thinking(&self, id: &SessionId, level: &str) -> Result<()> {
        let mut tx = self.write().await?;
        sqlx::query!(
            "UPDATE agent_sessions SET thinking = ?2 WHERE session_id = ?1",
            id,
            level
        )
        .execute(&mut *tx)
        .await?;
        // What was last seen of the agent, which is what people are shown.
        sqlx::query!(
            "UPDATE session_vitals SET thinking = ?2 WHERE session_id = ?1",
            id,
            level
        )
        .execute(&mut *tx)
        .await?;
        tx.commit()
            .await
            .context("cannot store the session's thinking level")?;
        Ok(())
    }

    /// Moves a session to another phase.
    pub async fn set_phase(&self, id: &SessionId, phase: SessionPhase) -> Result<()> {
        let now = now_ms();
        sqlx::query!(
            "UPDATE agent_sessions SET phase = ?2, last_active_at = ?3 WHERE session_id = ?1",
            id,
            phase,
            now
        )
        .execute(&self.pool)
        .await
        .context("cannot store the session's phase")?;
        Ok(())
    }

    /// The thread exists; its session is not ready for prompts yet. Stored before anything else is done in it, so that
    /// no crash in between leaves a thread that belongs to nobody, and a second one beside it.
    pub async fn thread_made(&self, id: &SessionId, thread: ThreadId) -> Result<()> {
        sqlx::query!(
            "UPDATE agent_sessions SET discord_thread_id = ?2 WHERE session_id = ?1 AND phase = 'opening'",
            id,
            thread
        )
        .execute(&self.pool)
        .await
        .context("cannot store the session's thread")?;
        Ok(())
    }

    /// A person stopped the session: nothing that waits in it will run. One step, so that no crash undoes half of it.
    pub async fn stop_session(&self, id: &SessionId) -> Result<()> {
        let now = now_ms();
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query!(
            "UPDATE agent_sessions SET phase = 'stopped', last_active_at = ?2 WHERE session_id = ?1",
            id,
            now
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "UPDATE prompts SET state = 'dropped', ended_at = ?2
             WHERE session_id = ?1 AND state IN ('queued', 'held', 'asking', 'running', 'interrupted')",
            id,
            now
        )
        .execute(&mut *tx)
        .await?;
        tx.commit()
            .await
            .context("cannot store that the session was stopped")
    }

    /// The thread exists: prompts are taken from now on.
    pub async fn session_opened(&self, id: &SessionId, thread: ThreadId) -> Result<()> {
        let now = now_ms();
        sqlx::query!(
            "UPDATE agent_sessions SET discord_thread_id = ?2, phase = 'open', last_active_at = ?3
             WHERE session_id = ?1 AND phase IN ('opening', 'open')",
            id,
            thread,
            now
        )
        .execute(&self.pool)
        .await
        .context("cannot store the session's thread")?;
        Ok(())
    }

    /// Remembers the agent's own id of the conversation, for `--resume`; `None` forgets it.
    pub async fn set_agent_session(&self, id: &SessionId, agent_session: Option<&str>) -> Result<()> {
        sqlx::query!(
            "UPDATE agent_sessions SET agent_session_id = ?2 WHERE session_id = ?1",
            id,
            agent_session
        )
        .execute(&self.pool)
        .await
        .context("cannot store the agent's session id")?;
        Ok(())
    }

    /// Remembers what is pinned, so that it is unpinned even after a restart.
    pub async fn set_pinned(&self, id: &SessionId, message: Option<MessageId>) -> Result<()> {
        sqlx::query!(
            "UPDATE agent_sessions SET pinned_message_id = ?2 WHERE session_id = ?1",
            id,
            message
        )
        .execute(&self.pool)
        .await
        .context("cannot store what is pinned")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(number: u64) -> NewSession {
        NewSession {
            id: SessionId::random(),
            thread: Some(number.into()),
            parent: 1.into(),
            origin: None,
            thread_name: format!("session {number}"),
            workspace: format!("/work/{}", number % 2),
            model: None,
            thinking: None,
            approval_mode: "write".to_owned(),
            started_by: 7.into(),
        }
    }

    #[tokio::test]
    async fn past_sessions_are_found_by_their_conversation_in_a_database_of_before_too() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ompcord.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        let mut old = sqlx::migrate!();
        old.migrations.to_mut().retain(|migration| migration.version < 4);
        old.run(&pool).await.unwrap();
        for n in 0..300 {
            sqlx::query(
                "INSERT INTO agent_sessions (session_id, discord_thread_id, parent_channel_id, phase, thread_name,
                     workspace, approval_mode, agent_session_id, started_by, created_at, last_active_at)
                 VALUES (printf('session_%08x', ?1), ?1, 1, 'stopped', 'Run: it', '/work', 'write', 'c' || (?1 / 2), 2, ?1, ?1)",
            )
            .bind(n)
            .execute(&pool)
            .await
            .unwrap();
        }
        pool.close().await;
        let store = Store::open(&path).await.unwrap();
        let past = store.past_sessions(200).await.unwrap();
        assert_eq!(past.len(), 150, "one for each conversation");
        let plan = sqlx::query_as::<_, (i64, i64, i64, String)>(
            "EXPLAIN QUERY PLAN SELECT 1 FROM agent_sessions WHERE agent_session_id = 'c7'",
        );
        let plan = plan.fetch_all(store.pool()).await.unwrap();
        assert!(plan[0].3.contains("agent_sessions_conversation"), "{plan:?}");
        store.close().await;
    }

    #[tokio::test]
    async fn a_conversation_has_one_open_session_and_is_past_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("ompcord.db")).await.unwrap();
        let past = || async {
            let past = store.past_sessions(25).await.unwrap();
            past.into_iter().map(|s| s.thread_name).collect::<Vec<_>>()
        };
        let (first, second, third) = (named(1), named(2), named(3));
        assert_eq!(store.continue_session(&first, "c1").await.unwrap(), Ok(()));
        assert_eq!(
            store.continue_session(&second, "c1").await.unwrap(),
            Err(first.id.clone())
        );
        assert!(store.session(&second.id).await.unwrap().is_none());
        assert!(past().await.is_empty(), "it is open");
        store.stop_session(&first.id).await.unwrap();
        assert_eq!(past().await, ["session 1"]);
        assert_eq!(store.continue_session(&second, "c1").await.unwrap(), Ok(()));
        assert!(past().await.is_empty(), "another one continues it");
        store.stop_session(&second.id).await.unwrap();
        store.create_session(&third).await.unwrap();
        store.stop_session(&third.id).await.unwrap();
        assert_eq!(
            past().await,
            ["session 2"],
            "a session that never had a conversation has nothing to resume"
        );
        assert_eq!(store.workspaces(9).await.unwrap().len(), 2);
        store.set_model(&second.id, "p/m").await.unwrap();
        store.set_thinking(&second.id, "high").await.unwrap();
        let second = store.session(&second.id).await.unwrap().unwrap();
        assert_eq!(
            (second.model.as_deref(), second.thinking.as_deref()),
            (Some("p/m"), Some("high"))
        );
    }
}
