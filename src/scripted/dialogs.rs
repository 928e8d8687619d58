//! Asks a person, as tools, extensions and the approval gate do.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::player::{Broken, Player};
use super::script::Ends;

/// The last choice of every question of the real `ask` tool.
const OTHER: &str = "Other (type your own)";
/// Where the real approval gate cuts a value.
const SHOWN: usize = 2_000;

impl Player {
    /// Puts a dialog up. Gives its id.
    fn put(&mut self, mut request: Value) -> String {
        let id = self.fresh("dialog-");
        if let Some(fields) = request.as_object_mut() {
            fields.insert("type".into(), "extension_ui_request".into());
            fields.insert("id".into(), id.clone().into());
        }
        self.wire.frame(&request);
        id
    }

    fn withdraw(&mut self, id: &str) {
        let withdrawal = self.fresh("dialog-");
        self.wire.frame(&json!({
            "type": "extension_ui_request", "id": withdrawal, "method": "cancel", "targetId": id,
        }));
    }

    /// Waits for the answer to a dialog, for ever if need be. An abort withdraws it.
    fn answer(&mut self, id: &str) -> Result<Value, Broken> {
        loop {
            if let Some(answer) = self.answers.remove(id) {
                return Ok(answer);
            }
            if let Err(broken) = self.hear() {
                self.withdraw(id);
                return Err(broken);
            }
        }
    }

    fn dialog(&mut self, request: Value) -> Result<Value, Broken> {
        let id = self.put(request);
        self.answer(&id)
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
        let mut answer = self.dialog(choice(question, &options, None));
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

    /// A choice that is no tool's.
    pub(super) fn select(&mut self, question: &str, options: &[String], ends: Ends) -> Result<(), Broken> {
        let timeout = match ends {
            Ends::After(ms) => Some(ms),
            _ => None,
        };
        if ends == Ends::AfterTheTurn {
            self.put(choice(question, options, None));
            return self.say("I go on.");
        }
        let until = timeout.map(|ms| Instant::now() + Duration::from_millis(ms));
        let id = self.put(choice(question, options, timeout));
        loop {
            if let Some(answer) = self.answers.remove(&id) {
                return match answer["value"].as_str() {
                    Some(chosen) => self.say(&format!("You chose: {chosen}")),
                    None => self.say("You did not choose."),
                };
            }
            let heard = match until {
                // The real agent goes on by itself, without a word.
                Some(until) if until <= Instant::now() => return self.say("I did not wait."),
                Some(_) => self.wait(20),
                None => self.hear(),
            };
            if let Err(broken) = heard {
                self.withdraw(&id);
                return Err(broken);
            }
            if ends == Ends::WhenSteered && !self.steers.is_empty() {
                self.withdraw(&id);
                return self.say("Never mind.");
            }
        }
    }

    /// Asks for each of these commands, all at once.
    pub(super) fn approve(&mut self, tool: &str, commands: &[String]) -> Result<(), Broken> {
        let (tool, reason) = match tool.split_once('!') {
            Some((tool, reason)) => (tool, Some(reason)),
            None => (tool, None),
        };
        let mut asked = Vec::new();
        for command in commands {
            asked.push((self.request(tool, reason, command), command));
        }
        let mut said = Vec::new();
        for (call, command) in asked {
            said.push(if self.decided(tool, &call, self.tool_ms)? {
                format!("{tool} ran: {command}")
            } else {
                format!("I may not run: {command}")
            });
        }
        self.say(&said.join("\n"))
    }

    /// Runs a command for so long, if a person allows it.
    pub(super) fn permitted(&mut self, tool: &str, command: &str, ms: u64) -> Result<bool, Broken> {
        let call = self.request(tool, None, command);
        self.decided(tool, &call, ms)
    }

    /// Asks whether a command may run. Gives the call's id and the dialog's.
    fn request(&mut self, tool: &str, reason: Option<&str>, command: &str) -> (String, String) {
        let args = json!({"command": command});
        let call = self.call(tool, &args);
        self.tool_started(&call, tool, &args);
        let because = reason
            .map(|reason| format!("Reason: {reason}\n"))
            .unwrap_or_default();
        let title = format!("Allow tool: {tool}\n{because}Command: {}", cut(command));
        let id = self.put(json!({"method": "select", "title": title, "options": ["Approve", "Deny"]}));
        (call, id)
    }

    /// Waits for the decision, and runs the command for so long where it was allowed.
    fn decided(&mut self, tool: &str, (call, dialog): &(String, String), ms: u64) -> Result<bool, Broken> {
        let answer = self.answer(dialog);
        let approved = answer.as_ref().is_ok_and(|answer| answer["value"] == "Approve");
        if approved {
            self.wait(ms)?;
        }
        let result = if approved {
            "ok"
        } else {
            "Tool call denied by user"
        };
        self.tool_ended(call, tool, result, !approved);
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

/// A choice; `label~detail` says something about an option.
fn choice(question: &str, options: &[String], timeout: Option<u64>) -> Value {
    let halves: Vec<_> = options
        .iter()
        .map(|option| option.split_once('~').unwrap_or((option, "")))
        .collect();
    let labels: Vec<&str> = halves.iter().map(|(label, _)| *label).collect();
    let mut request = json!({"method": "select", "title": question, "options": labels});
    if halves.iter().any(|(_, detail)| !detail.is_empty()) {
        let detail = |detail: &str| match detail {
            "" => json!({}),
            _ => json!({"description": detail}),
        };
        let details: Vec<Value> = halves.iter().map(|(_, text)| detail(text)).collect();
        request["optionDetails"] = details.into();
    }
    if let Some(timeout) = timeout {
        request["timeout"] = timeout.into();
    }
    request
}

/// As the real gate shows a long value.
fn cut(text: &str) -> String {
    let kept: String = text.chars().take(SHOWN).collect();
    match text.chars().count().checked_sub(SHOWN) {
        None | Some(0) => kept,
        Some(left) => format!("{kept}[…{left}ch elided…]"),
    }
}
