//! Launches: one per message for ever. A unique row, not a set in memory, so that no restart launches twice.

use anyhow::{Context, Result};

use super::prompts::{NewPrompt, OpenPrompt, PromptState};
use super::sessions::NewSession;
use super::{Store, now_ms, prompts, sessions};
use crate::failpoint;
use crate::ids::{MessageId, PromptId, SessionId, UserId};

/// What became of the attempt to claim a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is ours: session, prompt and launch are stored.
    New(OpenPrompt),
    /// An earlier launch of it failed and was reset.
    Again {
        /// The session of the earlier launch.
        session: SessionId,
        /// Its prompt, queued again.
        prompt: OpenPrompt,
    },
    /// It was launched before.
    Taken,
}

impl Store {
    /// Claims a message for one launch. Session, prompt and claim are one transaction: after a crash at any point
    /// either nothing happened, or everything that is needed to go on is stored.
    pub async fn claim_launch(
        &self,
        message: MessageId,
        by: UserId,
        session: &NewSession,
        prompt: &NewPrompt,
    ) -> Result<Claim> {
        let now = now_ms();
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let earlier = sqlx::query!(
            r#"SELECT session_id AS "session!: SessionId", state FROM launches WHERE message_id = ?1"#,
            message
        )
        .fetch_optional(&mut *tx)
        .await
        .context("cannot read the launches")?;
        let claim = match earlier {
            Some(row) if row.state == "failed" => match relaunch(&mut tx, message, by, &row.session).await? {
                Some(prompt) => Claim::Again {
                    session: row.session,
                    prompt,
                },
                // It was retried meanwhile: there is nothing left to launch.
                None => Claim::Taken,
            },
            Some(_) => Claim::Taken,
            None => {
                // The thread's session exists without a launch where a mention started it: the same message, so taken.
                let known = sqlx::query_scalar!(
                    r#"SELECT EXISTS (SELECT 1 FROM prompts WHERE discord_message_id = ?1
                           UNION SELECT 1 FROM agent_sessions WHERE origin_message_id = ?1) AS "known!: bool""#,
                    message
                )
                .fetch_one(&mut *tx)
                .await?;
                if known {
                    return Ok(Claim::Taken);
                }
                sessions::insert(&mut tx, session, now)
                    .await
                    .context("cannot store the new session")?;
                let Some(prompt) = prompts::insert(&mut tx, &session.id, prompt, now).await? else {
                    return Ok(Claim::Taken);
                };
                sqlx::query!(
                    "INSERT INTO launches (message_id, channel_id, session_id, launched_by, state, created_at)
                     VALUES (?1, ?2, ?3, ?4, 'launched', ?5)",
                    message,
                    session.parent,
                    session.id,
                    by,
                    now
                )
                .execute(&mut *tx)
                .await
                .context("cannot store the launch")?;
                Claim::New(prompt)
            }
        };
        tx.commit().await.context("cannot store the launch")?;
        failpoint::at("launch.claimed");
        Ok(claim)
    }

    /// The session's thread could not be made: the session, what waited in it and its launch fail together, so that
    /// no crash in between leaves a message that cannot be launched again.
    pub async fn opening_failed(&self, session: &SessionId) -> Result<()> {
        let now = now_ms();
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query!(
            "UPDATE agent_sessions SET phase = 'failed', last_active_at = ?2 WHERE session_id = ?1",
            session,
            now
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "UPDATE prompts SET state = 'failed', ended_at = ?2 WHERE session_id = ?1 AND state IN ('queued', 'asking')",
            session,
            now
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "UPDATE launches SET state = 'failed' WHERE session_id = ?1",
            session
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await.context("cannot store the failed launch")
    }

    /// The session's launch came to nothing: the message may be launched again. `false` where there was none, or where
    /// it is a later prompt that failed.
    pub async fn launch_failed(&self, session: &SessionId) -> Result<bool> {
        let done = sqlx::query!(
            "UPDATE launches SET state = 'failed'
             WHERE session_id = ?1 AND EXISTS (
                 SELECT 1 FROM prompts WHERE discord_message_id = launches.message_id AND state = 'failed')",
            session
        )
        .execute(&self.pool)
        .await
        .context("cannot store the failed launch")?;
        Ok(done.rows_affected() > 0)
    }
}

async fn relaunch(
    tx: &mut sqlx::SqliteConnection,
    message: MessageId,
    by: UserId,
    session: &SessionId,
) -> Result<Option<OpenPrompt>> {
    let prompt = sqlx::query_as!(
        OpenPrompt,
        r#"UPDATE prompts SET state = 'queued', ended_at = NULL
           WHERE discord_message_id = ?1 AND state = 'failed'
           RETURNING prompt_id AS "id!: PromptId", discord_message_id AS "message: MessageId", position,
               state AS "state!: PromptState""#,
        message
    )
    .fetch_optional(&mut *tx)
    .await
    .context("cannot queue the prompt again")?;
    sqlx::query!(
        "UPDATE launches SET state = 'launched', launched_by = ?2 WHERE message_id = ?1",
        message,
        by
    )
    .execute(&mut *tx)
    .await?;
    if prompt.is_some() {
        sqlx::query!(
            "UPDATE agent_sessions SET phase = 'opening' WHERE session_id = ?1 AND phase IN ('failed', 'stopped')",
            session
        )
        .execute(&mut *tx)
        .await?;
    }
    Ok(prompt)
}
