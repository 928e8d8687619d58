//! What a test reads from the simulated Discord, and what its operator does to it.

use super::dispatch::Out;
use super::faults::{Fault, GatewayMishap, matches};
use super::rest::channels::TYPING;
use super::seen::{Reply, RestCall, SeenChannel, SeenMessage, SeenThread};
use super::world::{Webhook, World};
use super::{InteractionId, Refused, Sim, Where, Who};
use crate::ids::{ChannelId, GuildId, MessageId, RoleId, ThreadId, UserId};

/// Who and what is there.
impl Sim {
    /// The guild that the bot is for.
    #[must_use]
    pub fn guild_id(&self) -> GuildId {
        self.shared.look(|world| world.home_guild)
    }

    /// The first channel of the configuration.
    #[must_use]
    pub fn home_channel(&self) -> ChannelId {
        self.shared.look(World::home)
    }

    /// The bot's user id, which is its application id too.
    #[must_use]
    pub fn bot_id(&self) -> UserId {
        self.shared.look(|world| world.bot)
    }

    /// The bot's token.
    #[must_use]
    pub fn bot_token(&self) -> String {
        self.shared.look(|world| world.config.token.clone())
    }

    /// A user's id.
    pub fn user(&self, who: impl Into<Who>) -> Result<UserId, Refused> {
        let who = who.into();
        self.shared.look(|world| world.find_user(&who))
    }

    /// The names of everyone, the bot too.
    #[must_use]
    pub fn users(&self) -> Vec<String> {
        self.shared
            .look(|world| world.users.values().map(|user| user.name.clone()).collect())
    }

    /// A channel's or thread's id.
    pub fn channel(&self, channel: impl Into<Where>) -> Result<ChannelId, Refused> {
        let channel = channel.into();
        self.shared.look(|world| world.find_channel(&channel))
    }

    /// A role's id.
    pub fn role(&self, name: &str) -> Result<RoleId, Refused> {
        self.shared.look(|world| {
            let mut roles = world.guilds.values().flat_map(|guild| &guild.roles);
            let role = roles.find(|role| role.name == name);
            role.map(|role| role.id)
                .ok_or_else(|| Refused::new(format!("there is no role {name}")))
        })
    }

    /// The channels that are no threads.
    #[must_use]
    pub fn channels(&self) -> Vec<SeenChannel> {
        self.shared.look(|world| {
            let channels = world.channels.values().filter(|channel| channel.thread.is_none());
            channels
                .map(|channel| SeenChannel {
                    id: channel.id,
                    name: channel.name.clone(),
                    guild: world
                        .guilds
                        .get(&channel.guild)
                        .map(|guild| guild.name.clone())
                        .unwrap_or_default(),
                })
                .collect()
        })
    }

    /// Makes a webhook for a channel and gives its URL.
    pub fn add_webhook(&self, channel: impl Into<Where>, name: &str) -> Result<String, Refused> {
        let channel = channel.into();
        self.shared.change(|world| {
            let channel = world.find_channel(&channel)?;
            let id = world.clock.next();
            let token = format!("sim-{}", uuid::Uuid::new_v4().simple());
            let url = format!("{}/api/webhooks/{id}/{token}", world.base);
            let name = name.to_owned();
            world.webhooks.insert(id, Webhook { token, channel, name });
            Ok(url)
        })
    }
}

/// What is to be seen.
impl Sim {
    /// A message, whoever may see it.
    #[must_use]
    pub fn message(&self, id: MessageId) -> Option<SeenMessage> {
        self.shared
            .look(|world| world.messages.get(&id).map(|message| world.seen(message)))
    }

    /// The messages of a channel or thread that everyone sees, oldest first, without the system's.
    #[must_use]
    pub fn messages(&self, channel: impl Into<Where>) -> Vec<SeenMessage> {
        let channel = channel.into();
        self.shared.look(|world| {
            let channel = world.find_channel(&channel);
            channel
                .map(|channel| world.seen_messages(channel))
                .unwrap_or_default()
        })
    }

    /// Every message of a channel, with the system's and those that only one person sees, oldest first.
    #[must_use]
    pub fn all_messages(&self, channel: impl Into<Where>) -> Vec<SeenMessage> {
        let channel = channel.into();
        self.shared.look(|world| {
            let Ok(channel) = world.find_channel(&channel) else {
                return Vec::new();
            };
            let messages = world
                .messages
                .values()
                .filter(|message| message.channel == channel);
            messages.map(|message| world.seen(message)).collect()
        })
    }

    /// The thread that hangs on a message.
    #[must_use]
    pub fn thread_on(&self, message: MessageId) -> Option<SeenThread> {
        self.thread(message.thread())
    }

    /// A thread.
    #[must_use]
    pub fn thread(&self, id: ThreadId) -> Option<SeenThread> {
        self.shared.look(|world| world.seen_thread(id.channel()))
    }

    /// All threads, oldest first.
    #[must_use]
    pub fn threads(&self) -> Vec<SeenThread> {
        self.shared.look(|world| {
            world
                .channels
                .keys()
                .filter_map(|id| world.seen_thread(*id))
                .collect()
        })
    }

    /// Whether the bot is shown as typing.
    #[must_use]
    pub fn is_typing(&self, channel: impl Into<Where>) -> bool {
        let channel = channel.into();
        self.shared.look(|world| {
            let since = world
                .find_channel(&channel)
                .ok()
                .and_then(|id| world.typing.get(&id));
            since.is_some_and(|since| since.elapsed() < TYPING)
        })
    }

    /// What came of an interaction so far.
    #[must_use]
    pub fn reply_to(&self, interaction: InteractionId) -> Option<Reply> {
        self.shared.look(|world| {
            let interaction = world.interactions.get(&interaction)?;
            Some(world.seen_reply(interaction))
        })
    }

    /// The names of the registered root commands.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        self.shared.look(|world| {
            let commands = world.commands.values().flatten();
            let names = commands.filter_map(|command| command.get("name")?.as_str());
            names.map(str::to_owned).collect()
        })
    }
}

/// What the bot asked for.
impl Sim {
    /// Every request, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RestCall> {
        self.shared.look(|world| world.calls.values().cloned().collect())
    }

    /// How many requests came for a route: `count("POST", "/channels/{}/messages")`.
    #[must_use]
    pub fn count(&self, method: &str, route: &str) -> usize {
        let fits = |call: &&RestCall| matches(method, route, &call.method, &call.path);
        self.shared
            .look(|world| world.calls.values().filter(fits).count())
    }

    /// How many requests were answered with 429.
    #[must_use]
    pub fn rate_limited(&self) -> usize {
        self.shared.look(|world| {
            world
                .calls
                .values()
                .filter(|call| call.status == Some(429))
                .count()
        })
    }

    /// Whatever the bot ever wrote, in a message, an edit or a text file, that contains this.
    #[must_use]
    pub fn ever_shown(&self, text: &str) -> Option<String> {
        self.shared
            .look(|world| world.shown.iter().find(|shown| shown.contains(text)).cloned())
    }

    /// Whether the bot is on the gateway.
    #[must_use]
    pub fn gateway_connected(&self) -> bool {
        self.shared.look(|world| world.sessions.connected())
    }

    /// How often the bot identified and how often it resumed.
    #[must_use]
    pub fn logins(&self) -> (u64, u64) {
        self.shared
            .look(|world| (world.sessions.identifies, world.sessions.resumes))
    }
}

/// What the operator does.
impl Sim {
    /// Sets a trap for requests to come.
    pub fn fault(&self, fault: Fault) {
        self.shared.change(|world| world.faults.add(fault));
    }

    /// The traps that were not met as often as they may be.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.shared.look(|world| world.faults.waiting().to_vec())
    }

    /// Takes all traps away.
    pub fn clear_faults(&self) {
        self.shared.change(|world| world.faults.clear());
    }

    /// Gives the bot another token, as its owner can: the old one is worth nothing from now on.
    pub fn reset_token(&self, token: &str) {
        self.shared.change(|world| {
            token.clone_into(&mut world.config.token);
            world
                .sessions
                .tell_all(|| Out::Close(4004, "Authentication failed."));
        });
    }

    /// Changes what the bot may do.
    pub fn set_permissions(&self, permissions: u64) {
        self.shared.change(|world| world.set_permissions(permissions));
    }

    /// Gives a person these roles and takes all others.
    pub fn set_roles(&self, user: impl Into<Who>, roles: &[&str]) -> Result<(), Refused> {
        let user = user.into();
        let roles: Result<Vec<RoleId>, Refused> = roles.iter().map(|name| self.role(name)).collect();
        let roles = roles?;
        self.shared.change(|world| {
            let user = world.find_user(&user)?;
            world.set_roles(user, roles);
            Ok(())
        })
    }

    /// Renames a channel or thread, as a person would.
    pub fn rename(&self, channel: impl Into<Where>, name: &str) -> Result<(), Refused> {
        let channel = channel.into();
        self.shared.change(|world| {
            let channel = world.find_channel(&channel)?;
            world.edit_channel(channel, &serde_json::json!({"name": name}));
            Ok(())
        })
    }

    /// Takes every registered command away, as removing the bot from the server does.
    pub fn forget_commands(&self) {
        self.shared.change(|world| world.commands.retain(|_| false));
    }

    /// Archives a thread or opens it again.
    pub fn archive(&self, thread: ThreadId, archived: bool) {
        self.edit_thread(thread, &serde_json::json!({"archived": archived}));
    }

    /// Locks a thread or unlocks it.
    pub fn lock(&self, thread: ThreadId, locked: bool) {
        self.edit_thread(thread, &serde_json::json!({"locked": locked}));
    }

    fn edit_thread(&self, thread: ThreadId, body: &serde_json::Value) {
        self.shared
            .change(|world| world.edit_channel(thread.channel(), body));
    }

    /// Deletes a channel with its threads, or a thread.
    pub fn delete_channel(&self, channel: impl Into<Where>) -> Result<(), Refused> {
        let channel = channel.into();
        self.shared.change(|world| {
            let channel = world.find_channel(&channel)?;
            world.delete_channel(channel);
            Ok(())
        })
    }

    /// Cuts the bot's gateway connection; it may resume.
    pub fn drop_gateway(&self) {
        self.shared.change(|world| world.sessions.tell_all(|| Out::Cut));
    }

    /// Closes the bot's gateway connection with a code.
    pub fn close_gateway(&self, code: u16) {
        self.shared.change(|world| {
            world
                .sessions
                .tell_all(|| Out::Close(code, "closed by the operator"));
        });
    }

    /// Refuses this many of the next resumes, so that the bot has to identify and misses what happened.
    pub fn refuse_resumes(&self, count: u64) {
        self.shared.change(|world| world.sessions.refuse_resumes = count);
    }

    /// Stops acknowledging heartbeats, as a connection does that is dead without knowing it.
    pub fn set_gateway_silent(&self, silent: bool) {
        self.shared.change(|world| world.sessions.silent = silent);
    }

    /// Takes the gateway down, or lets it come back.
    pub fn set_gateway_down(&self, down: bool) {
        self.shared.change(|world| {
            world.sessions.down = down;
            if down {
                world.sessions.tell_all(|| Out::Cut);
            }
        });
    }

    /// Does one of these things to the gateway.
    pub fn gateway(&self, mishap: GatewayMishap) {
        match mishap {
            GatewayMishap::Drop => self.drop_gateway(),
            GatewayMishap::Close(code) => self.close_gateway(code),
            GatewayMishap::RefuseResumes(count) => self.refuse_resumes(count),
            GatewayMishap::Down(down) => self.set_gateway_down(down),
        }
    }

    /// Takes the gateway down for a while.
    pub fn disconnect_for(&self, time: std::time::Duration) {
        self.set_gateway_down(true);
        let shared = std::sync::Arc::clone(&self.shared);
        self.shared.tracker.spawn(async move {
            tokio::select! {
                () = shared.shutdown.cancelled() => {}
                () = tokio::time::sleep(time) => shared.change(|world| world.sessions.down = false),
            }
        });
    }
}
