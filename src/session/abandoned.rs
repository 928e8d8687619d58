//! Messages that an earlier run was still writing: nobody goes on with them. Without this the line of a tool that died
//! with the daemon says for ever that it runs.

use anyhow::Result;

use super::Deps;
use crate::render::activity;

/// Ends what an earlier run left open in its messages. Called before any session runs.
pub(crate) async fn settle_left(deps: &Deps) -> Result<()> {
    super::left::expire_left(deps).await?;
    settle_abandoned(deps).await
}

/// Says in every message that a tool does not run any more, and forgets what nobody will edit.
async fn settle_abandoned(deps: &Deps) -> Result<()> {
    for (row, channel) in deps.store.outbox_abandoned().await? {
        let settled = async {
            if let Some(mut draft) = deps.outbox.draft(row).await?
                && let Some(stopped) = activity::interrupted(&draft.content)
            {
                draft.content = stopped;
                deps.outbox.replace(row, draft).await?;
            }
            deps.outbox.seal(row).await
        };
        if let Err(error) = settled.await {
            tracing::warn!(%channel, "cannot end a message of an earlier run: {error:#}");
        }
    }
    Ok(())
}
