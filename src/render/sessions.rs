//! `/omp sessions`, and how a session is called where a person chooses one.

use std::time::Duration;

use serde_json::{Value, json};

use super::notice::{Style, buttons};
use super::text::{clip, escape, plain, plural};
use crate::session::view::{SessionView, Status};
use crate::store::sessions::Session;

/// How many sessions stand on a page: a phone shows as many without scrolling far.
pub const PER_PAGE: usize = 10;
/// What Discord shows of a choice.
const CHOICE: usize = 100;

/// A list of sessions with the buttons to turn its pages.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionList {
    /// The list.
    pub embed: Value,
    /// The buttons; none where everything is on one page.
    pub components: Vec<Value>,
}

/// One page of the open sessions, the most recent first. A page that is not there (any more) is the last one.
#[must_use]
pub fn sessions(views: &[SessionView], page: usize) -> SessionList {
    let mut views: Vec<&SessionView> = views.iter().collect();
    views.sort_by_key(|view| std::cmp::Reverse(view.last_active_ms));
    let pages = views.len().div_ceil(PER_PAGE).max(1);
    let page = page.min(pages - 1);
    let lines: Vec<String> = views
        .iter()
        .skip(page * PER_PAGE)
        .take(PER_PAGE)
        .map(|view| line(view))
        .collect();
    let description = if lines.is_empty() {
        "No session is open. `/omp new` starts one, `/omp resume` continues an earlier one.".to_owned()
    } else {
        lines.join("\n")
    };
    let mut embed = json!({
        "title": plural(views.len(), "open session"),
        "color": worst(&views).colour(),
        "description": clip(&description, 4096),
    });
    if pages > 1 {
        embed["footer"] = json!({"text": format!("page {} of {pages}", page + 1)});
    }
    let turn = |to: usize, label| (format!("omp:sessions:{to}"), label, Style::Secondary);
    let mut row = Vec::new();
    if page > 0 {
        row.push(turn(page - 1, "◀ Newer"));
    }
    if page + 1 < pages {
        row.push(turn(page + 1, "Older ▶"));
    }
    SessionList {
        embed,
        components: if row.is_empty() {
            Vec::new()
        } else {
            vec![buttons(&row)]
        },
    }
}

fn worst(views: &[&SessionView]) -> Status {
    let order = [Status::Failed, Status::Waiting, Status::Degraded, Status::Busy];
    let there = |status: &Status| views.iter().any(|view| view.status == *status);
    order.into_iter().find(there).unwrap_or(Status::Idle)
}

fn line(view: &SessionView) -> String {
    let name = match view.thread {
        Some(thread) => format!("<#{thread}>"),
        None => escape(&clip(&view.name, 60)),
    };
    let waiting = match view.queued + view.held {
        0 => String::new(),
        count => format!(" ⋅ 📥 {count}"),
    };
    let tool = view
        .tool
        .as_deref()
        .map(|tool| format!(" ({})", escape(&clip(tool, 40))))
        .unwrap_or_default();
    format!(
        "{} {name}\n-# {}{tool}{waiting} ⋅ {} ⋅ begun <t:{}:R>, active <t:{}:R>",
        view.status.emoji(),
        view.phase_word,
        escape(&clip(folder(&view.workspace), 40)),
        view.created_ms / 1000,
        view.last_active_ms / 1000
    )
}

fn folder(workspace: &str) -> &str {
    let name = workspace.trim_end_matches('/').rsplit('/').next();
    name.filter(|name| !name.is_empty()).unwrap_or(workspace)
}

/// How long ago something was, in one unit.
#[must_use]
pub fn age(ago: Duration) -> String {
    let seconds = ago.as_secs();
    match seconds {
        0..60 => "just now".to_owned(),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..172_800 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

fn since(then_ms: i64, now_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(now_ms - then_ms).unwrap_or_default())
}

/// An open session among the choices of an option.
#[must_use]
pub fn open_choice(view: &SessionView, now_ms: i64) -> String {
    let (emoji, place) = (view.status.emoji(), folder(&view.workspace));
    choice(emoji, &view.name, place, since(view.last_active_ms, now_ms))
}

/// A past session among the choices of an option.
#[must_use]
pub fn past_choice(session: &Session, now_ms: i64) -> String {
    let place = folder(&session.workspace);
    choice(
        "↩️",
        &session.thread_name,
        place,
        since(session.last_active_at, now_ms),
    )
}

/// The name gives way to what tells sessions of the same name apart.
fn choice(emoji: &str, name: &str, place: &str, ago: Duration) -> String {
    let about = format!(" ⋅ {} ⋅ {}", clip(&plain(place), 30), age(ago));
    let room = CHOICE - about.chars().count() - emoji.chars().count() - 1;
    let name = clip(&plain(name).replace('\n', " "), room);
    format!("{emoji} {name}{about}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::SessionId;

    fn view(number: u64, status: Status) -> SessionView {
        SessionView {
            id: SessionId::random(),
            thread: Some(number.into()),
            parent: 1.into(),
            name: format!("Run: job {number}"),
            status,
            phase_word: "working",
            next: crate::session::view::Next::AtOnce,
            tool: (status == Status::Busy).then(|| "bash".to_owned()),
            turn_began_ms: None,
            queued: usize::try_from(number % 3).unwrap(),
            held: 0,
            model: None,
            thinking: None,
            tokens: None,
            cost: 0.0,
            context_percent: None,
            workspace: "/home/me/my_repo".to_owned(),
            approval_mode: "write".to_owned(),
            dialogs: 0,
            last_active_ms: 1_700_000_000_000 - i64::try_from(number).unwrap() * 60_000,
            created_ms: 1_690_000_000_000,
            process: true,
            terminal: false,
        }
    }

    #[test]
    fn a_few_sessions_are_one_page() {
        let views = [
            view(1, Status::Busy),
            view(2, Status::Idle),
            view(3, Status::Waiting),
        ];
        let list = sessions(&views, 0);
        assert!(list.components.is_empty() && list.embed.get("footer").is_none());
        assert_eq!(list.embed["color"], Status::Waiting.colour());
        insta::assert_snapshot!(list.embed["description"].as_str().unwrap(), @r"
        🔵 <#1>
        -# working (bash) ⋅ 📥 1 ⋅ my\_repo ⋅ begun <t:1690000000:R>, active <t:1699999940:R>
        🟢 <#2>
        -# working ⋅ 📥 2 ⋅ my\_repo ⋅ begun <t:1690000000:R>, active <t:1699999880:R>
        🟡 <#3>
        -# working ⋅ my\_repo ⋅ begun <t:1690000000:R>, active <t:1699999820:R>
        ");
        let none = sessions(&[], 3).embed;
        insta::assert_snapshot!(format!("{}: {}", none["title"], none["description"]), @r#""0 open sessions": "No session is open. `/omp new` starts one, `/omp resume` continues an earlier one.""#);
    }

    #[test]
    fn many_sessions_are_turned_page_by_page() {
        let views: Vec<_> = (1..=100).map(|n| view(n, Status::Idle)).collect();
        let labels = |list: &SessionList| {
            let row = list.components[0]["components"].as_array().unwrap();
            let ids = row.iter().map(|b| b["custom_id"].as_str().unwrap().to_owned());
            ids.collect::<Vec<_>>()
        };
        let first = sessions(&views, 0);
        assert_eq!(labels(&first), ["omp:sessions:1"]);
        assert!(first.embed["description"].as_str().unwrap().chars().count() < 4096);
        assert_eq!(labels(&sessions(&views, 4)), ["omp:sessions:3", "omp:sessions:5"]);
        let last = sessions(&views, 99);
        assert_eq!(last.embed["footer"]["text"], "page 10 of 10");
        assert_eq!(labels(&last), ["omp:sessions:8"]);
    }

    #[test]
    fn a_choice_fits_and_tells_sessions_apart() {
        let mut one = view(5, Status::Idle);
        let now = 1_700_000_000_000;
        assert_eq!(open_choice(&one, now), "🟢 Run: job 5 ⋅ my_repo ⋅ 5 min ago");
        one.name = "very ".repeat(40);
        one.workspace = format!("/{}", "w".repeat(90));
        let long = open_choice(&one, now);
        assert_eq!(long.chars().count(), 100);
        assert!(long.ends_with("… ⋅ 5 min ago"), "{long}");
    }

    #[test]
    fn ages_have_one_unit() {
        let said: Vec<_> = [0, 90, 7_300, 86_400 * 3]
            .map(|s| age(Duration::from_secs(s)))
            .into();
        assert_eq!(said, ["just now", "1 min ago", "2 h ago", "3 d ago"]);
    }
}
