//! Making a session's thread. Safe to repeat: a thread on a message has the message's id, and one that exists is adopted.

use anyhow::{Context, Result};

use super::Deps;
use super::actor::Actor;
use super::state::Input;
use crate::discord::draft::Draft;
use crate::discord::outbox::Act;
use crate::discord::rest::RestError;
use crate::failpoint;
use crate::ids::{MessageId, ThreadId};
use crate::render::no_thread::NoThread;
use crate::render::terminal;
use crate::render::text::{self, code, quiet};
use crate::store::sessions::Session;

/// Whether a thread was asked for before, by a daemon that did not live to hear the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It was not.
    Never,
    /// Perhaps.
    Perhaps,
}

/// Makes the thread of a session, or finds it, with its author as a member and its opening line.
pub async fn open_thread(deps: &Deps, session: &Session, asked: Asked) -> Result<ThreadId> {
    let thread = thread_of(deps, session, asked).await?;
    failpoint::at("launch.thread");
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
        greet(deps, session, thread).await?;
    }
    deps.store.session_opened(&session.id, thread).await?;
    failpoint::at("launch.opened");
    super::events::note_opened(deps, session, thread);
    Ok(thread)
}

async fn thread_of(deps: &Deps, session: &Session, asked: Asked) -> Result<ThreadId> {
    if let Some(origin) = session.origin {
        let made = deps
            .rest
            .create_thread_on_message(session.parent, origin, &session.thread_name)
            .await
            .context("cannot make the thread")?;
        if made.existed {
            adopt(deps, made.id).await?;
        }
        return Ok(made.id);
    }
    if let Some(thread) = session.thread {
        return Ok(thread);
    }
    let found = match asked {
        Asked::Never => None,
        Asked::Perhaps => made_before(deps, session).await?,
    };
    let thread = match found {
        Some(thread) => thread,
        None => make(deps, session).await?,
    };
    failpoint::at("launch.made");
    deps.store.thread_made(&session.id, thread).await?;
    if asked == Asked::Perhaps {
        // Until now nobody knew that it is a session's, so what was written there was no prompt.
        deps.sessions.read_thread(thread);
    }
    Ok(thread)
}

async fn greet(deps: &Deps, session: &Session, thread: ThreadId) -> Result<()> {
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
    let row = deps
        .outbox
        .post_opening(&session.id, thread.channel(), draft)
        .await?;
    failpoint::at("launch.greeted");
    deps.outbox.seal(row).await
}

async fn make(deps: &Deps, session: &Session) -> Result<ThreadId> {
    let (parent, name) = (session.parent, &session.thread_name);
    match deps.rest.create_thread(parent, name).await {
        Ok(thread) => Ok(thread),
        // Its answer may be all that was lost.
        Err(error @ RestError::Unknown { maybe_done: true, .. }) => {
            let found = made_before(deps, session).await.unwrap_or(None);
            found.ok_or(error).context("cannot make the thread")
        }
        Err(error) => Err(error).context("cannot make the thread"),
    }
}

/// The thread that was made for a session whose daemon did not hear of it: of its name, no other session's, and younger
/// than the session.
async fn made_before(deps: &Deps, session: &Session) -> Result<Option<ThreadId>> {
    let place = (deps.config.guild, session.parent);
    let ours = deps.rest.own_threads(place, &session.thread_name).await;
    for thread in ours.context("cannot look for the thread")? {
        // The clocks of Discord and this machine differ a little.
        let young = MessageId::from(thread.get()).created_at_ms() > session.created_at - 60_000;
        if young && deps.store.session_of_thread(thread).await?.is_none() {
            return Ok(Some(thread));
        }
    }
    Ok(None)
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
            let thread = open_thread(&self.deps, &session, Asked::Perhaps).await?;
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
