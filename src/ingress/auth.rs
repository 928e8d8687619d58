//! Who may do what. Every way in passes here, and the match over what is asked is exhaustive: a new source does not
//! compile without a decision.

use super::Ask;
use crate::config::Config;
use crate::ids::{GuildId, RoleId, UserId};

/// Who asks, as Discord says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The user.
    pub id: UserId,
    /// How they are called, for people.
    pub name: String,
    /// Their roles in the server.
    pub roles: Vec<RoleId>,
    /// Whether it is a bot or a webhook.
    pub is_bot: bool,
    /// The server it happened in; `None` in a direct message.
    pub guild: Option<GuildId>,
}

/// What comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Allow,
    /// As if it had not happened: answering everybody who reacts or writes would be noise.
    Ignore,
    /// Say no, to that person only.
    Refuse(Refusal),
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Not one of the allowed users or roles.
    Stranger,
    /// May use the bot, but not answer its questions.
    NotApprover,
    /// Another server, or a direct message.
    Elsewhere,
}

/// What somebody needs to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Nobody in particular: Discord had already let them.
    Nothing,
    /// An allowed user.
    Drive,
    /// An approver.
    Approve,
}

/// Whether this person may do this.
#[must_use]
pub fn decide(config: &Config, by: Option<&Person>, ask: &Ask) -> Decision {
    let (need, asked_privately) = match ask {
        // An event without a person: the message is gone, whoever deleted it.
        Ask::Deleted { .. } => (Need::Nothing, false),
        Ask::Launch { .. } | Ask::Write(_) | Ask::Edited { .. } => (Need::Drive, false),
        Ask::New { .. } | Ask::Say { .. } | Ask::Cancel { .. } | Ask::Stop { .. } | Ask::Decide { .. } => {
            (Need::Drive, true)
        }
        Ask::ContinueQueue { .. } => (Need::Drive, true),
        Ask::Answer { .. } => (Need::Approve, true),
    };
    if need == Need::Nothing {
        return Decision::Allow;
    }
    let refuse = |why| {
        if asked_privately {
            Decision::Refuse(why)
        } else {
            Decision::Ignore
        }
    };
    let Some(by) = by else { return Decision::Ignore };
    if by.is_bot {
        return Decision::Ignore;
    }
    if by.guild != Some(config.guild) {
        return refuse(Refusal::Elsewhere);
    }
    let access = &config.access;
    let drives = access.users.contains(&by.id) || by.roles.iter().any(|role| access.roles.contains(role));
    let approves = access
        .approvers
        .as_ref()
        .map_or(drives, |approvers| approvers.contains(&by.id));
    match need {
        Need::Approve if approves => Decision::Allow,
        Need::Approve if drives => refuse(Refusal::NotApprover),
        Need::Drive if drives => Decision::Allow,
        _ => refuse(Refusal::Stranger),
    }
}
