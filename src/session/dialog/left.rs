//! Ends the questions that an earlier run left open: their agents are gone, so nobody waits for an answer.

use anyhow::Result;

use super::super::Deps;
use crate::discord::draft::Draft;
use crate::render::dialog::{End, Question, Why, ended};
use crate::store::dialogs::{DialogRow, DialogState};

/// Says in every message of a question that was left open that it has expired. Called before any session runs.
pub(crate) async fn expire_left(deps: &Deps) -> Result<()> {
    for left in deps.store.dialogs_left().await? {
        if let Err(error) = say_expired(deps, &left).await {
            tracing::warn!(session = %left.session, "cannot end a question of an earlier run: {error:#}");
        }
        deps.store.end_dialog(&left.key, DialogState::Expired).await?;
    }
    Ok(())
}

async fn say_expired(deps: &Deps, left: &DialogRow) -> Result<()> {
    let question: Question = serde_json::from_str(&left.question)?;
    let mut row = left.row;
    if let (None, Some(channel)) = (row, left.channel) {
        let begins = format!("omp:ask:{}:{}:", left.session, left.key);
        row = deps.store.outbox_row_with(channel, &begins).await?;
    }
    if let Some(row) = row {
        let draft = Draft::text(ended(&question, &End::Expired(Why::Restart)));
        deps.outbox.replace(row, draft).await?;
        deps.outbox.seal(row).await?;
    }
    Ok(())
}
