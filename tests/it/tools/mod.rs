//! The Discord tools for agents, through every door that leads to them.

mod asking;
mod clients;
mod doing;
mod host;
mod outside;
mod real;

use ompcord::ids::ChannelId;
use ompcord::sim::Sim;
use serde_json::Value;

use crate::harness::{Bench, Http};

/// A daemon whose owner has opened the channel `other` to agents.
async fn bench() -> Bench {
    Bench::with_vars(|sim| vec![("DISCORD_TOOL_CHANNELS", sim.channel("other").unwrap().to_string())]).await
}

/// The channel of the other server.
fn far(sim: &Sim) -> ChannelId {
    let all = sim.channels();
    all.into_iter().find(|channel| channel.name == "far").unwrap().id
}

/// Uses a tool over the HTTP API.
async fn call(api: &Http, tool: &str, arguments: &Value) -> Value {
    let (status, outcome) = api.post(&format!("/api/tools/{tool}"), arguments).await;
    assert_eq!(status, 200, "{tool}: {outcome}");
    outcome
}

/// What a tool did.
async fn done(api: &Http, tool: &str, arguments: &Value) -> Value {
    let outcome = call(api, tool, arguments).await;
    assert_eq!(outcome["is_error"], false, "{tool} {arguments}: {outcome}");
    let text = outcome["text"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), outcome["data"]);
    outcome["data"].clone()
}

/// Why a tool did nothing.
async fn refused(api: &Http, tool: &str, arguments: &Value) -> String {
    let outcome = call(api, tool, arguments).await;
    assert_eq!(outcome["is_error"], true, "{tool} {arguments}: {outcome}");
    outcome["text"].as_str().unwrap().to_owned()
}
