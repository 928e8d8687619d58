//! Questions of the agent that wait for a person.
//!
//! An unanswered question hangs the agent for ever, so every one is shown, or answered with "cancelled" and said so.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::event::{Dialog, DialogAnswer, DialogKind};
use crate::ids::{OutboxId, SessionId};
use crate::render::notice::{Style, buttons};
use crate::render::text::{clip, escape};

/// Discord shows no more options in a select.
const MOST_OPTIONS: usize = 25;
/// More of what is asked about than this is in a file beside the question.
const SHOWN: usize = 1_400;

/// The questions of one session that are open.
#[derive(Debug, Default)]
pub(super) struct Dialogs {
    open: HashMap<String, Open>,
    count: u64,
}

#[derive(Debug)]
struct Open {
    dialog: Dialog,
    /// The dialog as it was shown, without secrets.
    shown: Dialog,
    row: OutboxId,
    text: String,
}

/// How a question is shown.
#[derive(Debug, PartialEq)]
pub(super) struct Question {
    /// The key that its buttons carry.
    pub key: String,
    /// What is asked.
    pub text: String,
    /// The buttons or the select.
    pub components: Vec<Value>,
    /// The whole of what is asked, where the message shows only its beginning.
    pub whole: Option<String>,
}

/// An answered question.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answered {
    /// The agent's id of it.
    pub id: String,
    /// What to tell the agent.
    pub answer: DialogAnswer,
    /// The message that asked.
    pub row: OutboxId,
    /// What that message says from now on.
    pub text: String,
}

impl Dialogs {
    /// How a new question is shown. `None`: it has no answer that can be given by a button.
    #[must_use]
    pub(super) fn question(&mut self, session: &SessionId, dialog: &Dialog) -> Option<Question> {
        self.count += 1;
        let key = format!("{:x}{:04x}", self.count, u16::from_be_bytes(random()));
        let id = |n: usize| format!("omp:ask:{session}:{key}:{n}");
        let components = match &dialog.kind {
            DialogKind::Select { options } => {
                let options = offered(options);
                let short = options.len() <= 4 && options.iter().all(|(_, o)| o.chars().count() <= 80);
                if options.is_empty() {
                    return None;
                } else if short {
                    let row: Vec<_> = options.iter().map(|(n, o)| (id(*n), *o, style(o, *n))).collect();
                    buttons(&row)
                } else {
                    let options = options.iter().take(MOST_OPTIONS);
                    let options: Vec<_> = options
                        .map(|(n, o)| json!({"label": clip(o, 100), "value": n.to_string()}))
                        .collect();
                    json!({"type": 1, "components": [{"type": 3, "custom_id": id(0), "options": options}]})
                }
            }
            DialogKind::Confirm { .. } => {
                buttons(&[(id(0), "Yes", Style::Success), (id(1), "No", Style::Secondary)])
            }
            DialogKind::Input { .. } | DialogKind::Editor { .. } => return None,
        };
        let more = match &dialog.kind {
            DialogKind::Confirm { message } if !message.is_empty() => {
                format!("\n{}", clip(&escape(message), SHOWN))
            }
            DialogKind::Select { options } if offered(options).len() > MOST_OPTIONS => {
                let left_out = offered(options).len() - MOST_OPTIONS;
                format!("\n-# {left_out} more options cannot be shown; cancel and write which one you want")
            }
            _ => String::new(),
        };
        Some(Question {
            key,
            text: format!("🟡 {}{more}", title(&dialog.title)),
            components: vec![components],
            whole: whole(dialog),
        })
    }

    /// The question is in the thread.
    pub(super) fn opened(&mut self, question: Question, dialog: Dialog, shown: Dialog, row: OutboxId) {
        self.open.insert(
            question.key,
            Open {
                dialog,
                shown,
                row,
                text: question.text,
            },
        );
    }

    /// Whether a person is being asked.
    #[must_use]
    pub(super) fn is_asking(&self) -> bool {
        !self.open.is_empty()
    }

    /// A person chose the option with this index. `None`: the question is not open (any more).
    pub(super) fn answer(&mut self, key: &str, choice: usize, by: &str) -> Option<Answered> {
        let open = self.open.get(key)?;
        let (answer, label) = match &open.dialog.kind {
            DialogKind::Select { options } => {
                let label = options.get(choice)?;
                let shown = match &open.shown.kind {
                    DialogKind::Select { options } => options.get(choice).cloned(),
                    _ => None,
                };
                (DialogAnswer::Value(label.clone()), shown.unwrap_or_default())
            }
            DialogKind::Confirm { .. } => (
                DialogAnswer::Confirmed(choice == 0),
                if choice == 0 { "Yes" } else { "No" }.to_owned(),
            ),
            DialogKind::Input { .. } | DialogKind::Editor { .. } => return None,
        };
        let open = self.open.remove(key)?;
        let text = format!("{}\n-# {} ⋅ {by}", open.text, escape(&clip(&label, 100)));
        Some(Answered {
            id: open.dialog.id,
            answer,
            row: open.row,
            text,
        })
    }

    /// The agent withdrew a question: what its message says from now on.
    pub(super) fn withdraw(&mut self, id: &str) -> Option<(OutboxId, String)> {
        let key = self.open.iter().find(|(_, open)| open.dialog.id == id)?.0.clone();
        self.open
            .remove(&key)
            .map(|open| (open.row, format!("{}\n-# withdrawn by the agent", open.text)))
    }

    /// The turn or the process is over: nobody waits for an answer any more.
    pub(super) fn expire(&mut self) -> Vec<(OutboxId, String)> {
        self.open
            .drain()
            .map(|(_, open)| (open.row, format!("{}\n-# expired; nothing was run", open.text)))
            .collect()
    }
}

fn random() -> [u8; 2] {
    let bytes = uuid::Uuid::new_v4().into_bytes();
    [bytes[0], bytes[1]]
}

/// The options that a person can choose here, each with its index. One that leads to a text of one's own is left out:
/// a text is written as a prompt.
fn offered(options: &[String]) -> Vec<(usize, &str)> {
    let own_text = |option: &str| option.starts_with("Other (type your own)");
    options
        .iter()
        .enumerate()
        .filter(|(_, option)| !own_text(option))
        .map(|(n, option)| {
            (
                n,
                if option.trim().is_empty() {
                    "(blank)"
                } else {
                    option.as_str()
                },
            )
        })
        .collect()
}

fn style(option: &str, n: usize) -> Style {
    match option {
        "Approve" => Style::Success,
        "Deny" => Style::Danger,
        _ if n == 0 => Style::Primary,
        _ => Style::Secondary,
    }
}

/// Nobody should approve what they cannot read to its end.
fn whole(dialog: &Dialog) -> Option<String> {
    let message = match &dialog.kind {
        DialogKind::Confirm { message } => message.as_str(),
        _ => "",
    };
    let long = |text: &str| text.chars().count() > SHOWN || text.lines().count() > 40;
    (long(&dialog.title) || long(message)).then(|| format!("{}\n{message}", dialog.title))
}

/// The first line is what is asked; the rest (a command, a path) is shown as code.
fn title(title: &str) -> String {
    let (first, rest) = title.split_once('\n').unwrap_or((title, ""));
    let first = format!("**{}**", escape(&clip(first, 300)));
    if rest.trim().is_empty() {
        return first;
    }
    let rest: Vec<String> = clip(rest, SHOWN).lines().map(str::to_owned).collect();
    format!("{first}\n{}", crate::render::log::block(&rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(title: &str, options: &[&str]) -> Dialog {
        let options = options.iter().map(|o| (*o).to_owned()).collect();
        Dialog {
            id: "1".to_owned(),
            title: title.to_owned(),
            kind: DialogKind::Select { options },
            timeout: None,
        }
    }

    fn asked(dialog: &Dialog) -> Question {
        Dialogs::default().question(&SessionId::random(), dialog).unwrap()
    }

    #[test]
    fn what_does_not_fit_is_in_a_file_so_that_nobody_approves_an_end_they_cannot_see() {
        let hidden = format!("Allow tool: bash\nCommand: echo {}; rm -rf ~", "#".repeat(1_500));
        let question = asked(&select(&hidden, &["Approve", "Deny"]));
        assert!(question.text.chars().count() <= 2_000);
        assert!(question.whole.unwrap().contains("; rm -rf ~"));
        assert_eq!(
            asked(&select("Allow tool: bash\nCommand: ls", &["Approve", "Deny"])).whole,
            None
        );
    }

    #[test]
    fn every_option_has_a_label_and_those_that_are_left_out_are_counted() {
        let blank = asked(&select("Pick", &["a", ""]));
        assert!(blank.components[0].to_string().contains("(blank)"), "{blank:?}");
        let many: Vec<String> = (0..30).map(|n| format!("option {n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(asked(&select("Pick", &many)).text.contains("5 more options"));
    }

    #[test]
    fn an_option_that_leads_to_a_text_is_left_out_and_the_others_keep_their_places() {
        let mut dialogs = Dialogs::default();
        let dialog = select("Which?", &["A", "Other (type your own)", "B"]);
        let question = dialogs.question(&SessionId::random(), &dialog).unwrap();
        let shown = question.components[0].to_string();
        assert!(!shown.contains("Other") && shown.contains(":2\""), "{shown}");
    }
}
