//! What a person can want of a question.

/// What a person wants of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// This option.
    Choose(usize),
    /// Yes, and the same for this tool in the rest of the session.
    ApproveForSession,
    /// No, for this reason.
    Deny(String),
    /// None of the options, but this.
    Other(String),
    /// This text.
    Text(String),
    /// The text that is there.
    Keep,
    /// No answer.
    Skip,
    /// Another page of the options.
    Page(usize),
    /// To read all of it.
    More,
    /// To write something.
    Form(Form),
}

impl Wish {
    /// What was written, where it would be lost otherwise.
    #[must_use]
    pub fn written(&self) -> Option<&str> {
        match self {
            Self::Deny(text) | Self::Other(text) | Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// A form that a person fills in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Why something is denied.
    Reason,
    /// A text instead of the options.
    Other,
    /// The text that is asked for.
    Text,
}

impl Form {
    /// What stands for it in a `custom_id`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reason => "reason",
            Self::Other => "other",
            Self::Text => "text",
        }
    }

    /// The form that a word stands for.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        [Self::Reason, Self::Other, Self::Text]
            .into_iter()
            .find(|form| form.word() == word)
    }

    /// What it means to send it with this text.
    #[must_use]
    pub fn sent(self, text: String) -> Wish {
        match self {
            Self::Reason => Wish::Deny(text),
            Self::Other => Wish::Other(text),
            Self::Text => Wish::Text(text),
        }
    }
}
