//! Questions of the agent as a person reads them: what is asked, what can be answered, and how it ended.
//!
//! Nobody may approve what they could not read: what does not fit is counted, and everything of it can be asked for.
//! A character that changes what is seen (a carriage return, an escape sequence, a turn of direction) is shown as
//! a sign instead of being obeyed, or a command could look like another one.

mod approval;
mod controls;
mod late;
mod question;
mod whole;

use super::MESSAGE_LIMIT;
use super::text::{clip, code, escape, grouped, head, quiet};

pub(crate) use approval::{APPROVE, Args, DENY, is_shown, tool_of};
pub(crate) use controls::{FormText, components, form};
pub(crate) use late::{DEAF, EXPIRED, MISPLACED, NOT_KEPT, UNCLEAR, UNFIT, WITHDRAWN, give_back, too_late};
pub(crate) use question::{Doubt, Kind, Question};
pub(crate) use whole::{Whole, whole};

/// More of a question than this is behind "See more": on a phone it is a screen.
const SHOWN: usize = 1_000;
const SHOWN_LINES: usize = 24;
/// What the line takes that says how it ended, and the line that says what is not shown.
const END_ROOM: usize = 560;
/// What is said about the options beside their buttons is shown up to here.
const DETAILS_ROOM: usize = 600;

/// How a question ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// Somebody answered.
    Answered {
        /// Who.
        by: String,
        /// What.
        said: Said,
    },
    /// Somebody answered in an earlier run of the daemon.
    Recorded {
        /// Who.
        by: String,
        /// What, as it was written down.
        answer: String,
    },
    /// The agent does not want to know any more.
    Withdrawn,
    /// Nobody answered, and nobody can any more.
    Expired(Why),
}

/// What somebody answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// It may be done.
    Approved,
    /// This tool may be used for the rest of the session.
    ApprovedForSession,
    /// It may not be done, perhaps for a reason.
    Denied(Option<String>),
    /// This option.
    Chose(String),
    /// This text.
    Wrote(String),
    /// The text as it was.
    Kept,
    /// Nothing.
    Skipped,
}

/// Why nobody can answer any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// The daemon ended while it was open.
    Restart,
    /// The daemon is ending.
    Shutdown,
    /// The agent's process is gone.
    AgentGone,
    /// The turn was ended.
    TurnOver,
    /// Its message was refused, or somebody deleted it again and again.
    Unseen,
    /// The agent had said how long it waits.
    TimedOut,
    /// The session was ended.
    Ended,
}

/// What the message says while the question is open.
#[must_use]
pub(crate) fn asking(question: &Question) -> String {
    let details = details(question).unwrap_or_default();
    let (body, left) = beginning(question, &details);
    let told = format!("{}{body}{details}", heading("🟡", question));
    let notes = notes(question, left);
    let notes = notes.iter().map(|note| quiet(note));
    [told].into_iter().chain(notes).collect::<Vec<_>>().join("\n")
}

/// What has to be known before it is answered. `left` characters of it are not in the message.
fn notes(question: &Question, left: usize) -> Vec<String> {
    let mut notes = Vec::new();
    if left > 0 {
        let number = grouped(u64::try_from(left).unwrap_or(u64::MAX));
        notes.push(format!(
            "… {number} more characters: **See more** before you answer"
        ));
    } else if needs_more(question) {
        notes.push("Some of the options are cut: **See more** shows them whole".to_owned());
    }
    if question.every_time {
        notes.push("⚠️ The agent finds this one risky: it is asked every time".to_owned());
    }
    if question.secret > 0 {
        let number = grouped(u64::try_from(question.secret).unwrap_or(u64::MAX));
        notes.push(format!(
            "🔒 {number} characters are hidden here as secrets and would run"
        ));
    }
    match question.doubt {
        Some(Doubt::Unknown) => {
            notes.push("⚠️ Its other arguments are not known here".to_owned());
        }
        Some(Doubt::OneOf) => {
            notes.push("⚠️ Several calls fit: it is one of those shown".to_owned());
        }
        None => {}
    }
    if question.hidden {
        notes.push("🔒 It holds secrets that are hidden here: **Replace…** writes all of it anew".to_owned());
    } else if !controls::is_editable(question) {
        notes.push("It is too long for a form: **Replace…** writes all of it anew".to_owned());
    }
    if question.cut > 0 {
        let number = grouped(question.cut);
        notes.push(format!(
            "⚠️ The agent itself left {number} characters out: they cannot be shown here"
        ));
    }
    if let Some(before) = question.before {
        notes.push(format!("⏳ Answer before <t:{before}:R>"));
    }
    notes
}

/// What the message says when it is over.
#[must_use]
pub(crate) fn ended(question: &Question, end: &End) -> String {
    let sign = match end {
        End::Answered { said, .. } => match said {
            Said::Approved | Said::ApprovedForSession => "✅",
            Said::Denied(_) => "⛔",
            Said::Skipped => "⏭️",
            Said::Chose(_) | Said::Wrote(_) | Said::Kept => "☑️",
        },
        End::Recorded { .. } => "☑️",
        End::Withdrawn | End::Expired(_) => "⚪",
    };
    let line = match end {
        End::Answered { by, said } => answered(said, &escape(&clip(by, 60))),
        End::Recorded { by, answer } => {
            let answer = escape(&clip(answer, 200)).replace('\n', " ");
            format!("{answer} ⋅ {}", escape(&clip(by, 60)))
        }
        End::Withdrawn => "withdrawn by the agent; nothing was run".to_owned(),
        End::Expired(why) => expired(*why).to_owned(),
    };
    format!("{}\n{}", told(sign, question), quiet(&line))
}

fn answered(said: &Said, by: &str) -> String {
    let cut = |text: &str| escape(&clip(text, 150)).replace('\n', " ");
    match said {
        Said::Approved => format!("Approved by {by}"),
        Said::ApprovedForSession => {
            format!("Approved by {by} for this session: it will not ask again")
        }
        Said::Denied(None) => format!("Denied by {by}"),
        Said::Denied(Some(reason)) => format!("Denied by {by}: {}", cut(reason)),
        Said::Chose(option) => format!("{} ⋅ {by}", cut(option)),
        Said::Wrote(text) => format!("{by} wrote: {}", cut(text)),
        Said::Kept => format!("Kept as it is ⋅ {by}"),
        Said::Skipped => format!("Skipped by {by}"),
    }
}

fn expired(why: Why) -> &'static str {
    match why {
        Why::Restart => "expired; nothing was run (ompcord was restarted)",
        Why::Shutdown => "expired; nothing was run (ompcord is shutting down)",
        Why::AgentGone => "expired; nothing was run (the agent's process ended)",
        Why::TurnOver => "expired; nothing was run (the turn was ended)",
        Why::Unseen => "expired; nothing was run (it could not be shown)",
        Why::Ended => "expired; nothing was run (the session was ended)",
        Why::TimedOut => "The time was up: the agent went on without an answer",
    }
}

/// The answer as it is kept in the store and told to who comes too late.
#[must_use]
pub(crate) fn label(said: &Said) -> String {
    match said {
        Said::Approved => "Approve".to_owned(),
        Said::ApprovedForSession => "Approve for session".to_owned(),
        Said::Denied(None) => "Deny".to_owned(),
        Said::Denied(Some(reason)) => format!("Deny: {}", clip(reason, 200)),
        Said::Chose(option) => clip(option, 200),
        Said::Wrote(text) => clip(text, 200),
        Said::Kept => "Keep as it is".to_owned(),
        Said::Skipped => "Skip".to_owned(),
    }
}

/// The line about something that ran because a person had approved the tool for the session.
#[must_use]
pub(crate) fn approved_before(question: &Question) -> String {
    let facts = question.facts.iter().map(|(_, value)| value.as_str());
    let what: Vec<&str> = facts
        .chain([question.body.as_str()])
        .filter(|text| !text.is_empty())
        .collect();
    let what = clip(&visible(&what.join(" ⋅ ")), 300);
    let tool = escape(&question.title);
    if what.is_empty() {
        return format!("✓ approved for this session: {tool}");
    }
    format!("✓ approved for this session: {tool}  {}", code(&what))
}

/// What the thread is told when the agent does not come to take a text.
#[must_use]
pub(crate) fn not_taken(text: &str) -> String {
    let text = super::text::plain(text).replace("```", "'''");
    format!(
        "⚠️ **The agent did not take the text that answered its question.** Send it as a message if it still matters:\n```\n{}\n```",
        clip(&text, 1_700)
    )
}

/// What the thread is told of a question that nobody can answer, because the daemon is going down.
#[must_use]
pub(crate) fn turned_away(question: &Question) -> String {
    let title = clip(&visible(&question.title), 200);
    format!(
        "🟡 The agent asked {} while ompcord was shutting down; nothing was run",
        code(&title)
    )
}

/// What the thread is told of a question that cannot be shown in it.
#[must_use]
pub(crate) fn not_shown(question: &Question) -> String {
    let title = clip(&visible(&question.title), 200);
    format!(
        "🟡 The agent asked {}, but its message could not be shown here; nothing was run",
        code(&title)
    )
}

/// What is asked, without what can be answered.
fn told(sign: &str, question: &Question) -> String {
    let mut text = heading(sign, question);
    if !question.body.is_empty() {
        text.push_str(&beginning(question, "").0);
    }
    text
}

fn heading(sign: &str, question: &Question) -> String {
    let title = escape(&visible(&question.title));
    let mut text = match question.kind {
        Kind::Approval => format!("{sign} **Allow {title}?**"),
        _ => format!("{sign} **{title}**"),
    };
    for (name, value) in &question.facts {
        text.push('\n');
        text.push_str(&[&escape(name), ": ", &code(&visible(value))].concat());
    }
    text
}

/// What is said about the options, where they are buttons: a menu shows it by itself.
fn details(question: &Question) -> Option<String> {
    if !controls::are_buttons(question) {
        return None;
    }
    let lines = question
        .choices()
        .filter(|(_, option)| !option.detail.is_empty())
        .map(|(_, option)| {
            let detail = escape(&option.detail).replace('\n', " ");
            format!("\n- **{}**: {detail}", escape(&option.label))
        })
        .collect::<Vec<_>>()
        .concat();
    (lines.chars().count() <= DETAILS_ROOM).then_some(lines)
}

/// The beginning of what there is to read, as the message shows it between the heading and what is said about the
/// options, and how many characters of it are left.
fn beginning(question: &Question, details: &str) -> (String, usize) {
    let is_draft = question.body.is_empty();
    let whole = if is_draft {
        question.prefill.as_str()
    } else {
        question.body.as_str()
    };
    if whole.is_empty() {
        return (String::new(), 0);
    }
    let screen = whole.match_indices('\n').nth(SHOWN_LINES - 1);
    let lines = screen.and_then(|(at, _)| whole.get(..at)).unwrap_or(whole);
    // One sign is as long as another.
    let used = heading("🟡", question).chars().count() + details.chars().count();
    let room = MESSAGE_LIMIT.saturating_sub(END_ROOM + used);
    let mut limit = SHOWN;
    loop {
        let start = head(lines, limit);
        let left = whole.chars().count() - start.chars().count();
        let cut = if left > 0 { "…" } else { "" };
        let text = if is_draft || question.kind == Kind::Approval {
            fence(&question.language, &format!("{start}{cut}"))
        } else {
            format!("{}{cut}", escape(&visible(start)))
        };
        if text.chars().count() < room || limit < 50 {
            return (format!("\n{text}"), left);
        }
        limit = limit * 3 / 4;
    }
}

/// How many characters of what there is to read the message does not show.
fn unseen(question: &Question) -> usize {
    beginning(question, &details(question).unwrap_or_default()).1
}

/// Whether there is more to read than the message shows.
pub(super) fn needs_more(question: &Question) -> bool {
    let buttons = controls::are_buttons(question);
    let cut = |text: &str, limit: usize| text.chars().count() > limit;
    unseen(question) > 0
        || question
            .choices()
            .any(|(_, option)| !buttons && (cut(&option.label, 100) || cut(&option.detail, 100)))
        || (buttons && details(question).is_none())
        || (!question.prefill.is_empty() && !question.body.is_empty())
}

/// A code block that nothing in it can end.
fn fence(language: &str, text: &str) -> String {
    let text = visible(text).replace("```", "`\u{200b}`\u{200b}`");
    format!("```{language}\n{text}\n```")
}

/// The text with a sign for every character that would change what is seen of the others.
pub(super) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\n' | '\t' => out.push(c),
            '\u{0}'..='\u{1f}' => out.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('␀')),
            '\u{7f}' => out.push('␡'),
            c if c.is_control() || super::text::is_hidden(c) => {
                out.extend(["⟨U+", &format!("{:04X}", u32::from(c)), "⟩"]);
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
