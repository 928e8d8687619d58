//! Where the questions are asked: the terminal, or nobody.

use anyhow::{Context as _, Result};
use dialoguer::{Confirm, Input, Password, Select};
use secrecy::SecretString;
use tokio::runtime::Runtime;

use crate::cli::out;
use crate::config::{Draft, Item};
use crate::discord::Endpoint;
use crate::error::UserError;

/// The file, and how to reach the person and Discord.
pub(super) struct Desk {
    pub(super) draft: Draft,
    pub(super) endpoint: Endpoint,
    /// Whether somebody is there to be asked.
    pub(super) attended: bool,
    runtime: Runtime,
}

impl Desk {
    pub(super) fn new(draft: Draft, attended: bool) -> Result<Self> {
        if attended && !dialoguer::console::user_attended_stderr() {
            return Err(UserError::new("setup asks questions, and this is no terminal")
                .hint("run it in a terminal, or with --non-interactive and what it needs as flags")
                .into());
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        // The runtime's own parts are made within it.
        let endpoint = runtime.block_on(async { Endpoint::new() })?;
        Ok(Self {
            draft,
            endpoint,
            attended,
            runtime,
        })
    }

    /// Questions to Discord have their own limits; a person waits for them.
    pub(super) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    pub(super) fn say(text: &str) -> Result<()> {
        Ok(out::line(text)?)
    }

    /// A line of text; `None` where it was left empty.
    pub(super) fn text(prompt: &str, usual: Option<&str>) -> Result<Option<String>> {
        let mut input = Input::<String>::new().with_prompt(prompt).allow_empty(true);
        if let Some(usual) = usual {
            input = input.default(usual.to_owned());
        }
        let answer = input.interact_text().context("cannot ask")?;
        let answer = answer.trim().to_owned();
        Ok((!answer.is_empty()).then_some(answer))
    }

    /// A text that is not shown.
    pub(super) fn secret(prompt: &str) -> Result<String> {
        let answer = Password::new().with_prompt(prompt).interact();
        Ok(answer.context("cannot ask")?.trim().to_owned())
    }

    /// One of several.
    pub(super) fn choose(prompt: &str, choices: &[String]) -> Result<usize> {
        let select = Select::new().with_prompt(prompt).items(choices).default(0);
        select.interact().context("cannot ask")
    }

    pub(super) fn agree(prompt: &str) -> Result<bool> {
        Confirm::new()
            .with_prompt(prompt)
            .default(true)
            .interact()
            .context("cannot ask")
    }

    /// Puts a value in; what is wrong with it is said, and `false` given.
    pub(super) fn put(&mut self, item: Item, value: &str) -> Result<bool> {
        match self.draft.set(item, value) {
            Ok(()) => Ok(true),
            Err(problem) => {
                Self::say(&crate::render::setup::problem(&problem))?;
                Ok(false)
            }
        }
    }
}

/// The token, wherever the daemon would find it, and whether it is in a file of its own, which stays there.
pub(super) fn known_token(draft: &Draft) -> Option<(SecretString, bool)> {
    if let Some(token) = draft.get(Item::Token) {
        return Some((token.into(), false));
    }
    let file = draft.lookup("DISCORD_BOT_TOKEN_FILE")?;
    let text = std::fs::read_to_string(file).ok()?;
    Some((text.trim().to_owned().into(), true))
}
