//! What `ompcord setup` says: where each thing is found, and what came of each answer.

use std::path::Path;

use super::health::missing;
use crate::config::Problem;
use crate::doctor::ChannelSeen;
use crate::error::{UserError, invitation};
use crate::ids::{ChannelId, GuildId, UserId};

/// Where the token is found.
pub const TOKEN: &str = "\nThe bot. At https://discord.com/developers/applications: New Application, then Bot, Reset Token, Copy.\n\
                         On the same page, switch on Message Content Intent.";
/// The token was tried.
pub const TOKEN_REFUSED: &str =
    "✗ Discord does not accept this token. Reset it (Bot, Reset Token) and copy it again.";

/// Discord did not answer.
#[must_use]
pub fn unreachable(reason: &str) -> String {
    format!("✗ Discord cannot be reached: {reason}")
}

/// The intent is on.
pub const INTENT_ON: &str = "✓ Message Content Intent is switched on";
/// What the home channel is for.
pub const CHANNEL: &str =
    "\nThe home channel: its messages can be launched with 🚀, and the board and notifications go there.";
/// What it means to be allowed.
pub const PEOPLE: &str = "\nWho may use the bot? They can run commands as you on this machine. User ids, with commas between them\n\
                          (Discord's settings, Advanced, Developer Mode; then right-click somebody, Copy User ID).";
/// What a workspace is.
pub const WORKDIR: &str =
    "\nThe directory that agents work in. Leave it empty for one of its own in the state directory.";
/// None was given.
pub const NO_WORKDIR: &str = "· Agents work in `workspace` in the state directory (OMP_WORKDIR changes that)";
/// What the service does.
pub const SERVICE: &str = "\nsystemd can keep it running, also after a crash and a restart of the machine.";

/// The first words.
#[must_use]
pub fn welcome(path: &Path, asked: bool) -> String {
    let how = if asked {
        "You are asked only for what is missing. "
    } else {
        ""
    };
    format!(
        "Setting up ompcord in {}. {how}Nothing is written before the end.",
        path.display()
    )
}

/// A value that cannot be used.
#[must_use]
pub fn problem(problem: &Problem) -> String {
    let hint = problem.hint.as_ref().map(|hint| format!("; {hint}"));
    format!(
        "✗ found {}, expected {}{}",
        problem.found,
        problem.expected,
        hint.unwrap_or_default()
    )
}

/// The same where nobody can be asked again.
#[must_use]
pub fn as_error(problem: Problem) -> anyhow::Error {
    crate::config::ConfigError {
        problems: vec![problem],
    }
    .into()
}

/// The token is good.
#[must_use]
pub fn bot(name: &str) -> String {
    format!("✓ Discord accepts the token; the bot is {name}")
}

/// The intent is off.
#[must_use]
pub fn intent_off(application: UserId) -> String {
    format!(
        "✗ Message Content Intent is switched off: the bot would see messages without their text.\n  \
         Switch it on at https://discord.com/developers/applications/{application}/bot"
    )
}

/// The bot has to be invited.
#[must_use]
pub fn invite(application: UserId) -> String {
    format!(
        "\nInvite the bot with what it needs and no more:\n\n  {}\n",
        invitation(application)
    )
}

/// The bot is not in the server that is known.
#[must_use]
pub fn not_in(guild: GuildId) -> String {
    format!("✗ The bot is not in the server {guild}")
}

/// The server.
#[must_use]
pub fn server(name: &str) -> String {
    format!("✓ Server {name}")
}

/// A channel that cannot be the home channel.
#[must_use]
pub fn channel(id: ChannelId, seen: &ChannelSeen) -> String {
    match seen {
        ChannelSeen::Here { name, .. } => format!("✓ #{name}"),
        ChannelSeen::Gone => format!("✗ The channel {id} does not exist, or the bot does not see it"),
        ChannelSeen::Foreign(name) => format!("✗ #{name} belongs to another server"),
        ChannelSeen::NoText(name) => format!("✗ {name} takes no messages"),
        ChannelSeen::Unknown(error) => format!("✗ The channel {id} could not be looked at: {error}"),
    }
}

/// The home channel is good.
#[must_use]
pub fn home(name: &str) -> String {
    format!("✓ Home channel #{name}; the bot may do there what it needs")
}

/// What the bot may not do; `None` where that is nothing.
#[must_use]
pub fn permissions(name: &str, bits: u64, invitation: &str) -> Option<String> {
    let missing = missing(bits);
    if missing.is_empty() {
        return None;
    }
    let lines: Vec<String> = missing
        .iter()
        .map(|(permission, lost)| format!("  ✗ {permission}: {lost}"))
        .collect();
    Some(format!(
        "⚠ In #{name} the bot lacks:\n{}\n  Give it to the bot's role, or invite it again:\n  {invitation}",
        lines.join("\n")
    ))
}

/// Who may use it.
#[must_use]
pub fn allowed(names: &[String]) -> String {
    format!("✓ Allowed: {}", names.join(", "))
}

/// People who are not in the server.
#[must_use]
pub fn strangers(ids: &[UserId]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    format!("✗ Nobody in the server has the id {}", ids.join(", "))
}

/// Where agents work.
#[must_use]
pub fn workdir(path: &str) -> String {
    format!("✓ Agents work in {path}")
}

/// The agent is there.
#[must_use]
pub fn agent(command: &str) -> String {
    format!("✓ The agent {command} is installed")
}

/// The agent is not there.
#[must_use]
pub fn no_agent(command: &str) -> String {
    format!("⚠ The agent {command} was not found. Install it: npm i -g @oh-my-pi/pi-coding-agent")
}

/// The file.
#[must_use]
pub fn saved(path: &Path, written: bool) -> String {
    if written {
        format!("\n✓ Written: {} (only you can read it)", path.display())
    } else {
        format!(
            "\n✓ {} says all of this already: nothing was changed",
            path.display()
        )
    }
}

/// The last words.
#[must_use]
pub fn farewell(running: bool) -> String {
    let next = if running {
        "It runs. Write something in the home channel and react to it with 🚀."
    } else {
        "Next: `ompcord run`, or `ompcord service install` to keep it running. Then write something in the home\n\
         channel and react to it with 🚀."
    };
    format!(
        "\n{next}\n`ompcord doctor` checks everything again; `ompcord extension install` adds your own terminal's sessions."
    )
}

/// The service manager did not do it.
#[must_use]
pub fn not_started(unit: &Path, why: &str) -> UserError {
    UserError::new(format!(
        "the unit is in {}, but systemd did not take it: {why}",
        unit.display()
    ))
    .hint("log in as this user (not with su or sudo) and run: systemctl --user enable --now ompcord")
}

/// There is no service manager of this user to be asked.
#[must_use]
pub fn no_manager() -> UserError {
    UserError::new("no systemd of this user answers, so it cannot say how the service does")
        .hint("log in as this user (not with su or sudo), or use `ompcord doctor`")
}

/// What became of the service.
#[must_use]
pub fn service_installed(unit: &Path, started: bool, lingers: bool) -> String {
    let mut text = format!("✓ Written: {}", unit.display());
    if started {
        text.push_str("\n✓ Started, and starts with the machine");
        if !lingers {
            text.push_str("\n⚠ It ends when you log out; this keeps it running: loginctl enable-linger");
        }
    } else {
        text.push_str("\n  Start it: systemctl --user enable --now ompcord");
    }
    text
}

/// The service is gone.
#[must_use]
pub fn service_removed(unit: &Path) -> String {
    format!(
        "✓ Removed: {}. Configuration and sessions are left as they are.",
        unit.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_with_what_to_do() {
        insta::assert_snapshot!(permissions("home", !(1 << 35), "https://invite").unwrap(), @r"
        ⚠ In #home the bot lacks:
          ✗ Create Public Threads: no session can start
          Give it to the bot's role, or invite it again:
          https://invite
        ");
        assert_eq!(permissions("home", u64::MAX, ""), None);
    }

    #[test]
    fn the_service_says_what_it_needs_to_stay() {
        let unit = Path::new("/u/ompcord.service");
        insta::assert_snapshot!(service_installed(unit, true, false), @r"
        ✓ Written: /u/ompcord.service
        ✓ Started, and starts with the machine
        ⚠ It ends when you log out; this keeps it running: loginctl enable-linger
        ");
    }
}
