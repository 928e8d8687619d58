//! Routes without what is particular in them: for whoever counts requests, an id in a name would be a name of its own,
//! and some routes have a token in them.

use serenity::http::{LightMethod, Route};

/// The route's template, as Discord's documents have it. That each route in use has one is tested.
pub(super) const fn route(route: &Route<'_>) -> &'static str {
    match route {
        Route::Channel { .. } => "/channels/{channel}",
        Route::ChannelMessage { .. } => "/channels/{channel}/messages/{message}",
        Route::ChannelMessageReactionEmoji { .. } => {
            "/channels/{channel}/messages/{message}/reactions/{emoji}"
        }
        Route::ChannelMessageReactionMe { .. } => {
            "/channels/{channel}/messages/{message}/reactions/{emoji}/@me"
        }
        Route::ChannelMessageThreads { .. } => "/channels/{channel}/messages/{message}/threads",
        Route::ChannelMessages { .. } => "/channels/{channel}/messages",
        Route::ChannelPin { .. } => "/channels/{channel}/pins/{message}",
        Route::ChannelThreadMember { .. } => "/channels/{channel}/thread-members/{user}",
        Route::ChannelThreads { .. } => "/channels/{channel}/threads",
        Route::ChannelTyping { .. } => "/channels/{channel}/typing",
        Route::Gateway => "/gateway",
        Route::Guild { .. } => "/guilds/{guild}",
        Route::GuildChannels { .. } => "/guilds/{guild}/channels",
        Route::GuildCommands { .. } => "/applications/{application}/guilds/{guild}/commands",
        Route::GuildMember { .. } => "/guilds/{guild}/members/{user}",
        Route::GuildThreadsActive { .. } => "/guilds/{guild}/threads/active",
        Route::Oauth2ApplicationCurrent => "/oauth2/applications/@me",
        Route::UserMe => "/users/@me",
        Route::UserMeGuilds => "/users/@me/guilds",
        Route::WebhookOriginalInteractionResponse { .. } => {
            "/webhooks/{application}/{interaction}/messages/@original"
        }
        _ => "other",
    }
}

/// The method's name.
pub(super) const fn method(method: LightMethod) -> &'static str {
    match method {
        LightMethod::Get => "GET",
        LightMethod::Post => "POST",
        LightMethod::Put => "PUT",
        LightMethod::Patch => "PATCH",
        LightMethod::Delete => "DELETE",
    }
}
