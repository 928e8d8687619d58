//! `ompcord send`: a prompt from a shell, to a session that runs or to a new one.

use std::io::IsTerminal as _;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::client::{Daemon, text};
use super::{block_on, out, said};
use crate::error::UserError;
use crate::ids::{ChannelId, SessionId, ThreadId};

/// How long one request waits; it is asked again until there is an answer.
const WAIT_S: u32 = 60;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What the agent is to do; `-` reads it from standard input
    prompt: String,
    /// To the session of this thread
    #[arg(long, value_name = "ID", group = "to")]
    thread: Option<ThreadId>,
    /// To a new session with its thread in this channel (default: the home channel)
    #[arg(long, value_name = "ID", group = "to")]
    channel: Option<ChannelId>,
    /// To this session
    #[arg(long, value_name = "ID", group = "to")]
    session: Option<SessionId>,
    /// Into the running turn instead of after it
    #[arg(long, conflicts_with = "channel")]
    steer: bool,
    /// Wait for the answer and print it
    #[arg(long)]
    wait: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn execute(args: Args, env_file: Option<&Path>) -> Result<()> {
    let daemon = Daemon::find(env_file)?;
    block_on(send(daemon, args))
}

async fn send(daemon: Daemon, mut args: Args) -> Result<()> {
    args.prompt = said::text(&args.prompt)?;
    let session = match (&args.session, args.thread) {
        (Some(session), _) => Some(session.clone()),
        (None, Some(thread)) => Some(session_of(&daemon, thread).await?),
        (None, None) => None,
    };
    let (session, mut answer) = match session {
        Some(session) => {
            let mode = if args.steer { "steer" } else { "queue" };
            let body = json!({ "text": args.prompt, "mode": mode });
            let answer = daemon
                .post(&format!("/api/sessions/{session}/prompt"), &body)
                .await?;
            (session.to_string(), answer)
        }
        None if args.steer => {
            return Err(UserError::new("a new session has no turn to steer")
                .hint("say which session with --session or --thread")
                .into());
        }
        None => start(&daemon, &args).await?,
    };
    if args.wait {
        while !is_over(&answer) {
            let path = format!(
                "/api/sessions/{session}/prompts/{}?wait={WAIT_S}",
                text(&answer, "/prompt_id")
            );
            answer = daemon.get(&path).await?;
        }
    }
    report(&args, &daemon, &session, &answer).await
}

async fn start(daemon: &Daemon, args: &Args) -> Result<(String, Value)> {
    let mut body = json!({ "prompt": args.prompt });
    if let Some(channel) = args.channel {
        body["channel_id"] = json!(channel);
    }
    let started = daemon.post("/api/sessions", &body).await?;
    let session = text(&started, "/session_id").to_owned();
    if args.wait && std::io::stderr().is_terminal() {
        out::error(&format!("{session} works at {}", text(&started, "/thread_url")));
    }
    Ok((session, started.get("prompt").cloned().unwrap_or_default()))
}

async fn session_of(daemon: &Daemon, thread: ThreadId) -> Result<SessionId> {
    let sessions = daemon.get("/api/sessions").await?;
    let wanted = thread.to_string();
    let all = sessions.as_array().into_iter().flatten();
    let mut here = all.filter(|session| text(session, "/thread_id") == wanted);
    let found = here
        .next()
        .and_then(|session| text(session, "/session_id").parse().ok());
    found.ok_or_else(|| {
        UserError::new(format!("no open session has the thread {thread}"))
            .hint("`ompcord sessions` lists them")
            .into()
    })
}

/// Whether nothing more comes of it.
fn is_over(answer: &Value) -> bool {
    !matches!(text(answer, "/outcome"), "queued" | "running" | "held")
}

async fn report(args: &Args, daemon: &Daemon, session: &str, answer: &Value) -> Result<()> {
    if args.json {
        let mut answer = answer.clone();
        if let Some(answer) = answer.as_object_mut() {
            answer.insert("session_id".to_owned(), session.into());
        }
        out::line(&answer.to_string())?;
    }
    let outcome = text(answer, "/outcome");
    let said = match (args.wait, outcome) {
        (true, "done") => text(answer, "/answer").to_owned(),
        (true, "failed") => {
            let error = text(answer, "/error");
            let why = if error.is_empty() {
                "the agent failed"
            } else {
                error
            };
            let known = daemon.get(&format!("/api/sessions/{session}")).await.ok();
            let thread = known.as_ref().map_or("", |known| text(known, "/thread_url"));
            return Err(UserError::new(why)
                .hint(format!("its thread has more: {session} {thread}"))
                .into());
        }
        (true, "dropped" | "interrupted") => {
            return Err(UserError::new(format!("it came to nothing: it was {outcome}")).into());
        }
        _ => format!("{session}: {outcome}"),
    };
    if !args.json {
        out::line(&said)?;
    }
    Ok(())
}
