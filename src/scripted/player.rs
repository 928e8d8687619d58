//! Takes commands and plays turns.
//!
//! One thread does both: every wait within a turn is a wait for the next command, so a state is told, a
//! steering message heard and an abort obeyed in the middle of a word, as with the real agent.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::history::History;
use super::step::Step;
use super::wire::{Message, Wire};
use super::{Input, Moods, Options};

/// Why a turn does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    Aborted,
    Closed,
    Failed,
}

/// The agent.
pub(super) struct Player {
    pub(super) wire: Wire,
    inputs: mpsc::Receiver<Input>,
    pub(super) moods: Arc<Moods>,
    pub(super) history: History,
    options: Options,
    pub(super) model: (String, String),
    prompts: VecDeque<Value>,
    pub(super) steers: VecDeque<String>,
    pub(super) aborts: Vec<Value>,
    pub(super) answers: HashMap<String, Value>,
    pub(super) streaming: bool,
    closed: bool,
    /// The message that is being said.
    pub(super) message: Option<Message>,
    pub(super) said: Vec<Value>,
    pub(super) slow: Option<u64>,
    /// Pieces have exactly so many characters.
    pub(super) cut: Option<usize>,
    pub(super) tool_ms: u64,
    /// How many messages were compacted.
    compacted: usize,
    ids: u64,
}

/// What there is to choose from.
fn models() -> [Value; 3] {
    [
        json!({"provider": "scripted", "id": "scripted-1", "name": "Scripted"}),
        json!({"provider": "scripted", "id": "special-7", "name": "Scripted, special"}),
        json!({"provider": "acme", "id": "fast", "name": "Fast", "thinking": {"efforts": ["low", "high"]}}),
    ]
}

impl Player {
    pub(super) fn new(
        wire: Wire,
        inputs: mpsc::Receiver<Input>,
        moods: Arc<Moods>,
        history: History,
        options: Options,
    ) -> Self {
        let name = options.model.as_deref().unwrap_or("scripted/scripted-1");
        let (provider, model) = name.split_once('/').unwrap_or(("scripted", name));
        Self {
            wire,
            inputs,
            moods,
            history,
            model: (provider.to_owned(), model.to_owned()),
            options,
            prompts: VecDeque::new(),
            steers: VecDeque::new(),
            aborts: Vec::new(),
            answers: HashMap::new(),
            streaming: false,
            closed: false,
            message: None,
            said: Vec::new(),
            slow: None,
            cut: None,
            tool_ms: 50,
            compacted: 0,
            ids: 0,
        }
    }

    pub(super) fn run(mut self) -> i32 {
        if !self.options.mute {
            self.wire.raw(
                b"{\"type\":\"ready\",\"protocolVersion\":1,\"supportedProtocolVersions\":[1,2],\
                  \"maxFrameBytes\":1048576,\"maxReassembledFrameBytes\":67108864}\n",
            );
        }
        loop {
            while let Some(prompt) = self.prompts.pop_front() {
                self.turn(&prompt);
            }
            if self.closed {
                return 0;
            }
            match self.inputs.recv() {
                Ok(input) => self.take(input),
                Err(_) => return 0,
            }
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Closed => self.closed = true,
            Input::Command(_) if self.options.mute => {}
            Input::Command(command) => self.obey(command),
        }
    }

    fn obey(&mut self, command: Value) {
        let text = command["message"].as_str().unwrap_or_default().to_owned();
        let nothing = None;
        match command["type"].as_str().unwrap_or_default() {
            "negotiate_protocol" if self.options.old => {
                let error = "Unsupported RPC protocol version: 2";
                return self.wire.refusal(&command["id"], &command["type"], error);
            }
            "negotiate_protocol" => {
                return self.wire.response(&command, Some(&json!({"protocolVersion": 2})));
            }
            "get_state" => return self.wire.response(&command, Some(&self.state())),
            "get_session_stats" => return self.wire.response(&command, Some(&self.stats())),
            "get_available_models" => {
                return self.wire.response(&command, Some(&json!({"models": models()})));
            }
            "set_model" => {
                self.hold();
                let name = |key: &str| command[key].as_str().unwrap_or_default().to_owned();
                let (provider, model) = (name("provider"), name("modelId"));
                let known = |m: &Value| m["provider"] == provider.as_str() && m["id"] == model.as_str();
                if !models().iter().any(known) {
                    let error = format!("Model not found: {provider}/{model}");
                    return self.wire.refusal(&command["id"], &command["type"], &error);
                }
                self.model = (provider, model);
            }
            "set_thinking_level" => {
                self.hold();
                // As some models do: less than what was asked for.
                let level = command["level"]
                    .as_str()
                    .map(|l| if l == "max" { "high" } else { l });
                self.options.thinking = level.map(str::to_owned);
            }
            "compact" => return self.compact(&command),
            "prompt" => return self.prompt(command, text),
            "steer" if self.streaming => self.steers.push_back(text),
            // As with the real agent: what is steered into nothing begins a turn.
            "steer" | "follow_up" => self.prompts.push_back(command.clone()),
            "abort" if self.streaming => return self.aborts.push(command),
            "abort" => {}
            "host_tool_update" => return super::host::hear_progress(&command),
            "set_host_uri_schemes" => {
                return self.wire.response(&command, Some(&json!({"schemes": []})));
            }
            "extension_ui_response" | "host_tool_result" | "host_uri_result" => {
                let id = command["id"].as_str().unwrap_or_default().to_owned();
                self.answers.insert(id, command);
                return;
            }
            "set_host_tools" => return self.wire.response(&command, Some(&json!({"toolNames": []}))),
            unknown => {
                let error = format!("Unknown command: {unknown}");
                return self.wire.refusal(&Value::Null, &command["type"], &error);
            }
        }
        self.wire.response(&command, nothing);
    }

    fn compact(&mut self, command: &Value) {
        self.hold();
        if self.history.len() == self.compacted {
            let error = "Nothing to compact (session too small)";
            return self.wire.refusal(&command["id"], &command["type"], error);
        }
        let before = self.tokens();
        self.wire
            .frame(&json!({"type": "auto_compaction_start", "reason": "threshold"}));
        self.compacted = self.history.len();
        self.wire
            .frame(&json!({"type": "auto_compaction_end", "aborted": false}));
        let data = json!({"summary": "What was said.", "firstKeptEntryId": "1", "tokensBefore": before});
        self.wire.response(command, Some(&data));
    }

    /// An answer takes as long as there is a file `hold` beside the conversations: for tests of slow agents.
    fn hold(&mut self) {
        while self.history.is_held() && self.wait(20).is_ok() {}
    }

    fn tokens(&self) -> usize {
        100 + (self.history.len() - self.compacted) * 40
    }

    fn prompt(&mut self, command: Value, text: String) {
        self.wire.response(&command, None);
        if !self.streaming {
            return self.prompts.push_back(command);
        }
        match command["streamingBehavior"].as_str() {
            Some("steer") => self.steers.push_back(text),
            Some(_) => self.prompts.push_back(command),
            None => {
                let error = "Agent is already processing. Use steer() or followUp() to queue messages.";
                self.wire.refusal(&command["id"], &command["type"], error);
            }
        }
    }

    fn state(&self) -> Value {
        let messages = self.history.len();
        let tokens = self.tokens();
        json!({
            "model": {"id": self.model.1, "name": "Scripted", "provider": self.model.0},
            "thinkingLevel": self.options.thinking.as_deref().unwrap_or("off"),
            "isStreaming": self.streaming, "isCompacting": false, "sessionId": self.history.id,
            "sessionName": self.history.title(), "messageCount": messages,
            "queuedMessageCount": self.prompts.len() + self.steers.len(),
            "contextUsage": {"tokens": tokens, "contextWindow": 10_000, "percent": tokens.min(9900) / 100},
        })
    }

    fn stats(&self) -> Value {
        let messages = self.history.len();
        json!({
            "sessionId": self.history.id, "totalMessages": messages, "toolCalls": 0,
            "tokens": {"input": 100 * messages, "output": 20 * messages, "total": 120 * messages},
            "cost": 0.0002,
        })
    }

    /// Whether it behaves as a real agent does, and not as a test wants it.
    pub(super) fn believable(&self) -> bool {
        self.options.believable
    }

    /// What is done with a prompt that has no directive.
    pub(super) fn otherwise(&self) -> fn(String) -> Step {
        if self.options.believable {
            Step::Improvise
        } else {
            |prompt| Step::Say(format!("You said: {prompt}"))
        }
    }

    /// Hears what there is to hear for so long.
    pub(super) fn wait(&mut self, ms: u64) -> Result<(), Broken> {
        let until = Instant::now() + Duration::from_millis(ms);
        loop {
            self.check()?;
            match self
                .inputs
                .recv_timeout(until.saturating_duration_since(Instant::now()))
            {
                Ok(input) => self.take(input),
                Err(_) => return self.check(),
            }
        }
    }

    /// Waits for one command, however long it takes.
    pub(super) fn hear(&mut self) -> Result<(), Broken> {
        match self.inputs.recv() {
            Ok(input) => self.take(input),
            Err(_) => self.closed = true,
        }
        self.check()
    }

    pub(super) fn check(&self) -> Result<(), Broken> {
        if self.closed {
            Err(Broken::Closed)
        } else if self.aborts.is_empty() {
            Ok(())
        } else {
            Err(Broken::Aborted)
        }
    }

    pub(super) fn fresh(&mut self, prefix: &str) -> String {
        self.ids += 1;
        format!("{prefix}{}", self.ids)
    }
}
