//! What the bot reads in lists: pages of messages, threads, members, roles, pins, reactions.

use ompcord::sim::permission;
use serenity::all::{
    Channel, CreateThread, EditThread, GetMessages, GuildId, GuildPagination, ReactionType, RoleId, UserId,
};

use super::bot::http_for;
use super::{ch, msg, refusal, start};

#[tokio::test]
async fn messages_come_in_pages_newest_first() {
    let sim = start().await;
    let (http, home) = (http_for(&sim), ch(sim.home_channel()));
    let ids: Vec<_> = (0..7)
        .map(|n| msg(sim.say("alice", "home", &n.to_string()).unwrap()))
        .collect();
    let page = |wanted: GetMessages| {
        let http = http_for(&sim);
        async move {
            let messages = home.messages(&http, wanted).await.unwrap();
            messages
                .into_iter()
                .map(|message| message.content)
                .collect::<Vec<_>>()
        }
    };
    let of = || GetMessages::new().limit(2);
    assert_eq!(page(of()).await, ["6", "5"]);
    assert_eq!(page(of().after(ids[1])).await, ["3", "2"]);
    assert_eq!(page(of().before(ids[3])).await, ["2", "1"]);
    assert_eq!(page(of().limit(3).around(ids[3])).await, ["4", "3", "2"]);
    assert!(page(of().after(ids[6])).await.is_empty());
    sim.set_permissions(permission::ALL_OF_A_BOT & !permission::READ_MESSAGE_HISTORY);
    assert!(page(of()).await.is_empty(), "without the history there is none");
    assert_eq!(refusal(home.message(&http, ids[0]).await), (403, 50013));
    sim.assert_clean();
}

#[tokio::test]
async fn a_message_from_the_past_is_dated_and_sorted_there() {
    let sim = start().await;
    let now = sim.say("alice", "home", "now").unwrap();
    let hour = std::time::Duration::from_hours(1);
    let before = sim.say_ago("alice", "home", "an hour ago", hour).unwrap();
    assert!(before < now);
    let age = now.created_at_ms() - before.created_at_ms();
    assert!((3_590_000..3_610_000).contains(&age), "{age}");
    let texts: Vec<String> = sim
        .messages("home")
        .into_iter()
        .map(|message| message.content)
        .collect();
    assert_eq!(texts, ["an hour ago", "now"]);
}

#[tokio::test]
async fn threads_and_their_members_are_listed() {
    let sim = start().await;
    let (http, home) = (http_for(&sim), ch(sim.home_channel()));
    let guild = GuildId::new(sim.guild_id().get());
    let open = sim.say("alice", "home", "open").unwrap();
    let shut = sim.say("alice", "home", "shut").unwrap();
    for message in [open, shut] {
        home.create_thread_from_message(&http, msg(message), CreateThread::new("t"))
            .await
            .unwrap();
    }
    ch(shut.thread().channel())
        .edit_thread(&http, EditThread::new().archived(true).locked(true))
        .await
        .unwrap();
    let active = guild.get_active_threads(&http).await.unwrap();
    assert_eq!(
        active
            .threads
            .iter()
            .map(|thread| thread.id.get())
            .collect::<Vec<_>>(),
        [open.get()]
    );
    assert_eq!(active.members.len(), 1);
    let archived = home.get_archived_public_threads(&http, None, None).await.unwrap();
    assert_eq!(
        archived
            .threads
            .iter()
            .map(|thread| thread.id.get())
            .collect::<Vec<_>>(),
        [shut.get()]
    );
    let metadata = archived.threads[0].thread_metadata.unwrap();
    assert!(metadata.archived && metadata.locked);

    sim.say("bob", open.thread(), "me too").unwrap();
    let members = ch(open.thread().channel())
        .get_thread_members(&http)
        .await
        .unwrap();
    let members: Vec<u64> = members.iter().map(|member| member.user_id.get()).collect();
    assert_eq!(members, [sim.bot_id().get(), sim.user("bob").unwrap().get()]);
    assert!(
        sim.say("bob", shut.thread(), "let me in").is_err(),
        "the thread is locked"
    );
    sim.assert_clean();
}

#[tokio::test]
async fn guilds_channels_roles_and_members_are_there() {
    let sim = start().await;
    let http = http_for(&sim);
    let guild = GuildId::new(sim.guild_id().get());
    let channels = guild.channels(&http).await.unwrap();
    assert_eq!(channels.len(), 2);
    let Channel::Guild(home) = ch(sim.home_channel()).to_channel(&http).await.unwrap() else {
        panic!("not a guild channel");
    };
    assert_eq!(home.name, "home");
    let alice = guild
        .member(&http, UserId::new(sim.user("alice").unwrap().get()))
        .await
        .unwrap();
    assert_eq!(alice.roles, [RoleId::new(sim.role("operators").unwrap().get())]);
    let roles = guild.roles(&http).await.unwrap();
    let own = roles.values().find(|role| role.managed).unwrap();
    // This serenity does not know of PIN_MESSAGES yet and drops the bit.
    let known = permission::ALL_OF_A_BOT & !permission::PIN_MESSAGES;
    assert_eq!(own.permissions.bits(), known);
    let guilds = http.get_guilds(None::<GuildPagination>, None).await.unwrap();
    assert_eq!(guilds.len(), 2);
    let application = http.get_current_application_info().await.unwrap();
    assert_eq!(application.id.get(), sim.bot_id().get());
    assert!(
        application
            .flags
            .unwrap()
            .contains(serenity::all::ApplicationFlags::GATEWAY_MESSAGE_CONTENT_LIMITED)
    );
    assert_eq!(
        http.get_bot_gateway()
            .await
            .unwrap()
            .session_start_limit
            .remaining,
        1000
    );
    assert_eq!(
        refusal(GuildId::new(5).to_partial_guild(&http).await),
        (404, 10004)
    );
    sim.assert_clean();
}

#[tokio::test]
async fn reactions_are_listed_and_removed() {
    let sim = start().await;
    let (http, home) = (http_for(&sim), ch(sim.home_channel()));
    let message = sim.say("alice", "home", "x").unwrap();
    sim.react("alice", message, "🚀").unwrap();
    sim.react("bob", message, "<:omp:1234>").unwrap();
    let rocket = ReactionType::Unicode("🚀".to_owned());
    home.create_reaction(&http, msg(message), rocket.clone())
        .await
        .unwrap();
    let users = home
        .reaction_users(&http, msg(message), rocket.clone(), None, None)
        .await
        .unwrap();
    assert_eq!(
        users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(),
        ["alice", "ompcord"]
    );
    let alice = UserId::new(sim.user("alice").unwrap().get());
    home.delete_reaction(&http, msg(message), Some(alice), rocket.clone())
        .await
        .unwrap();
    home.delete_reaction(&http, msg(message), None, rocket)
        .await
        .unwrap();
    let left = sim.message(message).unwrap().reactions;
    assert_eq!((left.len(), left[0].emoji.as_str()), (1, "omp:1234"));
    let fetched = home.message(&http, msg(message)).await.unwrap();
    assert!(
        matches!(&fetched.reactions[0].reaction_type, ReactionType::Custom { id, .. } if id.get() == 1234)
    );
    sim.assert_clean();
}
