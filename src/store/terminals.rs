//! Agents in people's terminals, and the commands that wait for them. A command is here until it is acknowledged, so
//! neither a crash of the daemon nor one of the terminal loses it.

use anyhow::{Context, Result};

use super::terminal_commands::{CommandKind, NewCommand, insert};
use super::{Store, now_ms};
use crate::failpoint;
use crate::ids::SessionId;

/// Why a terminal is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(rename_all = "lowercase")]
pub enum Gone {
    /// A person does not want to share it any more; it may go on without us.
    Off,
    /// The terminal ended.
    Closed,
    /// It was not heard of for long.
    Lost,
}

impl Gone {
    /// The word for a log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Closed => "closed",
            Self::Lost => "lost",
        }
    }

    /// What such a word says.
    #[must_use]
    pub fn said(word: &str) -> Option<Self> {
        [Self::Off, Self::Closed, Self::Lost]
            .into_iter()
            .find(|how| how.word() == word)
    }
}

/// The terminal of a session, as it is or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminal {
    /// The agent's own id of the conversation.
    pub agent_session: String,
    /// The machine.
    pub host: Option<String>,
    /// The agent's process.
    pub pid: i64,
    /// How it went; `None` while it is attached.
    pub gone: Option<Gone>,
    /// Its events up to this one were shown.
    pub shown: i64,
    /// What it said up to this event is in messages, whatever else was not shown yet.
    pub said: i64,
    /// When it was attached, in unix milliseconds.
    pub attached_at: i64,
}

/// A terminal that attaches.
#[derive(Debug, Clone)]
pub struct NewTerminal {
    /// The agent's own id of the conversation.
    pub agent_session: String,
    /// The machine.
    pub host: Option<String>,
    /// The agent's process.
    pub pid: i64,
    /// The agent's version.
    pub agent_version: String,
    /// The extension's version.
    pub extension_version: String,
    /// Whether the conversation has begun, so that it can be resumed.
    pub resumable: bool,
}

impl Store {
    /// The terminal of this session is attached from now on, whatever it was before. Where it was none, its events are
    /// shown from `shown` on: what was posted before that is another agent's. Gives when that was.
    pub async fn attach_terminal(&self, session: &SessionId, new: &NewTerminal, shown: i64) -> Result<i64> {
        let now = now_ms();
        let mut tx = self.write().await?;
        // A conversation whose earlier session has ended goes on in this one.
        sqlx::query!(
            "DELETE FROM terminals WHERE agent_session_id = ?1 AND session_id <> ?2",
            new.agent_session,
            session
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "INSERT INTO terminals (session_id, agent_session_id, host, pid, agent_version, extension_version,
                 attached_at, shown_event)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (session_id) DO UPDATE SET agent_session_id = excluded.agent_session_id,
                 host = excluded.host, pid = excluded.pid, agent_version = excluded.agent_version,
                 extension_version = excluded.extension_version, attached_at = excluded.attached_at,
                 shown_event = CASE WHEN detached_at IS NULL THEN shown_event ELSE excluded.shown_event END,
                 detached_at = NULL, detach_reason = NULL",
            session,
            new.agent_session,
            new.host,
            new.pid,
            new.agent_version,
            new.extension_version,
            now,
            shown
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await.context("cannot store the terminal")?;
        failpoint::at("terminal.attached");
        Ok(now)
    }

    /// The terminal of this session is gone. What was waiting for it is not its business any more. `false` where no terminal
    /// was attached. `tell`: it does not know yet, and is told.
    pub async fn detach_terminal(&self, session: &SessionId, how: Gone, tell: bool) -> Result<bool> {
        let now = now_ms();
        let mut tx = self.write().await?;
        let done = sqlx::query!(
            "UPDATE terminals SET detached_at = ?2, detach_reason = ?3 WHERE session_id = ?1 AND detached_at IS NULL",
            session,
            now,
            how
        )
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query!("DELETE FROM terminal_commands WHERE session_id = ?1", session)
            .execute(&mut *tx)
            .await?;
        if tell {
            insert(&mut tx, session, &NewCommand::bare(CommandKind::Detach), now).await?;
        }
        tx.commit()
            .await
            .context("cannot store that the terminal is gone")?;
        failpoint::at("terminal.detached");
        Ok(true)
    }

    /// The terminal that the session runs in, or ran in.
    pub async fn terminal(&self, session: &SessionId) -> Result<Option<Terminal>> {
        sqlx::query_as!(
            Terminal,
            r#"SELECT agent_session_id AS "agent_session!", host, pid AS "pid!", detach_reason AS "gone: Gone",
                   shown_event AS "shown!", said_event AS "said!", attached_at AS "attached_at!"
               FROM terminals WHERE session_id = ?1"#,
            session
        )
        .fetch_optional(self.pool())
        .await
        .context("cannot read the terminals")
    }

    /// The sessions whose terminal is attached.
    pub async fn attached_sessions(&self) -> Result<Vec<SessionId>> {
        sqlx::query_scalar!(
            r#"SELECT session_id AS "session!: SessionId" FROM terminals WHERE detached_at IS NULL"#
        )
        .fetch_all(self.pool())
        .await
        .context("cannot read the terminals")
    }

    /// The events of a session's terminal up to this one were shown.
    pub async fn terminal_shown(&self, session: &SessionId, event: i64) -> Result<()> {
        sqlx::query!(
            "UPDATE terminals SET shown_event = ?2 WHERE session_id = ?1 AND shown_event < ?2",
            session,
            event
        )
        .execute(self.pool())
        .await
        .context("cannot store how far the terminal was shown")?;
        failpoint::at("terminal.shown");
        Ok(())
    }

    /// Whether the session's agent runs in a terminal that is attached.
    pub async fn is_attached(&self, session: &SessionId) -> Result<bool> {
        sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT 1 FROM terminals WHERE session_id = ?1 AND detached_at IS NULL) AS "there!: bool""#,
            session
        )
        .fetch_one(self.pool())
        .await
        .context("cannot read the terminals")
    }

    /// The session of a conversation that is or was in a terminal.
    pub async fn session_of_conversation(&self, agent_session: &str) -> Result<Option<SessionId>> {
        sqlx::query_scalar!(
            r#"SELECT session_id AS "session!: SessionId" FROM terminals WHERE agent_session_id = ?1"#,
            agent_session
        )
        .fetch_optional(self.pool())
        .await
        .context("cannot read the terminals")
    }

    /// The session whose agent the daemon itself runs with this conversation, and that is not over.
    pub async fn owned_conversation(&self, agent_session: &str) -> Result<Option<SessionId>> {
        sqlx::query_scalar!(
            r#"SELECT session_id AS "session!: SessionId" FROM agent_sessions
               WHERE agent_session_id = ?1 AND phase IN ('opening', 'open') AND NOT EXISTS (
                   SELECT 1 FROM terminals t WHERE t.session_id = agent_sessions.session_id AND detached_at IS NULL)"#,
            agent_session
        )
        .fetch_optional(self.pool())
        .await
        .context("cannot read the sessions")
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Executor as _;

    use super::*;

    #[tokio::test]
    async fn what_an_older_version_knew_of_terminals_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ompcord.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        let mut old = sqlx::migrate!();
        old.migrations.to_mut().retain(|migration| migration.version < 6);
        old.run(&pool).await.unwrap();
        for statement in [
            "INSERT INTO agent_sessions (session_id, discord_thread_id, parent_channel_id, phase, thread_name, workspace,
                 approval_mode, started_by, created_at, last_active_at)
             VALUES ('session_00000001', 7, 1, 'open', 'It', '/work', 'write', 2, 1000, 2000)",
            "INSERT INTO session_vitals (session_id, health, model, tokens, cost, title)
             VALUES ('session_00000001', 'turn_failed', 'a/b', 12, 1.5, 'It')",
            "INSERT INTO terminals (session_id, agent_session_id, host, pid, agent_version, extension_version, attached_at)
             VALUES ('session_00000001', 'conversation', 'desk', 7, '18', '0.1.0', 5)",
            "INSERT INTO terminal_commands (session_id, kind, text, message_id, created_at)
             VALUES ('session_00000001', 'prompt', 'hello', 9, 6)",
        ] {
            pool.execute(statement).await.unwrap();
        }
        pool.close().await;

        let store = Store::open(&path).await.unwrap();
        let id: SessionId = "session_00000001".parse().unwrap();
        let terminal = store.terminal(&id).await.unwrap().unwrap();
        assert_eq!((terminal.pid, terminal.gone, terminal.shown), (7, None, 0));
        assert_eq!(
            store.attached_sessions().await.unwrap(),
            std::slice::from_ref(&id)
        );
        let vitals = store.vitals(&id).await.unwrap();
        assert_eq!(
            (vitals.model.as_deref(), vitals.tokens, vitals.cost),
            (Some("a/b"), Some(12), 1.5)
        );
        assert_eq!(store.waiting_commands(&id, 10).await.unwrap()[0].text, "hello");
        assert_eq!(store.sessions_to_wake().await.unwrap(), std::slice::from_ref(&id));
        let left = store.unacknowledged(&id).await.unwrap();
        assert_eq!(left, Vec::new(), "a command of before carries no prompt");
        assert!(store.detach_terminal(&id, Gone::Lost, true).await.unwrap());
        assert!(!store.detach_terminal(&id, Gone::Lost, true).await.unwrap());
        let told = store.waiting_commands(&id, 10).await.unwrap();
        assert_eq!((told.len(), told[0].kind), (1, CommandKind::Detach));
        let broken = sqlx::query("PRAGMA foreign_key_check")
            .fetch_all(store.pool())
            .await
            .unwrap();
        assert!(broken.is_empty());
    }
}
