//! What came of prompts, for programs that wait for it. The thread has it too, but a program cannot read that.

use anyhow::{Context, Result};

use super::Store;
use super::prompts::PromptState;
use crate::ids::{PromptId, SessionId};

/// A prompt with what came of it so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The prompt.
    pub id: PromptId,
    /// Where it is.
    pub state: PromptState,
    /// The last words of its turn.
    pub answer: Option<String>,
    /// The error that it ended with.
    pub error: Option<String>,
}

impl Answered {
    /// Whether nothing more will come of it by itself.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(
            self.state,
            PromptState::Done | PromptState::Failed | PromptState::Dropped | PromptState::Interrupted
        )
    }
}

impl Store {
    /// Keeps what came of a prompt; of one that is run again, the newest.
    pub async fn keep_answer(&self, prompt: PromptId, answer: &str, error: Option<&str>) -> Result<()> {
        sqlx::query!(
            "INSERT INTO prompt_answers (prompt_id, answer, error) VALUES (?1, ?2, ?3)
             ON CONFLICT (prompt_id) DO UPDATE SET answer = excluded.answer, error = excluded.error",
            prompt,
            answer,
            error
        )
        .execute(self.pool())
        .await
        .context("cannot store the answer")?;
        Ok(())
    }

    /// What came of a session's prompt so far.
    pub async fn answer(&self, session: &SessionId, prompt: PromptId) -> Result<Option<Answered>> {
        sqlx::query_as!(
            Answered,
            r#"SELECT p.prompt_id AS "id!: PromptId", state AS "state!: PromptState", answer AS "answer?", error
               FROM prompts p LEFT JOIN prompt_answers a ON a.prompt_id = p.prompt_id
               WHERE p.prompt_id = ?1 AND session_id = ?2"#,
            prompt,
            session
        )
        .fetch_optional(self.pool())
        .await
        .context("cannot read the answer")
    }
}
