//! Questions whose message was refused or deleted.
//!
//! Nobody can answer what they cannot see, and the agent would wait for ever.

use anyhow::Result;

use super::super::actor::Actor;
use crate::ids::OutboxId;
use crate::render::dialog::{self, Why};

/// Why a message cannot be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unseen {
    /// Somebody deleted it.
    Deleted,
    /// Discord does not take it.
    Refused,
}

impl Actor {
    /// A message cannot be seen. A question that was deleted is asked once more; a second time it is not, or whoever
    /// deletes what is in the thread would be flooded.
    pub(in crate::session) async fn question_unseen(&mut self, row: OutboxId, how: Unseen) -> Result<()> {
        let mut open = self.dialogs.open.iter();
        let Some(key) = open.find(|(_, open)| open.row == row).map(|(key, _)| key.clone()) else {
            return Ok(());
        };
        if how == Unseen::Deleted && self.ask_again(&key).await? {
            return self.deps.outbox.seal(row).await;
        }
        if let Some(open) = self.dialogs.open.get(&key) {
            let said = dialog::not_shown(&open.question);
            self.note(&said);
        }
        self.expire_dialog(&key, Why::Unseen).await
    }

    /// `false`: it was already.
    async fn ask_again(&mut self, key: &str) -> Result<bool> {
        let (Some(open), Some(publisher)) = (self.dialogs.open.get_mut(key), &mut self.publisher) else {
            return Ok(false);
        };
        if std::mem::replace(&mut open.again, true) {
            return Ok(false);
        }
        let draft = super::asking::draft(self.handle.id(), key, &open.question, 0);
        open.row = publisher.say_hushed(draft).await?;
        self.deps.store.dialog_posted(key, open.row).await?;
        Ok(true)
    }
}
