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
    /// The terminal that it ran in is gone.
    TerminalGone,
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

/// The query for open sessions, with more of it. Every count names all states that the index of waiting prompts
/// has: without them SQLite does not see that the index will do, and reads every prompt that there ever was.
macro_rules! open_views {
    ($more:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            StoredView,
            r#"SELECT s.session_id AS "id!: SessionId", s.discord_thread_id AS "thread: ThreadId",
                   s.parent_channel_id AS "parent!: ChannelId", s.thread_name AS name, s.workspace, s.approval_mode,
                   coalesce(v.health, 'good') AS "health!: Health", coalesce(v.model, s.model) AS "model: String",
                   coalesce(v.thinking, s.thinking) AS "thinking: String", v.tokens AS "tokens: i64",
                   v.context_percent AS "context_percent: f64", coalesce(v.cost, 0.0) AS "cost!: f64",
                   (SELECT count(*) FROM prompts p WHERE p.session_id = s.session_id AND p.state = 'queued'
                      AND p.state IN ('queued', 'held', 'asking', 'running', 'interrupted')) AS "queued!: i64",
                   (SELECT count(*) FROM prompts p WHERE p.session_id = s.session_id AND p.state = 'held'
                      AND p.state IN ('queued', 'held', 'asking', 'running', 'interrupted')) AS "held!: i64",
                   (SELECT count(*) FROM prompts p WHERE p.session_id = s.session_id AND p.state = 'interrupted'
                      AND p.state IN ('queued', 'held', 'asking', 'running', 'interrupted')) AS "interrupted!: i64",
                   s.last_active_at, s.created_at
               FROM agent_sessions s LEFT JOIN session_vitals v ON v.session_id = s.session_id
               WHERE s.phase IN ('opening', 'open')"# + $more
            $(, $argument)*
        )
    };
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

    /// Every open session with what the store knows of it.
    pub async fn stored_views(&self) -> Result<Vec<StoredView>> {
        open_views!(" ORDER BY s.created_at")
            .fetch_all(self.pool())
            .await
            .context("cannot read the sessions")
    }

    /// One session, if it is open.
    pub async fn stored_view(&self, id: &SessionId) -> Result<Option<StoredView>> {
        open_views!(" AND s.session_id = ?1", id)
            .fetch_optional(self.pool())
            .await
            .context("cannot read the session")
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

    /// A person gave the session its name: it stays.
    pub async fn name_chosen(&self, id: &SessionId) -> Result<()> {
        sqlx::query!(
            "INSERT INTO session_vitals (session_id, named) VALUES (?1, 1)
             ON CONFLICT (session_id) DO UPDATE SET named = 1",
            id
        )
        .execute(self.pool())
        .await
        .context("cannot store the session's name")?;
        Ok(())
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

#[cfg(test)]
mod tests {
    use sqlx::Executor as _;

    use super::*;
    use crate::store::dashboards::Place;

    /// A database as the step before left it, with a session in it.
    async fn of_before(path: &std::path::Path) {
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        let mut old = sqlx::migrate!();
        old.migrations.to_mut().retain(|migration| migration.version < 3);
        old.run(&pool).await.unwrap();
        pool.execute(
            "INSERT INTO agent_sessions (session_id, discord_thread_id, parent_channel_id, dashboard_message_id, phase,
                 thread_name, workspace, model, approval_mode, started_by, created_at, last_active_at)
             VALUES ('session_00000001', 7, 1, 9, 'open', 'Run: it', '/work', 'a/b', 'write', 2, 1000, 2000)",
        )
        .await
        .unwrap();
        pool.execute(
            "INSERT INTO prompts (session_id, author_id, position, text, state, created_at)
             VALUES ('session_00000001', 2, 1, 'x', 'queued', 1), ('session_00000001', 2, 2, 'y', 'interrupted', 1)",
        )
        .await
        .unwrap();
        pool.close().await;
    }

    #[tokio::test]
    async fn a_session_of_an_older_version_is_well_and_has_no_card_yet() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ompcord.db");
        of_before(&path).await;
        let store = Store::open(&path).await.unwrap();
        let id: SessionId = "session_00000001".parse().unwrap();
        let views = store.stored_views().await.unwrap();
        let [view] = views.as_slice() else {
            panic!("{views:?}")
        };
        assert_eq!((view.health, view.model.as_deref()), (Health::Good, Some("a/b")));
        assert_eq!((view.queued, view.held, view.interrupted), (1, 0, 1));
        let vitals = store.vitals(&id).await.unwrap();
        assert_eq!((vitals.health, vitals.active_at), (Health::Good, 2000));
        assert_eq!(store.painted(&Place::Card(id.clone())).await.unwrap(), None);
        let known = Vitals {
            health: Health::TurnFailed,
            model: Some("c/d".to_owned()),
            tokens: Some(5),
            cost: 0.5,
            active_at: 3000,
            ..Vitals::default()
        };
        store.set_vitals(&id, &known).await.unwrap();
        assert_eq!(store.vitals(&id).await.unwrap(), known);
        let view = store.stored_view(&id).await.unwrap().unwrap();
        assert_eq!((view.health, view.last_active_at), (Health::TurnFailed, 3000));
        store.close().await;
    }

    #[tokio::test]
    async fn old_prompts_and_other_sessions_are_not_read() {
        use sqlx::Execute as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ompcord.db");
        of_before(&path).await;
        let store = Store::open(&path).await.unwrap();
        let id: SessionId = "session_00000001".parse().unwrap();
        let all = open_views!(" ORDER BY s.created_at").sql();
        let one = open_views!(" AND s.session_id = ?1", id).sql();
        let plan = async |query: &str| -> Vec<String> {
            let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}"));
            let steps = sqlx::query_as::<_, (i64, i64, i64, String)>(explain);
            let steps = steps.fetch_all(store.pool()).await.unwrap();
            steps.into_iter().map(|(.., step)| step).collect()
        };
        for query in [all.as_str(), one.as_str()] {
            let plan = plan(query).await;
            let of_prompts = plan.iter().filter(|step| step.contains("prompts_waiting"));
            assert_eq!(of_prompts.count(), 3, "{plan:#?}");
            assert!(plan.iter().all(|step| !step.starts_with("SCAN p")), "{plan:#?}");
        }
        let plan = plan(one.as_str()).await;
        assert!(plan.iter().all(|step| !step.starts_with("SCAN")), "{plan:#?}");
        store.close().await;
    }

    #[tokio::test]
    async fn a_thread_is_named_once_by_the_agent_and_never_over_a_persons_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ompcord.db");
        of_before(&path).await;
        let store = Store::open(&path).await.unwrap();
        let (id, thread): (SessionId, ThreadId) = ("session_00000001".parse().unwrap(), 7.into());
        let named = |name: &'static str| {
            let store = store.clone();
            async move { store.thread_named(thread, name).await.unwrap().is_some() }
        };
        assert!(!named("Run: it").await, "that is its name");
        assert!(store.claim_title(&id, "The agent's").await.unwrap());
        assert!(named("The agent's").await);
        assert!(!store.claim_title(&id, "Another").await.unwrap());
        assert!(named("A person's").await);
        let kept = sqlx::query_scalar::<_, i64>("SELECT named FROM session_vitals")
            .fetch_one(store.pool())
            .await
            .unwrap();
        assert_eq!(kept, 1);
        sqlx::query("UPDATE session_vitals SET title = NULL")
            .execute(store.pool())
            .await
            .unwrap();
        assert!(!store.claim_title(&id, "Too late").await.unwrap());
        store.close().await;
    }
}
