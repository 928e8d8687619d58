//! The card of a session: one embed in its thread that says how it is doing, with the buttons for what one does then.
//!
//! Times are Discord's own timestamps, which count by themselves: a card that ticked would be edited all the time.

use std::path::Path;

use serde_json::{Value, json};

use super::footer::{context, cost, name};
use super::notice::{Style, buttons};
use super::text::{clip, code, escape, grouped, plain};
use crate::ids::SessionId;
use crate::session::view::{SessionView, Status};

/// An embed with what belongs below it.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// The embed.
    pub embed: Value,
    /// Action rows.
    pub components: Vec<Value>,
}

/// How a session is doing. `offline`: nobody is there to hear a button.
#[must_use]
pub fn card(view: &SessionView, offline: bool) -> Card {
    let mut lines = vec![doing(view)];
    lines.extend(waiting(view.queued, view.held));
    lines.extend(used(view));
    let status = view.status;
    Card {
        embed: json!({
            "title": format!("{} {}", status.emoji(), status.word()),
            "description": lines.join("\n"),
            "color": status.colour(),
            "footer": {"text": about(view)},
        }),
        components: if offline { Vec::new() } else { vec![row(view)] },
    }
}

/// What is left of the card when the session is over.
#[must_use]
pub fn ended(view: &SessionView) -> Card {
    let mut lines = vec!["This session has ended.".to_owned()];
    lines.extend(used(view));
    Card {
        embed: json!({
            "title": "⏹️ Ended",
            "description": lines.join("\n"),
            "footer": {"text": about(view)},
        }),
        components: Vec::new(),
    }
}

/// A time that counts by itself.
pub(super) fn ago(ms: i64) -> String {
    format!("<t:{}:R>", ms.div_euclid(1000))
}

/// A time of day.
pub(super) fn at(ms: i64) -> String {
    format!("<t:{}:f>", ms.div_euclid(1000))
}

fn doing(view: &SessionView) -> String {
    let mut parts = vec![sentence(view.phase_word)];
    if let Some(tool) = &view.tool {
        parts.push(format!("🔧 {}", code(&clip(tool, 60))));
    }
    parts.push(match view.turn_began_ms {
        Some(began) => format!("began {}", ago(began)),
        None => ago(view.last_active_ms),
    });
    parts.join(" ⋅ ")
}

fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    match chars.next() {
        // The name of the program is written as it is.
        Some(_) if words.starts_with("ompcord") => words.to_owned(),
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

/// How many prompts wait.
pub(super) fn waiting(queued: usize, held: usize) -> Option<String> {
    let queued = (queued > 0).then(|| format!("📥 {queued} queued"));
    let held = (held > 0).then(|| format!("⏸️ {held} held"));
    let parts: Vec<String> = queued.into_iter().chain(held).collect();
    (!parts.is_empty()).then(|| parts.join(" ⋅ "))
}

fn used(view: &SessionView) -> Option<String> {
    let tokens = view.tokens.map(|tokens| format!("{} tokens", grouped(tokens)));
    let parts: Vec<String> = [
        view.model.as_deref().and_then(name),
        view.thinking
            .as_deref()
            .and_then(name)
            .map(|level| format!("thinking {level}")),
        view.context_percent.and_then(context),
        tokens,
        Some(view.cost).filter(|spent| *spent > 0.0).and_then(cost),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!parts.is_empty()).then(|| parts.join(" ⋅ "))
}

/// An embed's footer knows no markup.
fn about(view: &SessionView) -> String {
    // The root has no name of its own.
    let workspace = Path::new(&view.workspace).file_name();
    let workspace = workspace.map_or(view.workspace.as_str().into(), std::ffi::OsStr::to_string_lossy);
    format!(
        "{} ⋅ {} ⋅ {}",
        clip(&plain(&workspace), 60),
        view.approval_mode,
        view.id
    )
}

fn row(view: &SessionView) -> Value {
    let id = |verb: &str| key(verb, &view.id);
    let busy = view.turn_began_ms.is_some() || matches!(view.status, Status::Busy | Status::Waiting);
    let cancel = busy.then(|| (id("cancel"), "Cancel", Style::Secondary));
    let always = [
        (id("queue"), "Queue", Style::Secondary),
        (id("log"), "Log", Style::Secondary),
        (id("stop"), "Stop", Style::Danger),
    ];
    let row: Vec<_> = cancel.into_iter().chain(always).collect();
    buttons(&row)
}

/// What a click on a card's button sends.
#[must_use]
pub fn key(verb: &str, session: &SessionId) -> String {
    format!("omp:card:{verb}:{session}")
}

/// Said in the home channel when a session's thread cannot be written in.
#[must_use]
pub fn blocked(view: &SessionView, why: &str) -> String {
    let thread = view
        .thread
        .map_or_else(|| escape(&view.name), |thread| format!("<#{thread}>"));
    format!("🟠 **I cannot write in {thread}:** {why}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::state::Health;

    fn view(n: u32, status: Status, phase_word: &'static str) -> SessionView {
        SessionView {
            id: format!("session_{n:08x}").parse().unwrap(),
            thread: Some(u64::from(1_000 + n).into()),
            parent: 1.into(),
            name: format!("Run: task {n}"),
            status,
            phase_word,
            next: crate::session::view::Next::AtOnce,
            tool: None,
            turn_began_ms: None,
            queued: 0,
            held: 0,
            model: Some("stub/stub-1".to_owned()),
            thinking: Some("high".to_owned()),
            tokens: Some(24_100),
            cost: 0.0123,
            context_percent: Some(12.05),
            workspace: "/home/alice/my-project".to_owned(),
            approval_mode: "write".to_owned(),
            dialogs: 0,
            last_active_ms: 1_700_000_100_000,
            created_ms: 1_700_000_000_000,
            process: true,
            terminal: false,
        }
    }

    fn page(card: &Card) -> String {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let colour = card.embed["color"]
            .as_u64()
            .map_or_else(String::new, |c| format!("#{c:06X}"));
        let row = card.components.first().map(|row| row["components"].clone());
        let buttons: Vec<String> = row
            .as_ref()
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|button| format!("[{} → {}]", text(&button["label"]), text(&button["custom_id"])))
            .collect();
        format!(
            "{colour} {}\n{}\n({})\n{}\n",
            text(&card.embed["title"]),
            text(&card.embed["description"]),
            text(&card.embed["footer"]["text"]),
            buttons.join(" ")
        )
    }

    #[test]
    fn every_state_has_its_card() {
        let busy = SessionView {
            tool: Some("bash".to_owned()),
            turn_began_ms: Some(1_700_000_050_000),
            queued: 2,
            ..view(2, Status::Busy, "working")
        };
        let fresh = SessionView {
            model: None,
            thinking: None,
            tokens: None,
            context_percent: None,
            cost: 0.0,
            ..view(7, Status::Busy, "starting")
        };
        let waiting = SessionView {
            turn_began_ms: Some(1_700_000_050_000),
            dialogs: 1,
            ..view(3, Status::Waiting, "waiting for an answer")
        };
        let held = SessionView {
            held: 3,
            ..view(4, Status::Degraded, Health::TurnFailed.word())
        };
        let retrying = SessionView {
            turn_began_ms: Some(1_700_000_050_000),
            ..view(5, Status::Degraded, "retrying")
        };
        let cards = [
            card(&view(1, Status::Idle, "ready"), false),
            card(&fresh, false),
            card(&busy, false),
            card(&waiting, false),
            card(&held, false),
            card(&retrying, false),
            card(&view(6, Status::Failed, Health::Died.word()), false),
            card(&view(6, Status::Failed, "ompcord is offline"), true),
            ended(&view(8, Status::Idle, "ended")),
        ];
        let pages: Vec<String> = cards.iter().map(page).collect();
        insta::assert_snapshot!(pages.join("\n"));
    }

    #[test]
    fn what_a_program_or_a_person_named_stays_a_name() {
        let hostile = SessionView {
            tool: Some("`x` @everyone".to_owned()),
            model: Some("**m** <@1>".to_owned()),
            workspace: format!("/{}", "x".repeat(5_000)),
            ..view(1, Status::Busy, "working")
        };
        let shown = page(&card(&hostile, false));
        assert!(shown.contains("\\*\\*m\\*\\* \\<@\u{200b}1\\>"), "{shown}");
        assert!(shown.chars().count() < 800, "{shown}");
    }

    #[test]
    fn the_root_is_named_as_it_is() {
        let mut view = view(1, Status::Idle, "idle");
        view.workspace = "/".to_owned();
        assert!(about(&view).starts_with("/ ⋅ "), "{}", about(&view));
    }
}
