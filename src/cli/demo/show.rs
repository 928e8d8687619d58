//! Shows a thread of the simulated Discord in the terminal while it fills.

use std::collections::HashMap;

use anyhow::Result;

use crate::cli::out;
use crate::ids::{MessageId, ThreadId};
use crate::sim::{SeenMessage, Sim};

/// Waits until the bot is there and its commands are.
pub(super) async fn until_ready(sim: &Sim) {
    sim.until_ever(|sim| (sim.gateway_connected() && !sim.commands().is_empty()).then_some(()))
        .await;
}

/// Alice writes a prompt and reacts with the rocket.
pub(super) fn ask(sim: &Sim, prompt: &str) -> Result<MessageId> {
    let message = sim.say("alice", "home", prompt)?;
    sim.react("alice", message, "🚀")?;
    Ok(message)
}

/// The same, and the thread is shown until its footer. `false`: it failed.
pub(super) async fn launch(sim: &Sim, prompt: &str) -> Result<bool> {
    out::line(&format!("\n#home\n  alice: {prompt}\n  alice reacts with 🚀"))?;
    let message = ask(sim, prompt)?;
    let thread = sim.until_ever(|sim| sim.thread_on(message)).await;
    out::line(&format!("\n#{}", thread.name))?;
    let mut printer = Printer::default();
    loop {
        let messages = sim.until_ever(|sim| printer.news(sim, thread.id)).await;
        printer.print_all(&messages)?;
        if let Some(well) = printer.ended {
            return Ok(well);
        }
    }
}

/// Whatever happens in any thread is shown until Ctrl-C.
pub(super) async fn stay(sim: &Sim) -> Result<()> {
    let mut printers: HashMap<ThreadId, Printer> = HashMap::new();
    for thread in sim.threads() {
        let printer = printers.entry(thread.id).or_default();
        for message in &thread.messages {
            printer.seen(message);
            printer
                .printed
                .insert(message.id, whole(message).lines().map(str::to_owned).collect());
        }
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
        printer.print_all(&messages)?;
    }
}

/// What was shown of each message, so that an edit shows only what is new.
#[derive(Debug, Default)]
struct Printer {
    shown: HashMap<MessageId, String>,
    /// The lines of each message that were printed.
    printed: HashMap<MessageId, Vec<String>>,
    /// Whether the turn is over, and whether it ended well.
    ended: Option<bool>,
}

impl Printer {
    /// The thread's messages, when one is new or was edited since.
    fn news(&self, sim: &Sim, thread: ThreadId) -> Option<Vec<SeenMessage>> {
        let messages = sim.messages(thread);
        let is_news = |message: &SeenMessage| self.shown.get(&message.id) != Some(&whole(message));
        messages.iter().any(is_news).then_some(messages)
    }

    fn print_all(&mut self, messages: &[SeenMessage]) -> Result<()> {
        for (n, message) in messages.iter().enumerate() {
            self.print(message, n + 1 == messages.len())?;
        }
        Ok(())
    }

    fn seen(&mut self, message: &SeenMessage) {
        let text = whole(message);
        self.shown.insert(message.id, text);
    }

    /// Prints what is new of a message. `newest`: nothing follows it yet, so its last line may still grow and waits.
    fn print(&mut self, message: &SeenMessage, newest: bool) -> Result<()> {
        let text = whole(message);
        let lines: Vec<&str> = text.lines().collect();
        let grows = newest && message.by_bot && message.silent;
        // A code block that still grows ends in a fence that is not its own.
        let open = lines
            .iter()
            .rev()
            .take_while(|line| line.starts_with("```"))
            .count()
            + 1;
        let settled = if grows {
            lines.len().saturating_sub(open)
        } else {
            lines.len()
        };
        let before = self.printed.entry(message.id).or_default();
        for (n, line) in lines.iter().take(settled).enumerate() {
            if before.get(n).is_some_and(|old| old == line) {
                continue;
            }
            let author = if before.is_empty() {
                format!("{}:", message.author)
            } else {
                String::new()
            };
            out::line(&format!("  {author:<9}{}", plain(line)))?;
            before.truncate(n);
            before.resize(n, String::new());
            before.push((*line).to_owned());
        }
        if message.by_bot && !message.silent {
            // A footer that notifies ends a turn that went well; one that did not ends with what went wrong.
            let well = lines.last().is_some_and(|line| line.contains(" ⋅ "));
            let failed = lines.first().is_some_and(|line| line.starts_with('❌'));
            self.ended = self.ended.or((well || failed).then_some(well));
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
