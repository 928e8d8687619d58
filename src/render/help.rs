//! `/omp help`, and what is said about a command that was not understood.

use serde_json::{Value, json};

use super::text::{clip, code};
use crate::session::view::Status;

/// A command as people read about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// Its name.
    pub name: &'static str,
    /// What can follow it in a message.
    pub takes: &'static str,
    /// What it does, in a few words.
    pub does: &'static str,
}

const fn command(name: &'static str, takes: &'static str, does: &'static str) -> Command {
    Command { name, takes, does }
}

/// Every command, in groups.
pub const GROUPS: [(&str, &[Command]); 4] = [
    (
        "Start",
        &[
            command("new", "[prompt]", "a session in a new thread"),
            command("resume", "<session>", "continue a past session in a new thread"),
        ],
    ),
    (
        "Work",
        &[
            command("say", "<prompt>", "a prompt for this session or another one"),
            command("queue", "", "what waits; drop what should not run"),
            command("cancel", "", "end the turn; the queue waits for you"),
            command("stop", "", "end the session; it can be resumed"),
        ],
    ),
    (
        "Tune",
        &[
            command("model", "[name]", "another model for this session"),
            command("thinking", "[level]", "how much it thinks"),
            command("compact", "[instructions]", "make the conversation shorter"),
        ],
    ),
    (
        "Look",
        &[
            command("sessions", "", "every open session"),
            command("log", "", "this session's transcript as a file"),
            command("status", "", "how ompcord is doing"),
            command("health", "", "try everything, with what to do"),
            command("version", "", "what exactly is running"),
            command("help", "", "this"),
        ],
    ),
];

/// Every command.
pub fn commands() -> impl Iterator<Item = &'static Command> {
    GROUPS.iter().flat_map(|(_, commands)| commands.iter())
}

/// Everything in short, as an embed.
#[must_use]
pub fn help(launch_emoji: &str) -> Value {
    let fields: Vec<Value> = GROUPS
        .iter()
        .map(|(group, commands)| {
            let lines: Vec<String> = commands
                .iter()
                .map(|command| format!("`/omp {}` {}", command.name, command.does))
                .collect();
            json!({"name": group, "value": lines.join("\n")})
        })
        .collect();
    json!({
        "title": "ompcord",
        "color": Status::Busy.colour(),
        "description": format!(
            "React with {launch_emoji} to your message, and an agent works on it in a thread. What you write there is \
             its next prompt; `!` before it steers the running turn."
        ),
        "fields": fields,
        "footer": {"text": "Every command also works as a message: !omp status"},
    })
}

/// What is said about a text command that is none. `nearest` is what may have been meant.
#[must_use]
pub fn unknown(word: &str, nearest: Option<&str>) -> String {
    if word.is_empty() {
        let names: Vec<&str> = commands().map(|command| command.name).collect();
        return format!(
            "`!omp` takes one of: {}.\n-# `!omp help` explains them",
            names.join(", ")
        );
    }
    let meant = nearest
        .map(|name| format!(" Did you mean `!omp {name}`?"))
        .unwrap_or_default();
    format!(
        "There is no command {}.{meant}\n-# `!omp help` lists them all",
        code(&format!("!omp {}", clip(word, 40)))
    )
}

/// What is said about a text command whose words could not be read.
#[must_use]
pub fn usage(name: &str) -> String {
    match commands().find(|command| command.name == name) {
        Some(Command {
            name,
            takes: "",
            does,
        }) => format!("`!omp {name}`: {does}. It takes nothing more."),
        Some(Command { name, takes, does }) => format!("`!omp {name} {takes}`: {does}."),
        None => unknown(name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_is_short_enough_and_complete() {
        let embed = help("🚀");
        let fields = embed["fields"].as_array().unwrap();
        let text: Vec<String> = fields
            .iter()
            .map(|field| {
                format!(
                    "{}\n{}",
                    field["name"].as_str().unwrap(),
                    field["value"].as_str().unwrap()
                )
            })
            .collect();
        insta::assert_snapshot!(format!(
            "{}\n{}",
            embed["description"].as_str().unwrap(),
            text.join("\n")
        ));
        assert!(
            fields
                .iter()
                .all(|f| f["value"].as_str().unwrap().chars().count() <= 1024)
        );
    }

    #[test]
    fn what_is_not_understood_says_what_is() {
        insta::assert_snapshot!(
            [
                unknown("", None),
                unknown("statsu", Some("status")),
                unknown("`banana", None),
                usage("resume"),
                usage("stop"),
            ]
            .join("\n")
        );
    }
}
