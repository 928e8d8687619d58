//! Ends the questions that an earlier run left open: their agents are gone, so nobody waits for an answer. Those that
//! were over, but whose message did not say so yet, say it now.

use anyhow::Result;

use super::super::Deps;
use crate::discord::draft::Draft;
use crate::render::dialog::{End, Question, Why, ended};
use crate::store::dialogs::{DialogRow, DialogState};

/// Says in every message that still asks how its question ended. Called before any session runs.
pub(crate) async fn expire_left(deps: &Deps) -> Result<()> {
    for left in deps.store.dialogs_left().await? {
        if let Err(error) = say_ended(deps, &left).await {
            tracing::warn!(session = %left.session, "cannot end a question of an earlier run: {error:#}");
        }
        deps.store.end_dialog(&left.key, DialogState::Expired).await?;
        deps.store.dialog_sealed(&left.key).await?;
    }
    Ok(())
}

/// The same for a question that could not be asked properly: its message may have gone out all the same.
pub(super) async fn expire_half_asked(deps: &Deps, key: &str) -> Result<()> {
    if let Some(left) = deps.store.dialog(key).await? {
        say_ended(deps, &left).await?;
    }
    deps.store.end_dialog(key, DialogState::Expired).await?;
    deps.store.dialog_sealed(key).await
}

async fn say_ended(deps: &Deps, left: &DialogRow) -> Result<()> {
    let question: Question = serde_json::from_str(&left.question)?;
    let mut row = left.row;
    if let (None, Some(channel)) = (row, left.channel) {
        let begins = format!("omp:ask:{}:{}:", left.session, left.key);
        row = deps.store.outbox_row_with(channel, &begins).await?;
    }
    if let Some(row) = row {
        let draft = Draft::text(ended(&question, &end(left)));
        deps.outbox.replace(row, draft).await?;
        deps.outbox.seal(row).await?;
    }
    Ok(())
}

fn end(left: &DialogRow) -> End {
    match (left.state, &left.by, &left.answer) {
        (DialogState::Answered, Some(by), Some(answer)) => End::Recorded {
            by: by.clone(),
            answer: answer.clone(),
        },
        (DialogState::Withdrawn, ..) => End::Withdrawn,
        _ => End::Expired(Why::Restart),
    }
}
