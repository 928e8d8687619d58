//! The payload of a message row: what is wanted, and what is known of what Discord has.

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::discord::draft::{Draft, FileRef};
use crate::ids::MessageId;
use crate::store::outbox::OutboxRow;

/// What is wanted, and what is known of what Discord has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Letter {
    /// The message as it should be.
    pub(super) draft: Draft,
    /// Files that were uploaded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) uploaded: Vec<FileRef>,
    /// The ids that the message's attachments have: an edit that adds a file has to name those that stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) kept: Vec<String>,
    /// The create whose outcome is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tried: Option<Tried>,
    /// Since when Discord is behind, where that is not since the row was made: in unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<i64>,
}

/// A create whose outcome is not known. A retry says the same again, even where another text is wanted by now:
/// Discord answers a repeated nonce with the first message, and the new text would be taken for shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Tried {
    /// Which revision it was.
    pub(super) revision: i64,
    /// What it said.
    pub(super) draft: Draft,
    /// The newest message of the channel that was known before: ours can only be a later one.
    pub(super) after: Option<MessageId>,
}

impl Letter {
    pub(super) fn new(draft: Draft) -> Self {
        Self {
            draft,
            ..Self::default()
        }
    }

    pub(super) fn read(row: &OutboxRow) -> Result<Self> {
        serde_json::from_str(&row.payload)
            .with_context(|| format!("cannot read the message in outbox row {}", row.outbox_id))
    }

    pub(super) fn text(&self) -> Result<String> {
        serde_json::to_string(self).context("cannot write a message down")
    }

    pub(super) fn write(&self, row: &mut OutboxRow) -> Result<()> {
        row.payload = self.text()?;
        Ok(())
    }
}
