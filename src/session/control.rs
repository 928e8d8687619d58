//! What can be said to a session's actor: one list, so that nothing reaches a session by another way.

use anyhow::Result;
use tokio::sync::oneshot;

use super::attached::Arrival;
use super::deliver::{Parcel, Way};
use super::dialog::{By, Took, ToolWish, Unseen, Wish};
use super::live::{CompactRequest, Compacted, Live, Setting};
use super::state::{Input, Reply};
use crate::agent::AskError;
use crate::ids::{OutboxId, PromptId};
use crate::store::terminals::Gone;

/// What can be said to an actor.
#[derive(Debug)]
pub(super) enum Control {
    /// There may be work in the store.
    Wake,
    /// Something happened.
    Input(Input),
    /// A person asked for something and waits for the answer.
    Ask(Input, oneshot::Sender<Reply>),
    /// What came with a prompt was fetched.
    Parcel {
        /// The prompt.
        prompt: PromptId,
        /// How it goes to the agent.
        way: Way,
        /// What the agent is given.
        parcel: Parcel,
    },
    /// Which process runs, if any.
    Peek(oneshot::Sender<Live>),
    /// What the next process is started with.
    Set(Setting),
    /// Write to disk what the transcript has.
    Record(oneshot::Sender<()>),
    /// A person wants the conversation to be compacted.
    Compact(CompactRequest),
    /// The agent is done with that.
    Compacted(Result<Compacted, AskError>),
    /// The thread has another name now.
    Named(String),
    /// A terminal wants to share its session.
    Arrives(Arrival),
    /// The terminal goes.
    Leaves(Gone),
    /// A message in the thread cannot be seen by anybody.
    Unseen {
        /// Its row.
        row: OutboxId,
        /// Why.
        how: Unseen,
    },
    /// A person wants something of a question of the agent.
    Answer {
        /// The question's key.
        key: String,
        /// What.
        wish: Wish,
        /// Who.
        by: By,
        /// What became of it.
        reply: oneshot::Sender<Took>,
    },
    /// A program asks the people in the thread, or does not want to know any more.
    ForTool(ToolWish),
}
