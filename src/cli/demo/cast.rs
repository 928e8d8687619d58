//! Who plays in the demo: the person's own agent, or the built-in one.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::Args;
use crate::config::process_env;
use crate::error::UserError;

/// Which agent plays in the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum AgentKind {
    /// The real agent
    Omp,
    /// The built-in one that plays a script
    Scripted,
}

impl AgentKind {
    /// As the page reads it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Omp => "omp",
            Self::Scripted => "scripted",
        }
    }
}

/// Who plays, and with what.
pub(super) struct Cast {
    pub(super) kind: AgentKind,
    pub(super) command: Vec<String>,
    pub(super) label: &'static str,
    /// What alice asks for in the first thread.
    pub(super) prompt: String,
}

/// What makes the built-in agent play the session that shows everything.
const SCRIPTED_PROMPT: &str = "Our client hammers a busy server. Can you fix the retries?";
/// What it answers without asking anything, for a terminal where nobody could answer.
const PLAIN_PROMPT: &str = "Why does the login page load so slowly?";

pub(super) fn choose(args: &Args, dir: &Path) -> Result<Cast> {
    let omp = process_env("OMP_COMMAND").unwrap_or_else(|| "omp".to_owned());
    let omp = shell_words::split(&omp).map_err(|_| UserError::new("OMP_COMMAND has an unclosed quote"))?;
    let found = omp.first().is_some_and(|program| is_program(program));
    let prompt = |usual: &str| args.prompt.clone().unwrap_or_else(|| usual.to_owned());
    match args.agent {
        Some(AgentKind::Omp) if !found => Err(UserError::new("the agent omp was not found")
            .hint("install it (npm i -g @oh-my-pi/pi-coding-agent), set OMP_COMMAND, or use --agent scripted")
            .into()),
        Some(AgentKind::Omp) | None if found => Ok(Cast {
            kind: AgentKind::Omp,
            command: omp,
            label: "omp, as you have set it up",
            prompt: prompt("Say hello, and tell me in one sentence what you can do here."),
        }),
        _ => {
            let this = std::env::current_exe().context("cannot find this program")?;
            let dir = format!("OMPCORD_SCRIPTED_DIR={}", dir.join("scripted").display());
            let command = ["env", &dir, "OMPCORD_SCRIPTED=demo"].map(str::to_owned);
            // An agent does not see the environment of its daemon.
            let speed =
                process_env("OMPCORD_SCRIPTED_SPEED").map(|speed| format!("OMPCORD_SCRIPTED_SPEED={speed}"));
            let program = [this.display().to_string(), "scripted-agent".to_owned()];
            Ok(Cast {
                kind: AgentKind::Scripted,
                command: command.into_iter().chain(speed).chain(program).collect(),
                label: "built-in, plays a session (--agent omp uses the real one)",
                prompt: prompt(if args.once { PLAIN_PROMPT } else { SCRIPTED_PROMPT }),
            })
        }
    }
}

/// Whether the system would find a program of this name.
fn is_program(name: &str) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let runs = |path: &Path| {
        std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    if name.contains('/') {
        return runs(Path::new(name));
    }
    let path = process_env("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| runs(&dir.join(name)))
}
