//! Sending a file of the workspace.

use anyhow::{Context as _, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::caller::Place;
use super::say::{checked, deliver};
use super::workspace::{Bounds, Found};
use super::{Access, Caller, Tool};
use crate::discord::draft::{Draft, FileRef};
use crate::error::UserError;
use crate::ids::SessionId;
use crate::render::tools as words;
use crate::session::{keep_private, safe_name};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SendFile {
    /// The file's path in the workspace.
    path: String,
    /// What to say about it; without it, only its name is shown.
    #[serde(default)]
    #[schemars(with = "String", length(max = 2000))]
    text: Option<String>,
    /// Only for the owner's token: whose workspace and thread.
    #[serde(default)]
    #[schemars(with = "String")]
    session_id: Option<SessionId>,
}

impl Tool for SendFile {
    const NAME: &'static str = "discord_send_file";
    const TITLE: &'static str = "Send a file";
    const DESCRIPTION: &'static str = "Send a file of the workspace to this session's own Discord thread: a report, a \
        diff, a picture. At most 10 MiB; nothing outside of the workspace. Secrets in a text file are hidden.";
    const ACCESS: Access = Access::Write;

    async fn run(self, caller: &Caller) -> Result<Value> {
        let (session, thread) = caller.session(self.session_id.as_ref()).await?;
        let text = self.text.filter(|text| !text.trim().is_empty());
        let text = text.map(|text| checked(caller, "text", &text)).transpose()?;
        let config = &caller.deps.config;
        let bounds = Bounds {
            workspace: session.workspace.clone().into(),
            state_dir: config.state_dir.clone(),
            env_file: config.env_file.clone(),
        };
        let asked = self.path;
        let read = tokio::task::spawn_blocking(move || bounds.read(&asked));
        let Found { name, bytes } = read
            .await
            .context("a read did not end")?
            .map_err(|refused| UserError::new(refused.to_string()))?;
        let (bytes, hidden) = without_secrets(caller, bytes);
        let name = safe_name(&name);
        let copy = config
            .transcripts_dir()
            .join(session.id.as_str())
            .join(format!("{}-{name}", uuid::Uuid::new_v4().simple()));
        // What is sent is what was checked, whatever becomes of the file meanwhile.
        keep_private(copy.clone(), bytes).await?;
        let draft = Draft {
            content: text.unwrap_or_else(|| words::file(&name)),
            files: vec![FileRef::whole(copy.clone(), name.clone())],
            ..Draft::default()
        };
        let sent = deliver(caller, &Place::Thread(Box::new(session), thread), draft).await;
        let under_way = sent.as_ref().is_ok_and(|sent| sent["sent"] == false);
        if !under_way {
            // It has served its purpose; one that is left is no harm.
            tokio::fs::remove_file(&copy).await.ok();
        }
        let mut sent = sent?;
        sent["name"] = json!(name);
        if hidden > 0 {
            sent["hidden_characters"] = json!(hidden);
        }
        Ok(sent)
    }
}

/// A text without secrets, and how many characters were hidden. Anything else goes as it is.
fn without_secrets(caller: &Caller, bytes: Vec<u8>) -> (Vec<u8>, usize) {
    let redactor = &caller.deps.redactor;
    match String::from_utf8(bytes) {
        Ok(text) => {
            let hidden = redactor.hidden(&text);
            (redactor.redact(&text).into_owned().into_bytes(), hidden)
        }
        Err(binary) => (binary.into_bytes(), 0),
    }
}
