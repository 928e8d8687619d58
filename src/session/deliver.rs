//! A stored prompt becomes what the agent is given: its text, its images, its files.
//!
//! Attachments are fetched here and not in the gateway, so that a slow download delays one session only.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::actor::Actor;
use super::control::Control;
use super::state::{Input, Place};
use crate::agent::Image;
use crate::discord::outbox::Act;
use crate::failpoint;
use crate::ids::PromptId;
use crate::render::text::escape;
use crate::store::prompts::{Attachment, Prompt, PromptState};
use crate::store::terminal_commands::CommandKind;

/// Text up to this many bytes is given inline.
const INLINE: usize = 64 * 1024;
/// Images up to this many bytes are given as images; larger ones as files.
const IMAGE: u64 = 8 * 1024 * 1024;
/// All images of a prompt together; what goes beyond is given as files.
const IMAGES: usize = 24 * 1024 * 1024;
/// A download that is slower than this many bytes per second, after half a minute, is given up.
const SLOWEST: u64 = 64 * 1024;
/// Nothing larger is fetched.
const CAP: u64 = 100 * 1024 * 1024;

/// How a prompt reaches the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// As a turn of its own.
    Prompt,
    /// As a turn that goes on with an interrupted one.
    Continue,
    /// Into the running turn.
    Steer,
}

impl Way {
    pub(super) const fn of(continuing: bool) -> Self {
        if continuing { Self::Continue } else { Self::Prompt }
    }
}

/// What the agent is given.
#[derive(Debug, Default)]
pub(super) struct Parcel {
    /// The text.
    pub text: String,
    /// Images that came with it.
    pub images: Vec<Image>,
    /// What could not be fetched, for the thread.
    pub problems: Vec<String>,
}

impl Actor {
    /// Gives a prompt to the agent. What comes with it is fetched in a task of its own, so that the session hears a
    /// cancel meanwhile. The answer is what follows at once.
    pub(super) async fn deliver(&mut self, id: PromptId, way: Way) -> Option<Input> {
        if way != Way::Steer {
            self.spans.begin(id);
        }
        let span = self.spans.now();
        match self.prepare(id, way).instrument(span.clone()).await {
            Ok(()) => None,
            Err(error) => {
                let _in = span.enter();
                tracing::error!(session = %self.handle.id(), prompt = id.0, "prompt {id}: {error:#}");
                let error = "ompcord could not read it from its database".to_owned();
                Some(Input::PromptRefused { prompt: id, error })
            }
        }
    }

    async fn prepare(&mut self, id: PromptId, way: Way) -> Result<()> {
        let prompt = self.deps.store.prompt(id).await?;
        let prompt = prompt.context("the prompt is not in the store")?;
        let (attachments, steers) = (prompt.attachments.len(), way == Way::Steer);
        tracing::info!(prompt = id.0, attachments, steers, "a prompt goes to the agent");
        // A terminal runs it from when it is given to it, which is one step.
        let there = self.state.place() == Place::Terminal;
        if !there {
            self.mark(id, PromptState::Running).await?;
        }
        let heading = if way == Way::Steer { "steer" } else { "prompt" };
        if let Some(publisher) = &mut self.publisher {
            publisher.record(&format!("\n## {heading}\n{}\n", prompt.text));
        }
        let dir = self.deps.config.attachments_dir().join(self.handle.id().as_str());
        if prompt.attachments.is_empty() {
            let parcel = parcel(&prompt, way, &self.deps.client, &dir, there).await;
            return self.hand_over(id, way, parcel).await;
        }
        if way != Way::Steer {
            self.fetching = Some(id);
        }
        let (client, handle) = (self.deps.client.clone(), self.handle.clone());
        let fetch = async move {
            let parcel = parcel(&prompt, way, &client, &dir, there).await;
            handle.control(Control::Parcel {
                prompt: id,
                way,
                parcel,
            });
        };
        self.deps.tracker.spawn(fetch.in_current_span());
        Ok(())
    }

    /// What was fetched for a prompt is here. One whose turn was ended meanwhile is dropped.
    pub(super) async fn hand_over(&mut self, id: PromptId, way: Way, parcel: Parcel) -> Result<()> {
        self.fetching.take_if(|fetching| *fetching == id);
        if !self.state.is_running(id) {
            return Ok(());
        }
        if let Some(publisher) = &mut self.publisher {
            for problem in &parcel.problems {
                publisher.remark(&format!("⚠️ {}", escape(problem)), Instant::now());
            }
        }
        if self.state.place() == Place::Terminal {
            self.hand_to_terminal(id, parcel, way == Way::Steer).await?;
            return if way == Way::Steer {
                self.steered(id).await
            } else {
                Ok(())
            };
        }
        // Where the process went meanwhile, its exit is on its way and fails the turn.
        let Some(running) = &self.running else {
            return Ok(());
        };
        if way != Way::Steer {
            running
                .handle
                .prompt(&id.to_string(), &parcel.text, &parcel.images);
            failpoint::at("prompt.given");
            return Ok(());
        }
        running
            .handle
            .steer(&id.to_string(), &parcel.text, &parcel.images);
        self.steered(id).await
    }

    /// Shows on its message that a prompt went to the running turn.
    async fn steered(&self, id: PromptId) -> Result<()> {
        let prompt = self.deps.store.prompt(id).await?;
        if let (Some(message), Some(channel)) = (prompt.and_then(|p| p.message), self.channel()) {
            let emoji = "🧭".to_owned();
            self.deps
                .outbox
                .act(channel, Act::React { message, emoji })
                .await?;
        }
        Ok(())
    }

    /// Ends the turn. One that has not reached the agent yet is over at once.
    pub(super) async fn abort(&mut self) -> Result<Option<Input>> {
        if self.fetching.take().is_some() {
            return Ok(Some(Input::TurnEnded));
        }
        if self.state.place() == Place::Terminal {
            self.tell_terminal(CommandKind::Cancel).await?;
        }
        if let Some(running) = &self.running {
            running.handle.abort();
        }
        Ok(None)
    }
}

impl Parcel {
    /// Adds a paragraph.
    fn add(&mut self, paragraph: &str) {
        self.text.push_str("\n\n");
        self.text.push_str(paragraph);
    }
}

/// Makes the parcel of a prompt; files go to `dir`. A terminal is given text only: images are files there.
async fn parcel(prompt: &Prompt, way: Way, client: &reqwest::Client, dir: &Path, only_text: bool) -> Parcel {
    let mut parcel = Parcel {
        text: prompt.text.clone(),
        ..Parcel::default()
    };
    if way == Way::Continue {
        parcel.text = format!(
            "Your previous turn was interrupted because the program that runs you was restarted.\n\
             Look at what is done already and go on from there; do not repeat finished steps. The request was:\n\n{}",
            prompt.text
        );
    }
    for (n, attachment) in prompt.attachments.iter().enumerate() {
        let path = dir.join(format!("{}-{n}-{}", prompt.id, safe_name(&attachment.name)));
        if let Err(error) = attach(&mut parcel, attachment, client, &path, only_text).await {
            let name = safe_name(&attachment.name);
            parcel.add(&format!("[the attached file {name} could not be fetched]"));
            parcel
                .problems
                .push(format!("The attachment {name} could not be fetched: {error:#}"));
        }
    }
    if parcel.text.trim().is_empty() && !parcel.images.is_empty() {
        "Look at the attached image.".clone_into(&mut parcel.text);
    }
    parcel
}

async fn attach(
    parcel: &mut Parcel,
    attachment: &Attachment,
    client: &reqwest::Client,
    path: &Path,
    only_text: bool,
) -> Result<()> {
    let bytes = fetch(attachment, client).await?;
    let name = safe_name(&attachment.name);
    let mime = attachment.mime.as_deref().unwrap_or("application/octet-stream");
    let mime = mime.split(';').next().unwrap_or(mime).trim().to_owned();
    let is_image = matches!(
        mime.as_str(),
        "image/png" | "image/jpeg" | "image/gif" | "image/webp"
    );
    let given: usize = parcel.images.iter().map(|image| image.base64.len()).sum();
    if is_image && !only_text && bytes.len() as u64 <= IMAGE && given + bytes.len() <= IMAGES {
        parcel.images.push(Image {
            mime,
            base64: base64::engine::general_purpose::STANDARD.encode(&bytes),
        });
        return Ok(());
    }
    if bytes.len() <= INLINE
        && let Ok(text) = std::str::from_utf8(&bytes)
        && !text.contains('\0')
    {
        let fence = "`".repeat(longest_backticks(text).max(2) + 1);
        let end = if text.ends_with('\n') { "" } else { "\n" };
        parcel.add(&format!("Attached file {name}:\n{fence}\n{text}{end}{fence}"));
        return Ok(());
    }
    let size = bytes.len();
    super::keep_private(path.to_owned(), bytes).await?;
    parcel.add(&format!(
        "Attached file {name} ({mime}, {size} bytes): {}",
        path.display()
    ));
    Ok(())
}

async fn fetch(attachment: &Attachment, client: &reqwest::Client) -> Result<Vec<u8>> {
    if attachment.size > CAP {
        bail!("it is larger than {} MiB", CAP / 1024 / 1024);
    }
    // The address is never shown: it carries a signature that gives access to the file.
    let patience = Duration::from_secs(30 + attachment.size / SLOWEST);
    let answer = client
        .get(&attachment.url)
        .timeout(patience)
        .send()
        .await
        .map_err(reqwest::Error::without_url)?;
    let mut answer = answer.error_for_status().map_err(reqwest::Error::without_url)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
        if (bytes.len() + chunk.len()) as u64 > CAP {
            bail!("it is larger than {} MiB", CAP / 1024 / 1024);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn longest_backticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A name that is one path component, whatever a person wrote: letters, digits and a few signs, at most 80 characters,
/// never hidden.
#[must_use]
pub fn safe_name(name: &str) -> String {
    let base = PathBuf::from(name.replace('\\', "/"));
    let base = base
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    let clean: String = base
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') {
                c
            } else {
                '_'
            }
        })
        .collect();
    let clean = clean.trim_start_matches('.');
    // The end of a name says what the file is, so the beginning is what is cut.
    let skip = clean.chars().count().saturating_sub(80);
    let clean: String = clean.chars().skip(skip).collect();
    if clean.is_empty() {
        "file".to_owned()
    } else {
        clean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_harmless_path_component() {
        for (name, safe) in [
            ("notes.txt", "notes.txt"),
            ("../../etc/passwd", "passwd"),
            ("..", "file"),
            ("C:\\temp\\a b.png", "a_b.png"),
            (".bashrc", "bashrc"),
            ("a\u{202e}gpj.exe", "a_gpj.exe"),
            ("", "file"),
        ] {
            assert_eq!(safe_name(name), safe);
        }
        assert_eq!(
            safe_name(&format!("{}.tar.gz", "x".repeat(300))).chars().count(),
            80
        );
    }

    #[test]
    fn a_fence_is_longer_than_any_in_the_text() {
        assert_eq!(longest_backticks("a ```` b ` c"), 4);
        assert_eq!(longest_backticks("plain"), 0);
    }
}
