//! Hashes of the tokens that are good for one session. The tokens themselves are nowhere.

use anyhow::{Context, Result};

use super::{Store, now_ms};
use crate::ids::SessionId;

/// Who was given a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(rename_all = "lowercase")]
pub enum Holder {
    /// An agent that the daemon runs, in its environment.
    Agent,
    /// An extension that attached a terminal.
    Terminal,
}

impl Store {
    /// Stores the hash of a fresh token; the earlier one of the same holder is not good any more.
    pub async fn put_session_token(&self, session: &SessionId, holder: Holder, hash: &[u8]) -> Result<()> {
        let now = now_ms();
        let mut tx = self.write().await?;
        sqlx::query!(
            "DELETE FROM session_tokens WHERE session_id = ?1 AND holder = ?2",
            session,
            holder
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "INSERT INTO session_tokens (token_hash, session_id, holder, created_at) VALUES (?1, ?2, ?3, ?4)",
            hash,
            session,
            holder,
            now
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await.context("cannot store a session's token")
    }

    /// Whose token has this hash.
    pub async fn session_of_token(&self, hash: &[u8]) -> Result<Option<SessionId>> {
        sqlx::query_scalar!(
            r#"SELECT session_id AS "session!: SessionId" FROM session_tokens WHERE token_hash = ?1"#,
            hash
        )
        .fetch_optional(self.pool())
        .await
        .context("cannot look a token up")
    }

    /// No token of the session is good any more.
    pub async fn drop_session_tokens(&self, session: &SessionId) -> Result<()> {
        sqlx::query!("DELETE FROM session_tokens WHERE session_id = ?1", session)
            .execute(self.pool())
            .await
            .context("cannot revoke a session's tokens")?;
        Ok(())
    }
}
