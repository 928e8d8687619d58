//! Every value that a label can have: a fixed list each, because a label that somebody else can choose makes series
//! without end, and could carry an id or a secret.

use crate::event::ExitHow;

/// By which way a prompt came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptSource {
    /// The launch emoji on a message.
    Reaction,
    /// A message in a session's thread, or one that mentions the bot.
    Message,
    /// `/omp new` or `/omp say`.
    Command,
    /// The HTTP API, and with it the command line.
    Api,
}

impl PromptSource {
    pub(super) const ALL: [Self; 4] = [Self::Reaction, Self::Message, Self::Command, Self::Api];

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Reaction => "reaction",
            Self::Message => "message",
            Self::Command => "command",
            Self::Api => "api",
        }
    }
}

/// What came of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptResult {
    /// Its turn ended with an answer.
    Done,
    /// Its turn ended with an error.
    Failed,
    /// A person did not want it any more.
    Dropped,
    /// The daemon ended in the middle of its turn.
    Interrupted,
}

impl PromptResult {
    pub(super) const ALL: [Self; 4] = [Self::Done, Self::Failed, Self::Dropped, Self::Interrupted];

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
            Self::Interrupted => "interrupted",
        }
    }
}

/// How a question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialogEnd {
    /// A person answered.
    Answered,
    /// Whoever asked did not want to know any more.
    Withdrawn,
    /// Nobody could answer any more.
    Expired,
}

impl DialogEnd {
    pub(super) const ALL: [Self; 3] = [Self::Answered, Self::Withdrawn, Self::Expired];

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }
}

/// How a turn can end, in the words of the event log.
pub(super) const OUTCOMES: [&str; 6] = ["done", "cancelled", "failed", "died", "interrupted", "left"];

/// What can be asked.
pub(super) const KINDS: [&str; 5] = ["approval", "select", "confirm", "input", "editor"];

/// How an agent can end.
pub(super) const EXITS: [&str; 6] = [
    "requested",
    "code",
    "signal",
    "not_started",
    "not_ready",
    "session_missing",
];

pub(super) const fn exit(how: &ExitHow, requested: bool) -> &'static str {
    match how {
        // What it says of its end is then only how it obeyed.
        ExitHow::Code(_) | ExitHow::Signal(_) if requested => "requested",
        ExitHow::Code(_) => "code",
        ExitHow::Signal(_) => "signal",
        ExitHow::NotStarted { .. } => "not_started",
        ExitHow::NotReady => "not_ready",
        ExitHow::SessionMissing => "session_missing",
    }
}

/// What tokens are counted as.
pub(super) const TOKENS: [&str; 4] = ["input", "output", "cache_read", "cache_write"];

/// The tools of the agent and of the daemon. Any other is an extension's, and anybody can name one.
const TOOLS: [&str; 54] = [
    "ask",
    "ast_edit",
    "ast_grep",
    "bash",
    "browser",
    "checkpoint",
    "computer",
    "context_notes",
    "debug",
    "discord_ask",
    "discord_channels",
    "discord_guilds",
    "discord_notify",
    "discord_react",
    "discord_read",
    "discord_reply",
    "discord_send",
    "discord_send_file",
    "edit",
    "eval",
    "fetch",
    "find",
    "github",
    "glob",
    "goal",
    "grep",
    "hub",
    "learn",
    "ls",
    "lsp",
    "manage_skill",
    "memory_edit",
    "new_context",
    "notebook",
    "python",
    "read",
    "recall",
    "reflect",
    "retain",
    "rewind",
    "search",
    "security_scan",
    "ssh",
    "task",
    "think",
    "todo",
    "vibe_kill",
    "vibe_list",
    "vibe_send",
    "vibe_spawn",
    "vibe_wait",
    "web_search",
    "write",
    "yield",
];

/// A tool's name where it is a known one.
pub(super) fn tool(name: &str) -> &'static str {
    match TOOLS.binary_search(&name) {
        Ok(at) => TOOLS[at],
        Err(_) if name.starts_with("mcp__") => "mcp",
        Err(_) => "other",
    }
}

/// The class of an HTTP status; `none` where there was no answer.
pub(super) const fn class(status: Option<u16>) -> &'static str {
    match status {
        None => "none",
        Some(200..=299) => "2xx",
        Some(300..=399) => "3xx",
        Some(400..=499) => "4xx",
        Some(_) => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ExitHow;
    use crate::tools;

    #[test]
    fn a_tool_that_is_not_known_has_no_name_of_its_own() {
        assert!(TOOLS.is_sorted(), "or nothing is found in it");
        assert_eq!(tool("bash"), "bash");
        assert_eq!(tool("mcp__github_search"), "mcp");
        assert_eq!(tool("session_1a2b3c4d"), "other");
        for own in tools::for_host() {
            assert_eq!(tool(own.name), own.name);
        }
    }

    #[test]
    fn every_end_of_an_agent_is_on_the_list() {
        let not_started = ExitHow::NotStarted {
            program: String::new(),
            error: String::new(),
            not_found: true,
        };
        for how in [
            ExitHow::Code(1),
            ExitHow::Signal(9),
            not_started,
            ExitHow::NotReady,
            ExitHow::SessionMissing,
        ] {
            assert!(EXITS.contains(&exit(&how, false)) && EXITS.contains(&exit(&how, true)));
        }
        assert_eq!(exit(&ExitHow::Code(0), true), "requested");
    }
}
