//! What only the person is told whose answer does not count: too late, in the wrong place, or not to be kept.

use crate::render::text::{clip, escape, plain};

/// What somebody is told who answers what was answered before.
#[must_use]
pub(crate) fn too_late(by: &str, answer: &str) -> String {
    let answer = escape(&clip(answer, 200)).replace('\n', " ");
    format!(
        "{} was first: **{answer}**. Nothing else was run.",
        escape(&clip(by, 60))
    )
}

/// What somebody is told who answers what the agent has withdrawn.
pub(crate) const WITHDRAWN: &str = "The agent has withdrawn this question; nothing was run.";
/// What somebody is told who answers what nobody waits for any more.
pub(crate) const EXPIRED: &str = "This question has expired; nothing was run.";
/// What somebody is told whose answer could not be kept.
pub(crate) const NOT_KEPT: &str = "Your answer could not be stored just now, so nothing was run. The question is still open: try again in a moment.";
/// What somebody is told whose answer the agent cannot take.
pub(crate) const DEAF: &str = "The agent does not read what it is sent, so nothing was run. The question is still open: try again in a moment, or `/omp cancel`.";
/// What somebody is told where nobody can say what became of a question.
pub(crate) const UNCLEAR: &str =
    "Your answer came too late or could not be looked up just now; nothing was run because of it.";
/// What somebody is told whose button does not belong where it was pressed.
pub(crate) const MISPLACED: &str = "This button does not belong to this thread's session; nothing was run.";
/// What somebody is told whose answer the question does not take.
pub(crate) const UNFIT: &str = "This question cannot be answered like that; nothing was run.";

/// What a person wrote in vain, so that they can use it elsewhere.
#[must_use]
pub(crate) fn give_back(told: &str, text: &str) -> String {
    let text = plain(text).replace("```", "'''");
    format!(
        "{told}\nThis is what you wrote:\n```\n{}\n```",
        clip(&text, 1_300)
    )
}
