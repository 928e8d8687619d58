//! A look at a database that somebody worries about, without changing it: whole, free, of which version, how large.
//!
//! [`super::Store::open`] would migrate it first, and a daemon of another version could not go back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use super::MIGRATIONS;

/// How long somebody else may hold it.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// Its size, in bytes.
    pub bytes: u64,
    /// What waits in the write-ahead log, in bytes.
    pub wal_bytes: u64,
    /// The first thing that is damaged.
    pub damage: Option<String>,
    /// How its tables relate to this program.
    pub schema: Schema,
}

/// How the tables of a database relate to this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// They are what it needs.
    Current,
    /// It will bring them up to date.
    Older,
    /// A newer program wrote them; this is its newest step.
    Newer(i64),
}

/// Looks at a database that exists.
pub async fn examine(path: &Path) -> Result<Examined> {
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |meta| meta.len());
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    let (bytes, wal_bytes) = (size(path), size(&PathBuf::from(wal)));
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(PATIENCE)
        .connect()
        .await
        .context("cannot be opened")?;
    let damage = damage(&mut connection).await?;
    let schema = match damage {
        // Nothing that a damaged file says of itself counts.
        Some(_) => Schema::Current,
        None => schema(&mut connection).await?,
    };
    if damage.is_none() {
        // Whoever holds it would hold up the daemon as well; readers do not notice them.
        let writing = connection.begin_with("BEGIN IMMEDIATE").await;
        writing
            .context("cannot be written")?
            .rollback()
            .await
            .context("cannot be written")?;
    }
    connection.close().await.context("cannot be closed")?;
    Ok(Examined {
        bytes,
        wal_bytes,
        damage,
        schema,
    })
}

async fn damage(connection: &mut SqliteConnection) -> Result<Option<String>> {
    let found = sqlx::query_scalar::<_, String>("PRAGMA quick_check(1)")
        .fetch_one(connection)
        .await;
    match found {
        Ok(found) if found == "ok" => Ok(None),
        Ok(found) => Ok(Some(found)),
        Err(error) if super::is_damage(&error) => Ok(Some(error.to_string())),
        Err(error) => Err(error).context("cannot be checked"),
    }
}

pub(super) async fn schema(connection: &mut SqliteConnection) -> Result<Schema> {
    let newest = MIGRATIONS
        .iter()
        .map(|step| step.version)
        .max()
        .unwrap_or_default();
    let found = step(connection).await?;
    Ok(match found.cmp(&newest) {
        std::cmp::Ordering::Less => Schema::Older,
        std::cmp::Ordering::Equal => Schema::Current,
        std::cmp::Ordering::Greater => Schema::Newer(found),
    })
}

/// The newest step of the schema; 0 where there is none.
pub(super) async fn step(connection: &mut SqliteConnection) -> Result<i64> {
    let there = sqlx::query_scalar::<_, i64>(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'",
    )
    .fetch_one(&mut *connection)
    .await
    .context("cannot be read")?;
    if there == 0 {
        return Ok(0);
    }
    let found = sqlx::query_scalar::<_, Option<i64>>("SELECT max(version) FROM _sqlx_migrations")
        .fetch_one(connection)
        .await
        .context("cannot be read")?;
    Ok(found.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, is_busy};

    #[tokio::test]
    async fn a_database_is_whole_held_damaged_or_from_the_future() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ompcord.db");
        let store = Store::open(&path).await.unwrap();
        let seen = examine(&path).await.unwrap();
        assert_eq!((seen.damage, seen.schema), (None, Schema::Current));
        assert!(seen.bytes > 0);

        let held = store.write().await.unwrap();
        let error = examine(&path).await.unwrap_err();
        assert!(is_busy(&error), "{error:#}");
        drop(held);

        let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                     VALUES (99991231, 'later', TRUE, x'00', 0)";
        sqlx::query(later).execute(store.pool()).await.unwrap();
        store.close().await;
        assert_eq!(examine(&path).await.unwrap().schema, Schema::Newer(99_991_231));

        std::fs::write(&path, b"this is no database ".repeat(400)).unwrap();
        assert!(examine(&path).await.unwrap().damage.is_some());
    }
}
