//! The first day of the world: the guilds, people and channels that a configuration describes.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::SimConfig;
use super::config::permission;
use super::dispatch::Sessions;
use super::faults::Faults;
use super::ratelimit::Limiter;
use super::tracked::{Revisions, Tracked};
use super::world::{Channel, Clock, Guild, Role, User, World};
use crate::ids::{ChannelId, GuildId, RoleId, UserId};

/// Ids of the world that a configuration describes: an old snowflake and a small number.
fn fixed(seed: u64, number: u64) -> u64 {
    1_100_000_000_000_000_000 + seed * 10_000 + number
}

/// A name that no other simulator has.
fn world_id() -> String {
    let id = uuid::Uuid::new_v4().simple().to_string();
    id.chars().take(12).collect()
}

impl World {
    pub(crate) fn new(config: SimConfig, base: String) -> Self {
        let seed = config.seed;
        let home_guild = GuildId::from(fixed(seed, 1));
        let revisions = Revisions::default();
        let mut world = Self {
            id: world_id(),
            watched: false,
            base,
            bot: UserId::from(fixed(seed, 100)),
            home_guild,
            clock: Clock::default(),
            guilds: BTreeMap::new(),
            users: BTreeMap::new(),
            channels: Tracked::new(&revisions),
            messages: Tracked::new(&revisions),
            commands: Tracked::new(&revisions),
            interactions: Tracked::new(&revisions),
            webhooks: BTreeMap::new(),
            nonces: HashMap::new(),
            typing: Tracked::new(&revisions),
            sessions: Sessions::default(),
            limiter: Limiter::new(config.rate_limits),
            faults: Faults::default(),
            calls: Tracked::new(&revisions),
            shown: VecDeque::new(),
            complaints: Vec::new(),
            outgoing: Vec::new(),
            revisions,
            config,
        };
        world.add_guild(home_guild, "Workshop");
        world.add_guild(GuildId::from(fixed(seed, 2)), "Elsewhere");
        world.add_users();
        for (number, spec) in (10..).zip(world.config.channels.clone()) {
            world.add_channel(fixed(seed, number), home_guild, &spec.name, spec.deny);
        }
        world.add_channel(fixed(seed, 99), GuildId::from(fixed(seed, 2)), "far", 0);
        world
    }

    fn add_guild(&mut self, id: GuildId, name: &str) {
        let everyone = Role {
            id: RoleId::from(id.get()),
            name: "@everyone".to_owned(),
            permissions: self.config.permissions & permission::VIEW_CHANNEL,
            managed: false,
        };
        let own = Role {
            id: RoleId::from(id.get() + 200),
            name: "ompcord".to_owned(),
            permissions: self.config.permissions,
            managed: true,
        };
        let guild = Guild {
            id,
            name: name.to_owned(),
            roles: vec![everyone, own],
        };
        self.guilds.insert(id, guild);
    }

    fn add_users(&mut self) {
        let bot = User {
            id: self.bot,
            name: "ompcord".to_owned(),
            bot: true,
            roles: self
                .guilds
                .keys()
                .map(|guild| RoleId::from(guild.get() + 200))
                .collect(),
        };
        self.users.insert(bot.id, bot);
        for (number, spec) in (101..).zip(self.config.users.clone()) {
            let roles = spec.roles.iter().map(|name| self.role_named(name)).collect();
            let user = User {
                id: UserId::from(fixed(self.config.seed, number)),
                name: spec.name,
                bot: spec.bot,
                roles,
            };
            self.users.insert(user.id, user);
        }
    }

    fn role_named(&mut self, name: &str) -> RoleId {
        let seed = self.config.seed;
        let Some(guild) = self.guilds.get_mut(&self.home_guild) else {
            return RoleId::from(fixed(seed, 0));
        };
        if let Some(role) = guild.roles.iter().find(|role| role.name == name) {
            return role.id;
        }
        let id = RoleId::from(fixed(seed, 300) + guild.roles.len() as u64);
        guild.roles.push(Role {
            id,
            name: name.to_owned(),
            permissions: 0,
            managed: false,
        });
        id
    }

    pub(crate) fn add_channel(&mut self, id: u64, guild: GuildId, name: &str, deny: u64) -> ChannelId {
        let id = ChannelId::from(id);
        let channel = Channel {
            id,
            guild,
            name: name.to_owned(),
            deny,
            messages: Vec::new(),
            last_pin: None,
            thread: None,
        };
        self.channels.insert(id, channel);
        id
    }
}
