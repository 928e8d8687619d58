//! Whom a message names and whom it pings.
//!
//! "Nothing the agent prints can mention anyone" is a promise; this is where a test sees whether it is kept.

use serde_json::Value;

use super::messages::{objects, snowflake};
use super::view::find_components;
use super::world::{Mentions, Message, World, flag};
use crate::ids::{RoleId, UserId};

impl World {
    /// Whom a text mentions, as far as `allowed_mentions` lets it.
    pub(crate) fn mentions(&self, message: &Message, allowed: Option<&Value>) -> Mentions {
        let allowed = allowed.filter(|allowed| !allowed.is_null());
        let may = |kind: &str, id: u64| match allowed {
            None => true,
            Some(allowed) => {
                let parsed = objects(allowed, "parse")
                    .iter()
                    .any(|entry| entry.as_str() == Some(kind));
                parsed
                    || objects(allowed, kind)
                        .iter()
                        .any(|entry| snowflake(Some(entry)) == Some(id))
            }
        };
        let content = &whole_text(message);
        let mut found = Mentions {
            everyone: (content.contains("@everyone") || content.contains("@here")) && may("everyone", 0),
            ..Mentions::default()
        };
        for id in marks(content, &["<@!", "<@"]) {
            let user = UserId::from(id);
            if self.users.contains_key(&user) && may("users", id) && !found.users.contains(&user) {
                found.users.push(user);
            }
        }
        for id in marks(content, &["<@&"]) {
            let role = RoleId::from(id);
            if may("roles", id) && !found.roles.contains(&role) {
                found.roles.push(role);
            }
        }
        let replied = allowed.is_none_or(|allowed| allowed.get("replied_user") == Some(&Value::Bool(true)));
        let original = message
            .reference
            .as_ref()
            .and_then(|reference| self.messages.get(&reference.message?));
        if let Some(original) = original
            && message.kind == 19
            && replied
            && !found.users.contains(&original.author)
        {
            found.users.push(original.author);
        }
        if message.flags & flag::SUPPRESS_NOTIFICATIONS == 0 {
            found.notified = self.pinged(&found, message.author);
        }
        found
    }

    fn pinged(&self, mentions: &Mentions, author: UserId) -> Vec<UserId> {
        self.users
            .values()
            .filter(|user| {
                mentions.everyone
                    || mentions.users.contains(&user.id)
                    || user.roles.iter().any(|role| mentions.roles.contains(role))
            })
            .map(|user| user.id)
            .filter(|id| *id != author)
            .collect()
    }
}

/// The text in which marks count: the content and the text components, but no embed.
fn whole_text(message: &Message) -> String {
    let mut text = message.content.clone();
    for component in find_components(&message.components, &|kind| kind == 10) {
        text.push('\n');
        text.push_str(
            component
                .get("content")
                .and_then(Value::as_str)
                .unwrap_or_default(),
        );
    }
    text
}

/// The ids in marks such as `<@1>`; a mark that goes on with `&` is another kind.
fn marks(content: &str, openings: &[&str]) -> Vec<u64> {
    let mut found = Vec::new();
    for opening in openings {
        for piece in content.split(opening).skip(1) {
            if let Some((id, _)) = piece.split_once('>')
                && let Ok(id) = id.parse()
            {
                found.push(id);
            }
        }
    }
    found
}
