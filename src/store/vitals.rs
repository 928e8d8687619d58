//! How each session is doing, as far as it must survive a restart: a failed last turn is not forgotten with the process.

use anyhow::{Context as _, Result};

use super::Store;
use crate::ids::{ChannelId, SessionId, ThreadId};

/// How the last thing went that a session tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, sqlx::Type)]
#[sqlx(rename_all = "snake_case")]
pub enum Health {
    /// Nothing is wrong.
    #[default]
    Good,
    /// The last turn ended well, with a warning on the way.
    Warned,
    /// The last turn ended with an error.
    TurnFailed,
    /// The process died.
    Died,
    /// The process could not be started.
    NotStarted,
}

/// What is known of a session besides what it is doing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Vitals {
    /// How the last thing went.
    pub health: Health,
    /// The model that answered last.
    pub model: Option<String>,
    /// How much it thinks.
    pub thinking: Option<String>,
    /// Tokens in the context.
    pub tokens: Option<i64>,
    /// How full the context is.
    pub context_percent: Option<f64>,
    /// What all turns cost together, in US dollars.
    pub cost: f64,
    /// When it last did something, in unix milliseconds.
    pub active_at: i64,
}

/// An open session as the store knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredView {
    /// Its id.
    pub id: SessionId,
    /// Its thread.
    pub thread: Option<ThreadId>,
    /// The channel that the thread is under.
    pub parent: ChannelId,
    /// The thread's name.
    pub name: String,
    /// The directory that it runs in.
    pub workspace: String,
    /// `always-ask`, `write` or `yolo`.
    pub approval_mode: String,
    /// How the last thing went.
    pub health: Health,
    /// The model.
    pub model: Option<String>,
    /// How much it thinks.
    pub thinking: Option<String>,
    /// Tokens in the context.
    pub tokens: Option<i64>,
    /// How full the context is.
    pub context_percent: Option<f64>,
    /// What it cost.
    pub cost: f64,
    /// Prompts that wait for their turn.
    pub queued: i64,
    /// Prompts that were set aside.
    pub held: i64,
    /// Prompts that were running when the daemon died.
    pub interrupted: i64,
    /// When it last did something.
    pub last_active_at: i64,
    /// When it began.
    pub created_at: i64,
}

impl Store {
    /// What is known of a session; the beginning of everything where nothing is.
    pub async fn vitals(&self, id: &SessionId) -> Result<Vitals> {
        let vitals = sqlx::query_as!(
            Vitals,
            r#"SELECT coalesce(v.health, 'good') AS "health!: Health", v.model AS "model: String",
                   v.thinking AS "thinking: String", v.tokens AS "tokens: i64",
                   v.context_percent AS "context_percent: f64", coalesce(v.cost, 0.0) AS "cost!: f64",
                   s.last_active_at AS active_at
               FROM agent_sessions s LEFT JOIN session_vitals v ON v.session_id = s.session_id
               WHERE s.session_id = ?1"#,
            id
        )
        .fetch_optional(self.pool())
        .await
        .context("cannot read how the session is doing")?;
        Ok(vitals.unwrap_or_default())
    }

    /// Stores what is known of a session.
    pub async fn set_vitals(&self, id: &SessionId, vitals: &Vitals) -> Result<()> {
        let mut tx = self.write().await?;
        sqlx::query!(
            "INSERT INTO session_vitals (session_id, health, model, thinking, tokens, context_percent, cost)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (session_id) DO UPDATE SET health = excluded.health, model = excluded.model,
                 thinking = excluded.thinking, tokens = excluded.tokens, context_percent = excluded.context_percent,
                 cost = excluded.cost",
            id,
            vitals.health,
            vitals.model,
            vitals.thinking,
            vitals.tokens,
            vitals.context_percent,
            vitals.cost,
        )
        .execute(&mut *tx)
        .await
        .context("cannot store how the session is doing")?;
        sqlx::query!(
            "UPDATE agent_sessions SET last_active_at = ?2 WHERE session_id = ?1",
            id,
            vitals.active_at
        )
        .execute(&mut *tx)
        .await
        .context("cannot store how the session is doing")?;
        tx.commit().await.context("cannot store how the session is doing")
    }

    /// Every open session, or only this one, with what the store knows of it.
    pub async fn stored_views(&self, only: Option<&SessionId>) -> Result<Vec<StoredView>> {
        sqlx::query_as!(
            StoredView,
            r#"SELECT s.session_id AS "id!: SessionId", s.discord_thread_id AS "thread: ThreadId",
                   s.parent_channel_id AS "parent!: ChannelId", s.thread_name AS name, s.workspace, s.approval_mode,
                   coalesce(v.health, 'good') AS "health!: Health", coalesce(v.model, s.model) AS "model: String",
                   coalesce(v.thinking, s.thinking) AS "thinking: String", v.tokens AS "tokens: i64",
                   v.context_percent AS "context_percent: f64", coalesce(v.cost, 0.0) AS "cost!: f64",
                   (SELECT count(*) FROM prompts p WHERE p.session_id = s.session_id AND p.state = 'queued') AS "queued!: i64",
                   (SELECT count(*) FROM prompts p WHERE p.session_id = s.session_id AND p.state = 'held') AS "held!: i64",
                   (SELECT count(*) FROM prompts p WHERE p.session_id = s.session_id AND p.state = 'interrupted') AS "interrupted!: i64",
                   s.last_active_at, s.created_at
               FROM agent_sessions s LEFT JOIN session_vitals v ON v.session_id = s.session_id
               WHERE s.phase IN ('opening', 'open') AND (?1 IS NULL OR s.session_id = ?1)
               ORDER BY s.created_at"#,
            only
        )
        .fetch_all(self.pool())
        .await
        .context("cannot read the sessions")
    }

    /// The thread is to be called after the agent's title: `true` once in a session's life, and never where a person
    /// has named it.
    pub async fn claim_title(&self, id: &SessionId, title: &str) -> Result<bool> {
        let done = sqlx::query!(
            "INSERT INTO session_vitals (session_id, title) VALUES (?1, ?2)
             ON CONFLICT (session_id) DO UPDATE SET title = excluded.title WHERE title IS NULL AND named = 0",
            id,
            title
        )
        .execute(self.pool())
        .await
        .context("cannot store the session's title")?;
        Ok(done.rows_affected() > 0)
    }

    /// A thread is called this now. A name that was not ours to give is a person's choice and stays.
    pub async fn thread_named(&self, thread: ThreadId, name: &str) -> Result<Option<SessionId>> {
        let mut tx = self.write().await?;
        let renamed = sqlx::query!(
            r#"SELECT s.session_id AS "id!: SessionId", v.title AS "title: String" FROM agent_sessions s
               LEFT JOIN session_vitals v ON v.session_id = s.session_id
               WHERE s.discord_thread_id = ?1 AND s.thread_name <> ?2"#,
            thread,
            name
        )
        .fetch_optional(&mut *tx)
        .await
        .context("cannot read the session's name")?;
        let Some(session) = renamed else { return Ok(None) };
        sqlx::query!(
            "UPDATE agent_sessions SET thread_name = ?2 WHERE session_id = ?1",
            session.id,
            name
        )
        .execute(&mut *tx)
        .await
        .context("cannot store the session's name")?;
        if session.title.as_deref() != Some(name) {
            sqlx::query!(
                "INSERT INTO session_vitals (session_id, named) VALUES (?1, 1)
                 ON CONFLICT (session_id) DO UPDATE SET named = 1",
                session.id
            )
            .execute(&mut *tx)
            .await
            .context("cannot store the session's name")?;
        }
        tx.commit().await.context("cannot store the session's name")?;
        Ok(Some(session.id))
    }
}
