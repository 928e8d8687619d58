//! Questions of the agent that wait for a person.
//!
//! An unanswered question hangs the agent for ever, so every one is shown, or answered and said so. What the agent is
//! told is decided here; `asking` carries it out for the actor, `asked` is what a form can be made of without waiting,
//! `calls` finds what the agent does not show, `for_tool` asks for programs, `unseen` looks after questions that nobody can see, and `left` ends what an
//! earlier run left open.

pub(super) mod asked;
mod asking;
mod calls;
mod for_tool;
pub(crate) mod left;
mod unseen;
mod wish;

use std::collections::{HashMap, HashSet};

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::event::{Dialog, DialogAnswer, DialogKind, ToolCall};
use crate::ids::{OutboxId, UserId};
use crate::render::dialog::{APPROVE, DENY, Kind, Question, Said};

pub(crate) use for_tool::ToolAnswer;
pub(super) use for_tool::ToolWish;
pub(crate) use unseen::Unseen;
pub use wish::{Form, Wish};

/// Who answers.
#[derive(Debug, Clone)]
pub(crate) struct By {
    /// The user.
    pub(crate) id: UserId,
    /// How they are called.
    pub(crate) name: String,
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Took {
    /// It was the first one.
    Yes,
    /// The question is not open any more.
    NotOpen,
    /// The question does not take such an answer.
    Unfit,
    /// It could not be stored; the question is still open.
    Failed,
    /// The agent would not read it; the question is still open.
    Deaf,
}

/// The questions of one session.
#[derive(Debug, Default)]
pub(super) struct Dialogs {
    open: HashMap<String, Open>,
    /// Tools that need no approval any more.
    approved: HashSet<String>,
    /// Texts for questions that the agent asks because of the answer to an earlier one.
    owed: Vec<Owed>,
    /// What the model's last message calls.
    calls: Vec<ToolCall>,
}

#[derive(Debug)]
struct Open {
    dialog: Dialog,
    question: Question,
    row: OutboxId,
    /// Whether its first message was deleted and this is another one.
    again: bool,
    /// When the agent goes on by itself.
    until: Option<Instant>,
    /// The program that waits, where it is not the agent itself.
    tool: Option<oneshot::Sender<ToolAnswer>>,
    shown: asked::Shown,
}

/// A text that a person has written already.
#[derive(Debug)]
struct Owed {
    /// The question that it answers.
    title: String,
    text: String,
    until: Instant,
}

/// What an answer means.
#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    /// For the agent.
    answer: DialogAnswer,
    /// For people.
    said: Said,
    /// To be steered to the agent.
    steer: Option<String>,
    /// For the question that follows.
    owed: Option<String>,
}

impl Verdict {
    fn new(answer: DialogAnswer, said: Said) -> Self {
        Self {
            answer,
            said,
            steer: None,
            owed: None,
        }
    }
}

impl Dialogs {
    /// How many questions wait for a person.
    #[must_use]
    pub(super) fn count(&self) -> usize {
        self.open.len()
    }

    /// Whether a person is being asked.
    #[must_use]
    pub(super) fn is_asking(&self) -> bool {
        self.count() > 0
    }

    /// The model's newest message calls these tools.
    pub(super) fn called(&mut self, calls: Vec<ToolCall>) {
        self.calls = calls;
    }

    /// A tool has ended: nothing is asked about it any more.
    pub(super) fn tool_ended(&mut self, id: &str) {
        self.calls.retain(|call| call.id.is_empty() || call.id != id);
    }

    /// When something has to be done about a question without anybody asking for it.
    #[must_use]
    pub(super) fn next_due(&self) -> Option<Instant> {
        let open = self.open.values().filter_map(|open| open.until);
        open.chain(self.owed.iter().map(|owed| owed.until)).min()
    }

    /// The text that a person has written already for this question.
    fn take_owed(&mut self, dialog: &Dialog) -> Option<Owed> {
        if !matches!(dialog.kind, DialogKind::Input { .. } | DialogKind::Editor { .. }) {
            return None;
        }
        // The agent may shorten what it asked, and put more below it.
        let start = |text: &str| {
            text.lines()
                .next()
                .unwrap_or_default()
                .chars()
                .take(20)
                .collect::<String>()
        };
        let asked = start(&dialog.title);
        let at = self.owed.iter().position(|owed| start(&owed.title) == asked)?;
        Some(self.owed.swap_remove(at))
    }
}

impl Open {
    /// What an answer means here; nothing where the question does not take it.
    fn verdict(&self, wish: &Wish) -> Option<Verdict> {
        let value = |text: &str| DialogAnswer::Value(text.to_owned());
        let is_text = matches!(self.question.kind, Kind::Input | Kind::Editor);
        let is_approval = self.question.kind == Kind::Approval;
        Some(match wish {
            Wish::Choose(n) => self.chosen(*n)?,
            Wish::ApproveForSession if self.question.may_stand() => {
                Verdict::new(value(APPROVE), Said::ApprovedForSession)
            }
            Wish::Deny(reason) if is_approval => self.denied(reason.trim()),
            Wish::Other(text) => {
                let DialogKind::Select { options, .. } = &self.dialog.kind else {
                    return None;
                };
                let other = options.get(self.question.other?)?;
                let mut verdict = Verdict::new(value(other), Said::Wrote(text.clone()));
                verdict.owed = Some(text.clone());
                verdict
            }
            Wish::Text(text) if is_text => Verdict::new(value(text), Said::Wrote(text.clone())),
            Wish::Keep => match &self.dialog.kind {
                DialogKind::Editor { prefill } => Verdict::new(value(prefill), Said::Kept),
                _ => return None,
            },
            Wish::Skip if is_text || self.question.kind == Kind::Select => {
                Verdict::new(DialogAnswer::Cancelled, Said::Skipped)
            }
            _ => return None,
        })
    }

    fn chosen(&self, n: usize) -> Option<Verdict> {
        match &self.dialog.kind {
            DialogKind::Select { options, .. } => {
                let label = options.get(n).filter(|_| self.question.other != Some(n))?;
                let shown = self.question.options.get(n)?.label.clone();
                let said = match (self.question.kind, label.as_str()) {
                    (Kind::Approval, APPROVE) => Said::Approved,
                    (Kind::Approval, DENY) => Said::Denied(None),
                    _ => Said::Chose(shown),
                };
                Some(Verdict::new(DialogAnswer::Value(label.clone()), said))
            }
            DialogKind::Confirm { .. } if n < 2 => {
                let label = if n == 0 { "Yes" } else { "No" };
                let said = Said::Chose(label.to_owned());
                Some(Verdict::new(DialogAnswer::Confirmed(n == 0), said))
            }
            _ => None,
        }
    }

    fn denied(&self, reason: &str) -> Verdict {
        let reason = Some(reason.to_owned()).filter(|reason| !reason.is_empty());
        let mut verdict = Verdict::new(DialogAnswer::Value(DENY.to_owned()), Said::Denied(reason.clone()));
        verdict.steer = reason.map(|reason| format!("The user denied {}: {reason}", self.question.title));
        verdict
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::ids::SessionId;

    fn open(title: &str, kind: DialogKind) -> Open {
        let dialog = Dialog {
            id: "1".to_owned(),
            title: title.to_owned(),
            kind,
            timeout: None,
        };
        let question = Question::of(&dialog, &crate::render::dialog::Args::One(Value::Null));
        let asked = asked::Asked {
            channel: 1.into(),
            question: question.clone(),
        };
        let shown = asked::AllAsked::default().show(&SessionId::random(), "k", asked);
        Open {
            dialog,
            question,
            row: OutboxId(1),
            again: false,
            until: None,
            tool: None,
            shown,
        }
    }

    fn select(title: &str, options: &[&str]) -> Open {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let details = Vec::new();
        open(title, DialogKind::Select { options, details })
    }

    #[test]
    fn an_answer_that_a_question_does_not_take_is_none() {
        let approval = select("Allow tool: bash\nCommand: ls", &["Approve", "Deny"]);
        let risky = select("Allow tool: bash\nReason: why\nCommand: ls", &["Approve", "Deny"]);
        let plain = select("Which?", &["Approve", "B"]);
        let asked = select("Which?", &["A", "Other (type your own)"]);
        let confirm = open(
            "Sure?",
            DialogKind::Confirm {
                message: String::new(),
            },
        );
        let text = || "x".to_owned();
        for (open, wish) in [
            (&approval, Wish::Choose(2)),
            (&approval, Wish::Skip),
            (&approval, Wish::Text(text())),
            (&approval, Wish::Other(text())),
            (&approval, Wish::Keep),
            (&risky, Wish::ApproveForSession),
            (&plain, Wish::ApproveForSession),
            (&plain, Wish::Deny(text())),
            (&plain, Wish::Other(text())),
            (&asked, Wish::Choose(1)),
            (&confirm, Wish::Choose(2)),
            (&confirm, Wish::Skip),
        ] {
            assert_eq!(open.verdict(&wish), None, "{wish:?}");
        }
    }

    #[test]
    fn a_reason_is_steered_and_an_empty_one_is_a_plain_denial() {
        let approval = select("Allow tool: bash\nCommand: ls", &["Approve", "Deny"]);
        let denied = approval.verdict(&Wish::Deny(" not now ".to_owned())).unwrap();
        assert_eq!(denied.steer.as_deref(), Some("The user denied bash: not now"));
        let plain = approval.verdict(&Wish::Deny(" ".to_owned())).unwrap();
        assert_eq!(plain, approval.verdict(&Wish::Choose(1)).unwrap());
    }

    #[test]
    fn a_text_goes_to_the_question_that_follows_its_own_and_to_no_other() {
        let mut dialogs = Dialogs::default();
        let owe = |dialogs: &mut Dialogs, title: &str, text: &str| {
            dialogs.owed.push(Owed {
                title: title.to_owned(),
                text: text.to_owned(),
                until: Instant::now(),
            });
        };
        let ask = |title: &str| {
            open(
                title,
                DialogKind::Editor {
                    prefill: String::new(),
                },
            )
            .dialog
        };
        owe(&mut dialogs, "Which flavour do you like best of all?", "mint");
        owe(&mut dialogs, "Why?", "because");
        let mut taken = |dialog: &Dialog| dialogs.take_owed(dialog).map(|owed| owed.text);
        assert_eq!(taken(&ask("Your name?")), None);
        assert_eq!(taken(&select("Why?", &["A"]).dialog), None);
        assert_eq!(taken(&ask("Why?")).as_deref(), Some("because"));
        // As the agent shortens it, with its options below.
        let shortened = ask("Which flavour do you li…\n\n  A\n  B");
        assert_eq!(taken(&shortened).as_deref(), Some("mint"));
        assert!(dialogs.owed.is_empty());
    }

    #[test]
    fn an_open_question_is_known_for_as_long_as_it_is_kept() {
        let all = asked::AllAsked::default();
        let session = SessionId::random();
        let question = select("Which?", &["A"]).question;
        let asked = asked::Asked {
            channel: 1.into(),
            question,
        };
        let shown = all.show(&session, "k", asked);
        assert!(all.get(&session, "k").is_some() && all.get(&SessionId::random(), "k").is_none());
        drop(shown);
        assert!(all.get(&session, "k").is_none());
    }
}
