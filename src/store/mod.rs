//! SQLite: nothing but SQL and row types.
//!
//! One database file holds everything that must survive a crash. Without this room each part would open its
//! own connection with its own settings, and two writers would meet in `database is locked`.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Sqlite, SqliteConnection, SqlitePool, Transaction};

use crate::error::UserError;

pub mod answers;
pub mod backup;
pub mod dashboards;
pub mod dialogs;
pub mod events;
pub mod examine;
pub mod facts;
pub mod launches;
mod missed;
pub mod outbox;
pub mod prompts;
pub mod retention;
pub mod sessions;
pub mod summaries;
pub mod terminal_commands;
pub mod terminals;
pub mod tokens;
pub mod vitals;

/// SQLite's codes for a file whose content it cannot use.
const CORRUPT: u32 = 11;
const NO_DATABASE: u32 = 26;
/// SQLite's codes for one that somebody else holds.
const BUSY: u32 = 5;
const LOCKED: u32 = 6;
/// SQLite's code for a disk without room.
const FULL: u32 = 13;

/// SQLite's number for a database that gives space back a little at a time.
const INCREMENTAL: u64 = 2;
/// A larger database is not made anew at the start: that would take as much space again, and long.
const REMADE_UP_TO: u64 = 256 << 20;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// The database. Clones share its few connections.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
}

impl Store {
    /// Opens the database, makes it where there is none, and brings its tables up to date.
    pub async fn open(path: &Path) -> Result<Self> {
        make_private(path).with_context(|| format!("cannot create the database {}", path.display()))?;
        prepare(path).await?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(5))
            .foreign_keys(true)
            // Two MiB of pages a connection: the working set is a few hundred rows.
            .pragma("cache_size", "-2048")
            .optimize_on_close(true, 400);
        // SQLite has one writer whatever we do: more connections would only queue in another place.
        let pool = SqlitePoolOptions::new()
            .min_connections(1)
            .max_connections(4)
            .before_acquire(|connection, _| Box::pin(async { Ok(is_at_rest(connection)) }))
            .connect_with(options)
            .await
            .map_err(|error| unusable(error, path))?;
        match MIGRATIONS.run(&pool).await {
            Ok(()) => Ok(Self { pool }),
            Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => {
                pool.close().await;
                Err(unusable(error, path))
            }
            Err(error) => {
                pool.close().await;
                Err(error).with_context(|| format!("cannot bring the database {} up to date", path.display()))
            }
        }
    }

    /// Closes every connection; the write-ahead log is folded into the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// How long a question takes that touches one row.
    pub async fn latency(&self) -> Result<Duration> {
        let begin = Instant::now();
        self.fact("probe").await?;
        Ok(begin.elapsed())
    }

    /// Writes something small and reads it back.
    pub async fn probe(&self) -> Result<Probe> {
        let wanted = now_ms().to_string();
        let begin = Instant::now();
        self.set_fact("probe", &wanted).await?;
        let write = begin.elapsed();
        let begin = Instant::now();
        let found = self.fact("probe").await?;
        let read = begin.elapsed();
        // Somebody else may have asked at the same moment: later is as good.
        anyhow::ensure!(found >= Some(wanted), "what was written could not be read back");
        Ok(Probe { write, read })
    }

    fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// A transaction that takes the write lock at once. One that starts by reading and then writes fails
    /// with `database is locked` without waiting when another writer came between.
    async fn write(&self) -> Result<Transaction<'static, Sqlite>> {
        self.pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .context("cannot begin a transaction")
    }
}

/// Whether an idle connection has no transaction any more. When the disk is full SQLite ends a transaction by
/// itself, the library's own end of it is refused, and it believes ever after that one is open: every later one on that
/// connection would be refused as well. The pool has asked it for a sign of life by now, and that came after the end.
fn is_at_rest(connection: &SqliteConnection) -> bool {
    !connection.is_in_transaction()
}

/// Whether the database was only held by somebody else, so that the same may work a moment later.
#[must_use]
pub fn is_busy(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| match cause.downcast_ref::<sqlx::Error>() {
            Some(sqlx::Error::PoolTimedOut) => true,
            Some(error) => code(error).is_some_and(|code| matches!(code, BUSY | LOCKED)),
            None => false,
        })
}

/// Whether the disk has no room for it.
#[must_use]
pub fn is_full(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        if let Some(error) = cause.downcast_ref::<sqlx::Error>() {
            return code(error) == Some(FULL);
        }
        let kind = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        matches!(
            kind,
            Some(std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
        )
    })
}

/// Whether the file is no database, or a broken one.
fn is_damage(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| matches!(code, CORRUPT | NO_DATABASE))
}

/// What SQLite calls it. Extended codes have the plain one in their low byte.
fn code(error: &sqlx::Error) -> Option<u32> {
    let sqlx::Error::Database(refusal) = error else {
        return None;
    };
    let code = refusal.code()?.parse::<u32>().ok()?;
    Some(code & 0xff)
}

/// How long the database takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// For a small write.
    pub write: Duration,
    /// For reading it back.
    pub read: Duration,
}

/// Unix milliseconds: the form of every time in the database.
#[must_use]
pub fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// What is wrong with a database that cannot be opened, and what helps.
fn unusable(error: sqlx::Error, path: &Path) -> anyhow::Error {
    let place = path.display();
    let sqlx::Error::Database(refusal) = &error else {
        return anyhow::Error::new(error).context(format!("cannot open the database {place}"));
    };
    let message = refusal.message().to_owned();
    if is_damage(&error) {
        return UserError::new(format!("the database {place} is damaged: {message}"))
            .hint("restore a copy of it, or move it away to begin with an empty one")
            .into();
    }
    anyhow::anyhow!("cannot open the database {place}: {message}")
}

/// Refuses a database of a newer program, which this one would spoil, before anything is written to it. One that keeps the
/// space of what is deleted is made anew, because only that changes how its pages are kept: here, where nobody else has
/// it open, and not by a setting of each connection, which would write whenever one is opened.
async fn prepare(path: &Path) -> Result<()> {
    let look = async {
        let options = SqliteConnectOptions::new().filename(path);
        let mut connection = options.busy_timeout(Duration::from_secs(5)).connect().await?;
        let schema = examine::schema(&mut connection).await?;
        if !matches!(schema, examine::Schema::Newer(_)) {
            give_space_back(&mut connection, path).await;
        }
        connection.close().await?;
        anyhow::Ok(schema)
    };
    match look.await {
        Ok(examine::Schema::Newer(step)) => {
            let place = path.display();
            Err(UserError::new(format!(
                "the database {place} was written by a newer ompcord (its schema has step {step})"
            ))
            .hint("update ompcord, or point OMPCORD_STATE_DIR to another directory; nothing was changed")
            .into())
        }
        // What else is wrong with it is said when it is opened.
        _ => Ok(()),
    }
}

async fn give_space_back(connection: &mut SqliteConnection, path: &Path) {
    let made = async {
        let kind = sqlx::query_scalar::<_, i64>("PRAGMA auto_vacuum")
            .fetch_one(&mut *connection)
            .await?;
        let small = std::fs::metadata(path).is_ok_and(|meta| meta.len() <= REMADE_UP_TO);
        if small && kind.cast_unsigned() != INCREMENTAL {
            sqlx::query("PRAGMA auto_vacuum = INCREMENTAL")
                .execute(&mut *connection)
                .await?;
            sqlx::query("VACUUM").execute(&mut *connection).await?;
        }
        Ok::<_, sqlx::Error>(())
    };
    if let Err(error) = made.await {
        // It works as before; only its file does not become smaller.
        tracing::debug!("the database keeps the space of what is deleted: {error}");
    }
}

/// Makes the file, readable by its owner alone, before SQLite does: its companions copy the mode.
fn make_private(path: &Path) -> std::io::Result<()> {
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map(drop)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn a_database_opens_twice_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ompcord.db");
        Store::open(&path).await.unwrap().close().await;
        let again = Store::open(&path).await.unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let journal = sqlx::query_scalar::<_, String>("PRAGMA journal_mode")
            .fetch_one(again.pool())
            .await
            .unwrap();
        assert_eq!(journal, "wal");
        let keys = sqlx::query_scalar::<_, i64>("PRAGMA foreign_keys")
            .fetch_one(again.pool())
            .await
            .unwrap();
        assert_eq!(keys, 1);
    }

    #[tokio::test]
    async fn a_database_from_the_future_is_refused_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ompcord.db");
        let store = Store::open(&path).await.unwrap();
        sqlx::query(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (99991231, 'later', TRUE, x'00', 0)",
        )
        .execute(store.pool())
        .await
        .unwrap();
        store.close().await;
        let error = Store::open(&path).await.unwrap_err().to_string();
        assert!(
            error.contains("newer ompcord") && error.contains("99991231"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_connection_whose_transaction_sqlite_ended_is_not_used_again() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("ompcord.db")).await.unwrap();
        let full = async {
            let mut tx = store.write().await?;
            sqlx::query("PRAGMA max_page_count = 1").execute(&mut *tx).await?;
            sqlx::query("INSERT INTO facts (name, value) VALUES ('much', ?)")
                .bind("x".repeat(1 << 20))
                .execute(&mut *tx)
                .await?;
            anyhow::Ok(())
        };
        let error = full.await.unwrap_err();
        assert_eq!(code(error.downcast_ref().unwrap()), Some(FULL));
        // Each of the idle ones is used in turn.
        for _ in 0..8 {
            store.write().await.unwrap().commit().await.unwrap();
        }
        store.close().await;
    }

    #[tokio::test]
    async fn writers_wait_for_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("ompcord.db")).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..50_i64 {
            let store = store.clone();
            tasks.spawn(async move {
                let mut tx = store.write().await.unwrap();
                sqlx::query("SELECT count(*) FROM facts")
                    .execute(&mut *tx)
                    .await
                    .unwrap();
                sqlx::query("INSERT INTO facts VALUES (?, 'x')")
                    .bind(number)
                    .execute(&mut *tx)
                    .await
                    .unwrap();
                tx.commit().await.unwrap();
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        let rows = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM facts")
            .fetch_one(store.pool())
            .await
            .unwrap();
        assert_eq!(rows, 50);
    }
}
