//! Buttons and selects of the agent's questions.

use crate::ids::ChannelId;
use crate::ingress::Ask;

/// What the rest of a question's `custom_id` asks for, after the session.
pub(super) fn ask<'a>(
    session: &str,
    mut rest: impl Iterator<Item = &'a str>,
    value: Option<&'a str>,
    channel: ChannelId,
) -> Option<Ask> {
    let key = rest.next()?.to_owned();
    // A select carries the option in its value, a button in its id.
    let choice = value.or_else(|| rest.next())?.parse().ok()?;
    Some(Ask::Answer {
        channel,
        session: session.parse().ok()?,
        key,
        choice,
    })
}
