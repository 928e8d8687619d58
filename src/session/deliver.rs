//! A stored prompt becomes what the agent is given: its text, its images, its files.
//!
//! Attachments are fetched here and not in the gateway, so that a slow download delays one session only.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use base64::Engine as _;

use crate::agent::Image;
use crate::store::prompts::{Attachment, Prompt};

/// Text up to this many bytes is given inline.
const INLINE: usize = 64 * 1024;
/// Images up to this many bytes are given as images; larger ones as files.
const IMAGE: u64 = 8 * 1024 * 1024;
/// Nothing larger is fetched.
const CAP: u64 = 100 * 1024 * 1024;

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

impl Parcel {
    /// Adds a paragraph.
    fn add(&mut self, paragraph: &str) {
        self.text.push_str("\n\n");
        self.text.push_str(paragraph);
    }
}

/// Makes the parcel of a prompt; files go to `dir`.
pub(super) async fn parcel(
    prompt: &Prompt,
    continuing: bool,
    client: &reqwest::Client,
    dir: &Path,
) -> Result<Parcel> {
    let mut parcel = Parcel {
        text: prompt.text.clone(),
        ..Parcel::default()
    };
    if continuing {
        parcel.text = format!(
            "Your previous turn was interrupted because the program that runs you was restarted.\n\
             Look at what is done already and go on from there; do not repeat finished steps. The request was:\n\n{}",
            prompt.text
        );
    }
    for (n, attachment) in prompt.attachments.iter().enumerate() {
        let path = dir.join(format!("{}-{n}-{}", prompt.id, safe_name(&attachment.name)));
        if let Err(error) = attach(&mut parcel, attachment, client, &path).await {
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
    Ok(parcel)
}

async fn attach(
    parcel: &mut Parcel,
    attachment: &Attachment,
    client: &reqwest::Client,
    path: &Path,
) -> Result<()> {
    let bytes = fetch(attachment, client).await?;
    let name = safe_name(&attachment.name);
    let mime = attachment.mime.as_deref().unwrap_or("application/octet-stream");
    let mime = mime.split(';').next().unwrap_or(mime).trim().to_owned();
    let is_image = matches!(
        mime.as_str(),
        "image/png" | "image/jpeg" | "image/gif" | "image/webp"
    );
    if is_image && bytes.len() as u64 <= IMAGE {
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
    let answer = client
        .get(&attachment.url)
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
