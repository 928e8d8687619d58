//! Who uses a tool, and where they may: a session in its own thread, and everybody in the channels that the owner names.

use std::sync::Arc;

use anyhow::Result;

use crate::error::UserError;
use crate::ids::{ChannelId, SessionId, ThreadId};
use crate::session::Deps;
use crate::store::sessions::{Session, SessionPhase};
use crate::token::Principal;

/// Somebody who uses tools. A cheap clone.
#[derive(Debug, Clone)]
pub struct Caller {
    pub(super) deps: Arc<Deps>,
    who: Principal,
}

/// A place where a caller may act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// The thread of a session.
    Thread(Box<Session>, ThreadId),
    /// A channel, or a thread that is no session's.
    Channel(ChannelId),
}

impl Place {
    pub(super) fn id(&self) -> ChannelId {
        match self {
            Self::Thread(_, thread) => thread.channel(),
            Self::Channel(channel) => *channel,
        }
    }
}

impl Caller {
    /// Somebody whose token was checked, or who needs none.
    #[must_use]
    pub fn new(deps: Arc<Deps>, who: Principal) -> Self {
        Self { deps, who }
    }

    /// Whether it is the owner's own program.
    pub(super) fn is_owner(&self) -> bool {
        self.who == Principal::Owner
    }

    /// The caller's own session, where it is one.
    pub(super) async fn own(&self) -> Result<Option<Session>> {
        match &self.who {
            Principal::Owner => Ok(None),
            Principal::Session(id) => Ok(Some(self.find(id).await?)),
        }
    }

    /// The session that something is about: the caller's own, or the one that the owner names.
    pub(super) async fn session(&self, named: Option<&SessionId>) -> Result<(Session, ThreadId)> {
        let id = match (&self.who, named) {
            (Principal::Session(own), None) => own,
            (Principal::Session(own), Some(named)) if own == named => own,
            (Principal::Session(own), Some(_)) => {
                let error = UserError::new(format!("`session_id` is wrong: you act in {own} only"));
                return Err(error.hint("Leave it out.").into());
            }
            (Principal::Owner, Some(named)) => named,
            (Principal::Owner, None) => {
                let error = UserError::new("`session_id` is missing: the owner's token is in no session");
                return Err(error.hint("`ompcord sessions` lists them.").into());
            }
        };
        let session = self.find(id).await?;
        match (session.phase, session.thread) {
            (SessionPhase::Open, Some(thread)) => Ok((session, thread)),
            (SessionPhase::Opening, _) => {
                Err(UserError::new(format!("the thread of {id} is being made; try again in a moment")).into())
            }
            _ => Err(UserError::new(format!("{id} has ended")).into()),
        }
    }

    async fn find(&self, id: &SessionId) -> Result<Session> {
        let session = self.deps.store.session(id).await?;
        session.ok_or_else(|| UserError::new(format!("there is no session {id}")).into())
    }

    /// The place that is meant by a channel, where the caller may act in it.
    pub(super) async fn place(&self, named: Option<ChannelId>) -> Result<Place> {
        let Some(channel) = named else {
            if self.is_owner() {
                let error =
                    UserError::new("`channel_id` is missing: the owner's token has no thread of its own");
                return Err(error.hint("discord_channels lists where you may act.").into());
            }
            let (session, thread) = self.session(None).await?;
            return Ok(Place::Thread(Box::new(session), thread));
        };
        if let Some(session) = self.deps.store.session_of_thread(channel.thread()).await?
            && (self.is_owner() || self.who == Principal::Session(session.id.clone()))
        {
            let (session, thread) = self.session(Some(&session.id)).await?;
            return Ok(Place::Thread(Box::new(session), thread));
        }
        if !self.deps.config.tool_channels.contains(&channel) {
            return Err(self.closed(channel));
        }
        let found = self.deps.rest.named_channel(channel).await?;
        match found {
            Some(found) if found.guild_id == Some(self.deps.config.guild) && found.takes_messages() => {
                Ok(Place::Channel(channel))
            }
            Some(found) if found.guild_id == Some(self.deps.config.guild) => {
                Err(UserError::new(format!("channel {channel} takes no messages")).into())
            }
            _ => Err(UserError::new(format!("there is no channel {channel} in the bot's server")).into()),
        }
    }

    fn closed(&self, channel: ChannelId) -> anyhow::Error {
        let yours = if self.is_owner() {
            "the threads of open sessions"
        } else {
            "this session's own thread"
        };
        let error = UserError::new(format!(
            "channel {channel} is not open to you: {yours} and the channels in DISCORD_TOOL_CHANNELS are"
        ));
        error.hint("discord_channels lists them.").into()
    }
}
