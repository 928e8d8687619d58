//! A thread takes the title that the agent gives its session: once, and never over a name that a person chose.
//!
//! Discord allows two renames in ten minutes and lets the third request hang, so there is one try in a session's life,
//! and it is written down before it is made.

use std::sync::Arc;

use anyhow::{Context as _, Result};

use super::Deps;
use super::actor::Actor;
use crate::discord::outbox::Act;
use crate::ids::{SessionId, ThreadId};
use crate::render::name;

impl Actor {
    /// The agent calls the session this. Nothing waits for the thread to be renamed.
    pub(super) fn titled(&mut self, title: &str) {
        let title = self.deps.redactor.redact(title);
        let (Some(session), Some(thread), Some(title)) =
            (&self.session, self.thread, name::title_name(&title))
        else {
            return;
        };
        if self.titled || name::repeats(&session.thread_name, &title) {
            return;
        }
        self.titled = true;
        let (deps, id) = (self.deps.clone(), session.id.clone());
        let known = session.thread_name.clone();
        self.deps.tracker.spawn(async move {
            if let Err(error) = rename(&deps, &id, thread, (&known, title)).await {
                tracing::warn!(session = %id, "the thread of session {id} keeps its name: {error:#}");
            }
        });
    }
}

async fn rename(
    deps: &Arc<Deps>,
    id: &SessionId,
    thread: ThreadId,
    (known, title): (&str, String),
) -> Result<()> {
    if !deps.store.claim_title(id, &title).await? {
        return Ok(());
    }
    // A person may have named it while nobody was there to see.
    let seen = deps.rest.channel(thread.channel()).await;
    let now = seen.context("cannot look at the thread")?.name;
    if let Some(now) = now.filter(|now| *now != known) {
        deps.store.thread_named(thread, &now).await?;
        return Ok(());
    }
    deps.outbox
        .act(thread.channel(), Act::Rename { name: title })
        .await
}
