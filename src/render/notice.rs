//! The sentences that a session says about itself, with the buttons below them.

use serde_json::{Value, json};

use crate::error::UserError;
use crate::event::{AgentExit, ExitHow};
use crate::ids::{PromptId, SessionId};
use crate::session::state::{Notice, Reply};

use super::terminal;
use super::text::{clip, code, escape, plural, quiet};
use crate::store::terminals::Gone;

const UNDECIDED: &str =
    "📥 Queued: it runs when somebody has chosen *Continue* or *Discard* for the interrupted prompt";

/// A sentence for the thread.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// What is said.
    pub content: String,
    /// Action rows.
    pub components: Vec<Value>,
    /// Whether nobody has to look at once.
    pub silent: bool,
}

/// How much a button stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// The expected choice.
    Primary = 1,
    /// Another choice.
    Secondary = 2,
    /// A good one.
    Success = 3,
    /// One that loses something.
    Danger = 4,
}

/// A button: what it means, what stands on it, how much it stands out.
pub type Button = (String, &'static str, Style);

/// The choices for a prompt that ran when the daemon ended.
#[must_use]
pub fn interrupted_buttons(prompt: PromptId) -> [Button; 2] {
    [
        (about(prompt, "continue"), "Continue", Style::Primary),
        (about(prompt, "discard"), "Discard", Style::Secondary),
    ]
}

/// The choices for a prompt that came while the daemon was away.
#[must_use]
pub fn stale_buttons(prompt: PromptId) -> [Button; 2] {
    [
        (about(prompt, "run"), "Run", Style::Primary),
        (about(prompt, "discard"), "Ignore", Style::Secondary),
    ]
}

/// A row of buttons, at most five.
#[must_use]
pub fn buttons(buttons: &[(String, &str, Style)]) -> Value {
    let buttons: Vec<_> = buttons
        .iter()
        .take(5)
        .map(|(id, label, style)| {
            json!({"type": 2, "style": *style as u8, "label": clip(label, 80), "custom_id": id})
        })
        .collect();
    json!({"type": 1, "components": buttons})
}

fn about(prompt: PromptId, verb: &str) -> String {
    format!("omp:{verb}:{prompt}")
}

fn quietly(text: &str) -> Note {
    Note {
        content: quiet(text),
        components: Vec::new(),
        silent: true,
    }
}

fn aloud(content: String, row: &[(String, &str, Style)]) -> Note {
    let components = if row.is_empty() {
        Vec::new()
    } else {
        vec![buttons(row)]
    };
    Note {
        content,
        components,
        silent: false,
    }
}

fn retry(prompt: Option<PromptId>) -> Vec<Button> {
    prompt
        .map(|id| (about(id, "retry"), "Retry", Style::Primary))
        .into_iter()
        .collect()
}

fn continue_queue(session: &SessionId) -> Button {
    let id = format!("omp:queue:continue:{session}");
    (id, "Continue queue", Style::Primary)
}

/// What is said about a notice. `excerpt` is the beginning of the prompt that it is about.
#[must_use]
pub fn note(notice: &Notice, session: &SessionId, excerpt: Option<&str>) -> Note {
    let about_prompt = excerpt
        .map(|text| format!("\n> {}", clip(&text.replace('\n', " "), 120)))
        .unwrap_or_default();
    match notice {
        Notice::Queued { ahead } => quietly(&queued(*ahead)),
        Notice::WaitingForSlot => quietly(
            "⏸️ Every agent process is busy: this starts as soon as one is free (`OMP_MAX_PROCESSES`)",
        ),
        Notice::StartFailed { exit, prompt } => aloud(start_failed(exit), &retry(*prompt)),
        Notice::ConversationMissing { prompt } => {
            let fresh = prompt.map(|id| (about(id, "fresh"), "Start a new conversation", Style::Primary));
            aloud(
                "❌ **The agent's session file is gone**, so this conversation cannot be resumed. Nothing was run."
                    .to_owned(),
                &fresh.into_iter().collect::<Vec<_>>(),
            )
        }
        Notice::TurnFailed { error, prompt } => aloud(
            format!("❌ **The turn failed.** {}", escape(&sentence(error))),
            &retry(*prompt),
        ),
        Notice::TurnDied { exit, prompt } => aloud(
            format!(
                "❌ **The agent's process {}** in the middle of the turn. The conversation up to there is kept.{}",
                ended(exit),
                last_lines(exit)
            ),
            &retry(*prompt),
        ),
        Notice::IdleDied { exit } => quietly(&format!(
            "The idle agent process {}. The next prompt resumes the conversation",
            ended(exit)
        )),
        Notice::QueueHeld { count } => aloud(
            format!(
                "⏸️ {} waiting until you continue the queue. What you write now runs at once.",
                are(*count)
            ),
            &[continue_queue(session)],
        ),
        Notice::QueuedUndecided => quietly(UNDECIDED),
        Notice::Interrupted { prompt, waiting } => interrupted(*prompt, *waiting, &about_prompt),
        Notice::Stale { prompt } => aloud(
            format!("🕰️ This came while ompcord was away. Run it now?{about_prompt}"),
            &stale_buttons(*prompt),
        ),
        Notice::ShuttingDown => quietly("ompcord is shutting down: this turn has a moment to finish"),
        Notice::Stopped { dropped } => stopped(*dropped),
        other => of_terminal(other, &about_prompt),
    }
}

/// What is said about the terminal that has the session, or had it.
fn of_terminal(notice: &Notice, about_prompt: &str) -> Note {
    let run = |prompt: PromptId| {
        [
            (about(prompt, "run"), "Run here", Style::Primary),
            (about(prompt, "discard"), "Ignore", Style::Secondary),
        ]
    };
    match notice {
        Notice::TerminalGone { how, working, prompt } => {
            let said = terminal::gone(*how, *working);
            if *working && *how != Gone::Off {
                aloud(said, &retry(*prompt))
            } else {
                quietly(&said)
            }
        }
        Notice::Doubtful { prompt } => aloud(
            format!(
                "⚠️ The terminal went away just when it was given this; it may have begun. Run it here?{about_prompt}"
            ),
            &run(*prompt),
        ),
        Notice::StillInTerminal { prompt } => aloud(
            format!(
                "⌨️ **A terminal still has this conversation open**, and two writers would garble it. Close it there, or `/discord on` shares it again. Run this here all the same?{about_prompt}"
            ),
            &run(*prompt),
        ),
        Notice::TerminalGoesOn => aloud(
            "⚠️ The terminal was told to cancel and goes on. Cancel again, or look at it.".to_owned(),
            &[],
        ),
        _ => quietly("⌨️ A terminal has this session now: what you write here is typed there"),
    }
}

fn stopped(dropped: usize) -> Note {
    match dropped {
        0 => quietly("⏹️ Session stopped"),
        _ => quietly(&format!(
            "⏹️ Session stopped; {} dropped",
            plural(dropped, "waiting prompt")
        )),
    }
}

fn queued(ahead: usize) -> String {
    match ahead {
        0 => "📥 Queued".to_owned(),
        _ => format!("📥 Queued, {} before it", plural(ahead, "prompt")),
    }
}

fn interrupted(prompt: PromptId, waiting: usize, about_prompt: &str) -> Note {
    let waiting = undecided(waiting);
    aloud(
        format!(
            "⚠️ **ompcord was interrupted while this ran**; it was not run again by itself.{about_prompt}{waiting}"
        ),
        &interrupted_buttons(prompt),
    )
}

/// What waits for a decision, where something does.
fn undecided(waiting: usize) -> String {
    match waiting {
        0 => String::new(),
        count => format!(
            "\n{}",
            quiet(&format!("{} waiting for what you choose", are(count)))
        ),
    }
}

fn are(count: usize) -> String {
    if count == 1 {
        "1 prompt is".to_owned()
    } else {
        format!("{count} prompts are")
    }
}

fn sentence(error: &str) -> String {
    let error = error.trim();
    if error.is_empty() {
        "The agent gave no reason.".to_owned()
    } else {
        clip(error, 1_500)
    }
}

pub(super) fn ended(exit: &AgentExit) -> String {
    match &exit.how {
        ExitHow::Code(code) => format!("ended with exit code {code}"),
        ExitHow::Signal(signal) => format!("was killed by signal {signal}"),
        ExitHow::NotReady => "did not become ready in time".to_owned(),
        ExitHow::NotStarted { .. } => "could not be started".to_owned(),
        ExitHow::SessionMissing => "did not find its conversation".to_owned(),
    }
}

/// Why a prompt failed whose process is gone, in one line without Markdown: for programs.
#[must_use]
pub fn why(exit: &AgentExit) -> String {
    match &exit.how {
        ExitHow::NotStarted {
            program,
            not_found: true,
            ..
        } => format!("the agent {program} was not found"),
        ExitHow::NotStarted { program, error, .. } => {
            format!("the agent {program} could not be started: {error}")
        }
        _ => {
            let last = exit.last_lines.last().map(|line| format!(": {line}"));
            format!("the agent's process {}{}", ended(exit), last.unwrap_or_default())
        }
    }
}

fn last_lines(exit: &AgentExit) -> String {
    let tail: Vec<String> = exit.last_lines.iter().rev().take(8).rev().cloned().collect();
    if tail.is_empty() {
        String::new()
    } else {
        format!("\n{}", super::log::block(&tail))
    }
}

fn start_failed(exit: &AgentExit) -> String {
    match &exit.how {
        ExitHow::NotStarted {
            program,
            not_found: true,
            ..
        } => format!(
            "❌ **The agent {} was not found.** Install it (`npm i -g @oh-my-pi/pi-coding-agent`) or set `OMP_COMMAND` to its full path, then retry.",
            code(program)
        ),
        ExitHow::NotStarted { program, error, .. } => {
            format!(
                "❌ **The agent {} could not be started:** {}",
                code(program),
                sentence(error)
            )
        }
        _ => format!(
            "❌ **The agent {}** before it was ready.{}",
            ended(exit),
            last_lines(exit)
        ),
    }
}

/// What a person is told who asked for something that failed.
#[must_use]
pub fn failure(error: &UserError) -> String {
    let hint = error
        .hint
        .as_ref()
        .map(|hint| format!("\n-# {hint}"))
        .unwrap_or_default();
    format!("❌ {}{hint}", error.message)
}

/// The answer to a person who asked for something.
#[must_use]
pub fn reply(reply: Reply) -> String {
    match reply {
        Reply::Cancelling => "⏹️ Cancelling the turn.".to_owned(),
        Reply::AlreadyCancelling => "The turn is being cancelled already.".to_owned(),
        Reply::CancelledBeforeStart => "⏹️ Cancelled before it started.".to_owned(),
        Reply::NothingToCancel => "Nothing is running here, so there is nothing to cancel.".to_owned(),
        Reply::Stopping => "⏹️ Stopping the session.".to_owned(),
        Reply::Continued { count: 0 } => "The queue is not held: nothing to continue.".to_owned(),
        Reply::Continued { count } => format!("▶️ Running {}.", plural(count, "held prompt")),
        Reply::Discarded { count: 0 } => "That is not waiting any more.".to_owned(),
        Reply::Discarded { count } => format!("🗑️ {} dropped.", plural(count, "prompt")),
        Reply::Decided => "Done.".to_owned(),
        Reply::Attached | Reply::Attaching => "A terminal has this session.".to_owned(),
        Reply::Occupied => "The agent is at work here.".to_owned(),
        Reply::Stale => "That was decided before, or has expired; nothing was run.".to_owned(),
    }
}
