//! Making a session's thread. Safe to repeat: a thread on a message has the message's id, and one that exists is adopted.

use anyhow::{Context, Result};

use super::Deps;
use super::actor::Actor;
use super::state::Input;
use crate::discord::draft::Draft;
use crate::discord::outbox::Act;
use crate::discord::rest::RestError;
use crate::ids::ThreadId;
use crate::render::no_thread::NoThread;
use crate::render::terminal;
use crate::render::text::{self, code, quiet};
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
        (None, None) => {
            let made = deps
                .rest
                .create_thread(session.parent, &session.thread_name)
                .await;
            let thread = made.context("cannot make the thread")?;
            deps.store.thread_made(&session.id, thread).await?;
            thread
        }
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
        let line = match deps.store.terminal(&session.id).await? {
            Some(there) => terminal::opening(
                &short(&session.workspace),
                there.host.as_deref(),
                session.id.as_str(),
            ),
            None => opening_line(session),
        };
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
    super::events::note_opened(deps, session, thread);
    Ok(thread)
}

/// People may have talked in a thread before it became a session's: none of that is a prompt.
async fn adopt(deps: &Deps, thread: ThreadId) -> Result<()> {
    let seen = deps.rest.channel(thread.channel()).await;
    let seen = seen.context("cannot look at the thread that exists already")?;
    let bot = deps.rest.me().await.context("cannot ask who the bot is")?.id;
    match seen.last_message_id {
        Some(last) if seen.owner_id != Some(bot) => deps.store.advance_cursor(thread.channel(), last).await,
        _ => Ok(()),
    }
}

/// A path as people write it: a telephone has few characters in a line.
fn short(path: &str) -> String {
    let home = std::env::home_dir();
    let below = home
        .as_deref()
        .and_then(|home| std::path::Path::new(path).strip_prefix(home).ok());
    match below {
        Some(below) if below.as_os_str().is_empty() => "~".to_owned(),
        Some(below) => format!("~/{}", below.display()),
        None => path.to_owned(),
    }
}

fn opening_line(session: &Session) -> String {
    let model = session.model.as_deref().unwrap_or("default model");
    let mode = match session.approval_mode.as_str() {
        "always-ask" => "asks before every tool",
        "write" => "asks before it writes or runs",
        "yolo" => "never asks (yolo)",
        other => other,
    };
    let again = match session.agent_session {
        Some(_) => "\n↩️ The conversation goes on where it ended: write what comes next",
        None => "",
    };
    quiet(&format!(
        "{} ⋅ {} ⋅ {mode} ⋅ {}{again}",
        code(&short(&session.workspace)),
        text::escape(model),
        session.id
    ))
}

/// What kept a thread from being made, for people.
pub(crate) fn why_not(error: &anyhow::Error) -> NoThread {
    let said = error.chain().find_map(|cause| cause.downcast_ref::<RestError>());
    match said {
        Some(RestError::Refused { status: 403, .. }) => NoThread::Permission,
        Some(RestError::Refused { message, .. }) => NoThread::Refused(message.clone()),
        Some(RestError::Limited { retry_after, .. }) => NoThread::Limited(*retry_after),
        Some(RestError::Unknown { .. }) => NoThread::NoAnswer,
        Some(RestError::Unauthorized) => NoThread::Refused("the bot's token is not accepted".to_owned()),
        None => NoThread::Daemon,
    }
}

impl Actor {
    /// Makes the thread, and says where the prompt is when that cannot be done.
    pub(super) async fn open_thread(&mut self) -> Input {
        let Some(session) = self.session.clone() else {
            return Input::OpenFailed;
        };
        let opened = async {
            let thread = open_thread(&self.deps, &session).await?;
            self.enter(thread).await?;
            Ok::<_, anyhow::Error>(thread)
        };
        let error = match opened.await {
            Ok(thread) => {
                if let Some(session) = &mut self.session {
                    session.thread = Some(thread);
                    session.pinned = session.origin;
                }
                return Input::Opened;
            }
            Err(error) => error,
        };
        tracing::error!(session = %session.id, "session {}: {error:#}", session.id);
        // Where even this cannot be stored, the next start tries again.
        let told = async {
            self.deps.store.opening_failed(&session.id).await?;
            self.tell_parent(&session, &error).await
        };
        if let Err(error) = told.await {
            tracing::error!(session = %session.id, "session {}: {error:#}", session.id);
        }
        Input::OpenFailed
    }

    /// There is no thread to say it in, so the channel is told, under the message that was to be launched.
    async fn tell_parent(&self, session: &Session, error: &anyhow::Error) -> Result<()> {
        let why = why_not(error);
        let content = format!(
            "❌ **No thread could be made for this:** {}. {}",
            why.what(),
            why.hint("react again")
        );
        let draft = Draft {
            content,
            reply_to: session.origin,
            ..Draft::default()
        };
        let row = self.deps.outbox.post(session.parent, draft).await?;
        self.deps.outbox.seal(row).await
    }
}
