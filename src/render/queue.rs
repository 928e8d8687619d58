//! `/omp queue`: what waits, with buttons to take it back.

use serde_json::Value;

use super::notice::{Button, Style, buttons, interrupted_buttons, stale_buttons};
use super::text::{clip, escape, plural, quiet};
use crate::ids::SessionId;
use crate::session::view::Next;
use crate::store::prompts::{PromptState, WaitingPrompt};

/// As many as there are buttons in a row.
const SHOWN: usize = 5;
/// So much of a prompt tells which one it is.
const WORDS: usize = 160;

/// The queue of a session as a message.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueList {
    /// What waits.
    pub content: String,
    /// What can be done about it.
    pub components: Vec<Value>,
}

/// The queue of a session. `prompts` hold no secrets any more.
#[must_use]
pub fn queue(session: &SessionId, prompts: &[WaitingPrompt], next: Next) -> QueueList {
    let (undecided, waiting): (Vec<_>, Vec<_>) = prompts.iter().partition(|p| p.state.is_undecided());
    let held = waiting.iter().filter(|p| p.state == PromptState::Held).count();
    let mut lines = vec![match waiting.len() {
        0 => format!("**The queue is empty.** What you write now {}.", when(next)),
        count => format!("**{}** in the queue", plural(count, "prompt")),
    }];
    if held > 0 {
        lines.push(quiet(&format!(
            "⏸️ {held} held until somebody continues the queue"
        )));
    }
    if !waiting.is_empty() && next == Next::WhenDecided {
        lines.push(quiet(
            "⚠️ Nothing of it runs before somebody has chosen *Continue* or *Discard* for the interrupted prompt",
        ));
    }
    for (number, prompt) in waiting.iter().take(SHOWN).enumerate() {
        lines.push(format!("{}. {}", number + 1, words(prompt)));
    }
    if waiting.len() > SHOWN {
        lines.push(quiet(&format!("and {} more", waiting.len() - SHOWN)));
    }
    let decision = undecided.first().map(|prompt| Decision::about(prompt));
    if let Some(decision) = &decision {
        lines.push(decision.question.clone());
        // What steered an interrupted turn shares its fate.
        let apart = undecided.iter().skip(1);
        let more = apart.filter(|p| p.state == PromptState::Asking).count();
        if more > 0 {
            lines.push(quiet(&format!("and {more} more to decide about, in the thread")));
        }
    }
    let mut components = rows(session, &waiting, held);
    components.extend(decision.map(|decision| buttons(&decision.buttons)));
    QueueList {
        content: lines.join("\n"),
        components,
    }
}

/// What a person is to decide before anything else happens to a prompt. The question stands in the thread as well, but that
/// may be long ago there.
struct Decision {
    question: String,
    buttons: [Button; 2],
}

impl Decision {
    fn about(prompt: &WaitingPrompt) -> Self {
        let (question, buttons) = match prompt.state {
            PromptState::Interrupted => ("⚠️ Interrupted while it ran", interrupted_buttons(prompt.id)),
            _ => ("🕰️ Came while ompcord was away", stale_buttons(prompt.id)),
        };
        Self {
            question: format!("{question}: {}", words(prompt)),
            buttons,
        }
    }
}

fn when(next: Next) -> &'static str {
    match next {
        Next::AtOnce => "runs at once",
        Next::AfterTurn => "runs after this turn",
        Next::AfterCompacting => "runs when the conversation is compacted",
        Next::WhenFree => "runs when an agent process is free",
        Next::WhenDecided => {
            "runs when somebody has chosen *Continue* or *Discard* for the interrupted prompt"
        }
        Next::Never => "does not run: this session is ending",
    }
}

fn words(prompt: &WaitingPrompt) -> String {
    let held = if prompt.state == PromptState::Held {
        "⏸️ "
    } else {
        ""
    };
    let text = prompt.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let files = if prompt.has_files { " 📎" } else { "" };
    format!(
        "{held}<@{}> {}{files}",
        prompt.author,
        escape(&clip(&text, WORDS))
    )
}

fn rows(session: &SessionId, waiting: &[&WaitingPrompt], held: usize) -> Vec<Value> {
    if waiting.is_empty() {
        return Vec::new();
    }
    let labels: Vec<String> = (1..=SHOWN).map(|n| format!("Drop {n}")).collect();
    let drops: Vec<_> = waiting
        .iter()
        .zip(&labels)
        .map(|(prompt, label)| {
            let id = format!("omp:queue:drop:{session}:{}", prompt.id);
            (id, label.as_str(), Style::Secondary)
        })
        .collect();
    let mut below = Vec::new();
    if held > 0 {
        let id = format!("omp:queue:continue:{session}");
        below.push((id, "Continue queue", Style::Primary));
    }
    below.push((format!("omp:queue:clear:{session}"), "Drop all", Style::Danger));
    vec![buttons(&drops), buttons(&below)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::PromptId;

    fn prompt(id: i64, text: &str, state: PromptState) -> WaitingPrompt {
        WaitingPrompt {
            id: PromptId(id),
            author: 7.into(),
            text: text.to_owned(),
            has_files: id == 2,
            state,
        }
    }

    fn shown(prompts: &[WaitingPrompt], next: Next) -> String {
        let session = "session_0123abcd".parse().unwrap();
        let list = queue(&session, prompts, next);
        let rows = list.components.iter().map(|row| {
            let buttons = row["components"].as_array().unwrap().iter();
            let buttons = buttons.map(|b| {
                format!(
                    "[{} {}]",
                    b["label"].as_str().unwrap(),
                    b["custom_id"].as_str().unwrap()
                )
            });
            buttons.collect::<Vec<_>>().join(" ")
        });
        let mut all = vec![list.content];
        all.extend(rows);
        all.join("\n")
    }

    #[test]
    fn a_queue_is_shown_with_its_buttons() {
        use PromptState::{Asking, Held, Interrupted, Queued};
        insta::assert_snapshot!(shown(&[], Next::AtOnce), @"**The queue is empty.** What you write now runs at once.");
        insta::assert_snapshot!(shown(&[], Next::AfterTurn), @"**The queue is empty.** What you write now runs after this turn.");
        insta::assert_snapshot!(shown(&[], Next::AfterCompacting), @"**The queue is empty.** What you write now runs when the conversation is compacted.");
        insta::assert_snapshot!(shown(&[], Next::WhenFree), @"**The queue is empty.** What you write now runs when an agent process is free.");
        insta::assert_snapshot!(shown(&[], Next::WhenDecided), @"**The queue is empty.** What you write now runs when somebody has chosen *Continue* or *Discard* for the interrupted prompt.");
        let few = [
            prompt(1, "fix the\n\n  **login**", Held),
            prompt(2, "see the file", Queued),
            prompt(3, "old one", Asking),
            prompt(4, "another old one", Asking),
        ];
        insta::assert_snapshot!("few", shown(&few, Next::AfterTurn));
        let many: Vec<_> = (1..=9)
            .map(|id| prompt(id, &"long ".repeat(80), Queued))
            .collect();
        let behind = [
            prompt(1, "the one that ran", Interrupted),
            prompt(2, "and what steered it", Interrupted),
            prompt(3, "next", Queued),
        ];
        insta::assert_snapshot!("behind", shown(&behind, Next::WhenDecided));
        insta::assert_snapshot!("many", shown(&many, Next::AfterTurn));
    }
}
