//! Who may do what. Every way in passes here, and the match over what is asked is exhaustive: a new source does not
//! compile without a decision.

use super::Ask;
use super::commands::Command;
use crate::config::Config;
use crate::ids::{GuildId, RoleId, UserId};
use crate::session::Wish;
use crate::status::PromptSource;

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

impl Person {
    /// How they are called, where it is a person and no program.
    #[must_use]
    pub fn called(&self) -> Option<String> {
        (!self.name.is_empty()).then(|| self.name.clone())
    }

    /// By which way they ask for what comes in no message.
    pub(super) const fn means(&self) -> PromptSource {
        if self.name.is_empty() {
            PromptSource::Api
        } else {
            PromptSource::Command
        }
    }
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
    /// An allowed user or an approver.
    Read,
}

/// Where something was asked from.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// Discord, with the person where the event names one.
    Discord(Option<&'a Person>),
    /// The HTTP API, with the owner's token: somebody who can read the daemon's own files.
    Owner,
}

/// Whether this may be asked from there. Both matches are exhaustive: neither a new source nor a new wish compiles
/// without a decision.
#[must_use]
pub fn decide_from(config: &Config, source: Source<'_>, ask: &Ask) -> Decision {
    match source {
        Source::Discord(by) => decide(config, by, ask),
        Source::Owner => match ask {
            Ask::New { .. }
            | Ask::Say { .. }
            | Ask::Cancel { .. }
            | Ask::Stop { .. }
            | Ask::ContinueQueue { .. }
            | Ask::Decide { .. }
            | Ask::Attach => Decision::Allow,
            // Approving is for people: a program that could would make the question pointless.
            Ask::Dialog { .. } => Decision::Refuse(Refusal::NotApprover),
            // Things that happen at Discord, and nowhere else.
            Ask::Launch { .. } | Ask::Write(_) | Ask::Edited { .. } | Ask::Deleted { .. } | Ask::Complete => {
                Decision::Ignore
            }
            // Answered in Discord's words, with buttons; programs have routes of their own.
            Ask::Command { .. } => Decision::Ignore,
        },
    }
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
        // Nobody on Discord has a terminal to share.
        Ask::Attach => return Decision::Ignore,
        Ask::ContinueQueue { .. } | Ask::Complete => (Need::Drive, true),
        Ask::Command { command, .. } => (by_command(command), true),
        Ask::Dialog { wish: Wish::More, .. } => (Need::Read, true),
        Ask::Dialog { .. } => (Need::Approve, true),
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
        Need::Read if drives || approves => Decision::Allow,
        _ => refuse(Refusal::Stranger),
    }
}

/// Commands are for whoever may use the bot, each one decided here.
const fn by_command(command: &Command) -> Need {
    match command {
        Command::Status
        | Command::Health
        | Command::Version
        | Command::Help
        | Command::Sessions { .. }
        | Command::Queue(_)
        | Command::Log(_)
        | Command::Drop(..)
        | Command::Clear(_)
        | Command::CancelOf(_)
        | Command::StopOf { .. }
        | Command::Model { .. }
        | Command::Thinking { .. }
        | Command::Compact { .. }
        | Command::Resume { .. } => Need::Drive,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::ids::{ChannelId, MessageId, PromptId, SessionId};
    use crate::ingress::Written;
    use crate::ingress::commands::Of;
    use crate::session::Form;
    use crate::session::state::Choice;

    const GUILD: u64 = 10;

    fn config() -> Config {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("empty.env");
        std::fs::write(&file, "").unwrap();
        let state = dir.path().display().to_string();
        let vars = HashMap::from([
            ("DISCORD_BOT_TOKEN", "MTEwMDAw.a-fake.token-for-tests-only"),
            ("DISCORD_GUILD_ID", "10"),
            ("DISCORD_CHANNEL_ID", "20"),
            ("DISCORD_ALLOWED_USERS", "1"),
            ("DISCORD_ALLOWED_ROLES", "30"),
            ("DISCORD_APPROVERS", "1,3"),
            ("OMPCORD_STATE_DIR", &state),
        ]);
        Config::load(Some(&file), |name| {
            vars.get(name).map(|value| (*value).to_owned())
        })
        .unwrap()
    }

    fn person(id: u64, roles: &[u64], guild: Option<u64>) -> Person {
        Person {
            id: id.into(),
            name: "somebody".to_owned(),
            roles: roles.iter().map(|role| (*role).into()).collect(),
            is_bot: false,
            guild: guild.map(Into::into),
        }
    }

    /// What can be wanted of a question, without reading all of it.
    fn wishes() -> Vec<Wish> {
        vec![
            Wish::Choose(0),
            Wish::ApproveForSession,
            Wish::Deny("no".to_owned()),
            Wish::Other("else".to_owned()),
            Wish::Text("text".to_owned()),
            Wish::Keep,
            Wish::Skip,
            Wish::Page(1),
            Wish::Form(Form::Reason),
        ]
    }

    fn about_a_question(wish: Wish) -> Ask {
        Ask::Dialog {
            channel: ChannelId::from(20),
            session: SessionId::random(),
            key: String::new(),
            wish,
        }
    }

    /// One of each: events that are ignored when refused, and requests that are answered.
    fn asks() -> (Vec<Ask>, Vec<Ask>) {
        let (channel, message) = (ChannelId::from(20), MessageId::from(50));
        let text = String::new;
        let written = Written {
            channel,
            message,
            text: text(),
            attachments: Vec::new(),
            mentions_bot: false,
            has_other: false,
            late: false,
        };
        let events = vec![
            Ask::Launch {
                channel,
                message,
                late: false,
            },
            Ask::Write(Box::new(written)),
            Ask::Edited {
                channel,
                message,
                text: text(),
            },
        ];
        let requests = vec![
            Ask::New {
                channel,
                topic: None,
                prompt: None,
                model: None,
                workspace: None,
            },
            Ask::Say {
                channel,
                session: None,
                text: text(),
                steer: false,
            },
            Ask::Cancel { channel },
            Ask::Stop { channel },
            Ask::ContinueQueue { channel },
            Ask::Decide {
                channel,
                prompt: PromptId(1),
                choice: Choice::Retry,
            },
        ];
        let session = SessionId::random();
        let commands = every_command(&session);
        let commands = commands
            .into_iter()
            .map(|command| Ask::Command { channel, command });
        let requests = requests
            .into_iter()
            .chain(commands)
            .chain([Ask::Complete])
            .collect();
        (events, requests)
    }

    fn every_command(session: &SessionId) -> Vec<Command> {
        let text = || Some("x".to_owned());
        vec![
            Command::Status,
            Command::Health,
            Command::Version,
            Command::Help,
            Command::Sessions { page: 0 },
            Command::Queue(Of::Here),
            Command::Queue(Of::Session(session.clone())),
            Command::Log(Of::Here),
            Command::Log(Of::Session(session.clone())),
            Command::Drop(session.clone(), PromptId(1)),
            Command::Clear(session.clone()),
            Command::CancelOf(session.clone()),
            Command::StopOf {
                session: session.clone(),
                sure: false,
            },
            Command::StopOf {
                session: session.clone(),
                sure: true,
            },
            Command::Model { name: None },
            Command::Model { name: text() },
            Command::Thinking { level: None },
            Command::Thinking { level: text() },
            Command::Compact { instructions: None },
            Command::Resume {
                session: session.to_string(),
            },
        ]
    }

    #[test]
    fn a_deletion_has_no_person_and_needs_none() {
        let gone = Ask::Deleted {
            message: MessageId::from(50),
        };
        assert_eq!(decide(&config(), None, &gone), Decision::Allow);
    }

    /// Answering is for approvers, reading for everybody who may do something here.
    fn about_questions(config: &Config, who: Option<&Person>, (drives, approves): (Decision, Decision)) {
        for wish in wishes() {
            let ask = about_a_question(wish);
            assert_eq!(decide(config, who, &ask), approves, "{who:?} {ask:?}");
        }
        let either = if drives == Decision::Allow {
            drives
        } else {
            approves
        };
        let read = about_a_question(Wish::More);
        assert_eq!(decide(config, who, &read), either, "{who:?} reads all of it");
    }

    #[test]
    fn the_owners_programs_may_ask_but_neither_approve_nor_play_discord() {
        let config = config();
        let (events, requests) = asks();
        let decided = |ask: &Ask| decide_from(&config, Source::Owner, ask);
        for ask in &requests {
            let in_discords_words = matches!(ask, Ask::Command { .. } | Ask::Complete);
            let expected = if in_discords_words {
                Decision::Ignore
            } else {
                Decision::Allow
            };
            assert_eq!(decided(ask), expected, "{ask:?}");
        }
        for ask in &events {
            assert_eq!(decided(ask), Decision::Ignore, "{ask:?}");
        }
        let approval = wishes().into_iter().map(about_a_question);
        for ask in approval {
            assert_eq!(decided(&ask), Decision::Refuse(Refusal::NotApprover), "{ask:?}");
        }
        let by_nobody = decide_from(&config, Source::Discord(None), &requests[0]);
        assert_eq!(by_nobody, Decision::Ignore);
    }

    #[test]
    fn every_way_in_asks_who_it_is() {
        let config = config();
        let (events, requests) = asks();
        let allowed = person(1, &[], Some(GUILD));
        let by_role = person(2, &[30], Some(GUILD));
        let approver = person(3, &[], Some(GUILD));
        let stranger = person(4, &[99], Some(GUILD));
        let elsewhere = person(1, &[], Some(11));
        let in_private = person(1, &[], None);
        let bot = Person {
            is_bot: true,
            ..person(1, &[30], Some(GUILD))
        };
        let refuse = Decision::Refuse;
        let table = [
            // who, events, requests, answers
            (Some(&allowed), Decision::Allow, Decision::Allow, Decision::Allow),
            (
                Some(&by_role),
                Decision::Allow,
                Decision::Allow,
                refuse(Refusal::NotApprover),
            ),
            (
                Some(&approver),
                Decision::Ignore,
                refuse(Refusal::Stranger),
                Decision::Allow,
            ),
            (
                Some(&stranger),
                Decision::Ignore,
                refuse(Refusal::Stranger),
                refuse(Refusal::Stranger),
            ),
            (
                Some(&elsewhere),
                Decision::Ignore,
                refuse(Refusal::Elsewhere),
                refuse(Refusal::Elsewhere),
            ),
            (
                Some(&in_private),
                Decision::Ignore,
                refuse(Refusal::Elsewhere),
                refuse(Refusal::Elsewhere),
            ),
            (Some(&bot), Decision::Ignore, Decision::Ignore, Decision::Ignore),
            (None, Decision::Ignore, Decision::Ignore, Decision::Ignore),
        ];
        for (who, on_event, on_request, on_answer) in table {
            for ask in &events {
                assert_eq!(decide(&config, who, ask), on_event, "{who:?} {ask:?}");
            }
            for ask in &requests {
                assert_eq!(decide(&config, who, ask), on_request, "{who:?} {ask:?}");
            }
            about_questions(&config, who, (on_request, on_answer));
        }
    }
}
