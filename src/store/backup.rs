//! A copy of the database, of one moment, while others read and write it.
//!
//! The file alone is no copy: what was written last is in the write-ahead log beside it, and a copy of both may be of
//! two moments.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use super::examine;
use crate::error::UserError;

/// How long somebody else may hold it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Copies the database into an empty file, looks the copy over, and gives the newest step of its schema. It is neither
/// migrated nor kept from anybody meanwhile: SQLite gives whoever reads one moment, and writers go on.
pub async fn copy(database: &Path, to: &Path) -> Result<i64> {
    let name = to
        .to_str()
        .context("SQLite writes only to names that are UTF-8")?;
    let mut connection = SqliteConnectOptions::new()
        .filename(database)
        .create_if_missing(false)
        .busy_timeout(PATIENCE)
        .connect()
        .await
        .map_err(|error| refused(error, database))?;
    let copied = sqlx::query("VACUUM INTO ?1")
        .bind(name)
        .execute(&mut connection)
        .await;
    copied.map_err(|error| refused(error, database))?;
    connection.close().await.context("cannot close the database")?;
    let mut copy = SqliteConnectOptions::new()
        .filename(to)
        .create_if_missing(false)
        .read_only(true)
        // Nobody else knows of it yet, so nothing is written beside it either.
        .immutable(true)
        .connect()
        .await
        .context("cannot open the copy")?;
    let step = look_over(&mut copy).await?;
    copy.close().await.context("cannot close the copy")?;
    Ok(step)
}

fn refused(error: sqlx::Error, database: &Path) -> anyhow::Error {
    if super::is_damage(&error) {
        let place = database.display();
        return UserError::new(format!(
            "the database {place} is damaged: no copy of it would be whole"
        ))
        .hint("keep the copies that you have, and see `ompcord doctor`")
        .into();
    }
    if super::code(&error) == Some(super::FULL) {
        return UserError::new("there is no room for the copy")
            .hint("it needs about as much as the database has, or less")
            .into();
    }
    anyhow::Error::new(error).context("cannot copy the database")
}

async fn look_over(copy: &mut SqliteConnection) -> Result<i64> {
    let found = sqlx::query_scalar::<_, String>("PRAGMA integrity_check(1)")
        .fetch_one(&mut *copy)
        .await
        .context("cannot check the copy")?;
    if found != "ok" {
        bail!("the copy is not whole: {found}");
    }
    examine::step(copy).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn what_waits_in_the_log_is_in_the_copy_and_a_damaged_database_gives_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ompcord.db");
        let store = Store::open(&path).await.unwrap();
        store.set_fact("word", "kept").await.unwrap();
        let log = std::fs::metadata(dir.path().join("ompcord.db-wal")).unwrap();
        assert!(log.len() > 0, "it is not in the file yet");
        let to = dir.path().join("copy.db");
        std::fs::write(&to, "").unwrap();
        assert!(copy(&path, &to).await.unwrap() > 0);
        store.set_fact("word", "changed").await.unwrap();
        let copied = Store::open(&to).await.unwrap();
        assert_eq!(copied.fact("word").await.unwrap().as_deref(), Some("kept"));
        copied.close().await;
        store.close().await;

        let mut bytes = std::fs::read(&path).unwrap();
        bytes[8192..].fill(0x55);
        std::fs::write(&path, bytes).unwrap();
        let other = dir.path().join("other.db");
        std::fs::write(&other, "").unwrap();
        let error = copy(&path, &other).await.unwrap_err();
        assert!(error.to_string().contains("damaged"), "{error:#}");
    }
}
