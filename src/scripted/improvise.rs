//! Something plausible for whatever a visitor of the demo writes.
//!
//! It understands little: a few words decide what it does, so that everything on the page can be tried by asking for
//! it, and anything else gets an answer that takes some seconds and a tool or two.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::{Value, json};

use super::demo::brief;
use super::player::{Broken, Player};

/// What a prompt is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Tour,
    Slow,
    Confirm,
    Editor,
    Input,
    Choice,
    Command,
    Error,
    Diff,
    Table,
    Document,
    Hello,
    Anything,
}

/// The words that give a wish away; the first that fits counts.
const SIGNS: &[(Wish, &[&str])] = &[
    (Wish::Tour, &["tour", "everything", "retry", "retries", "demo"]),
    (Wish::Slow, &["take your time", "slow", "long", "longer"]),
    (Wish::Confirm, &["confirm", "are you sure", "yes or no"]),
    (Wish::Editor, &["editor", "commit message", "draft"]),
    (Wish::Input, &["input", "name"]),
    (
        Wish::Choice,
        &["ask me", "question", "questions", "choose", "options"],
    ),
    (
        Wish::Command,
        &[
            "run",
            "test",
            "tests",
            "approval",
            "permission",
            "deploy",
            "install",
        ],
    ),
    (Wish::Error, &["error", "errors", "fail", "crash", "break"]),
    (Wish::Diff, &["diff", "fix", "refactor", "change"]),
    (Wish::Table, &["table", "compare", "list"]),
    (Wish::Document, &["readme", "docs", "document", "explain"]),
    (
        Wish::Hello,
        &["hello", "hi", "hey", "good morning", "thanks", "thank you"],
    ),
];

fn wish(prompt: &str) -> Wish {
    let prompt = prompt.to_lowercase();
    let found = SIGNS
        .iter()
        .find(|(_, signs)| signs.iter().any(|sign| says(&prompt, sign)));
    found.map_or(Wish::Anything, |(wish, _)| *wish)
}

/// Whether these words stand in a text as words: "this" is no greeting, and "slowly" no wish for slowness.
fn says(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(at, _)| {
        let before = text.get(..at).and_then(|head| head.chars().next_back());
        let after = text.get(at + words.len()..).and_then(|tail| tail.chars().next());
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

/// What it did about a task that it knows nothing of: the tools that it used, and what it says.
struct Story {
    tools: [(&'static str, &'static str, &'static str); 2],
    answer: &'static str,
}

const STORIES: [Story; 4] = [
    Story {
        tools: [
            ("grep", "pattern", "TODO"),
            ("read", "path", "src/pages/login.rs"),
        ],
        answer: "The page asks for the user's settings three times, one after the other, before it shows anything. They do \
                 not depend on each other, so they can be asked for at once:\n\n```rust\nlet (profile, teams, flags) = \
                 tokio::try_join!(\n    api.profile(user),\n    api.teams(user),\n    api.flags(user),\n)?;\n```\n\nThat takes it \
                 from about 900 ms to 320 ms here. Shall I put it in?",
    },
    Story {
        tools: [("read", "path", "Cargo.toml"), ("grep", "pattern", "fn main")],
        answer: "There are two places for this. The smaller one is a function of twelve lines in `src/settings.rs`; the other \
                 is the way from the command line to it, which passes through four layers that only hand it on.\n\n- **Now:** \
                 change the function, half an hour\n- **Later:** remove two of the layers, perhaps a day\n\nI would do the \
                 first today.",
    },
    Story {
        tools: [("grep", "pattern", "cache"), ("read", "path", "src/cache.rs")],
        answer: "It is the cache. An entry is written under the *name* and looked up under the *id*, so it is never found and \
                 everything is computed each time. One line:\n\n```diff\n-    cache.insert(item.name.clone(), value);\n+    \
                 cache.insert(item.id, value);\n```\n\nThe hit rate in the log should go from 0 % to about 95 %.",
    },
    Story {
        tools: [
            ("bash", "command", "git log --oneline -5"),
            ("read", "path", "README.md"),
        ],
        answer: "Done. It was less than I thought:\n\n1. the part that was out of date since the last release is gone\n2. what \
                 was missing is a section of its own now\n3. two links that led nowhere lead somewhere again\n\nHave a look \
                 and tell me what to change.",
    },
];

impl Player {
    pub(super) fn improvise(&mut self, prompt: &str) -> Result<(), Broken> {
        let wish = wish(prompt);
        // The tour has a title of its own.
        if self.history.prompts().len() == 1 && wish != Wish::Tour {
            self.call_it(&brief(prompt));
        }
        self.pause(1200)?;
        match wish {
            Wish::Tour => self.tour(),
            Wish::Slow => self.dawdle(),
            Wish::Confirm => self.confirm(),
            Wish::Editor => self.edit_text(),
            Wish::Input => self.ask_name(),
            Wish::Choice => self.ask_way(),
            Wish::Command => self.run_tests(),
            Wish::Error => self.give_up(),
            Wish::Diff => self.tell(&STORIES[2]),
            Wish::Table => self.compare(),
            Wish::Document => self.tell(&STORIES[3]),
            Wish::Hello => self.greet(),
            Wish::Anything => self.tell(story_for(prompt)),
        }
    }

    fn tell(&mut self, story: &Story) -> Result<(), Broken> {
        self.speak("I have a look.\n")?;
        for (tool, key, value) in &story.tools {
            self.work(tool, &json!({*key: value}), 1700)?;
        }
        self.speak(story.answer)
    }

    /// More than a minute of work, so that there is time to queue, to steer and to cancel.
    fn dawdle(&mut self) -> Result<(), Broken> {
        self.speak(
            "That is a larger thing; I go through it file by file. Write to me meanwhile if you like.\n",
        )?;
        for (number, file) in (1..).zip([
            "client", "cache", "export", "login", "settings", "report", "search", "upload",
        ]) {
            self.work("read", &json!({"path": format!("src/{file}.rs")}), 2200)?;
            self.work("edit", &json!({"path": format!("src/{file}.rs")}), 3200)?;
            self.speak(&format!("{number} of 8: `{file}.rs` is tidy now.\n"))?;
        }
        self.speak("That was the last one. Eight files, 140 lines less than before, and nothing behaves differently.")
    }

    fn confirm(&mut self) -> Result<(), Broken> {
        let answer = self.question(
            "confirm",
            "Delete the old branches?",
            "Seven branches were merged more than a year ago.",
        )?;
        if answer["confirmed"] == true {
            self.work("bash", &json!({"command": "git branch --delete --merged"}), 1500)?;
            self.speak("All seven are gone. They are in the reflog for another month, should you miss one.")
        } else {
            self.speak("Then they stay. I have not touched anything.")
        }
    }

    fn edit_text(&mut self) -> Result<(), Broken> {
        let draft = "Wait as long as a busy server asks\n\nThe counter was reset on every response, so a 429 was never \
                     counted and the client asked for ever.";
        let answer = self.question("editor", "The commit message", draft)?;
        match written(&answer) {
            Some(text) => {
                self.work("bash", &json!({"command": "git commit --file -"}), 900)?;
                self.speak(&format!(
                    "Committed as **{}**.",
                    text.lines().next().unwrap_or_default()
                ))
            }
            None => self.speak("No message, no commit. The change is still in the working tree."),
        }
    }

    fn ask_name(&mut self) -> Result<(), Broken> {
        let answer = self.question(
            "input",
            "What should the new crate be called?",
            "for example: patience",
        )?;
        match written(&answer) {
            Some(name) => {
                self.work(
                    "bash",
                    &json!({"command": format!("cargo new --lib {}", brief(name))}),
                    1100,
                )?;
                self.speak(&format!(
                    "`{}` is there, empty so far. What should be in it?",
                    brief(name)
                ))
            }
            None => self.speak("Then it has to wait until it has a name."),
        }
    }

    fn ask_way(&mut self) -> Result<(), Broken> {
        let options = [
            "Small steps",
            "All at once",
            "Only a plan",
            "Show me the code first",
            "You decide",
        ];
        match self.choose("How shall I go on?", options.map(str::to_owned).into())? {
            Some(chosen) => {
                self.speak(&format!(
                    "“{}” it is. I begin with the part that everything else needs.\n",
                    brief(&chosen)
                ))?;
                self.work("read", &json!({"path": "src/lib.rs"}), 1400)?;
                self.speak("It looks good: nothing here stands in the way.")
            }
            None => self.speak("I ask again when it matters."),
        }
    }

    fn run_tests(&mut self) -> Result<(), Broken> {
        self.speak("For that I have to run a command.\n")?;
        if self.permitted("bash", "cargo test --workspace", super::demo::scaled(3500))? {
            self.speak("All green:\n\n```text\ntest result: ok. 42 passed; 0 failed; 0 ignored; finished in 3.21s\n```")
        } else {
            self.attend()?;
            self.speak("Fine, I do not run it. Here is what I would have run:\n\n```bash\ncargo test --workspace\n```")
        }
    }

    fn give_up(&mut self) -> Result<(), Broken> {
        self.speak("I try it.\n")?;
        self.work("bash", &json!({"command": "make release"}), 1800)?;
        self.end_message(
            "error",
            Some("the provider refused the request: insufficient credit".to_owned()),
        );
        Err(Broken::Failed)
    }

    fn compare(&mut self) -> Result<(), Broken> {
        self.work("bash", &json!({"command": "ls -l src"}), 900)?;
        self.speak(
            "| file | lines | tests | last change |\n|---|---:|---:|---|\n| `client.rs` | 212 | 14 | today |\n| `cache.rs` | 148 \
             | 9 | last week |\n| `export.rs` | 391 | 3 | in March |\n\nI would begin with `export.rs`: it is the longest and \
             has the fewest tests.",
        )
    }

    fn greet(&mut self) -> Result<(), Broken> {
        self.speak(
            "Hello! I am the demo's built-in agent: I only pretend to work, but everything around me is real. Try:\n\n- *run \
             the tests* (I ask for permission)\n- *ask me something* (buttons, and your own words)\n- *take your time* \
             (queue, steer with `!`, cancel)\n- *draft a commit message*, *show me a table*, *make an error*",
        )
    }
}

fn story_for(prompt: &str) -> &'static Story {
    if says(&prompt.to_lowercase(), "page") {
        return &STORIES[0];
    }
    let mut hasher = DefaultHasher::new();
    prompt.hash(&mut hasher);
    let number = usize::try_from(hasher.finish() % STORIES.len() as u64).unwrap_or(0);
    &STORIES[number]
}

/// What somebody wrote, unless it is nothing.
fn written(answer: &Value) -> Option<&str> {
    answer["value"]
        .as_str()
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_words_decide() {
        for (prompt, expected) in [
            (
                "Our client hammers a busy server. Can you fix the retries?",
                Wish::Tour,
            ),
            ("Take your time and tidy up this project.", Wish::Slow),
            ("Please run the tests.", Wish::Command),
            ("Ask me how you should go on.", Wish::Choice),
            ("ask me to confirm something", Wish::Confirm),
            ("Draft a commit message", Wish::Editor),
            ("make an error", Wish::Error),
            ("Then add a line about it to the README.", Wish::Document),
            ("show me a table", Wish::Table),
            ("Hi there", Wish::Hello),
            ("hi", Wish::Hello),
            ("Why does this page load in such a way?", Wish::Anything),
            ("Do something about Chicago tomorrow", Wish::Anything),
        ] {
            assert_eq!(wish(prompt), expected, "{prompt}");
        }
    }

    #[test]
    fn a_question_about_a_page_is_answered_with_one() {
        let prompt = "Why does the login page load so slowly?";
        assert_eq!(wish(prompt), Wish::Anything);
        assert!(story_for(prompt).answer.contains("The page"));
    }
}
