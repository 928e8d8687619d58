//! Half a minute of a believable session, for people who have a look without an agent.

use serde_json::json;

use super::script::Step;

const ANSWER: &str = "Found it. The retry loop reset its counter on *every* response, also on a 429, so a busy server \
was asked again at once and for ever.\n\n```rust\n// A refusal is no progress: only a success ends the series.\nmatch \
response.status() {\n    StatusCode::TOO_MANY_REQUESTS => {\n        let wait = retry_after(&response).unwrap_or(backoff);\n        \
tokio::time::sleep(wait).await;\n        attempt += 1;\n    }\n    _ => return Ok(response),\n}\n```\n\n**What changed**\n\n- \
`src/client.rs`: waits as long as the server asks, and gives up after five attempts\n- `tests/client.rs`: a server that \
refuses twice is asked three times\n\nAll 42 tests pass.";

/// The session.
pub(super) fn steps() -> Vec<Step> {
    let pace = |ms: u64| Step::Wait(scaled(ms));
    let tool = |name: &str, args| Step::Tool {
        name: name.to_owned(),
        args,
    };
    let mut steps = vec![
        pace(2000),
        Step::Say("Let me look at how requests are retried.\n".into()),
        tool("grep", json!({"pattern": "retry", "path": "src"})),
        pace(1200),
        tool("read", json!({"path": "src/client.rs"})),
        pace(1800),
        Step::Log("[lsp] rust-analyzer: indexing 184 crates".into()),
        pace(1500),
        Step::Say("The counter is reset in the wrong place. I will fix that and add a test.\n".into()),
        tool("edit", json!({"path": "src/client.rs"})),
        pace(1500),
        tool("write", json!({"path": "tests/client.rs"})),
        pace(1500),
        tool("bash", json!({"command": "cargo test --workspace"})),
        pace(6000),
    ];
    let mut lines = ANSWER.split_inclusive(' ').peekable();
    while lines.peek().is_some() {
        steps.push(Step::Say(lines.by_ref().take(2).collect()));
        steps.push(pace(220));
    }
    steps
}

/// The demo's time, which tests run faster.
fn scaled(ms: u64) -> u64 {
    let speed = std::env::var("OMPCORD_SCRIPTED_SPEED")
        .ok()
        .and_then(|speed| speed.parse().ok());
    ms / speed.filter(|speed| *speed > 0_u64).unwrap_or(1)
}
