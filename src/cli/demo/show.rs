//! Shows a thread of the simulated Discord in the terminal while it fills.

use std::collections::HashMap;

use anyhow::Result;

use crate::cli::out;
use crate::ids::{MessageId, ThreadId};
use crate::sim::{SeenMessage, Sim};

/// Alice writes a prompt, reacts with the rocket, and the thread is shown until its footer.
pub(super) async fn launch(sim: &Sim, prompt: &str) -> Result<()> {
    sim.until_ever(|sim| (sim.gateway_connected() && !sim.commands().is_empty()).then_some(()))
        .await;
    let message = sim.say("alice", "home", prompt)?;
    out::line(&format!("#home\n  alice: {prompt}\n  alice reacts with 🚀"))?;
    sim.react("alice", message, "🚀")?;
    let thread = sim.until_ever(|sim| sim.thread_on(message)).await;
    out::line(&format!("\n#{}", thread.name))?;
    let mut printer = Printer::default();
    loop {
        let messages = sim.until_ever(|sim| printer.news(sim, thread.id)).await;
        for message in &messages {
            printer.print(message)?;
        }
        if printer.ended {
            return Ok(());
        }
    }
}

/// Whatever happens in any thread is shown until Ctrl-C.
pub(super) async fn stay(sim: &Sim) -> Result<()> {
    let base = sim.base_url();
    out::line(&format!(
        "\nIt goes on: answer in the thread, react, run commands. As alice, from another terminal:\n\n  \
         curl -sX POST {base}/sim/say -H 'content-type: application/json' \\\n    \
         -d '{{\"user\":\"alice\",\"channel\":\"home\",\"text\":\"hello\"}}'\n  \
         curl -s {base}/sim/state\n\nCtrl-C ends the demo."
    ))?;
    let mut printers: HashMap<ThreadId, Printer> = HashMap::new();
    for thread in sim.threads() {
        let printer = printers.entry(thread.id).or_default();
        thread.messages.iter().for_each(|message| printer.seen(message));
    }
    loop {
        let (name, id, messages) = sim
            .until_ever(|sim| {
                sim.threads().into_iter().find_map(|thread| {
                    let news = printers.entry(thread.id).or_default().news(sim, thread.id)?;
                    Some((thread.name, thread.id, news))
                })
            })
            .await;
        out::line(&format!("\n#{name}"))?;
        let printer = printers.entry(id).or_default();
        for message in &messages {
            printer.print(message)?;
        }
    }
}

/// What was shown of each message, so that an edit shows only what is new.
#[derive(Debug, Default)]
struct Printer {
    shown: HashMap<MessageId, String>,
    /// Whether a footer came: the turn is over.
    ended: bool,
}

impl Printer {
    /// Messages that are new or were edited since they were printed.
    fn news(&self, sim: &Sim, thread: ThreadId) -> Option<Vec<SeenMessage>> {
        let mut messages = sim.messages(thread);
        messages.retain(|message| self.shown.get(&message.id) != Some(&whole(message)));
        (!messages.is_empty()).then_some(messages)
    }

    fn seen(&mut self, message: &SeenMessage) {
        self.shown.insert(message.id, whole(message));
    }

    fn print(&mut self, message: &SeenMessage) -> Result<()> {
        let text = whole(message);
        let before = self.shown.get(&message.id).cloned().unwrap_or_default();
        // Text that streams grows at its end; anything else is shown as the lines that changed.
        let old: Vec<&str> = before.lines().collect();
        let lines = text
            .lines()
            .enumerate()
            .filter(|(n, line)| old.get(*n) != Some(line));
        for (n, (_, line)) in lines.enumerate() {
            let author = if n == 0 && before.is_empty() {
                format!("{}:", message.author)
            } else {
                String::new()
            };
            out::line(&format!("  {author:<9}{}", plain(line)))?;
        }
        if message.by_bot && !message.silent && text.lines().last().is_some_and(|line| line.contains(" ⋅ "))
        {
            self.ended = true;
        }
        self.seen(message);
        Ok(())
    }
}

/// A message as lines: its text, its files, its buttons.
fn whole(message: &SeenMessage) -> String {
    let mut text = message.words();
    for file in &message.attachments {
        text.push_str(&format_line(
            "📎",
            &format!("{} ({} bytes)", file.name, file.size),
        ));
    }
    if !message.buttons.is_empty() {
        let labels: Vec<_> = message
            .buttons
            .iter()
            .map(|button| format!("[{}]", button.label))
            .collect();
        text.push_str(&format_line("", &labels.join(" ")));
    }
    text
}

fn format_line(sign: &str, text: &str) -> String {
    format!("\n{sign} {text}")
}

/// Small text has no mark in a terminal.
fn plain(line: &str) -> &str {
    line.strip_prefix("-# ").unwrap_or(line)
}
