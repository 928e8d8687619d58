//! `ompcord sessions`: what runs, for people and for scripts.

use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use super::client::{Daemon, text};
use super::{block_on, out};
use crate::render::text::{clip, plural};

/// How much of a name stands in a line.
const NAME: usize = 40;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Those that have ended, too
    #[arg(long)]
    all: bool,
}

pub(super) fn execute(args: &Args, env_file: Option<&Path>) -> Result<()> {
    let daemon = Daemon::find(env_file)?;
    let (json, all) = (args.json, args.all);
    block_on(async move {
        let state = if all { "all" } else { "open" };
        let sessions = daemon.get(&format!("/api/sessions?state={state}")).await?;
        if json {
            return Ok(out::line(&sessions.to_string())?);
        }
        let sessions = sessions.as_array().cloned().unwrap_or_default();
        if sessions.is_empty() {
            return Ok(out::line("no sessions")?);
        }
        for session in &sessions {
            out::line(&line(session))?;
        }
        Ok(())
    })
}

fn line(session: &Value) -> String {
    let queued = session.get("queued").and_then(Value::as_u64).unwrap_or_default();
    let waits = match usize::try_from(queued) {
        Ok(0) | Err(_) => String::new(),
        Ok(count) => format!("  {} waiting", plural(count, "prompt")),
    };
    let attached = match text(session, "/kind") {
        "attached" => "  in a terminal",
        _ => "",
    };
    format!(
        "{}  {:<8} {:<NAME$}  {}{attached}{waits}",
        text(session, "/session_id"),
        text(session, "/status"),
        clip(text(session, "/name"), NAME),
        text(session, "/thread_url"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_session_is_one_line() {
        let session = json!({"session_id": "session_1a2b3c4d", "status": "busy", "name": "fix the login",
            "thread_url": "https://discord.com/channels/1/2", "kind": "owned", "queued": 2});
        let shown = line(&session);
        assert!(
            shown.starts_with("session_1a2b3c4d  busy     fix the login "),
            "{shown}"
        );
        assert!(shown.ends_with("/1/2  2 prompts waiting"), "{shown}");
    }
}
