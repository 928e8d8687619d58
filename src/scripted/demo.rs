//! A minute and a half of a believable session, for people who have a look without an agent.
//!
//! It shows everything that a session can show: thinking, tools, a question, a diff, a failure that is retried, an
//! approval, a table, and an answer that is too long for one message.

use serde_json::{Value, json};

use super::player::{Broken, Player};
use super::wire;

const DIFF: &str = include_str!("texts/diff.md");
const TABLE: &str = include_str!("texts/table.md");
const CLOSING: &str = include_str!("texts/closing.md");

impl Player {
    /// The whole session.
    pub(super) fn tour(&mut self) -> Result<(), Broken> {
        self.look_around()?;
        self.decide()?;
        self.change()?;
        self.test()?;
        self.sum_up()
    }

    fn look_around(&mut self) -> Result<(), Broken> {
        self.pause(1500)?;
        self.think(
            "Retries that hammer a server: either there is no wait, or the counter is reset somewhere.",
        );
        self.pause(1500)?;
        self.speak("Let me see how requests are retried.\n")?;
        self.work("grep", &json!({"pattern": "retry", "path": "src"}), 1300)?;
        self.work("read", &json!({"path": "src/client.rs"}), 2200)?;
        wire::log("[lsp] rust-analyzer: indexing 184 crates");
        self.pause(900)?;
        self.call_it("Fix the retries of a busy client");
        self.work("read", &json!({"path": "tests/client.rs"}), 1200)?;
        self.speak("Found it: `send` resets its counter on every response, also on a refusal.\n")
    }

    fn decide(&mut self) -> Result<(), Broken> {
        let options = [
            "Wait as long as the server says",
            "Double the wait each time",
            "Give up at once",
        ];
        let question = "How should the client behave while the server is busy?";
        let said = match self.choose(question, options.map(str::to_owned).into())? {
            Some(chosen) if chosen == options[0] => "Good, `Retry-After` it is, and a doubling wait where it is missing.\n".to_owned(),
            Some(chosen) if chosen == options[1] => "A doubling wait then, but never shorter than the server asks for.\n".to_owned(),
            Some(chosen) if chosen == options[2] => {
                "Then a refusal becomes an error. I keep one retry, or a single hiccup would fail the whole export.\n".to_owned()
            }
            Some(own) => format!("“{}”: I can do that. I take it as the rule and wait as long as the server asks.\n", brief(&own)),
            None => "No preference, so I take the usual way: wait as long as the server asks.\n".to_owned(),
        };
        self.speak(&said)
    }

    fn change(&mut self) -> Result<(), Broken> {
        self.work("edit", &json!({"path": "src/client.rs"}), 2600)?;
        self.speak(DIFF)?;
        self.work("write", &json!({"path": "tests/client.rs"}), 2400)?;
        self.work("edit", &json!({"path": "CHANGELOG.md"}), 600)?;
        self.stumble("Now the tests: I start with the ones for the")
    }

    fn test(&mut self) -> Result<(), Broken> {
        self.speak("The change is in place. I would like to run the tests.\n")?;
        if !self.permitted("bash", "cargo test --workspace", scaled(0))? {
            self.attend()?;
            return self.speak(
                "No problem, I run nothing. The change compiles by the look of it, but please run the tests yourself \
                 before you merge it.\n\n",
            );
        }
        for line in [
            "   Compiling client v0.4.2",
            "     Running unittests src/lib.rs",
            "test result: ok. 42 passed; 0 failed",
        ] {
            wire::log(line);
            self.pause(1900)?;
        }
        self.speak("**42 tests pass**, three of them new.\n\n")
    }

    fn sum_up(&mut self) -> Result<(), Broken> {
        self.speak(TABLE)?;
        self.speak(CLOSING)
    }
}

/// How a real agent does things: with time, and with an ear for what is said meanwhile.
impl Player {
    pub(super) fn pause(&mut self, ms: u64) -> Result<(), Broken> {
        self.wait(scaled(ms))
    }

    /// Says something as fast as models do.
    pub(super) fn speak(&mut self, text: &str) -> Result<(), Broken> {
        self.attend()?;
        let mut words = text.split_inclusive(' ').peekable();
        while words.peek().is_some() {
            let piece: String = words.by_ref().take(4).collect();
            self.say(&piece)?;
            self.pause(150)?;
        }
        Ok(())
    }

    pub(super) fn work(&mut self, tool: &str, args: &Value, ms: u64) -> Result<(), Broken> {
        self.attend()?;
        self.tool(tool, args, scaled(ms))?;
        self.pause(400)
    }

    /// Hears what was steered in; as with a real agent, that is at its next step.
    pub(super) fn attend(&mut self) -> Result<(), Broken> {
        self.wait(0)?;
        self.hear_steers()
    }

    /// Says that a steering message was heard.
    pub(super) fn take_note(&mut self, steer: &str) -> Result<(), Broken> {
        self.say(&format!(
            "\n\nUnderstood: *{}*. I go on with that in mind.\n\n",
            brief(steer)
        ))?;
        self.pause(600)
    }

    pub(super) fn call_it(&mut self, title: &str) {
        let id = self.history.id.clone();
        self.wire
            .frame(&json!({"type": "session_info_update", "title": title, "sessionId": id}));
    }

    /// Fails in the middle of a sentence and begins it again, as under a busy provider.
    fn stumble(&mut self, words: &str) -> Result<(), Broken> {
        self.speak(words)?;
        let reason = "529 overloaded: the provider is busy";
        self.end_message("error", Some(reason.to_owned()));
        self.wire.frame(&json!({
            "type": "auto_retry_start", "attempt": 1, "maxAttempts": 3, "delayMs": scaled(2500), "errorMessage": reason,
        }));
        self.pause(2500)?;
        self.wire
            .frame(&json!({"type": "auto_retry_end", "success": true, "attempt": 1}));
        Ok(())
    }
}

/// The first words of what somebody said, in one line.
pub(super) fn brief(text: &str) -> String {
    let mut words = text.split_whitespace();
    let first: Vec<&str> = words.by_ref().take(12).collect();
    let end = if words.next().is_some() { " …" } else { "" };
    format!("{}{end}", first.join(" "))
}

/// The demo's time, which tests run faster.
pub(super) fn scaled(ms: u64) -> u64 {
    let speed = std::env::var("OMPCORD_SCRIPTED_SPEED")
        .ok()
        .and_then(|speed| speed.parse().ok());
    ms / speed.filter(|speed| *speed > 0_u64).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_remark_is_cut() {
        assert_eq!(brief("keep\nit  small"), "keep it small");
        assert_eq!(brief(&"word ".repeat(13)), format!("{}…", "word ".repeat(12)));
    }

    #[test]
    fn the_closing_needs_more_than_one_message() {
        assert!(CLOSING.chars().count() > 2_000);
    }
}
