//! Making a session's thread. Safe to repeat: a thread on a message has the message's id, and one that exists is adopted.

use anyhow::{Context, Result};

use super::Deps;
use crate::discord::draft::Draft;
use crate::discord::outbox::Act;
use crate::ids::ThreadId;
use crate::render::text::{code, quiet};
use crate::store::sessions::Session;

/// Makes the thread of a session, or finds it, with its author as a member and its opening line.
pub async fn open_thread(deps: &Deps, session: &Session) -> Result<ThreadId> {
    let thread = match (session.thread, session.origin) {
        (_, Some(origin)) => {
            let made = deps
                .rest
                .create_thread_on_message(session.parent, origin, &session.thread_name)
                .await
                .context("cannot make the thread")?;
            if made.existed {
                adopt(deps, made.id).await?;
            }
            made.id
        }
        (Some(thread), None) => thread,
        (None, None) => deps
            .rest
            .create_thread(session.parent, &session.thread_name)
            .await
            .context("cannot make the thread")?,
    };
    deps.outbox
        .act(
            thread.channel(),
            Act::AddMember {
                user: session.started_by,
            },
        )
        .await?;
    if let Some(origin) = session.origin {
        deps.store.set_pinned(&session.id, Some(origin)).await?;
        deps.outbox
            .act(session.parent, Act::Pin { message: origin })
            .await?;
    }
    if !session.greeted {
        let line = opening_line(session);
        let draft = Draft {
            content: line,
            silent: true,
            ..Draft::default()
        };
        let row = deps.outbox.post(thread.channel(), draft).await?;
        deps.store.session_greeted(&session.id).await?;
        deps.outbox.seal(row).await?;
    }
    deps.store.session_opened(&session.id, thread).await?;
    Ok(thread)
}

/// People may have talked in a thread before it became a session's: none of that is a prompt.
async fn adopt(deps: &Deps, thread: ThreadId) -> Result<()> {
    let seen = deps.rest.channel(thread.channel()).await;
    let seen = seen.context("cannot look at the thread that exists already")?;
    let bot = deps.rest.me().await.context("cannot ask who the bot is")?.id;
    let ours = seen.owner_id.is_some_and(|owner| owner.get() == bot.get());
    match seen.last_message_id {
        Some(last) if !ours => {
            deps.store
                .advance_cursor(thread.channel(), last.get().into())
                .await
        }
        _ => Ok(()),
    }
}

fn opening_line(session: &Session) -> String {
    let model = session.model.as_deref().unwrap_or("the agent's own model");
    let mode = match session.approval_mode.as_str() {
        "always-ask" => "asks before every tool",
        "write" => "asks before it writes or runs",
        "yolo" => "never asks (yolo)",
        other => other,
    };
    quiet(&format!(
        "{} ⋅ {} ⋅ {mode} ⋅ {}",
        code(&session.workspace),
        crate::render::text::escape(model),
        session.id
    ))
}
