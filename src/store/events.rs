//! The event log: what happened in the sessions, in one order that everybody sees.
//!
//! One task writes. It takes whatever waits, stores it in one transaction and only then answers everybody, so that a
//! thousand senders cost one flush of the disk and not a thousand. Whoever follows reads from the database and is woken
//! by the newest id, so a slow reader costs nothing and nobody misses anything.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use sqlx::sqlite::SqliteSynchronous;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Store, now_ms, retention};
use crate::ids::SessionId;

const PRUNE_EVERY: Duration = Duration::from_hours(1);
/// Senders that may wait for the writer with what they hold in memory.
const SENDERS: usize = 64;
/// Requests that are stored in one transaction at most.
const GROUP: usize = 256;

/// Who says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(rename_all = "lowercase")]
pub enum Source {
    /// The agent's side: an extension, a script.
    Agent,
    /// The daemon.
    Daemon,
}

impl Source {
    /// The word in the database and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Daemon => "daemon",
        }
    }
}

/// An event to be stored.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Whose.
    pub session: SessionId,
    /// Who says it.
    pub source: Source,
    /// What kind it is: letters, digits, `_`, `-` and `.`.
    pub kind: String,
    /// What a person would read.
    pub content: String,
    /// More about it, as JSON.
    pub data: Option<String>,
    /// The sender's own id: it is stored once.
    pub sender_id: Option<String>,
    /// When it happened, in unix milliseconds.
    pub happened_at: i64,
}

impl NewEvent {
    /// Something that the daemon notes, now.
    #[must_use]
    pub fn noted(
        session: &SessionId,
        kind: &str,
        content: impl Into<String>,
        data: &serde_json::Value,
    ) -> Self {
        Self {
            session: session.clone(),
            source: Source::Daemon,
            kind: kind.to_owned(),
            content: content.into(),
            data: (!data.is_null()).then(|| data.to_string()),
            sender_id: None,
            happened_at: now_ms(),
        }
    }
}

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place in the log. Later is larger; numbers are left out and never used again.
    pub id: i64,
    /// Whose.
    pub session: SessionId,
    /// Who says it.
    pub source: Source,
    /// What kind it is.
    pub kind: String,
    /// What a person would read.
    pub content: String,
    /// More about it, as JSON.
    pub data: Option<String>,
    /// When it happened, in unix milliseconds.
    pub happened_at: i64,
}

/// What became of events that were appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// They are in the log now.
    pub new: usize,
    /// They were in it before.
    pub repeated: usize,
}

/// The way into the log. A cheap clone.
#[derive(Debug, Clone)]
pub struct EventLog {
    intake: mpsc::UnboundedSender<Parcel>,
    room: Arc<Semaphore>,
    newest: watch::Receiver<i64>,
}

#[derive(Debug)]
struct Parcel {
    events: Vec<NewEvent>,
    reply: Option<oneshot::Sender<Result<Appended, String>>>,
    _room: Option<OwnedSemaphorePermit>,
}

impl EventLog {
    /// Starts the writer. It ends at `stop`, after what waits by then.
    pub async fn start(store: &Store, tracker: &TaskTracker, stop: CancellationToken) -> Result<Self> {
        let (intake, parcels) = mpsc::unbounded_channel();
        let mut connection = store.pool().acquire().await?;
        let newest = sqlx::query_scalar!(r#"SELECT coalesce(max(event_id), 0) AS "id!: i64" FROM events"#)
            .fetch_one(&mut *connection)
            .await
            .context("cannot read the newest event")?;
        // Where all of them were forgotten, whoever has seen less is still told.
        let newest = newest.max(retention::forgotten(&mut connection).await?);
        let (told, newest) = watch::channel(newest);
        let writer = Writer {
            store: store.clone(),
            connection: None,
            newest: told,
        };
        tracker.spawn(writer.run(parcels, stop));
        Ok(Self {
            intake,
            room: Arc::new(Semaphore::new(SENDERS)),
            newest,
        })
    }

    /// Stores events; they are on the disk when this returns.
    pub async fn append(&self, events: Vec<NewEvent>) -> Result<Appended> {
        let room = self.room.clone().acquire_owned().await;
        let (reply, answer) = oneshot::channel();
        let parcel = Parcel {
            events,
            reply: Some(reply),
            _room: Some(room.context("the event log is closed")?),
        };
        self.intake
            .send(parcel)
            .map_err(|_| anyhow!("the event log is closed"))?;
        let answer = answer.await.context("the event log is closed")?;
        answer.map_err(|error| anyhow!("cannot store the events: {error}"))
    }

    /// Notes an event without waiting until it is stored. In order with everything else that is noted.
    pub fn note(&self, event: NewEvent) {
        let parcel = Parcel {
            events: vec![event],
            reply: None,
            _room: None,
        };
        // The writer only ends with the daemon; what is noted after that interests nobody.
        self.intake.send(parcel).ok();
    }

    /// The id of the newest event, as it grows.
    #[must_use]
    pub fn newest(&self) -> watch::Receiver<i64> {
        self.newest.clone()
    }
}

struct Writer {
    store: Store,
    /// Its own, because it flushes the disk with every transaction; the others need not.
    connection: Option<SqliteConnection>,
    newest: watch::Sender<i64>,
}

impl Writer {
    async fn run(mut self, mut parcels: mpsc::UnboundedReceiver<Parcel>, stop: CancellationToken) {
        let mut group = Vec::with_capacity(GROUP);
        let mut prune = tokio::time::interval(PRUNE_EVERY);
        loop {
            let count = tokio::select! {
                biased;
                count = parcels.recv_many(&mut group, GROUP) => count,
                () = stop.cancelled(), if !parcels.is_closed() => {
                    parcels.close();
                    continue;
                }
                _ = prune.tick() => {
                    if let Err(error) = self.prune().await {
                        tracing::warn!("cannot forget old events: {error:#}");
                    }
                    continue;
                }
            };
            if count == 0 {
                break;
            }
            self.store_group(std::mem::take(&mut group)).await;
        }
        if let Some(connection) = self.connection.take() {
            connection.close().await.ok();
        }
    }

    async fn store_group(&mut self, group: Vec<Parcel>) {
        let stored = self.insert(&group).await;
        let mut fresh = match stored {
            Ok(fresh) => fresh,
            Err(error) => {
                // What is wrong with it may be the connection itself.
                self.connection = None;
                tracing::error!("cannot store events: {error:#}");
                for parcel in group {
                    parcel
                        .reply
                        .map(|reply| reply.send(Err(format!("{error:#}"))).ok());
                }
                return;
            }
        };
        for parcel in group {
            let count = parcel.events.len();
            let new = parcel
                .events
                .into_iter()
                .filter(|event| fresh.holds(event))
                .count();
            let repeated = count - new;
            parcel
                .reply
                .map(|reply| reply.send(Ok(Appended { new, repeated })).ok());
        }
    }

    /// Stores a group in one statement, which is one transaction, and says which were new.
    async fn insert(&mut self, group: &[Parcel]) -> Result<Fresh> {
        let rows: Vec<_> = group
            .iter()
            .flat_map(|parcel| &parcel.events)
            .map(|event| {
                (
                    event.session.as_str(),
                    event.source.as_str(),
                    &event.kind,
                    &event.content,
                    &event.data,
                    &event.sender_id,
                    event.happened_at,
                )
            })
            .collect();
        let json = serde_json::to_string(&rows).context("cannot write the events down")?;
        let before = *self.newest.borrow();
        let now = now_ms();
        let connection = self.connection().await?;
        let done = sqlx::query!(
            "INSERT INTO events (session_id, source, event_type, content, data, sender_id, happened_at, created_at)
             SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, ?2
             FROM json_each(?1) WHERE true
             ON CONFLICT (session_id, sender_id) WHERE sender_id IS NOT NULL DO NOTHING",
            json,
            now
        )
        .execute(&mut *connection)
        .await?;
        let stored = usize::try_from(done.rows_affected()).unwrap_or(usize::MAX);
        let fresh = if stored == rows.len() {
            Fresh::All
        } else {
            let known = sqlx::query!(
                r#"SELECT session_id AS "session!: SessionId", sender_id AS "sender!: String" FROM events
                   WHERE event_id > ?1 AND sender_id IS NOT NULL"#,
                before
            )
            .fetch_all(&mut *connection)
            .await?;
            Fresh::These(known.into_iter().map(|row| (row.session, row.sender)).collect())
        };
        if stored > 0 {
            self.newest.send_replace(done.last_insert_rowid());
        }
        Ok(fresh)
    }

    async fn connection(&mut self) -> Result<&mut SqliteConnection> {
        if self.connection.is_none() {
            let options = (*self.store.pool().connect_options()).clone();
            let options = options.synchronous(SqliteSynchronous::Full);
            let connection = options.connect().await;
            self.connection = Some(connection.context("cannot open the database")?);
        }
        self.connection.as_mut().context("there is no connection")
    }

    /// By age they are forgotten elsewhere; here a program that runs wild is kept from filling the disk.
    async fn prune(&mut self) -> Result<()> {
        let newest = *self.newest.borrow();
        let connection = self.connection().await?;
        while retention::forget_too_many(connection, newest).await? {}
        Ok(())
    }
}

/// Which events of a group are new.
enum Fresh {
    All,
    /// Those without an id of their sender, and these, each for the first who brought it.
    These(HashSet<(SessionId, String)>),
}

impl Fresh {
    fn holds(&mut self, event: &NewEvent) -> bool {
        match (self, &event.sender_id) {
            (Self::All, _) | (_, None) => true,
            (Self::These(keys), Some(id)) => keys.remove(&(event.session.clone(), id.clone())),
        }
    }
}

impl Store {
    /// The same as [`Store::events_after`], with the newest event that was forgotten as of the same moment.
    pub async fn events_kept_after(
        &self,
        after: i64,
        session: Option<&SessionId>,
        limit: u32,
    ) -> Result<(Vec<StoredEvent>, i64)> {
        let mut tx = self.pool().begin().await.context("cannot read the events")?;
        let events = read_after(&mut tx, after, session, limit).await?;
        let forgotten = retention::forgotten(&mut tx).await?;
        Ok((events, forgotten))
    }

    /// Up to `limit` events after this one, of one session or of all, oldest first.
    pub async fn events_after(
        &self,
        after: i64,
        session: Option<&SessionId>,
        limit: u32,
    ) -> Result<Vec<StoredEvent>> {
        let mut connection = self.pool().acquire().await?;
        read_after(&mut connection, after, session, limit).await
    }
}

async fn read_after(
    connection: &mut SqliteConnection,
    after: i64,
    session: Option<&SessionId>,
    limit: u32,
) -> Result<Vec<StoredEvent>> {
    sqlx::query_as!(
        StoredEvent,
        r#"SELECT event_id AS "id!", session_id AS "session!: SessionId", source AS "source!: Source",
               event_type AS kind, content, data, happened_at
           FROM events WHERE event_id > ?1 AND (?2 IS NULL OR session_id = ?2)
           ORDER BY event_id LIMIT ?3"#,
        after,
        session,
        limit
    )
    .fetch_all(connection)
    .await
    .context("cannot read the events")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::retention::MOST_EVENTS;

    fn event(session: &SessionId, id: Option<&str>) -> NewEvent {
        NewEvent {
            session: session.clone(),
            source: Source::Agent,
            kind: "message".to_owned(),
            content: "naïve \"text\"\n".to_owned(),
            data: Some("{\"a\":[1,null]}".to_owned()),
            sender_id: id.map(str::to_owned),
            happened_at: 7,
        }
    }

    #[tokio::test]
    async fn an_event_is_stored_once_in_order_and_survives_the_writer() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("ompcord.db")).await.unwrap();
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let log = EventLog::start(&store, &tracker, stop.clone()).await.unwrap();
        let (one, other) = (SessionId::random(), SessionId::random());
        let batch = vec![
            event(&one, Some("a")),
            event(&one, Some("a")),
            event(&other, Some("a")),
            event(&one, None),
            event(&one, None),
        ];
        let done = log.append(batch).await.unwrap();
        assert_eq!(done, Appended { new: 4, repeated: 1 });
        let again = log
            .append(vec![event(&one, Some("a")), event(&one, Some("b"))])
            .await;
        assert_eq!(again.unwrap(), Appended { new: 1, repeated: 1 });
        log.note(NewEvent::noted(&one, "noted", "", &serde_json::Value::Null));
        stop.cancel();
        tracker.close();
        tracker.wait().await;

        let all = store.events_after(0, None, 100).await.unwrap();
        assert_eq!(all.len(), 6);
        assert!(all.windows(2).all(|pair| pair[0].id < pair[1].id));
        assert_eq!(all[0].content, "naïve \"text\"\n");
        assert_eq!(all[0].data.as_deref(), Some("{\"a\":[1,null]}"));
        assert_eq!((all[0].happened_at, all[5].source), (7, Source::Daemon));
        let own = store.events_after(all[0].id, Some(&other), 100).await.unwrap();
        assert_eq!(own.len(), 1);
        assert!(log.append(vec![event(&one, None)]).await.is_err(), "it is closed");
        assert_eq!(*log.newest().borrow(), all[5].id);
    }

    #[tokio::test]
    async fn what_is_too_much_is_forgotten_and_that_is_not_hidden() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("ompcord.db")).await.unwrap();
        let session = SessionId::random();
        for id in [1, 2, MOST_EVENTS + 2] {
            sqlx::query(
                "INSERT INTO events (event_id, session_id, source, event_type, content, happened_at, created_at) \
                 VALUES (?, ?, 'agent', 'x', '', 0, 0)",
            )
            .bind(id)
            .bind(&session)
            .execute(store.pool())
            .await
            .unwrap();
        }
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let log = EventLog::start(&store, &tracker, stop.clone()).await.unwrap();
        // The first tick is at once.
        while store.events_after(0, None, 10).await.unwrap().len() > 2 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
        tracker.close();
        tracker.wait().await;
        assert_eq!(*log.newest().borrow(), MOST_EVENTS + 2);
        let (kept, forgotten) = store.events_kept_after(0, None, 10).await.unwrap();
        assert_eq!((kept[0].id, forgotten), (2, 1));
    }
}
