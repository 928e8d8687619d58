//! What came of changing a session: its model, its thinking, its memory.

use super::text::{code, escape, grouped};
use crate::agent::AskError;
use crate::error::UserError;
use crate::session::live::{Compacted, Holds, NotCompacted};
use crate::session::state::CannotCompact;

/// What can be changed, by its name for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knob {
    /// The model.
    Model,
    /// How much it thinks.
    Thinking,
}

impl Knob {
    const fn name(self) -> &'static str {
        match self {
            Self::Model => "Model",
            Self::Thinking => "Thinking",
        }
    }

    const fn sign(self) -> &'static str {
        match self {
            Self::Model => "🧠",
            Self::Thinking => "💭",
        }
    }

    const fn command(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Thinking => "thinking",
        }
    }
}

/// It was changed.
#[must_use]
pub fn changed(knob: Knob, from: Option<&str>, to: &str, holds: Holds) -> String {
    let from = from
        .filter(|from| *from != to)
        .map(|from| format!("{} → ", code(from)));
    let when = match holds {
        Holds::Now => "from now on",
        Holds::NextStep => "from the agent's next step; what it is writing now it still writes as before",
        Holds::NextStart => "as soon as the agent is started again: it has no process now",
    };
    format!(
        "{} {}: {}{}, {when}.",
        knob.sign(),
        knob.name(),
        from.unwrap_or_default(),
        code(to)
    )
}

/// It was asked for, and the model makes something else of it.
#[must_use]
pub fn adjusted(wanted: &str, actual: &str) -> String {
    format!(
        "\n-# The model does not know {}; it takes {} for it",
        code(wanted),
        code(actual)
    )
}

/// What it is now, and what could be chosen.
#[must_use]
pub fn current(knob: Knob, now: Option<&str>, choices: &[&str]) -> String {
    let now = now.map_or_else(|| "the agent's own choice".to_owned(), code);
    let list: Vec<String> = choices.iter().take(15).map(|choice| code(choice)).collect();
    let more = choices.len().saturating_sub(list.len());
    let choices = match (list.is_empty(), more) {
        (true, _) => "What there is to choose from is known once an agent has been started".to_owned(),
        (false, 0) => format!("There is {}", list.join(", ")),
        (false, more) => format!("There is {} and {more} more", list.join(", ")),
    };
    format!(
        "{} {}: {now}\n-# {choices}. Change it with `/omp {}`",
        knob.sign(),
        knob.name(),
        knob.command()
    )
}

/// There is no such value.
#[must_use]
pub fn unknown(knob: Knob, wanted: &str, nearest: &[&str], choices: &[&str]) -> UserError {
    let list = |names: &[&str]| names.iter().map(|name| code(name)).collect::<Vec<_>>().join(", ");
    let hint = if !nearest.is_empty() {
        format!("Did you mean {}?", list(nearest))
    } else if choices.len() <= 10 && !choices.is_empty() {
        format!("There is {}.", list(choices))
    } else {
        format!(
            "Begin to write it in `/omp {}`, and choose from what is offered.",
            knob.command()
        )
    };
    let what = match knob {
        Knob::Model => "model",
        Knob::Thinking => "thinking level",
    };
    UserError::new(format!(
        "There is no {what} {}; nothing was changed.",
        code(wanted)
    ))
    .hint(hint)
}

/// The agent did not do it.
#[must_use]
pub fn not_changed(knob: Knob, error: &AskError) -> UserError {
    match error {
        AskError::Refused(why) => UserError::new(format!(
            "The agent did not take it: {}. Nothing was changed.",
            escape(why.trim_end_matches('.'))
        ))
        .hint(format!(
            "`/omp {}` without a value says what there is.",
            knob.command()
        )),
        AskError::TooSlow | AskError::Deaf | AskError::Unreadable(_) => {
            UserError::new("The agent does not answer, so nothing is known to have changed.")
                .hint("Try again when it is less busy; `/omp cancel` ends a turn that hangs.")
        }
        AskError::Gone => UserError::new("The agent has just ended; nothing was changed.")
            .hint("Try again: it is kept for the next start."),
    }
}

/// The conversation was compacted.
#[must_use]
pub fn compacted(done: &Compacted) -> String {
    match (done.before, done.after) {
        (Some(before), Some(after)) => {
            format!("🗜️ Compacted: {} → {} tokens.", grouped(before), grouped(after))
        }
        (Some(before), None) => format!(
            "🗜️ Compacted. There were {} tokens; the agent counts again with its next answer.",
            grouped(before)
        ),
        _ => "🗜️ Compacted.".to_owned(),
    }
}

/// Whoever sits at the terminal sets that.
#[must_use]
pub fn in_terminal() -> UserError {
    UserError::new("This session runs in a terminal; nothing was changed.")
        .hint("Change it there, or end it there: then it goes on here.")
}

/// The conversation was not compacted.
#[must_use]
pub fn not_compacted(why: &NotCompacted) -> UserError {
    let as_it_was = "The conversation is as it was.";
    match why {
        NotCompacted::Cannot(CannotCompact::Busy) => {
            UserError::new("A turn is running, and compacting would interrupt it.")
                .hint("Ask again when it is done, or end it with `/omp cancel` first.")
        }
        NotCompacted::Cannot(CannotCompact::Already) => {
            UserError::new("The conversation is being compacted already.")
                .hint("What you write meanwhile waits for it.")
        }
        NotCompacted::Cannot(CannotCompact::InTerminal) => in_terminal(),
        NotCompacted::Cannot(CannotCompact::Ending) => {
            UserError::new("This session is ending.").hint("`/omp resume` continues it later.")
        }
        NotCompacted::Agent(AskError::Refused(why)) => UserError::new(format!(
            "The agent did not compact: {}.",
            escape(why.trim_end_matches('.'))
        ))
        .hint(as_it_was),
        NotCompacted::Agent(AskError::Gone) => {
            UserError::new("The agent ended before it was done, or could not be started.").hint(format!(
                "{as_it_was} `/omp health` says whether the agent can be started."
            ))
        }
        NotCompacted::Agent(AskError::TooSlow | AskError::Deaf | AskError::Unreadable(_)) => {
            UserError::new("The agent gave no answer to that.")
                .hint("Its next answer shows whether the context has become smaller.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_says_from_when_it_holds() {
        let said = [
            changed(Knob::Model, Some("a/b"), "c/d", Holds::Now),
            changed(Knob::Model, Some("c/d"), "c/d", Holds::Now),
            changed(Knob::Thinking, None, "high", Holds::NextStep),
            changed(Knob::Thinking, Some("off"), "max", Holds::NextStart) + &adjusted("max", "high"),
            current(Knob::Model, Some("a/b"), &[]),
            current(Knob::Model, None, &["a/b"; 20]),
            current(Knob::Thinking, Some("low"), &["off", "low"]),
        ];
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn what_cannot_be_says_what_to_do() {
        let refused = || AskError::Refused("Model not found: *x*.".to_owned());
        let agent = |error| not_compacted(&NotCompacted::Agent(error));
        let errors = [
            unknown(Knob::Model, "sonet", &["a/sonnet"], &["a/sonnet"]),
            unknown(Knob::Model, "x`y", &[], &["m"; 11]),
            unknown(Knob::Thinking, "lots", &[], &["off", "high"]),
            not_changed(Knob::Model, &refused()),
            not_changed(Knob::Model, &AskError::TooSlow),
            not_changed(Knob::Thinking, &AskError::Gone),
            not_compacted(&NotCompacted::Cannot(CannotCompact::Busy)),
            not_compacted(&NotCompacted::Cannot(CannotCompact::Already)),
            not_compacted(&NotCompacted::Cannot(CannotCompact::Ending)),
            agent(refused()),
            agent(AskError::Gone),
            agent(AskError::TooSlow),
        ];
        let said: Vec<_> = errors.iter().map(super::super::notice::failure).collect();
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn compacting_says_what_it_brought() {
        let said = |before, after| compacted(&Compacted { before, after });
        assert_eq!(
            said(Some(123_456), Some(7_890)),
            "🗜️ Compacted: 123,456 → 7,890 tokens."
        );
        assert_eq!(
            said(Some(1_000), None),
            "🗜️ Compacted. There were 1,000 tokens; the agent counts again with its next answer."
        );
        assert_eq!(said(None, Some(5)), "🗜️ Compacted.");
    }
}
