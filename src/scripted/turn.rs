//! Plays one turn: what is said, which tools run, and every way in which it can go wrong.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

use nix::sys::signal::{SigSet, Signal, kill};
use serde_json::{Value, json};

use super::die;
use super::player::{Broken, Player};
use super::script::{self, Script};
use super::step::Step;
use super::wire::{self, Message};

/// How large the pieces are in which text is said when nobody asked for words.
const PIECE_BYTES: usize = 64;

impl Player {
    pub(super) fn turn(&mut self, prompt: &Value) {
        let text = prompt["message"].as_str().unwrap_or_default();
        let user =
            json!({"role": "user", "content": [{"type": "text", "text": text}], "timestamp": wire::now_ms()});
        self.streaming = true;
        self.said = vec![user.clone()];
        for kind in ["agent_start", "turn_start"] {
            self.wire.frame(&json!({"type": kind}));
        }
        for kind in ["message_start", "message_end"] {
            self.wire.frame(&json!({"type": kind, "message": user}));
        }
        self.history.push("user", text);
        let Script { steps, slow, tool_ms } = script::read(text, self.otherwise());
        (self.slow, self.tool_ms, self.cut) = (slow, tool_ms, None);
        let images = prompt["images"].as_array().map_or(0, Vec::len);
        let seen = (images > 0).then(|| Step::Say(format!("I see {images} image(s). ")));
        let played = seen.into_iter().chain(steps).try_for_each(|step| self.play(step));
        let played = played.and_then(|()| self.hear_steers());
        match played {
            Ok(()) => self.end_message("stop", None),
            Err(Broken::Failed) => {}
            Err(_) => self.end_message("aborted", Some("Interrupted by user".into())),
        }
        let messages = std::mem::take(&mut self.said);
        self.wire
            .frame(&json!({"type": "turn_end", "message": messages.last(), "toolResults": []}));
        self.wire
            .frame(&json!({"type": "agent_end", "messages": messages, "isTerminal": true}));
        self.streaming = false;
        for abort in std::mem::take(&mut self.aborts) {
            self.wire.response(&abort, None);
        }
    }

    /// What was steered in and not waited for is answered at the end.
    pub(super) fn hear_steers(&mut self) -> Result<(), Broken> {
        self.wait(0)?;
        while let Some(steer) = self.steers.pop_front() {
            self.history.push("user", &steer);
            if self.believable() {
                self.take_note(&steer)?;
            } else {
                self.say(&format!("Steered: {steer}"))?;
            }
        }
        Ok(())
    }

    fn play(&mut self, step: Step) -> Result<(), Broken> {
        match step {
            Step::Say(text) => self.say(&text)?,
            Step::Tool { name, args } => self.tool(&name, &args, self.tool_ms)?,
            Step::Host { name, args } => self.host(&name, &args)?,
            Step::ReadAddress(url) => self.read_address(&url)?,
            Step::Ask { question, options } => self.ask(&question, options)?,
            Step::Approve { tool, commands } => self.approve(&tool, &commands)?,
            Step::Select {
                question,
                options,
                ends,
            } => self.select(&question, &options, ends)?,
            Step::Dialog { method, title, more } => self.other_dialog(method, &title, &more)?,
            Step::Lines {
                count,
                per_second,
                to_stdout,
            } => self.lines(count, per_second, to_stdout)?,
            Step::Retry(count) => self.retry(count)?,
            Step::Log(line) => wire::log(&line),
            Step::Out(line) => self.wire.raw(format!("{line}\n").as_bytes()),
            Step::Cut(characters) => self.cut = Some(characters.max(1)),
            Step::Block => self.end_block(),
            Step::Think(text) => self.think(&text),
            Step::Break(text) => self.break_off(&text)?,
            Step::Notify(text) => self.wire.frame(&json!({
                "type": "extension_ui_request", "id": "notify", "method": "notify", "message": text,
            })),
            Step::Title(title) => {
                self.wire.frame(
                    &json!({"type": "session_info_update", "title": title, "sessionId": self.history.id}),
                );
            }
            Step::History => {
                let text = format!("History: {}", self.history.prompts().join(" | "));
                self.say(&text)?;
            }
            Step::Steerable => {
                while self.steers.is_empty() {
                    if self.hear() == Err(Broken::Aborted) {
                        self.piece("I was asked to stop.");
                    }
                    self.check()?;
                }
                self.hear_steers()?;
            }
            Step::Error(text) => {
                self.end_message("error", Some(text));
                return Err(Broken::Failed);
            }
            Step::Demo => self.tour()?,
            Step::Improvise(request) => self.improvise(&request)?,
            misbehaviour => self.misbehave(&misbehaviour),
        }
        self.wait(0)
    }

    fn misbehave(&mut self, step: &Step) {
        match step {
            Step::Hang => loop {
                std::thread::park();
            },
            Step::IgnoreTerm => self.moods.stubborn.store(true, Ordering::Relaxed),
            Step::Deaf => self.moods.deaf.store(true, Ordering::Relaxed),
            Step::Crash(code) => {
                wire::log(&format!("scripted: crashing with {code}"));
                die(*code);
            }
            Step::KillSelf => {
                let refused = kill(nix::unistd::getpid(), Signal::SIGKILL);
                wire::log(&format!("scripted: still here: {refused:?}"));
            }
            Step::Midline => {
                self.wire
                    .raw(b"{\"type\":\"message_update\",\"assistantMessageEvent\":{\"type\":\"text_de");
                die(1);
            }
            Step::Garbage => {
                self.wire
                    .raw(b"\x00\xff\xfe\x07 bytes\nSegmentation fault?\n{not json}\n{\"half\": \n[1,2]\n");
            }
            Step::BigFrame { mib } => {
                self.wire.raw(b"{\"type\":\"big_frame\",\"pad\":\"");
                (0..*mib).for_each(|_| self.wire.raw(&vec![b'x'; 1 << 20]));
                self.wire.raw(b"\"}\n");
            }
            Step::Chunked { mib } => {
                let pad = "x".repeat(mib << 20);
                let frame = format!(
                    "{{\"type\":\"notice\",\"level\":\"info\",\"message\":\"put together\",\"pad\":\"{pad}\"}}"
                );
                self.wire.in_pieces(&frame);
            }
            Step::Grandchild { seconds, bare } => leave_behind(*seconds, *bare),
            _ => {}
        }
    }

    fn lines(&mut self, count: u64, per_second: u64, to_stdout: bool) -> Result<(), Broken> {
        for number in 1..=count {
            let line = format!("line {number} of {count}");
            if to_stdout {
                self.wire.raw(format!("{line}\n").as_bytes());
            } else {
                wire::log(&line);
            }
            if let Some(pause) = 1000_u64.checked_div(per_second) {
                self.wait(pause)?;
            } else if number.is_multiple_of(1000) {
                self.wait(0)?;
            }
        }
        Ok(())
    }

    fn retry(&mut self, count: u64) -> Result<(), Broken> {
        for attempt in 1..=count {
            self.wire.frame(&json!({
                "type": "auto_retry_start", "attempt": attempt, "maxAttempts": count, "delayMs": 20.5,
                "errorMessage": "503 overloaded",
            }));
            self.wait(20)?;
        }
        self.wire
            .frame(&json!({"type": "auto_retry_end", "success": true, "attempt": count}));
        Ok(())
    }

    /// Says a text, word by word or in larger pieces.
    pub(super) fn say(&mut self, text: &str) -> Result<(), Broken> {
        if let Some(characters) = self.cut {
            let all: Vec<char> = text.chars().collect();
            for piece in all.chunks(characters) {
                self.wait(self.slow.unwrap_or(0))?;
                self.piece(&piece.iter().collect::<String>());
            }
            return self.wait(0);
        }
        let mut piece = String::new();
        for word in text.split_inclusive(char::is_whitespace) {
            piece.push_str(word);
            if let Some(ms) = self.slow {
                self.wait(ms)?;
            } else if piece.len() < PIECE_BYTES {
                continue;
            }
            self.piece(&piece);
            piece.clear();
        }
        if !piece.is_empty() {
            self.piece(&piece);
        }
        self.wait(0)
    }

    /// The message that is being said; begins one where there is none.
    fn message(&mut self) -> &mut Message {
        let Self {
            message, model, wire, ..
        } = self;
        message.get_or_insert_with(|| {
            let message = Message {
                model: model.clone(),
                stop_reason: "stop",
                ..Message::default()
            };
            wire.frame(&json!({"type": "message_start", "message": message.json()}));
            message
        })
    }

    fn piece(&mut self, text: &str) {
        let message = self.message();
        let (fresh, index) = (message.text.is_empty(), message.blocks.len());
        message.text.push_str(text);
        message.words += 1;
        let whole = message.json().to_string();
        if fresh {
            self.wire.update(
                &format!("\"type\":\"text_start\",\"contentIndex\":{index}"),
                &whole,
            );
        }
        let delta = Value::from(text);
        self.wire.update(
            &format!("\"type\":\"text_delta\",\"contentIndex\":{index},\"delta\":{delta}"),
            &whole,
        );
    }

    /// Ends the block of text that is being said, if there is one.
    pub(super) fn end_block(&mut self) {
        let Some(message) = &mut self.message else { return };
        if message.text.is_empty() {
            return;
        }
        let (index, text) = (message.blocks.len(), std::mem::take(&mut message.text));
        message.blocks.push(json!({"type": "text", "text": text}));
        let event = format!(
            "\"type\":\"text_end\",\"contentIndex\":{index},\"content\":{}",
            Value::from(text)
        );
        self.wire.update(&event, &message.json().to_string());
    }

    pub(super) fn think(&mut self, text: &str) {
        self.end_block();
        let message = self.message();
        let index = message.blocks.len();
        message.blocks.push(json!({"type": "thinking", "thinking": text}));
        let whole = message.json().to_string();
        for (kind, key) in [("start", "pad"), ("delta", "delta"), ("end", "content")] {
            let event = format!(
                "\"type\":\"thinking_{kind}\",\"contentIndex\":{index},\"{key}\":{}",
                Value::from(text)
            );
            self.wire.update(&event, &whole);
        }
    }

    /// Says something, fails in the middle of it, and begins again.
    fn break_off(&mut self, text: &str) -> Result<(), Broken> {
        self.say(text)?;
        self.end_message("error", Some("503 overloaded".to_owned()));
        self.retry(1)
    }

    /// Ends the message that is being said, or an empty one.
    pub(super) fn end_message(&mut self, stop_reason: &'static str, error: Option<String>) {
        self.end_block();
        let begun = self.message.is_some();
        let model = self.model.clone();
        let mut message = self.message.take().unwrap_or_else(|| Message {
            model,
            ..Message::default()
        });
        (message.stop_reason, message.error) = (stop_reason, error);
        let json = message.json();
        if !begun {
            self.wire
                .frame(&json!({"type": "message_start", "message": json}));
        }
        self.wire.frame(&json!({"type": "message_end", "message": json}));
        let texts = message.blocks.iter().filter_map(|block| block["text"].as_str());
        let said = texts.collect::<Vec<_>>().join("\n");
        if !said.is_empty() {
            self.history.push("assistant", &said);
        }
        self.said.push(json);
    }

    /// The message ends with a call of this tool. Gives the call's id.
    pub(super) fn call(&mut self, name: &str, args: &Value) -> String {
        let id = self.fresh("call_");
        let call = json!({"type": "toolCall", "id": id, "name": name, "arguments": args});
        self.message().tool = Some(call);
        self.end_message("toolUse", None);
        id
    }

    pub(super) fn tool_started(&self, id: &str, name: &str, args: &Value) {
        self.wire.frame(
            &json!({"type": "tool_execution_start", "toolCallId": id, "toolName": name, "args": args}),
        );
    }

    pub(super) fn tool_ended(&self, id: &str, name: &str, text: &str, is_error: bool) {
        let result = json!({"content": [{"type": "text", "text": text}], "details": {}});
        self.wire.frame(&json!({
            "type": "tool_execution_end", "toolCallId": id, "toolName": name, "result": result, "isError": is_error,
        }));
        let message =
            json!({"role": "toolResult", "toolCallId": id, "toolName": name, "content": result["content"]});
        for kind in ["message_start", "message_end"] {
            self.wire.frame(&json!({"type": kind, "message": message}));
        }
        self.wire
            .frame(&json!({"type": "turn_end", "message": message, "toolResults": []}));
        self.wire.frame(&json!({"type": "turn_start"}));
    }

    pub(super) fn tool(&mut self, name: &str, args: &Value, ms: u64) -> Result<(), Broken> {
        let id = self.call(name, args);
        self.tool_started(&id, name, args);
        let waited = self.wait(ms);
        let (text, failed) = if waited.is_ok() {
            ("ok", false)
        } else {
            ("Command aborted", true)
        };
        self.tool_ended(&id, name, text, failed);
        waited
    }
}

fn leave_behind(seconds: u64, bare: bool) {
    let mut command = Command::new("sleep");
    command
        .arg(seconds.to_string())
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if bare {
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    }
    // A child inherits what is blocked, and this one should hear of SIGTERM.
    let mut term = SigSet::empty();
    term.add(Signal::SIGTERM);
    let unblocked = term.thread_unblock();
    let spawned = command.spawn();
    let blocked = term.thread_block();
    if let (Err(error), _) | (_, Err(error)) = (unblocked, blocked) {
        wire::log(&format!("scripted: signals cannot be blocked: {error}"));
    }
    match spawned {
        Ok(child) => wire::log(&format!("grandchild {}", child.id())),
        Err(error) => wire::log(&format!("scripted: no grandchild: {error}")),
    }
}
