//! Asking a person, and waiting for as long as it takes.

use std::time::Duration;

use anyhow::Result;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::say::checked;
use super::{Access, Caller, Tool};
use crate::error::UserError;
use crate::ids::SessionId;
use crate::render::dialog::Why;
use crate::session::ToolAnswer;

/// A menu of more than these is not read by anybody.
const MOST_CHOICES: usize = 100;
/// What is cut anyway where it is shown.
const LONGEST_CHOICE: usize = 200;
/// A week.
const LONGEST_WAIT: u32 = 7 * 24 * 3_600;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Ask {
    /// What is asked; the first line is the headline.
    #[schemars(length(min = 1, max = 2000))]
    question: String,
    /// The answers to choose from, shown as buttons; a person may also write another one. Without choices, they write.
    #[serde(default)]
    #[schemars(with = "Vec<String>", length(max = 100))]
    choices: Option<Vec<String>>,
    /// How many seconds to wait at most; without it, until somebody answers.
    #[serde(default)]
    #[schemars(with = "u32", range(min = 1, max = 604_800))]
    timeout_s: Option<u32>,
    /// Only for the owner's token: in whose thread.
    #[serde(default)]
    #[schemars(with = "String")]
    session_id: Option<SessionId>,
}

impl Tool for Ask {
    const NAME: &'static str = "discord_ask";
    const TITLE: &'static str = "Ask a person";
    const DESCRIPTION: &'static str = "Ask the people in this session's Discord thread a question and wait for the answer \
        of one who may decide. Use it when you cannot go on without a decision or a fact that only a person has.";
    const ACCESS: Access = Access::Read;

    async fn run(self, caller: &Caller) -> Result<Value> {
        let (session, _) = caller.session(self.session_id.as_ref()).await?;
        let question = checked(caller, "question", &self.question)?;
        let choices = choices(self.choices.unwrap_or_default())?;
        if let Some(seconds) = self.timeout_s
            && !(1..=LONGEST_WAIT).contains(&seconds)
        {
            let told = format!("`timeout_s` is wrong: {seconds} is not from 1 to {LONGEST_WAIT}");
            return Err(UserError::new(told).into());
        }
        let timeout = self.timeout_s.map(|seconds| Duration::from_secs(seconds.into()));
        let sessions = &caller.deps.sessions;
        let answer = sessions.ask_person(&session.id, question, choices, timeout).await;
        Ok(match answer {
            ToolAnswer::Said { text, by } => json!({ "answered": true, "answer": text, "by": by }),
            ToolAnswer::Skipped { by } => {
                json!({ "answered": false, "why": format!("{by} saw the question and skipped it") })
            }
            ToolAnswer::Nobody(why) => {
                json!({ "answered": false, "why": nobody(why, self.timeout_s) })
            }
        })
    }
}

fn choices(choices: Vec<String>) -> Result<Vec<String>> {
    if choices.len() > MOST_CHOICES {
        let told = format!(
            "`choices` is wrong: {} are more than {MOST_CHOICES}",
            choices.len()
        );
        return Err(UserError::new(told).into());
    }
    for (n, choice) in choices.iter().enumerate() {
        let wrong = if choice.trim().is_empty() {
            "it is empty".to_owned()
        } else if choice.chars().count() > LONGEST_CHOICE {
            format!("it is longer than {LONGEST_CHOICE} characters")
        } else if choices.iter().take(n).any(|earlier| earlier == choice) {
            "it is there twice".to_owned()
        } else {
            continue;
        };
        return Err(UserError::new(format!("`choices[{n}]` is wrong: {wrong}")).into());
    }
    Ok(choices)
}

fn nobody(why: Why, seconds: Option<u32>) -> String {
    match why {
        Why::TimedOut => {
            let seconds = seconds.unwrap_or_default();
            format!("nobody answered within {seconds} s")
        }
        Why::Unseen => "nobody answered: the question could not be shown in the thread".to_owned(),
        Why::Shutdown | Why::Restart => "nobody answered: ompcord is shutting down".to_owned(),
        Why::TurnOver => "nobody answered: the turn was ended".to_owned(),
        Why::AgentGone => "nobody answered: the session's agent ended".to_owned(),
        Why::Ended => "nobody answered: the session was ended".to_owned(),
    }
}
