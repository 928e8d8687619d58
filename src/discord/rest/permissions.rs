//! What the bot may do in a channel, as Discord computes it.
//!
//! serenity computes it too, but drops the bits that it does not know yet, pinning among them.

use serde::Deserialize;
use serenity::http::Route;

use super::{Rest, RestError};
use crate::ids::{ChannelId, GuildId, RoleId, UserId};

const ADMINISTRATOR: u64 = 1 << 3;
const VIEW_CHANNEL: u64 = 1 << 10;

#[derive(Debug, Deserialize)]
struct Guild {
    id: GuildId,
    roles: Vec<Role>,
}

#[derive(Debug, Deserialize)]
struct Role {
    id: RoleId,
    permissions: String,
}

#[derive(Debug, Deserialize)]
struct Member {
    roles: Vec<RoleId>,
}

#[derive(Debug, Deserialize)]
struct Channel {
    #[serde(default)]
    permission_overwrites: Vec<Overwrite>,
}

#[derive(Debug, Deserialize)]
struct Overwrite {
    /// A role or a user: the ids of both are unique together.
    id: UserId,
    allow: String,
    deny: String,
}

fn bits(text: &str) -> u64 {
    text.parse().unwrap_or_default()
}

impl Rest {
    /// The bits of what the bot may do in a channel of the server.
    pub async fn permissions_in(&self, guild: GuildId, channel: ChannelId) -> Result<u64, RestError> {
        let me = self.me().await?.id;
        let guild_id = guild.get().into();
        let seen: Guild = self.get(Route::Guild { guild_id }).await?;
        let user_id = me.get().into();
        let member: Member = self.get(Route::GuildMember { guild_id, user_id }).await?;
        let channel_id = channel.get().into();
        let channel: Channel = self.get(Route::Channel { channel_id }).await?;
        Ok(allowed(&seen, &member, me.get(), &channel))
    }
}

/// Roles first, then what the channel says about everyone, about the roles, about the member: the last word counts.
fn allowed(guild: &Guild, member: &Member, me: u64, channel: &Channel) -> u64 {
    let mine = |role: &&Role| role.id.get() == guild.id.get() || member.roles.contains(&role.id);
    let roles = guild.roles.iter().filter(mine);
    let mut all = roles.fold(0, |all, role| all | bits(&role.permissions));
    if all & ADMINISTRATOR != 0 {
        return u64::MAX;
    }
    let about = |is: &dyn Fn(u64) -> bool| {
        let those = channel.permission_overwrites.iter().filter(|o| is(o.id.get()));
        those.fold((0, 0), |(allow, deny), o| {
            (allow | bits(&o.allow), deny | bits(&o.deny))
        })
    };
    let everyone = about(&|id| id == guild.id.get());
    let by_role = about(&|id| member.roles.iter().any(|role| id == role.get()));
    let personal = about(&|id| id == me);
    for (allow, deny) in [everyone, by_role, personal] {
        all = (all & !deny) | allow;
    }
    // Who does not see a channel can do nothing in it.
    if all & VIEW_CHANNEL == 0 { 0 } else { all }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn may(overwrites: &serde_json::Value, roles: &[&str]) -> u64 {
        let guild = serde_json::from_value(json!({"id": "1", "roles": [
            {"id": "1", "permissions": "1024"},
            {"id": "2", "permissions": "2048"},
            {"id": "3", "permissions": "8"},
        ]}));
        let member = serde_json::from_value(json!({ "roles": roles }));
        let channel = serde_json::from_value(json!({ "permission_overwrites": overwrites }));
        allowed(&guild.unwrap(), &member.unwrap(), 9, &channel.unwrap())
    }

    #[test]
    fn the_last_word_counts() {
        assert_eq!(may(&json!([]), &["2"]), 1024 | 2048);
        let deny = |id: &str, deny: &str| json!({"id": id, "type": 0, "allow": "0", "deny": deny});
        let allow = |id: &str, allow: &str| json!({"id": id, "type": 0, "allow": allow, "deny": "0"});
        assert_eq!(may(&json!([deny("1", "2048")]), &["2"]), 1024);
        assert_eq!(
            may(&json!([deny("1", "2048"), allow("2", "2048")]), &["2"]),
            1024 | 2048
        );
        assert_eq!(
            may(&json!([allow("2", "64"), deny("9", "2048")]), &["2"]),
            1024 | 64
        );
        assert_eq!(
            may(&json!([deny("7", "2048")]), &["2"]),
            1024 | 2048,
            "a stranger's"
        );
        assert_eq!(may(&json!([deny("1", "1024")]), &["2"]), 0, "it does not see it");
        assert_eq!(
            may(&json!([deny("9", "1024")]), &["3"]),
            u64::MAX,
            "an administrator"
        );
    }
}
