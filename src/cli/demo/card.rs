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

/// Something to try. `channel` is `home`, or `thread` for the one that is open (else the newest).
fn thing(title: &str, text: &str, act: Value) -> Value {
    json!({"title": title, "text": text, "do": act})
}

fn say(channel: &str, text: &str) -> Value {
    json!({"kind": "say", "user": "alice", "channel": channel, "text": text})
}

fn things_to_try() -> Vec<Value> {
    let launch = json!({
        "kind": "say", "user": "alice", "channel": "home", "react": "🚀",
        "text": "Why does the login page load so slowly?",
    });
    let command = json!({
        "kind": "slash", "user": "alice", "channel": "home", "command": "omp new",
        "options": [["topic", "Spring cleaning"], ["prompt", "Take your time and tidy up this project."]],
    });
    let refused = json!({
        "kind": "slash", "user": "mallory", "channel": "home", "command": "omp new", "options": [["topic", "Mine now"]],
    });
    let in_thread = |command: &str| json!({"kind": "slash", "user": "alice", "channel": "thread", "command": command, "options": []});
    vec![
        thing(
            "Launch with a rocket",
            "Write in #home what you want done, then react to it with 🚀. A thread opens and an agent starts.",
            launch,
        ),
        thing(
            "Approve a command",
            "Before it runs a command, the agent asks. Press Approve or Deny.",
            say("thread", "Please run the tests."),
        ),
        thing(
            "Answer a question",
            "It may ask you something: press a button, or Other to write your own answer.",
            say("thread", "Ask me how you should go on."),
        ),
        thing(
            "Queue while it works",
            "A message to a busy agent waits its turn. 📥 says so.",
            say("thread", "Then add a line about it to the README."),
        ),
        thing(
            "Edit what waits",
            "Edit your queued message (↑ in an empty input): the prompt changes with it. Delete it to drop it.",
            Value::Null,
        ),
        thing(
            "Steer it",
            "A message that begins with ! reaches the agent in the middle of its work.",
            say("thread", "!Keep the change as small as you can."),
        ),
        thing(
            "Use a command",
            "Type / in the input: /omp new starts a session of its own. This one takes its time.",
            command,
        ),
        thing(
            "Cancel",
            "/omp cancel ends what it is doing now. What is queued waits for you.",
            in_thread("omp cancel"),
        ),
        thing(
            "Stop",
            "/omp stop ends the session and archives its thread.",
            in_thread("omp stop"),
        ),
        thing(
            "Be refused",
            "Switch to mallory at the bottom left: the bot acts for nobody who is not on its list.",
            refused,
        ),
        thing(
            "Restart the daemon",
            "Press Restart below while an agent works. Nothing is lost and nothing runs twice.",
            Value::Null,
        ),
        thing(
            "Break something",
            "Switch a fault on below and watch the thread cope.",
            Value::Null,
        ),
    ]
}
