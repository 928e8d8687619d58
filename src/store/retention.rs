//! What is old enough to be forgotten, a little at a time: SQLite has one writer, and prompts go before.
//!
//! Without it a daemon that runs for years would answer every question from an ever larger file. What anything still
//! waits for is never old: an open prompt, an open question, a row of the outbox, a launch, and what a terminal's thread
//! has not shown yet.

use std::collections::HashSet;

use anyhow::{Context as _, Result};
use sqlx::Connection as _;

use super::Store;
use crate::ids::PromptId;

/// How many rows are looked at in one step.
const STEP: i64 = 1_000;
/// How many events are kept at most, however young they are, besides those that a terminal's thread has not shown yet.
pub(super) const MOST_EVENTS: i64 = 1_000_000;
/// The fact that says up to which event something was forgotten.
const FORGOTTEN: &str = "events_forgotten";

/// Kinds of rows that are forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What came of prompts, for programs.
    Answers,
    /// What prompts said that are over. Their rows stay: no message is ever run twice.
    Texts,
    /// Questions that are over.
    Questions,
}

/// Space in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Pages that hold nothing.
    pub free_pages: u64,
    /// Bytes in a page.
    pub page_size: u64,
}

/// Something was forgotten up to this event: whoever comes with an older place is told.
pub(super) async fn note_forgotten(tx: &mut sqlx::SqliteConnection, up_to: i64) -> Result<()> {
    sqlx::query!(
        "INSERT INTO facts (name, value) VALUES (?1, CAST(?2 AS TEXT))
         ON CONFLICT (name) DO UPDATE SET value = excluded.value
         WHERE CAST(value AS INTEGER) < CAST(excluded.value AS INTEGER)",
        FORGOTTEN,
        up_to
    )
    .execute(tx)
    .await
    .context("cannot store which events were forgotten")?;
    Ok(())
}

/// The newest event that was forgotten; 0 where none was.
pub(super) async fn forgotten(tx: &mut sqlx::SqliteConnection) -> Result<i64> {
    let found = sqlx::query_scalar!("SELECT value FROM facts WHERE name = ?1", FORGOTTEN)
        .fetch_optional(tx)
        .await
        .context("cannot read which events were forgotten")?;
    Ok(found.and_then(|id| id.parse().ok()).unwrap_or_default())
}

/// Forgets some of the events that are too many. `false`: there are none.
pub(super) async fn forget_too_many(connection: &mut sqlx::SqliteConnection, newest: i64) -> Result<bool> {
    let too_many = newest - MOST_EVENTS;
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    let gone = sqlx::query_scalar!(
        r#"DELETE FROM events WHERE event_id IN (
               SELECT e.event_id FROM events e WHERE e.event_id < ?1
                   AND NOT EXISTS (SELECT 1 FROM terminals t WHERE t.session_id = e.session_id
                       AND t.detached_at IS NULL AND e.event_id > t.shown_event)
               ORDER BY e.event_id LIMIT ?2)
           RETURNING event_id AS "id!: i64""#,
        too_many,
        STEP
    )
    .fetch_all(&mut *tx)
    .await?;
    if let Some(last) = gone.iter().max() {
        note_forgotten(&mut tx, *last).await?;
    }
    tx.commit().await?;
    Ok(!gone.is_empty())
}

impl Store {
    /// Forgets events that were stored before this time, among those after this one. Gives how many, and from where to
    /// go on; nothing where the rest is younger.
    pub async fn forget_events(&self, before: i64, after: i64) -> Result<Option<(u64, i64)>> {
        let mut tx = self.write().await?;
        let seen = sqlx::query!(
            r#"SELECT max(event_id) AS "last: i64", coalesce(sum(created_at < ?1), 0) AS "old!: i64"
               FROM (SELECT event_id, created_at FROM events WHERE event_id > ?2 ORDER BY event_id LIMIT ?3)"#,
            before,
            after,
            STEP
        )
        .fetch_one(&mut *tx)
        .await
        .context("cannot look for old events")?;
        let Some(last) = seen.last.filter(|_| seen.old > 0) else {
            return Ok(None);
        };
        let gone = sqlx::query_scalar!(
            r#"DELETE FROM events WHERE event_id > ?1 AND event_id <= ?2 AND created_at < ?3
                   AND NOT EXISTS (SELECT 1 FROM terminals t WHERE t.session_id = events.session_id
                       AND t.detached_at IS NULL AND events.event_id > t.shown_event)
               RETURNING event_id AS "id!: i64""#,
            after,
            last,
            before
        )
        .fetch_all(&mut *tx)
        .await
        .context("cannot forget old events")?;
        if let Some(newest) = gone.iter().max() {
            note_forgotten(&mut tx, *newest).await?;
        }
        tx.commit().await.context("cannot forget old events")?;
        Ok(Some((gone.len() as u64, last)))
    }

    /// Forgets some of what ended before this time; 0 where nothing is left to forget.
    pub async fn forget(&self, kind: Kind, before: i64) -> Result<u64> {
        let forgotten = match kind {
            Kind::Answers => {
                sqlx::query!(
                    "DELETE FROM prompt_answers WHERE prompt_id IN (
                         SELECT a.prompt_id FROM prompt_answers a CROSS JOIN prompts p ON p.prompt_id = a.prompt_id
                         WHERE p.state IN ('done', 'failed', 'dropped') AND p.ended_at < ?1 LIMIT ?2)",
                    before,
                    STEP
                )
                .execute(self.pool())
                .await
            }
            Kind::Texts => {
                sqlx::query!(
                    "UPDATE prompts SET text = '', attachments = '[]' WHERE prompt_id IN (
                         SELECT prompt_id FROM prompts WHERE state IN ('done', 'dropped') AND ended_at < ?1
                             AND (text <> '' OR attachments <> '[]') LIMIT ?2)",
                    before,
                    STEP
                )
                .execute(self.pool())
                .await
            }
            Kind::Questions => {
                // One whose message has yet to say how it ended is needed for that.
                sqlx::query!(
                    "DELETE FROM dialogs WHERE dialog_key IN (
                         SELECT dialog_key FROM dialogs WHERE state <> 'open' AND question = '{}' AND ended_at < ?1
                         LIMIT ?2)",
                    before,
                    STEP
                )
                .execute(self.pool())
                .await
            }
        };
        Ok(forgotten.context("cannot forget what is old")?.rows_affected())
    }

    /// The prompts that are not over, or that may be tried again: their files are needed.
    pub async fn prompts_with_a_future(&self) -> Result<HashSet<PromptId>> {
        let prompts = sqlx::query_scalar!(
            r#"SELECT prompt_id AS "id!: PromptId" FROM prompts WHERE state NOT IN ('done', 'dropped')"#
        )
        .fetch_all(self.pool())
        .await
        .context("cannot read the prompts")?;
        Ok(prompts.into_iter().collect())
    }

    /// Whether a message that has yet to be sent brings this file.
    pub async fn is_to_be_sent(&self, file_name: &str) -> Result<bool> {
        sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT 1 FROM outbox WHERE instr(payload, ?1) > 0) AS "there!: bool""#,
            file_name
        )
        .fetch_one(self.pool())
        .await
        .context("cannot read the outbox")
    }

    /// What the file holds for nothing. `None`: it gives nothing back, because it was too large to be made
    /// anew when it learnt to.
    pub async fn space(&self) -> Result<Option<Space>> {
        let mut connection = self.pool().acquire().await?;
        let mut read = async |pragma: &'static str| {
            let value = sqlx::query_scalar::<_, i64>(pragma).fetch_one(&mut *connection);
            anyhow::Ok(u64::try_from(value.await.context("cannot look at the database")?).unwrap_or_default())
        };
        if read("PRAGMA auto_vacuum").await? != super::INCREMENTAL {
            return Ok(None);
        }
        Ok(Some(Space {
            free_pages: read("PRAGMA freelist_count").await?,
            page_size: read("PRAGMA page_size").await?,
        }))
    }

    /// Gives some pages that hold nothing back to the disk.
    pub async fn give_back(&self) -> Result<()> {
        sqlx::query("PRAGMA incremental_vacuum(1000)")
            .execute(self.pool())
            .await
            .context("cannot give space back")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Executor as _;

    use super::*;

    /// Three events of a terminal whose thread has shown two of them, and two of another session.
    async fn with_a_terminal(dir: &tempfile::TempDir) -> Store {
        let store = Store::open(&dir.path().join("ompcord.db")).await.unwrap();
        for statement in [
            "INSERT INTO agent_sessions (session_id, discord_thread_id, parent_channel_id, phase, thread_name, workspace,
                 approval_mode, started_by, created_at, last_active_at)
             VALUES ('session_00000001', 7, 1, 'open', 'It', '/work', 'write', 2, 1, 1)",
            "INSERT INTO terminals (session_id, agent_session_id, pid, agent_version, extension_version, attached_at,
                 shown_event)
             VALUES ('session_00000001', 'conversation', 7, '18', '0.1.0', 5, 2)",
            "INSERT INTO events (session_id, source, event_type, content, happened_at, created_at)
             VALUES ('session_00000001', 'agent', 'a', '', 0, 1), ('session_00000001', 'agent', 'b', '', 0, 1),
                 ('session_00000001', 'agent', 'c', '', 0, 1), ('session_00000002', 'daemon', 'd', '', 0, 1),
                 ('session_00000002', 'daemon', 'e', '', 0, 100)",
        ] {
            store.pool().execute(statement).await.unwrap();
        }
        store
    }

    /// The kinds of the events that are kept, and the newest that was forgotten.
    async fn kept_of(store: &Store) -> (String, i64) {
        let (events, forgotten) = store.events_kept_after(0, None, 10).await.unwrap();
        (events.into_iter().map(|event| event.kind).collect(), forgotten)
    }

    #[tokio::test]
    async fn what_a_terminal_has_not_shown_is_kept_however_many_there_are() {
        let dir = tempfile::tempdir().unwrap();
        let store = with_a_terminal(&dir).await;
        let mut connection = store.pool().acquire().await.unwrap();
        let newest = MOST_EVENTS + 5;
        assert!(forget_too_many(&mut connection, newest).await.unwrap());
        assert!(
            !forget_too_many(&mut connection, newest).await.unwrap(),
            "it ends"
        );
        drop(connection);
        assert_eq!(kept_of(&store).await, ("ce".to_owned(), 4));
        store.close().await;
    }

    #[tokio::test]
    async fn what_a_terminal_has_not_shown_is_kept_and_the_newest_that_went_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let store = with_a_terminal(&dir).await;
        let kept = async || kept_of(&store).await;
        assert_eq!(store.forget_events(50, 0).await.unwrap(), Some((3, 5)));
        assert_eq!(store.forget_events(50, 5).await.unwrap(), None);
        assert_eq!(kept().await, ("ce".to_owned(), 4));
        // What is kept for the terminal does not keep the walk from its end.
        assert_eq!(store.forget_events(50, 0).await.unwrap(), Some((0, 5)));
        let gone = "UPDATE terminals SET detached_at = 9, detach_reason = 'closed'";
        store.pool().execute(gone).await.unwrap();
        assert_eq!(store.forget_events(50, 0).await.unwrap(), Some((1, 5)));
        assert_eq!(kept().await, ("e".to_owned(), 4), "it does not go back");
        store.close().await;
    }

    #[tokio::test]
    async fn a_database_of_before_learns_to_give_space_back() {
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
            "INSERT INTO facts VALUES ('word', 'kept')",
            "INSERT INTO agent_sessions (session_id, discord_thread_id, parent_channel_id, phase, thread_name, workspace,
                 approval_mode, started_by, created_at, last_active_at)
             VALUES ('session_00000001', 7, 1, 'open', 'It', '/work', 'write', 2, 1, 1)",
            "INSERT INTO prompts (session_id, author_id, position, text, state, created_at, ended_at)
             VALUES ('session_00000001', 2, 1, 'a', 'done', 1, 10), ('session_00000001', 2, 2, 'c', 'failed', 1, 10),
                 ('session_00000001', 2, 3, 'd', 'queued', 1, NULL), ('session_00000001', 2, 4, 'b', 'dropped', 1, 10)",
        ] {
            pool.execute(statement).await.unwrap();
        }
        pool.close().await;
        let store = Store::open(&path).await.unwrap();
        assert!(store.space().await.unwrap().is_some());
        let plan = sqlx::query_as::<_, (i64, i64, i64, String)>(
            "EXPLAIN QUERY PLAN SELECT prompt_id FROM prompts WHERE state IN ('done', 'dropped') AND ended_at < ?1
                 AND (text <> '' OR attachments <> '[]') LIMIT ?2",
        );
        let plan = plan.fetch_all(store.pool()).await.unwrap();
        assert!(plan[0].3.contains("prompts_with_texts"), "{plan:?}");
        let plan = sqlx::query_as::<_, (i64, i64, i64, String)>(
            "EXPLAIN QUERY PLAN SELECT a.prompt_id FROM prompt_answers a CROSS JOIN prompts p ON p.prompt_id = a.prompt_id
             WHERE p.state IN ('done', 'failed', 'dropped') AND p.ended_at < ?1 LIMIT ?2",
        );
        let plan = plan.fetch_all(store.pool()).await.unwrap();
        assert!(plan.iter().all(|step| !step.3.contains("SCAN p")), "{plan:?}");
        for (before, forgotten) in [(10, 0), (11, 2), (99, 0)] {
            assert_eq!(store.forget(Kind::Texts, before).await.unwrap(), forgotten);
        }
        let texts =
            sqlx::query_scalar::<_, String>("SELECT text || attachments FROM prompts ORDER BY prompt_id");
        assert_eq!(
            texts.fetch_all(store.pool()).await.unwrap(),
            ["[]", "c[]", "d[]", "[]"]
        );
        assert_eq!(store.fact("word").await.unwrap().as_deref(), Some("kept"));
        store.close().await;
    }
}
