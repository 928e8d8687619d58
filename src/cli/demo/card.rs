//! What the demo's page tells a visitor: who is who, what to try, and what can be made to go wrong.

use std::path::Path;

use serde_json::{Value, json};

use super::cast::Cast;
use crate::sim;

/// Everything, as the page reads it.
pub(super) fn card(cast: &Cast, workdir: &Path) -> Value {
    json!({
        "agent": {"kind": cast.kind.name(), "label": cast.label, "workdir": workdir},
        "users": [
            {"name": "alice", "allowed": true, "about": "may use the bot"},
            {"name": "mallory", "allowed": false, "about": "may not"},
        ],
        "try": things_to_try(),
        "faults": sim::presets(),
        "restart": true,
    })
}

/// Something to try. `when` names the deed that makes it done, where that is not just what `do` does. A `channel` is
/// `home`, or `thread` for the one that is open (else the newest).
fn thing(title: &str, text: &str, when: Option<&str>, act: &Value) -> Value {
    json!({"title": title, "text": text, "when": when, "do": act})
}

fn say(channel: &str, text: &str) -> Value {
    json!({"kind": "say", "user": "alice", "channel": channel, "text": text})
}

fn slash(user: &str, channel: &str, command: &str, options: &[(&str, &str)]) -> Value {
    json!({"kind": "slash", "user": user, "channel": channel, "command": command, "options": options})
}

fn things_to_try() -> Vec<Value> {
    let mut things = in_a_thread();
    things.extend(with_commands());
    things.extend([
        thing(
            "Restart the bot",
            "Restart it below while an agent works. Nothing is lost, and nothing runs twice.",
            Some("restart"),
            &Value::Null,
        ),
        thing(
            "Break something",
            "Switch on one of the **Faults** further down and watch the thread cope.",
            Some("fault"),
            &json!({"kind": "faults"}),
        ),
    ]);
    things
}

/// A step that is another one for a finger.
fn on_touch(mut thing: Value, text: &str) -> Value {
    if let Some(fields) = thing.as_object_mut() {
        fields.insert("touch".to_owned(), json!(text));
    }
    thing
}

fn in_a_thread() -> Vec<Value> {
    let mut launch = say("home", "Why does the login page load so slowly?");
    if let Some(fields) = launch.as_object_mut() {
        fields.insert("react".to_owned(), json!("🚀"));
    }
    vec![
        thing(
            "Launch with a rocket",
            "Write in #home what you want done, then react to it with 🚀. A thread opens and an agent starts.",
            Some("launch"),
            &launch,
        ),
        thing(
            "Approve a command",
            "Before it runs a command, the agent asks. Press **Approve** or **Deny**.",
            Some("approve"),
            &say("thread", "Please run the tests."),
        ),
        thing(
            "Answer a question",
            "It may ask you something. Press a button, or choose from the list.",
            Some("answer"),
            &say("thread", "Ask me how you should go on."),
        ),
        thing(
            "Queue while it works",
            "A message to a busy agent waits its turn; 📥 says so.",
            Some("queue"),
            &say("thread", "Then add a line about it to the README."),
        ),
        on_touch(
            thing(
                "Edit what waits",
                "Edit your queued message (`↑` in an empty input) and the prompt changes with it. Delete it to drop it.",
                Some("edit"),
                &Value::Null,
            ),
            "Edit your queued message (hold it, or ⋯ → **Edit message**) and the prompt changes with it. Delete it to \
             drop it.",
        ),
        thing(
            "Steer it",
            "A message that begins with `!` reaches the agent in the middle of its work.",
            Some("steer"),
            &say("thread", "!Keep the change as small as you can."),
        ),
    ]
}

fn with_commands() -> Vec<Value> {
    let slow = [
        ("topic", "Spring cleaning"),
        ("prompt", "Take your time and tidy up this project."),
    ];
    vec![
        thing(
            "Use a command",
            "Type `/` in the input. `/omp new` starts a session of its own; this one takes its time.",
            None,
            &slash("alice", "home", "omp new", &slow),
        ),
        thing(
            "Cancel",
            "`/omp cancel` ends what it is doing now. What is queued waits for you.",
            None,
            &slash("alice", "thread", "omp cancel", &[]),
        ),
        thing(
            "Stop",
            "`/omp stop` ends the session and archives its thread.",
            None,
            &slash("alice", "thread", "omp stop", &[]),
        ),
        thing(
            "Be refused",
            "Be mallory for a moment: the bot acts for nobody who is not on its list.",
            None,
            &slash("mallory", "home", "omp new", &[("topic", "Mine now")]),
        ),
    ]
}
