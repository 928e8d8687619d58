//! `discord://` addresses: what was said in a channel, for those who read addresses and not tools.

use anyhow::Result;
use serde_json::{Value, json};

use super::Caller;
use crate::agent::HostScheme;

/// The scheme, as it is offered to agents that the daemon runs.
pub const SCHEME: HostScheme = HostScheme {
    scheme: "discord",
    description: "Messages of a Discord channel or thread: discord://channel/{id}/messages",
    writable: false,
    immutable: false,
};
/// The address of a channel's messages.
pub const TEMPLATE: &str = "discord://channel/{id}/messages";
/// The type of what is behind it.
pub const MIME: &str = "application/json";
/// The tool that reads what an address names.
pub const READER: &str = "discord_read";
/// The tool that lists what can be read.
pub const LISTER: &str = "discord_channels";

/// The address of this channel's messages.
#[must_use]
pub fn address(channel: &str) -> String {
    TEMPLATE.replace("{id}", channel)
}

/// What the reader has to be asked for an address; nothing where there is no such address.
#[must_use]
pub fn arguments(uri: &str) -> Option<Value> {
    let id = uri
        .strip_prefix("discord://channel/")?
        .trim_end_matches('/')
        .strip_suffix("/messages")?;
    let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    is_id.then(|| json!({ "channel_id": id, "limit": 50 }))
}

/// What an address leads to: JSON, or what is wrong.
pub async fn read(caller: &Caller, uri: &str, write: bool) -> Result<String, String> {
    if write {
        return Err("discord:// cannot be written to; discord_send sends a message".to_owned());
    }
    let arguments =
        arguments(uri).ok_or_else(|| format!("there is no address {uri:?}; there are {TEMPLATE}"))?;
    let outcome = super::call(caller, READER, arguments).await;
    if outcome.is_error {
        Err(outcome.text)
    } else {
        Ok(outcome.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_channel() {
        let messages = address("42");
        assert_eq!(arguments(&messages).unwrap()["channel_id"], "42");
        assert!(arguments("discord://channel/42/messages/").is_some());
        for wrong in [
            "discord://channel//messages",
            "discord://channel/x/messages",
            "discord://channel/1/2/messages",
            "discord://guild/1",
            "http://channel/42/messages",
        ] {
            assert_eq!(arguments(wrong), None, "{wrong}");
        }
    }
}
