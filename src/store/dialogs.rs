//! Questions of the agent: which are open, how they ended, and what was approved for the rest of a session.
//!
//! Without these rows a button that outlived a restart could not say what became of its question.

use anyhow::{Context as _, Result};

use super::{Store, now_ms};
use crate::failpoint;
use crate::ids::{ChannelId, OutboxId, SessionId, UserId};

/// Rows of questions that are over are kept for so long, for who presses an old button.
const KEPT_MS: i64 = 30 * 24 * 3_600 * 1_000;

/// How far a question is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(rename_all = "lowercase")]
pub(crate) enum DialogState {
    /// The agent waits.
    Open,
    /// Somebody answered.
    Answered,
    /// The agent does not want to know any more.
    Withdrawn,
    /// Nobody waits any more.
    Expired,
}

/// A question that is about to be asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewDialog<'a> {
    /// What its buttons carry.
    pub(crate) key: &'a str,
    /// Whose it is.
    pub(crate) session: &'a SessionId,
    /// The agent's own id of it.
    pub(crate) agent_id: &'a str,
    /// What kind of answer it wants.
    pub(crate) kind: &'static str,
    /// What is asked.
    pub(crate) title: &'a str,
    /// All that its message is made of, as JSON.
    pub(crate) question: &'a str,
}

/// A question's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DialogRow {
    /// What its buttons carry.
    pub(crate) key: String,
    /// Whose it is.
    pub(crate) session: SessionId,
    /// The session's thread.
    pub(crate) channel: Option<ChannelId>,
    /// All that its message is made of, as JSON; nothing of it once the question is over.
    pub(crate) question: String,
    /// The row of its message.
    pub(crate) row: Option<OutboxId>,
    /// How far it is.
    pub(crate) state: DialogState,
    /// Who answered.
    pub(crate) by: Option<String>,
    /// What.
    pub(crate) answer: Option<String>,
}

/// Who answered a question, and what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    /// Who.
    pub(crate) by: UserId,
    /// How they are called.
    pub(crate) name: &'a str,
    /// The answer as people read it.
    pub(crate) text: &'a str,
    /// The tool that is approved for the rest of the session with it.
    pub(crate) approves: Option<&'a str>,
}

impl Store {
    /// A question is about to be asked.
    pub(crate) async fn open_dialog(&self, new: NewDialog<'_>) -> Result<()> {
        let now = now_ms();
        sqlx::query!(
            "INSERT INTO dialogs (dialog_key, session_id, agent_dialog_id, kind, title, question, created_at)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
            new.key,
            new.session,
            new.agent_id,
            new.kind,
            new.title,
            new.question,
            now
        )
        .execute(self.pool())
        .await
        .context("cannot store a question")?;
        failpoint::at("dialog.stored");
        Ok(())
    }

    /// A question's message was written down.
    pub(crate) async fn dialog_posted(&self, key: &str, row: OutboxId) -> Result<()> {
        sqlx::query!("UPDATE dialogs SET outbox_id = ? WHERE dialog_key = ?", row, key)
            .execute(self.pool())
            .await
            .context("cannot store a question")?;
        failpoint::at("dialog.posted");
        Ok(())
    }

    /// The first answer to a question; `false` where it is not open any more.
    pub(crate) async fn answer_dialog(&self, key: &str, answer: Answer<'_>) -> Result<bool> {
        let now = now_ms();
        let mut tx = self.write().await?;
        let done = sqlx::query!(
            "UPDATE dialogs SET state = 'answered', answered_by = ?, answered_name = ?, answer = ?, ended_at = ?
             WHERE dialog_key = ? AND state = 'open'",
            answer.by,
            answer.name,
            answer.text,
            now,
            key
        )
        .execute(&mut *tx)
        .await
        .context("cannot store an answer")?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        if let Some(tool) = answer.approves {
            sqlx::query!(
                "INSERT OR IGNORE INTO session_approvals (session_id, tool, approved_by, created_at)
                 SELECT session_id, ?, ?, ? FROM dialogs WHERE dialog_key = ?",
                tool,
                answer.by,
                now,
                key
            )
            .execute(&mut *tx)
            .await
            .context("cannot store an approval")?;
        }
        tx.commit().await.context("cannot store an answer")?;
        failpoint::at("dialog.answered");
        Ok(true)
    }

    /// A question ended without an answer.
    pub(crate) async fn end_dialog(&self, key: &str, state: DialogState) -> Result<()> {
        let now = now_ms();
        sqlx::query!(
            "UPDATE dialogs SET state = ?, ended_at = ? WHERE dialog_key = ? AND state = 'open'",
            state,
            now,
            key
        )
        .execute(self.pool())
        .await
        .context("cannot store the end of a question")?;
        Ok(())
    }

    /// An answer did not reach the agent: nothing was run because of it.
    pub(crate) async fn answer_lost(&self, key: &str) -> Result<()> {
        sqlx::query!(
            "UPDATE dialogs SET state = 'expired' WHERE dialog_key = ? AND state = 'answered'",
            key
        )
        .execute(self.pool())
        .await
        .context("cannot store the end of a question")?;
        Ok(())
    }

    /// A question's message says how it ended: what was asked is not needed any more.
    pub(crate) async fn dialog_sealed(&self, key: &str) -> Result<()> {
        sqlx::query!("UPDATE dialogs SET question = '{}' WHERE dialog_key = ?", key)
            .execute(self.pool())
            .await
            .context("cannot store the end of a question")?;
        failpoint::at("dialog.sealed");
        Ok(())
    }

    /// The question with this key.
    pub(crate) async fn dialog(&self, key: &str) -> Result<Option<DialogRow>> {
        Ok(self.dialogs_where(Some(key)).await?.pop())
    }

    /// Every question that is open or whose message still asks: at the start, those of the run before. Old ones that are
    /// over are forgotten.
    pub(crate) async fn dialogs_left(&self) -> Result<Vec<DialogRow>> {
        let before = now_ms() - KEPT_MS;
        sqlx::query!(
            "DELETE FROM dialogs WHERE state <> 'open' AND ended_at < ?",
            before
        )
        .execute(self.pool())
        .await
        .context("cannot forget old questions")?;
        self.dialogs_where(None).await
    }

    async fn dialogs_where(&self, key: Option<&str>) -> Result<Vec<DialogRow>> {
        sqlx::query_as!(
            DialogRow,
            r#"SELECT dialog_key AS key, d.session_id AS "session: SessionId", s.discord_thread_id AS "channel: ChannelId",
                   question, outbox_id AS "row: OutboxId", state AS "state: DialogState", answered_name AS "by", answer
               FROM dialogs d JOIN agent_sessions s USING (session_id)
               WHERE CASE WHEN ?1 IS NULL THEN state = 'open' OR question <> '{}' ELSE dialog_key = ?1 END"#,
            key
        )
        .fetch_all(self.pool())
        .await
        .context("cannot read the questions")
    }

    /// The message of a question whose row was not written down: its buttons carry the key.
    pub(crate) async fn outbox_row_with(&self, channel: ChannelId, text: &str) -> Result<Option<OutboxId>> {
        sqlx::query_scalar!(
            r#"SELECT outbox_id AS "outbox_id!: OutboxId" FROM outbox
               WHERE channel_id = ? AND kind = 'message' AND instr(payload, ?) > 0 LIMIT 1"#,
            channel,
            text
        )
        .fetch_optional(self.pool())
        .await
        .context("cannot read the outbox")
    }

    /// The tools that need no approval any more in a session.
    pub(crate) async fn approved_tools(&self, session: &SessionId) -> Result<Vec<String>> {
        sqlx::query_scalar!("SELECT tool FROM session_approvals WHERE session_id = ?", session)
            .fetch_all(self.pool())
            .await
            .context("cannot read the approvals")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ThreadId;
    use crate::store::sessions::NewSession;

    async fn store() -> (tempfile::TempDir, Store, SessionId) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("ompcord.db")).await.unwrap();
        let id = SessionId::random();
        let new = NewSession {
            id: id.clone(),
            thread: Some(ThreadId::from(7)),
            parent: 20.into(),
            origin: None,
            thread_name: "t".to_owned(),
            workspace: "/w".to_owned(),
            model: None,
            thinking: None,
            approval_mode: "write".to_owned(),
            started_by: 1.into(),
        };
        store.create_session(&new).await.unwrap();
        (dir, store, id)
    }

    async fn ask(store: &Store, session: &SessionId, key: &str) {
        let new = NewDialog {
            key,
            session,
            agent_id: "a1",
            kind: "approval",
            title: "bash",
            question: "{\"title\":\"bash\"}",
        };
        store.open_dialog(new).await.unwrap();
    }

    fn yes() -> Answer<'static> {
        Answer {
            by: UserId::from(1),
            name: "alice",
            text: "Approve",
            approves: Some("bash"),
        }
    }

    #[tokio::test]
    async fn the_first_answer_stands_and_an_approval_ends_with_its_session() {
        let (_dir, store, session) = store().await;
        ask(&store, &session, "k1").await;
        assert!(store.answer_dialog("k1", yes()).await.unwrap());
        let second = Answer {
            name: "bob",
            approves: Some("write"),
            ..yes()
        };
        assert!(!store.answer_dialog("k1", second).await.unwrap());
        store.end_dialog("k1", DialogState::Expired).await.unwrap();
        let row = store.dialog("k1").await.unwrap().unwrap();
        assert_eq!(
            (row.state, row.by.as_deref()),
            (DialogState::Answered, Some("alice"))
        );
        assert_eq!(row.channel, Some(ChannelId::from(7)));
        assert_ne!(row.question, "{}", "its message still asks");
        store.dialog_sealed("k1").await.unwrap();
        let row = store.dialog("k1").await.unwrap().unwrap();
        assert_eq!(
            row.question, "{}",
            "what was asked is not kept longer than it is needed"
        );
        assert_eq!(store.approved_tools(&session).await.unwrap(), ["bash"]);
        store.stop_session(&session).await.unwrap();
        assert!(store.approved_tools(&session).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_is_left_open_is_found_and_what_is_long_over_is_forgotten() {
        let (_dir, store, session) = store().await;
        for key in ["k1", "k2", "k3"] {
            ask(&store, &session, key).await;
        }
        store.dialog_posted("k2", OutboxId(5)).await.unwrap();
        store.end_dialog("k1", DialogState::Withdrawn).await.unwrap();
        store.dialog_sealed("k1").await.unwrap();
        // Answered, and the daemon went before its message said so.
        ask(&store, &session, "k4").await;
        assert!(store.answer_dialog("k4", yes()).await.unwrap());
        assert!(store.answer_dialog("k3", yes()).await.unwrap());
        sqlx::query("UPDATE dialogs SET ended_at = 1 WHERE dialog_key = 'k3'")
            .execute(store.pool())
            .await
            .unwrap();
        let left = store.dialogs_left().await.unwrap();
        let keys: Vec<_> = left.iter().map(|row| row.key.as_str()).collect();
        assert_eq!(keys, ["k2", "k4"]);
        assert_eq!((left[0].key.as_str(), left[0].row), ("k2", Some(OutboxId(5))));
        assert!(store.dialog("k3").await.unwrap().is_none());
        assert_eq!(
            store.dialog("k1").await.unwrap().unwrap().state,
            DialogState::Withdrawn
        );
    }

    #[tokio::test]
    async fn the_tables_join_a_database_that_has_sessions() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ompcord.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        let mut first = sqlx::migrate!();
        first.migrations.to_mut().retain(|step| step.version == 1);
        first.run(&pool).await.unwrap();
        sqlx::query(
            "INSERT INTO agent_sessions (session_id, discord_thread_id, parent_channel_id, phase, thread_name,
                 workspace, approval_mode, started_by, created_at, last_active_at)
             VALUES ('session_0123abcd', 7, 20, 'open', 't', '/w', 'write', 1, 1, 1)",
        )
        .execute(&pool)
        .await
        .unwrap();
        pool.close().await;
        let store = Store::open(&path).await.unwrap();
        let session: SessionId = "session_0123abcd".parse().unwrap();
        ask(&store, &session, "k1").await;
        assert!(store.answer_dialog("k1", yes()).await.unwrap());
        assert_eq!(store.approved_tools(&session).await.unwrap(), ["bash"]);
    }
}
