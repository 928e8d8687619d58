//! The conversation on disk, so that a later process can continue it.
//!
//! As with the real agent, a session is a file that comes into being with the first message: resuming one
//! that never said anything fails.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Something that was said.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    role: String,
    text: String,
}

/// A conversation.
#[derive(Debug)]
pub(super) struct History {
    pub(super) id: String,
    file: PathBuf,
    entries: Vec<Entry>,
}

impl History {
    /// A new conversation, or the one to resume. The error is what the real agent writes.
    pub(super) fn open(resume: Option<&str>, forgetful: bool) -> Result<Self, String> {
        let folder = std::env::var_os("OMPCORD_SCRIPTED_DIR")
            .map_or_else(|| std::env::temp_dir().join("ompcord-scripted"), PathBuf::from);
        if let Some(id) = resume {
            let plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            let file = folder.join(format!("{id}.jsonl"));
            match fs::read_to_string(&file) {
                Ok(text) if plain => {
                    let entries = text
                        .lines()
                        .filter_map(|line| serde_json::from_str(line).ok())
                        .collect();
                    return Ok(Self {
                        id: id.to_owned(),
                        file,
                        entries,
                    });
                }
                _ if forgetful => {}
                _ => return Err(format!("Session \"{id}\" not found.")),
            }
        }
        let id = uuid::Uuid::new_v4().to_string();
        let file = folder.join(format!("{id}.jsonl"));
        Ok(Self {
            id,
            file,
            entries: Vec::new(),
        })
    }

    /// Whether a test keeps answers back.
    pub(super) fn is_held(&self) -> bool {
        self.file
            .parent()
            .is_some_and(|folder| folder.join("hold").exists())
    }

    /// Remembers something, on disk first.
    pub(super) fn push(&mut self, role: &str, text: &str) {
        let entry = Entry {
            role: role.to_owned(),
            text: text.to_owned(),
        };
        if let Err(error) = self.append(&entry) {
            super::wire::log(&format!("scripted: the conversation cannot be kept: {error}"));
        }
        self.entries.push(entry);
    }

    fn append(&self, entry: &Entry) -> std::io::Result<()> {
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.file)?
            .write_all(&line)
    }

    /// What the user said, oldest first.
    pub(super) fn prompts(&self) -> Vec<&str> {
        let mine = self.entries.iter().filter(|entry| entry.role == "user");
        mine.map(|entry| entry.text.as_str()).collect()
    }

    /// How many messages there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// What the session is called: the first words of the first prompt, once it was answered.
    pub(super) fn title(&self) -> Option<String> {
        self.entries.iter().find(|entry| entry.role == "assistant")?;
        let first = self
            .prompts()
            .first()?
            .split_whitespace()
            .take(5)
            .collect::<Vec<_>>()
            .join(" ");
        Some(first)
    }
}
