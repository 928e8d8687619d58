//! SQLite: nothing but SQL and row types.

pub mod facts;
pub mod launches;
pub mod prompts;
pub mod sessions;

use sqlx::SqlitePool;

/// placeholder until merge
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
}

/// Now, in unix milliseconds.
#[must_use]
pub fn now_ms() -> i64 {
    0
}
