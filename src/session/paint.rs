//! Puts a card or the board where it belongs: edits the message that there is, or makes one.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use anyhow::Result;

use super::Deps;
use super::view::SessionView;
use crate::discord::draft::Draft;
use crate::ids::{ChannelId, OutboxId};
use crate::render::card::{self, Card};
use crate::store::dashboards::{Painted, Place};

/// What is done where there is no message yet, or where it is not at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Make {
    /// Nothing.
    Never,
    /// A new one.
    Missing,
    /// A new one at the bottom of the channel, instead of the one that there may be.
    AtTheBottom,
}

/// Sees to it that a place shows this. Gives the row that stands for the message where it was told something.
pub(super) async fn paint(
    deps: &Deps,
    place: &Place,
    channel: ChannelId,
    card: Card,
    make: Make,
) -> Result<Option<OutboxId>> {
    let fingerprint = fingerprint(&card);
    let draft = draft(card);
    let known = deps.store.painted(place).await?;
    let here = known.as_ref().filter(|known| known.channel == channel);
    if let (Some(known), false) = (here, make == Make::AtTheBottom) {
        if known.fingerprint == fingerprint {
            return Ok(None);
        }
        if let Some(row) = repaint(deps, known, draft.clone()).await? {
            deps.store.repainted(place, row, &fingerprint).await?;
            return Ok(Some(row));
        }
    }
    if make == Make::Never {
        return Ok(None);
    }
    // Before the new one: after a crash in between there is none for a moment, and never two.
    if let Some(known) = known {
        remove(deps, &known).await?;
    }
    let row = deps.outbox.post_at(place, channel, draft, &fingerprint).await?;
    Ok(Some(row))
}

/// `None`: the message does not exist, and will not.
async fn repaint(deps: &Deps, known: &Painted, draft: Draft) -> Result<Option<OutboxId>> {
    if let Some(message) = known.message {
        return deps.outbox.edit(known.channel, message, draft).await.map(Some);
    }
    let waits = deps.outbox.replace(known.row, draft).await?;
    Ok(waits.then_some(known.row))
}

async fn remove(deps: &Deps, known: &Painted) -> Result<()> {
    match known.message {
        Some(message) => deps.outbox.delete_message(known.channel, message).await,
        None => deps.outbox.delete(known.row).await,
    }
}

/// The last word of a session's card, before its thread is archived.
pub(super) async fn retire(deps: &Deps, view: &SessionView) -> Result<()> {
    let _painting = deps.sessions.painting().await;
    let place = Place::Card(view.id.clone());
    let Some(known) = deps.store.painted(&place).await? else {
        return Ok(());
    };
    if let Some(row) = repaint(deps, &known, draft(card::ended(view))).await? {
        deps.outbox.seal(row).await?;
    }
    deps.store.unpainted(&place).await
}

fn draft(card: Card) -> Draft {
    Draft {
        embeds: vec![card.embed],
        components: card.components,
        silent: true,
        background: true,
        ..Draft::default()
    }
}

/// Not for secrecy: a collision would leave a card as it is until its next change.
fn fingerprint(card: &Card) -> String {
    let mut hasher = DefaultHasher::new();
    card.embed.to_string().hash(&mut hasher);
    for row in &card.components {
        row.to_string().hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}
