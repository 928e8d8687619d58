//! Finding out whether a message was created whose answer was lost.
//!
//! Discord recognises a repeated nonce for a few minutes only. After that, and after a restart, a blind
//! repetition would show people the same message twice.

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;

use super::deliver::Created;
use super::lane::Worker;
use super::letter::Tried;
use crate::discord::draft::Draft;
use crate::discord::rest::{RestError, list};
use crate::ids::{MessageId, UserId};

/// How much earlier than ours Discord's clock may be.
const SKEW_MS: i64 = 30_000;
const PAGES: usize = 5;
const PAGE: u8 = 100;

#[derive(Deserialize)]
struct Seen {
    id: MessageId,
    author: Author,
    #[serde(default)]
    content: String,
    #[serde(default)]
    embeds: Vec<Value>,
    #[serde(default)]
    nonce: Value,
    #[serde(flatten)]
    created: Attached,
}

#[derive(Deserialize)]
struct Author {
    id: UserId,
}

#[derive(Deserialize)]
struct Attached {
    #[serde(default)]
    attachments: Vec<Value>,
}

impl Worker {
    /// Looks for the message that an attempt may have made.
    pub(super) async fn find(
        &self,
        tried: &Tried,
        nonce: &str,
        since: i64,
    ) -> Result<Result<Option<Created>, RestError>> {
        let rest = &self.inner.rest;
        let me = match rest.me().await {
            Ok(me) => me.id,
            Err(error) => return Ok(Err(error)),
        };
        let mut after = tried.after.unwrap_or_else(|| first_at(since - SKEW_MS));
        for _ in 0..PAGES {
            let mut page: Vec<Seen> = match rest.send_for(list(self.channel, Some(after), PAGE)).await {
                Ok(page) => page,
                Err(error) => return Ok(Err(error)),
            };
            page.sort_by_key(|seen| seen.id);
            for seen in &page {
                if seen.author.id == me
                    && is_it(seen, &tried.draft, nonce)
                    && self
                        .inner
                        .store
                        .outbox_row_of(self.channel, seen.id)
                        .await?
                        .is_none()
                {
                    let attachments = &seen.created.attachments;
                    return Ok(Ok(Some(Created::found(seen.id, attachments))));
                }
            }
            match page.last() {
                Some(newest) if page.len() >= usize::from(PAGE) => after = newest.id,
                _ => break,
            }
        }
        Ok(Ok(None))
    }
}

/// The first id that a message of this time can have.
fn first_at(ms: i64) -> MessageId {
    const DISCORD_EPOCH: i64 = 1_420_070_400_000;
    let since = u64::try_from(ms - DISCORD_EPOCH).unwrap_or_default();
    MessageId::from((since << 22).max(1))
}

fn is_it(seen: &Seen, draft: &Draft, nonce: &str) -> bool {
    if seen.nonce.as_str() == Some(nonce) {
        return true;
    }
    // Discord trims what it is given, and a file that was left out added a line below.
    let (there, ours) = (seen.content.trim(), draft.content.trim());
    let same_words = there == ours || (!draft.files.is_empty() && there.starts_with(ours));
    let title = |embed: &Value| (embed.get("title").cloned(), embed.get("description").cloned());
    same_words && (ours_has_no(draft) || seen.embeds.iter().map(title).eq(draft.embeds.iter().map(title)))
}

/// A link in the text gets an embed from Discord: only a draft with embeds of its own is compared by them.
fn ours_has_no(draft: &Draft) -> bool {
    draft.embeds.is_empty()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seen(value: Value) -> Seen {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_message_is_recognised_by_its_nonce_or_its_words() {
        let draft = Draft::text("hello \n");
        let message = |content: &str| json!({"id": "1", "author": {"id": "2"}, "content": content});
        assert!(is_it(&seen(message("hello")), &draft, "n"));
        assert!(!is_it(&seen(message("hello!")), &draft, "n"));
        let mut named = message("changed since");
        named["nonce"] = json!("n");
        assert!(is_it(&seen(named), &draft, "n"));
    }

    #[test]
    fn a_card_is_recognised_by_its_title_and_text() {
        let mut draft = Draft::text("");
        draft.embeds = vec![json!({"title": "A", "color": 1})];
        let card = |title: &str| {
            seen(json!({"id": "1", "author": {"id": "2"}, "content": "",
                        "embeds": [{"title": title, "type": "rich", "color": 1}]}))
        };
        assert!(is_it(&card("A"), &draft, "n"));
        assert!(!is_it(&card("B"), &draft, "n"));
    }

    #[test]
    fn an_id_of_a_time_is_not_later_than_that_time() {
        let at = 1_700_000_000_000;
        assert_eq!(first_at(at).created_at_ms(), at);
        assert_eq!(first_at(0), MessageId::from(1));
    }
}
