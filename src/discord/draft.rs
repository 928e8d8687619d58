//! What a message should say, before it is sent.
//!
//! Drafts wait in the database, so they hold paths and not files, and they are turned into Discord's payload
//! only when they are sent. Every payload is made here: with a second place to make one, sooner or later one
//! would lack `allowed_mentions`, and an agent that prints `@everyone` would wake a whole server.

use std::io::{self, SeekFrom};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use crate::ids::MessageId;

/// What Discord takes in one file without boosts.
pub const MAX_FILE_BYTES: u64 = 10 * 1024 * 1024;
const MAX_FILES: usize = 10;
const MAX_CONTENT: usize = 2000;
const SUPPRESS_EMBEDS: u64 = 4;
const SUPPRESS_NOTIFICATIONS: u64 = 4096;

/// A message as it should be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent properties of a message, not a state"
)]
pub struct Draft {
    /// The text, at most 2,000 characters; a longer one is cut and marked, so split it before.
    pub content: String,
    /// Embeds as Discord's JSON.
    pub embeds: Vec<Value>,
    /// Rows of components as Discord's JSON.
    pub components: Vec<Value>,
    /// Files, read when the message is sent. Each is uploaded once, however often the text is replaced.
    pub files: Vec<FileRef>,
    /// Whether it arrives without a notification.
    pub silent: bool,
    /// Whether links in it stay without previews. It hides `embeds` too.
    pub suppress_embeds: bool,
    /// Whether it is made only once every earlier message says what it should: it tells people that they may read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub after_edits: bool,
    /// Whether it gives way to everything else in its channel and wakes no archived thread: it shows how things are,
    /// and nobody waits for it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub background: bool,
    /// Whether it is sent as it is or not at all: somebody waits to be told which.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
    /// The message that it answers. Only looked at when it is created; one that is gone does not matter.
    pub reply_to: Option<MessageId>,
}

/// A file on disk, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRef {
    /// Where it is.
    pub path: PathBuf,
    /// How it is called on Discord.
    pub name: String,
    /// The first byte to send.
    #[serde(default)]
    pub from: u64,
    /// The byte to stop before; nothing means all that is there when it is sent.
    #[serde(default)]
    pub to: Option<u64>,
}

impl FileRef {
    /// A whole file.
    #[must_use]
    pub fn whole(path: impl Into<PathBuf>, name: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            name: name.into(),
            from: 0,
            to: None,
        }
    }
}

/// A draft as the request that makes it true.
#[derive(Debug)]
pub(crate) struct Parcel {
    /// The JSON body.
    pub(crate) payload: Value,
    /// The files that go with it, in the order of the payload's `attachments`.
    pub(crate) uploads: Vec<Upload>,
    /// Which files of the draft those are.
    pub(crate) taken: Vec<FileRef>,
}

/// A file that was read.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    /// How it is called.
    pub(crate) name: String,
    /// What is in it.
    pub(crate) bytes: Vec<u8>,
}

impl Draft {
    /// A draft of text alone.
    #[must_use]
    pub fn text(content: impl Into<String>) -> Self {
        Self {
            content: content.into(),
            ..Self::default()
        }
    }

    /// The same, arriving without a notification.
    #[must_use]
    pub fn silently(mut self) -> Self {
        self.silent = true;
        self
    }

    /// The same, with a file.
    #[must_use]
    pub fn with_file(mut self, file: FileRef) -> Self {
        self.files.push(file);
        self
    }

    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.content.trim().is_empty() && !self.is_rich()
    }

    fn is_rich(&self) -> bool {
        !(self.embeds.is_empty() && self.components.is_empty() && self.files.is_empty())
    }

    /// Whether there is something that can be left off before it is given up.
    pub(crate) fn is_more_than_words(&self) -> bool {
        self.is_rich() || self.reply_to.is_some()
    }

    /// Whether it is a question of an agent: without its buttons nobody could answer, so its words alone are nothing.
    pub(crate) fn asks(&self) -> bool {
        self.components
            .iter()
            .any(|row| row.to_string().contains("\"omp:ask:"))
    }

    /// The words alone, for when Discord refuses the rest. `uploaded` are files that are there already.
    pub(crate) fn plain(&self, uploaded: &[FileRef]) -> Self {
        let mut parts = Vec::new();
        if !self.content.trim().is_empty() {
            parts.push(self.content.clone());
        }
        parts.extend(
            self.embeds
                .iter()
                .map(embed_words)
                .filter(|words| !words.is_empty()),
        );
        let lost = self.files.iter().filter(|file| !uploaded.contains(file));
        let notes: Vec<String> = lost
            .map(|file| note(&file.name, "Discord did not take it as a file"))
            .collect();
        if parts.is_empty() && notes.is_empty() {
            parts.push("-# Discord refused what belongs here".to_owned());
        }
        Self {
            content: clamp(&parts.join("\n"), &notes),
            silent: self.silent,
            suppress_embeds: self.suppress_embeds,
            background: self.background,
            ..Self::default()
        }
    }

    /// The request that creates the message.
    pub(crate) async fn create(&self, nonce: &str) -> Parcel {
        let mut parcel = self.body(&self.files.iter().collect::<Vec<_>>()).await;
        let payload = &mut parcel.payload;
        let mut flags = 0;
        if self.silent {
            flags |= SUPPRESS_NOTIFICATIONS;
        }
        if self.suppress_embeds {
            flags |= SUPPRESS_EMBEDS;
        }
        payload["nonce"] = json!(nonce);
        payload["enforce_nonce"] = json!(true);
        payload["flags"] = json!(flags);
        if let Some(message) = self.reply_to {
            payload["message_reference"] = json!({ "message_id": message, "fail_if_not_exists": false });
        }
        if !parcel.uploads.is_empty() {
            payload["attachments"] = json!(describe(&parcel.uploads));
        }
        parcel
    }

    /// The request that edits the message to be this. Files in `uploaded` are there already as the attachments
    /// `kept`, which have to be named again where others join them.
    pub(crate) async fn edit(&self, uploaded: &[FileRef], kept: &[String]) -> Parcel {
        let gained: Vec<&FileRef> = self
            .files
            .iter()
            .filter(|file| !uploaded.contains(file))
            .collect();
        let mut parcel = self.body(&gained).await;
        let payload = &mut parcel.payload;
        if self.suppress_embeds {
            payload["flags"] = json!(SUPPRESS_EMBEDS);
        }
        if !parcel.uploads.is_empty() {
            let mut attachments: Vec<Value> = kept.iter().map(|id| json!({ "id": id })).collect();
            attachments.extend(describe(&parcel.uploads));
            payload["attachments"] = json!(attachments);
        }
        parcel
    }

    async fn body(&self, files: &[&FileRef]) -> Parcel {
        let mut uploads = Vec::new();
        let mut taken = Vec::new();
        let mut notes = Vec::new();
        for (index, file) in files.iter().enumerate() {
            if index >= MAX_FILES {
                notes.push(note(&file.name, "a message takes ten files"));
                continue;
            }
            match read(file).await {
                Ok(bytes) => {
                    let name = file.name.clone();
                    uploads.push(Upload { name, bytes });
                    taken.push((*file).clone());
                }
                Err(why) => notes.push(note(&file.name, &why)),
            }
        }
        let payload = json!({
            "content": clamp(&self.content, &notes),
            "embeds": self.embeds,
            "components": self.components,
            "allowed_mentions": { "parse": [], "replied_user": false },
        });
        Parcel {
            payload,
            uploads,
            taken,
        }
    }
}

fn describe(uploads: &[Upload]) -> Vec<Value> {
    uploads
        .iter()
        .enumerate()
        .map(|(id, upload)| json!({ "id": id, "filename": upload.name }))
        .collect()
}

/// A small line that says what became of a file, so that none disappears without a word.
fn note(name: &str, why: &str) -> String {
    format!("-# 📎 `{}`: {why}", name.replace('`', "'"))
}

/// Reads the part that is meant, or says in words for people why not.
async fn read(file: &FileRef) -> Result<Vec<u8>, String> {
    let open = async {
        let mut handle = tokio::fs::File::open(&file.path).await?;
        let length = handle.metadata().await?.len();
        let size = file
            .to
            .map_or(length, |to| to.min(length))
            .saturating_sub(file.from);
        if size <= MAX_FILE_BYTES {
            handle.seek(SeekFrom::Start(file.from)).await?;
        }
        io::Result::Ok((handle, size))
    };
    let unreadable = |error: io::Error| {
        tracing::warn!(path = %file.path.display(), %error, "cannot read a file to send");
        if error.kind() == io::ErrorKind::NotFound {
            "the file is not there any more".to_owned()
        } else {
            "the file could not be read".to_owned()
        }
    };
    let (handle, size) = open.await.map_err(unreadable)?;
    if size > MAX_FILE_BYTES {
        return Err(format!(
            "{} is more than Discord takes (10 MiB)",
            human_size(size)
        ));
    }
    if size == 0 {
        return Err("the file is empty".to_owned());
    }
    let mut bytes = Vec::new();
    // The file may grow while it is read: no more than was announced is taken.
    handle
        .take(size)
        .read_to_end(&mut bytes)
        .await
        .map_err(unreadable)?;
    Ok(bytes)
}

#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
fn human_size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

/// The content with the notes below it, within what Discord takes.
fn clamp(content: &str, notes: &[String]) -> String {
    let notes = notes.join("\n");
    let notes: String = notes.chars().take(MAX_CONTENT / 2).collect();
    let room = MAX_CONTENT - notes.chars().count() - usize::from(!notes.is_empty());
    let mut text = content.to_owned();
    if content.chars().count() > room {
        tracing::warn!(
            characters = content.chars().count(),
            "a message was too long and is cut"
        );
        text = content.chars().take(room - 1).chain(['…']).collect();
    }
    if !notes.is_empty() {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&notes);
    }
    text
}

fn embed_words(embed: &Value) -> String {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut lines: Vec<String> = Vec::new();
    lines.extend(text(embed, "title").map(|title| format!("**{title}**")));
    lines.extend(text(embed, "description"));
    for field in embed
        .get("fields")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        if let (Some(name), Some(value)) = (text(field, "name"), text(field, "value")) {
            lines.push(format!("**{name}**: {value}"));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(parcel: &Parcel) -> &str {
        parcel.payload["content"].as_str().unwrap()
    }

    #[tokio::test]
    async fn nothing_that_is_sent_can_mention_anyone() {
        let draft = Draft::text("@everyone <@1>");
        for parcel in [draft.create("n").await, draft.edit(&[], &[]).await] {
            assert_eq!(
                parcel.payload["allowed_mentions"],
                json!({"parse": [], "replied_user": false})
            );
        }
    }

    #[tokio::test]
    async fn a_create_carries_nonce_flags_and_reference_and_an_edit_does_not() {
        let mut draft = Draft::text("hi").silently();
        draft.suppress_embeds = true;
        draft.reply_to = Some(MessageId::from(7));
        let create = draft.create("abc").await.payload;
        assert_eq!(create["nonce"], "abc");
        assert_eq!(create["enforce_nonce"], true);
        assert_eq!(create["flags"], 4100);
        assert_eq!(
            create["message_reference"],
            json!({"message_id": "7", "fail_if_not_exists": false})
        );
        let edit = draft.edit(&[], &[]).await.payload;
        assert_eq!(edit["flags"], 4);
        assert!(edit.get("nonce").is_none() && edit.get("message_reference").is_none());
        assert_eq!(
            edit["components"],
            json!([]),
            "an edit takes buttons away by naming none"
        );
    }

    #[tokio::test]
    async fn files_are_ranges_and_problems_are_said() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.txt");
        std::fs::write(&path, "0123456789").unwrap();
        let big = dir.path().join("big.bin");
        std::fs::File::create(&big)
            .unwrap()
            .set_len(MAX_FILE_BYTES + 1)
            .unwrap();
        let range = FileRef {
            from: 2,
            to: Some(5),
            ..FileRef::whole(&path, "part.txt")
        };
        let past = FileRef {
            from: 4,
            to: Some(99),
            ..FileRef::whole(&path, "rest.txt")
        };
        let draft = Draft::text("see")
            .with_file(range)
            .with_file(past)
            .with_file(FileRef::whole(dir.path().join("gone"), "gone.txt"))
            .with_file(FileRef::whole(&big, "big.bin"));
        let parcel = draft.create("n").await;
        let bytes: Vec<&[u8]> = parcel
            .uploads
            .iter()
            .map(|upload| upload.bytes.as_slice())
            .collect();
        assert_eq!(bytes, [b"234".as_slice(), b"456789"]);
        assert_eq!(
            parcel.payload["attachments"][1],
            json!({"id": 1, "filename": "rest.txt"})
        );
        assert_eq!(
            content(&parcel),
            "see\n-# 📎 `gone.txt`: the file is not there any more\n-# 📎 `big.bin`: 10.0 MiB is more than Discord takes (10 MiB)"
        );
    }

    #[tokio::test]
    async fn an_edit_uploads_only_what_is_new_and_keeps_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("1"), dir.path().join("2"));
        std::fs::write(&one, "one").unwrap();
        std::fs::write(&two, "two").unwrap();
        let first = FileRef::whole(&one, "1");
        let draft = Draft::text("x")
            .with_file(first.clone())
            .with_file(FileRef::whole(&two, "2"));
        let parcel = draft.edit(std::slice::from_ref(&first), &["99".to_owned()]).await;
        assert_eq!(parcel.uploads.len(), 1);
        assert_eq!(
            parcel.payload["attachments"],
            json!([{"id": "99"}, {"id": 0, "filename": "2"}])
        );
        let same = Draft::text("y").with_file(first.clone());
        let parcel = same.edit(&[first], &["99".to_owned()]).await;
        assert!(parcel.uploads.is_empty() && parcel.payload.get("attachments").is_none());
    }

    #[tokio::test]
    async fn a_text_that_is_too_long_is_cut_by_characters_and_keeps_its_notes() {
        let draft = Draft::text("ü".repeat(2500)).with_file(FileRef::whole("/nonexistent/x", "x"));
        let parcel = draft.create("n").await;
        assert_eq!(content(&parcel).chars().count(), 2000);
        assert!(content(&parcel).ends_with("the file is not there any more"));
        assert!(content(&parcel).contains('…'));
    }

    #[test]
    fn the_plain_form_keeps_the_words() {
        let mut draft = Draft::text("").with_file(FileRef::whole("/x", "x.log"));
        draft.embeds = vec![
            json!({"title": "T", "description": "D", "fields": [{"name": "a", "value": "b"}], "color": 1}),
        ];
        draft.components = vec![json!({"type": 1})];
        let plain = draft.plain(&[]);
        assert!(!plain.is_rich());
        assert_eq!(
            plain.content,
            "**T**\nD\n**a**: b\n-# 📎 `x.log`: Discord did not take it as a file"
        );
        assert!(!draft.plain(&draft.files).content.contains("x.log"));
    }

    #[test]
    fn a_draft_survives_the_database() {
        let draft = Draft::text("x").with_file(FileRef::whole("/x", "x"));
        let back: Draft = serde_json::from_str(&serde_json::to_string(&draft).unwrap()).unwrap();
        assert_eq!(back, draft);
        assert!(Draft::default().is_empty() && !draft.is_empty());
    }
}
