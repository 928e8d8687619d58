//! A question as it is shown and kept: what the agent asked, without secrets, taken apart.

use serde::{Deserialize, Serialize};

use super::approval::Args;
use super::{approval, visible};
use crate::event::{Dialog, DialogKind};
use crate::render::text::clip;

/// The agent's own option that leads to a text of one's own.
const OTHER: &str = "Other (type your own)";
/// A first line longer than this is read below the heading.
const TITLE: usize = 250;

/// What kind of answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Whether a tool may be used.
    Approval,
    /// One of several options.
    Select,
    /// Yes or no.
    Confirm,
    /// A line of text.
    Input,
    /// A text.
    Editor,
}

impl Kind {
    /// The kind as it is stored.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::Select => "select",
            Self::Confirm => "confirm",
            Self::Input => "input",
            Self::Editor => "editor",
        }
    }
}

/// An option of a select.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Choice {
    /// What it says.
    pub(crate) label: String,
    /// What is said about it.
    #[serde(default)]
    pub(crate) detail: String,
}

/// A question as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Question {
    /// What kind of answer it wants.
    pub(crate) kind: Kind,
    /// What is asked, in a line; of an approval, the tool.
    pub(crate) title: String,
    /// Short things about it, with their names.
    #[serde(default)]
    pub(crate) facts: Vec<(String, String)>,
    /// More of what is asked: a command, a text.
    #[serde(default)]
    pub(crate) body: String,
    /// The language of the body where it is code.
    #[serde(default)]
    pub(crate) language: String,
    /// The options, all of them, in the agent's order.
    #[serde(default)]
    pub(crate) options: Vec<Choice>,
    /// Which option leads to a text of one's own.
    #[serde(default)]
    pub(crate) other: Option<usize>,
    /// Shown where a text is to be written.
    #[serde(default)]
    pub(crate) placeholder: String,
    /// The text that is there already.
    #[serde(default)]
    pub(crate) prefill: String,
    /// Whether the text that is there holds something that is not shown, and would be lost by editing what is.
    #[serde(default)]
    pub(crate) hidden: bool,
    /// Until when the agent waits, in unix seconds.
    #[serde(default)]
    pub(crate) before: Option<i64>,
    /// Whether an approval of the tool for the session is not enough, because the agent has a reason to ask.
    #[serde(default)]
    pub(crate) every_time: bool,
    /// How many characters the agent has left out by itself.
    #[serde(default)]
    pub(crate) cut: u64,
    /// How many characters would run that are hidden as secrets.
    #[serde(default)]
    pub(crate) secret: usize,
    /// Why it is not sure what would run.
    #[serde(default)]
    pub(crate) doubt: Option<Doubt>,
}

/// Why it is not sure with which arguments a tool would run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Doubt {
    /// Nothing is known but what the agent shows.
    Unknown,
    /// Several calls fit.
    OneOf,
}

impl Question {
    /// Takes a dialog apart. `args` are those of the tool call that it asks about.
    #[must_use]
    pub(crate) fn of(dialog: &Dialog, args: &Args) -> Self {
        if let Some(approval) = approval::read(dialog, args) {
            return approval;
        }
        Self::plain(dialog)
    }

    /// The same where it cannot be an approval, whatever it says: a program may word its questions as it likes, and must
    /// not get one approved that way.
    #[must_use]
    pub(crate) fn plain(dialog: &Dialog) -> Self {
        let (first, rest) = dialog.title.split_once('\n').unwrap_or((&dialog.title, ""));
        let mut question = Self {
            kind: Kind::Input,
            // Signs first: they are longer than what they stand for.
            title: clip(&visible(first.trim()), TITLE),
            facts: Vec::new(),
            body: String::new(),
            language: String::new(),
            options: Vec::new(),
            other: None,
            placeholder: String::new(),
            prefill: String::new(),
            hidden: false,
            before: None,
            every_time: false,
            cut: 0,
            secret: 0,
            doubt: None,
        };
        if question.title.is_empty() {
            "The agent asks".clone_into(&mut question.title);
        }
        let is_cut = visible(first.trim()).chars().count() > TITLE;
        let body = if is_cut { &dialog.title } else { rest };
        body.trim_matches('\n').clone_into(&mut question.body);
        match &dialog.kind {
            DialogKind::Select { options, details } => {
                question.kind = Kind::Select;
                question.other = options.iter().rposition(|option| option == OTHER);
                question.options = choices(options, details);
            }
            DialogKind::Confirm { message } => {
                question.kind = Kind::Confirm;
                let parts = [question.body.as_str(), message.trim_matches('\n')];
                let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
                question.body = parts.join("\n");
            }
            DialogKind::Input { placeholder } => question.placeholder.clone_from(placeholder),
            DialogKind::Editor { prefill } => {
                question.kind = Kind::Editor;
                question.prefill.clone_from(prefill);
            }
        }
        question
    }

    /// Whether it may be approved for the rest of the session: only what a person sees whole is an example for what
    /// comes after it.
    #[must_use]
    pub(crate) fn may_stand(&self) -> bool {
        let is_whole = self.cut == 0 && self.secret == 0 && self.doubt.is_none();
        self.kind == Kind::Approval && !self.every_time && is_whole
    }

    /// The option that leads to a text of one's own, for a question that is asked for a program.
    pub(crate) const OTHER: &str = OTHER;

    /// The options that can be chosen as they are, each with its place.
    pub(crate) fn choices(&self) -> impl Iterator<Item = (usize, &Choice)> {
        let other = self.other;
        let shown = self.kind == Kind::Select;
        let all = self.options.iter().enumerate().filter(move |_| shown);
        all.filter(move |(n, _)| Some(*n) != other)
    }

    /// The place of the option with this label.
    #[must_use]
    pub(crate) fn option(&self, label: &str) -> Option<usize> {
        self.options.iter().position(|option| option.label == label)
    }
}

/// Options with what is said about them. Each has something to read.
pub(super) fn choices(options: &[String], details: &[String]) -> Vec<Choice> {
    let detail = |n: usize| details.get(n).cloned().unwrap_or_default();
    let options = options.iter().enumerate();
    options
        .map(|(n, option)| Choice {
            label: if option.trim().is_empty() {
                "(blank)".to_owned()
            } else {
                option.clone()
            },
            detail: detail(n).trim().to_owned(),
        })
        .collect()
}
