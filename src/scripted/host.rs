//! Uses what the daemon offers: its tools and its addresses.

use serde_json::{Value, json};

use super::player::{Broken, Player};
use super::wire;

impl Player {
    /// Calls a tool of the daemon and says what came of it.
    pub(super) fn host(&mut self, name: &str, args: &Value) -> Result<(), Broken> {
        let call = self.call(name, args);
        self.tool_started(&call, name, args);
        let id = self.fresh("host_");
        self.wire.frame(&json!({
            "type": "host_tool_call", "id": id, "toolCallId": call, "toolName": name, "arguments": args,
        }));
        let answer = self.host_answer(&id, "host_tool_cancel");
        let text = match &answer {
            Ok(answer) => answer["result"]["content"][0]["text"]
                .as_str()
                .unwrap_or_default(),
            Err(_) => "Host tool was aborted",
        };
        let failed = answer.as_ref().map_or(true, |answer| answer["isError"] == true);
        let text = text.to_owned();
        self.tool_ended(&call, name, &text, failed);
        answer?;
        let how = if failed {
            "The tool failed"
        } else {
            "The tool said"
        };
        self.say(&format!("{how}: {text}"))
    }

    /// Reads an address of the daemon and says what is there.
    pub(super) fn read_address(&mut self, url: &str) -> Result<(), Broken> {
        let id = self.fresh("uri_");
        self.wire
            .frame(&json!({"type": "host_uri_request", "id": id, "operation": "read", "url": url}));
        let answer = self.host_answer(&id, "host_uri_cancel")?;
        let said = |key: &str| answer[key].as_str().unwrap_or_default();
        if answer["isError"] == true {
            return self.say(&format!("It cannot be read: {}", said("error")));
        }
        self.say(&format!("It says: {}", said("content")))
    }

    fn host_answer(&mut self, id: &str, cancel: &str) -> Result<Value, Broken> {
        loop {
            if let Some(answer) = self.answers.remove(id) {
                return Ok(answer);
            }
            if let Err(broken) = self.hear() {
                let cancelled = self.fresh("cancel_");
                self.wire
                    .frame(&json!({"type": cancel, "id": cancelled, "targetId": id}));
                return Err(broken);
            }
        }
    }
}

/// The daemon says that a tool is under way.
pub(super) fn hear_progress(update: &Value) {
    let text = update["partialResult"]["content"][0]["text"].as_str();
    wire::log(&format!("progress: {}", text.unwrap_or_default()));
}
