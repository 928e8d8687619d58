//! Asks a person, as tools, extensions and the approval gate do.

use serde_json::{Value, json};

use super::player::{Broken, Player};

/// The last choice of every question of the real `ask` tool.
const OTHER: &str = "Other (type your own)";

impl Player {
    /// Puts a dialog up and waits for its answer, for ever if need be. An abort withdraws it.
    fn dialog(&mut self, mut request: Value) -> Result<Value, Broken> {
        let id = self.fresh("dialog-");
        if let Some(fields) = request.as_object_mut() {
            fields.insert("type".into(), "extension_ui_request".into());
            fields.insert("id".into(), id.clone().into());
        }
        self.wire.frame(&request);
        loop {
            if let Some(answer) = self.answers.remove(&id) {
                return Ok(answer);
            }
            if let Err(broken) = self.hear() {
                let withdrawal = self.fresh("dialog-");
                self.wire.frame(&json!({
                    "type": "extension_ui_request", "id": withdrawal, "method": "cancel", "targetId": id,
                }));
                return Err(broken);
            }
        }
    }

    pub(super) fn ask(&mut self, question: &str, options: Vec<String>) -> Result<(), Broken> {
        match self.choose(question, options)? {
            Some(chosen) => self.say(&format!("You chose: {chosen}")),
            None => self.say("You did not choose."),
        }
    }

    /// What a person answers with the `ask` tool: one of the options, or words of their own.
    pub(super) fn choose(
        &mut self,
        question: &str,
        mut options: Vec<String>,
    ) -> Result<Option<String>, Broken> {
        let args = json!({"questions": [{"id": "q", "question": question, "options": options}]});
        options.push(OTHER.to_owned());
        let call = self.call("ask", &args);
        self.tool_started(&call, "ask", &args);
        let select = json!({"method": "select", "title": question, "options": options});
        let mut answer = self.dialog(select);
        if answer.as_ref().is_ok_and(|answer| answer["value"] == OTHER) {
            answer = self.dialog(json!({"method": "input", "title": question}));
        }
        let chosen = match &answer {
            Ok(answer) => answer["value"].as_str().map(str::to_owned),
            Err(_) => None,
        };
        let result = chosen.as_deref().unwrap_or("Ask input was cancelled");
        self.tool_ended(&call, "ask", result, chosen.is_none());
        answer?;
        Ok(chosen)
    }

    pub(super) fn approve(&mut self, tool: &str, command: &str) -> Result<(), Broken> {
        if self.permitted(tool, command, self.tool_ms)? {
            self.say(&format!("{tool} ran: {command}"))
        } else {
            self.say(&format!("I may not run: {command}"))
        }
    }

    /// Runs a command for so long, if a person allows it.
    pub(super) fn permitted(&mut self, tool: &str, command: &str, ms: u64) -> Result<bool, Broken> {
        let args = json!({"command": command});
        let call = self.call(tool, &args);
        self.tool_started(&call, tool, &args);
        let title = format!("Allow tool: {tool}\nCommand: {command}");
        let answer = self.dialog(json!({"method": "select", "title": title, "options": ["Approve", "Deny"]}));
        let approved = answer.as_ref().is_ok_and(|answer| answer["value"] == "Approve");
        if approved {
            self.wait(ms)?;
        }
        let result = if approved {
            "ok"
        } else {
            "Tool call denied by user"
        };
        self.tool_ended(&call, tool, result, !approved);
        answer?;
        Ok(approved)
    }

    /// What a person answers to one of the other dialogs.
    pub(super) fn question(&mut self, method: &str, title: &str, more: &str) -> Result<Value, Broken> {
        let key = match method {
            "confirm" => "message",
            "input" => "placeholder",
            _ => "prefill",
        };
        self.dialog(json!({"method": method, "title": title, key: more}))
    }

    pub(super) fn other_dialog(&mut self, method: &str, title: &str, more: &str) -> Result<(), Broken> {
        let answer = self.question(method, title, more)?;
        let said = match (&answer["value"], &answer["confirmed"]) {
            (Value::String(text), _) => format!("You wrote: {text}"),
            (_, Value::Bool(true)) => "You said yes.".to_owned(),
            (_, Value::Bool(false)) => "You said no.".to_owned(),
            _ => "You did not answer.".to_owned(),
        };
        self.say(&said)
    }
}
