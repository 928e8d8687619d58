//! The simulated Discord, from the side of an unmodified serenity and poise.

mod bot;
mod control;
mod edges;
mod feed;
mod lists;
mod page;

use std::time::Duration;

use ompcord::sim::{Fault, Mishap, RateLimits, Sim, SimConfig, permission};
use serenity::all::{
    ChannelId, CreateActionRow, CreateButton, CreateMessage, CreateThread, EditMessage, EditThread,
    GatewayIntents, HttpError, MessageFlags, MessageId, Nonce, ReactionType,
};

use self::bot::{Bot, Heard, http_for};
use crate::tls;

fn ch(id: ompcord::ids::ChannelId) -> ChannelId {
    ChannelId::new(id.get())
}

fn msg(id: ompcord::ids::MessageId) -> MessageId {
    MessageId::new(id.get())
}

fn own(id: MessageId) -> ompcord::ids::MessageId {
    id.get().into()
}

/// Status and code of a refusal.
fn refusal<T: std::fmt::Debug>(result: Result<T, serenity::Error>) -> (u16, isize) {
    match result.unwrap_err() {
        serenity::Error::Http(HttpError::UnsuccessfulRequest(response)) => {
            (response.status_code.as_u16(), response.error.code)
        }
        other => panic!("not a refusal: {other:?}"),
    }
}

async fn post(url: &str, token: &str, body: serde_json::Value) -> reqwest::Response {
    let request = reqwest::Client::new()
        .post(url)
        .header("authorization", format!("Bot {token}"));
    let request = request
        .header("content-type", "application/json")
        .body(body.to_string());
    request.send().await.unwrap()
}

async fn start() -> Sim {
    Sim::start(SimConfig::default()).await.unwrap()
}

#[tokio::test]
async fn a_bot_logs_in_and_hears_what_people_write() {
    let sim = start().await;
    let mut bot = Bot::start(&sim).await;
    bot.until(|heard| matches!(heard, Heard::Ready)).await;
    bot.until(|heard| matches!(heard, Heard::Guild(id) if *id == sim.guild_id().get()))
        .await;
    let message = sim.say("alice", "home", "hello").unwrap();
    bot.until(|heard| *heard == Heard::Message(message.get(), "hello".to_owned()))
        .await;
    sim.react("bob", message, "🚀").unwrap();
    bot.until(|heard| *heard == Heard::Reaction(message.get(), "🚀".to_owned()))
        .await;
    sim.edit("alice", message, "hello again").unwrap();
    bot.until(|heard| *heard == Heard::Edit(message.get(), true))
        .await;
    sim.delete(message).unwrap();
    bot.until(|heard| *heard == Heard::Delete(message.get())).await;
    sim.assert_clean();
    bot.stop().await;
}

#[tokio::test]
async fn slash_commands_are_answered_at_once_later_and_privately() {
    let sim = start().await;
    let bot = Bot::start(&sim).await;
    sim.until("the commands", |sim| (!sim.commands().is_empty()).then_some(()))
        .await;

    let now = sim
        .slash("alice", "home", "omp echo", &[("text", "hi"), ("times", "2")])
        .unwrap();
    let reply = sim.reply(now).await;
    assert_eq!((reply.content(), reply.ephemeral), ("hi hi", false));

    let later = sim.slash("alice", "home", "omp later", &[]).unwrap();
    sim.until("thinking", |sim| sim.reply_to(later)?.deferred.then_some(()))
        .await;
    bot.go_on();
    sim.reply(later).await;
    let followups = |sim: &Sim| Some(sim.reply_to(later)?.followups).filter(|all| !all.is_empty());
    let followups = sim.until("the follow-up", followups).await;
    assert_eq!(sim.reply_to(later).unwrap().content(), "first");
    assert_eq!(followups[0].content, "second");

    let secret = sim.slash("mallory", "home", "omp secret", &[]).unwrap();
    let reply = sim.reply(secret).await;
    assert!(reply.ephemeral);
    assert!(
        sim.messages("home")
            .iter()
            .all(|message| message.content != reply.content())
    );

    let typing = sim
        .autocomplete("alice", "home", "omp echo", &[("text", "ab")])
        .unwrap();
    let reply = sim.reply(typing).await;
    assert_eq!(reply.choices, [("ab!".to_owned(), "ab!".to_owned())]);

    let wrong = sim.slash("alice", "home", "omp echo", &[("text", "x"), ("times", "many")]);
    assert!(wrong.unwrap_err().to_string().contains("not an integer"));
    assert!(sim.slash("alice", "home", "omp nothing", &[]).is_err());
    sim.assert_clean();
    bot.stop().await;
}

#[tokio::test]
async fn buttons_selects_and_modals_go_round() {
    let sim = start().await;
    let bot = Bot::start(&sim).await;
    sim.until("the commands", |sim| (!sim.commands().is_empty()).then_some(()))
        .await;
    let panel = sim.slash("alice", "home", "omp panel", &[]).unwrap();
    let panel = sim.reply(panel).await.message.unwrap();
    assert_eq!(panel.buttons.len(), 2);

    let click = sim.click("bob", panel.id, "Count").unwrap();
    sim.reply(click).await;
    assert_eq!(sim.message(panel.id).unwrap().content, "clicked by bob");

    let opened = sim.click("alice", panel.id, "Ask").unwrap();
    let modal = sim.reply(opened).await.modal.unwrap();
    assert_eq!(modal.title, "Why?");
    assert!(sim.submit_modal("alice", opened, &[("reason", "")]).is_err());
    let sent = sim
        .submit_modal("alice", opened, &[("reason", "because")])
        .unwrap();
    let reply = sim.reply(sent).await;
    assert_eq!(reply.content(), "because");

    let chosen = sim.select("alice", panel.id, "", &["Two"]).unwrap();
    assert_eq!(sim.reply(chosen).await.content(), "chose 2");
    assert!(sim.click("alice", panel.id, "Nothing").is_err());
    sim.assert_clean();
    bot.stop().await;
}

#[tokio::test]
async fn messages_are_sent_edited_pinned_and_reacted_to() {
    let sim = start().await;
    let (http, home) = (http_for(&sim), ch(sim.home_channel()));
    let file = serenity::all::CreateAttachment::bytes("contents", "a log.txt");
    let builder = CreateMessage::new()
        .content("**hi** <@1100000000000000101>")
        .flags(MessageFlags::SUPPRESS_NOTIFICATIONS)
        .add_file(file);
    let sent = home.send_message(&http, builder).await.unwrap();
    let seen = sim.message(own(sent.id)).unwrap();
    assert!(seen.silent && seen.notified.is_empty());
    assert_eq!(
        (
            seen.attachments[0].name.as_str(),
            seen.attachments[0].text().as_str()
        ),
        ("a_log.txt", "contents")
    );
    let downloaded = reqwest::get(&sent.attachments[0].url)
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert_eq!(downloaded, "contents");

    home.edit_message(&http, sent.id, EditMessage::new().content("bye"))
        .await
        .unwrap();
    sent.react(&http, ReactionType::Unicode("👀".to_owned()))
        .await
        .unwrap();
    sent.pin(&http).await.unwrap();
    let seen = sim.message(own(sent.id)).unwrap();
    assert_eq!(
        (seen.content.as_str(), seen.edited, seen.pinned),
        ("bye", true, true)
    );
    assert_eq!(seen.attachments.len(), 1);
    assert_eq!(seen.reactions[0].users, ["ompcord"]);
    assert_eq!(home.pins(&http).await.unwrap().len(), 1);
    let page = home
        .messages(&http, serenity::all::GetMessages::new().limit(10))
        .await
        .unwrap();
    assert_eq!(page.last().unwrap().id, sent.id);
    home.broadcast_typing(&http).await.unwrap();
    assert!(sim.is_typing("home"));
    home.say(&http, "done").await.unwrap();
    assert!(!sim.is_typing("home"));
    sent.delete(&http).await.unwrap();
    assert_eq!(refusal(home.message(&http, sent.id).await), (404, 10008));
    sim.assert_clean();
}

#[tokio::test]
async fn nothing_is_pinged_that_allowed_mentions_forbids() {
    let sim = start().await;
    let (http, home) = (http_for(&sim), ch(sim.home_channel()));
    let text = format!(
        "<@{}> <@&{}> @everyone",
        sim.user("bob").unwrap(),
        sim.role("operators").unwrap()
    );
    let open = home.say(&http, &text).await.unwrap();
    assert_eq!(open.mentions.len(), 1);
    assert!(open.mention_everyone);
    let mut notified = sim.message(own(open.id)).unwrap().notified;
    notified.sort();
    assert_eq!(notified, ["alice", "beep", "bob", "mallory"]);
    let none = serenity::all::CreateAllowedMentions::new();
    let closed = home
        .send_message(&http, CreateMessage::new().content(&text).allowed_mentions(none))
        .await
        .unwrap();
    assert!(closed.mentions.is_empty() && closed.mention_roles.is_empty() && !closed.mention_everyone);
    assert!(sim.message(own(closed.id)).unwrap().notified.is_empty());
}

#[tokio::test]
async fn a_nonce_makes_one_message_of_two_tries() {
    let sim = start().await;
    let (http, home) = (http_for(&sim), ch(sim.home_channel()));
    let send = |text: &str| {
        let nonce = Nonce::String("n-1".to_owned());
        home.send_message(
            &http,
            CreateMessage::new()
                .content(text)
                .nonce(nonce)
                .enforce_nonce(true),
        )
    };
    sim.fault(Fault::next("POST", "/channels/{}/messages", Mishap::LoseReply));
    send("one").await.unwrap_err();
    let first = sim.messages("home");
    assert_eq!(first.len(), 1, "it was made although the reply was lost");
    let second = send("one").await.unwrap();
    assert_eq!(own(second.id), first[0].id);
    assert_eq!(sim.messages("home").len(), 1);
    assert_eq!(sim.count("POST", "/channels/{}/messages"), 2);
}

#[tokio::test]
async fn a_message_has_one_thread_and_archived_threads_are_closed() {
    let sim = start().await;
    let (http, home) = (http_for(&sim), ch(sim.home_channel()));
    let prompt = sim.say("alice", "home", "do it").unwrap();
    let make = || home.create_thread_from_message(&http, msg(prompt), CreateThread::new("Run: do it"));
    let thread = make().await.unwrap();
    assert_eq!(thread.id.get(), prompt.get());
    assert_eq!(refusal(make().await), (400, 160_004));

    let alice = serenity::all::UserId::new(sim.user("alice").unwrap().get());
    thread.id.add_thread_member(&http, alice).await.unwrap();
    let said = thread.id.say(&http, "working").await.unwrap();
    let seen = sim.thread_on(prompt).unwrap();
    assert_eq!(seen.members, ["ompcord", "alice"]);
    assert_eq!(seen.messages.len(), 1);

    thread
        .id
        .edit_thread(&http, EditThread::new().archived(true))
        .await
        .unwrap();
    let edit = thread
        .id
        .edit_message(&http, said.id, EditMessage::new().content("x"))
        .await;
    assert_eq!(refusal(edit), (400, 50083));
    let reaction = said.react(&http, ReactionType::Unicode("👀".to_owned())).await;
    assert_eq!(refusal(reaction), (400, 50083));
    thread.id.say(&http, "awake").await.unwrap();
    assert!(!sim.thread_on(prompt).unwrap().archived);

    sim.set_permissions(permission::ALL_OF_A_BOT & !permission::MANAGE_THREADS);
    sim.lock(prompt.thread(), true);
    assert_eq!(refusal(thread.id.say(&http, "?").await), (400, 50083));
    sim.delete_channel(prompt.thread()).unwrap();
    assert_eq!(refusal(thread.id.say(&http, "?").await), (404, 10003));
    sim.assert_clean();
}

#[tokio::test]
async fn what_discord_refuses_is_refused() {
    let sim = start().await;
    let (http, home) = (http_for(&sim), ch(sim.home_channel()));
    let send = |body: serde_json::Value| {
        let http = http_for(&sim);
        async move { http.send_message(home, Vec::new(), &body).await }
    };
    let long = "ä".repeat(2001);
    assert_eq!(
        refusal(send(serde_json::json!({"content": long})).await),
        (400, 50035)
    );
    assert_eq!(
        refusal(send(serde_json::json!({"content": " "})).await),
        (400, 50006)
    );
    let embed = serde_json::json!({"embeds": [{"description": "x".repeat(4097)}]});
    assert_eq!(refusal(send(embed).await), (400, 50035));
    let big = serde_json::json!({"description": "x".repeat(4000)});
    assert_eq!(
        refusal(send(serde_json::json!({"embeds": [big, big]})).await),
        (400, 50035)
    );
    let button = |id: &str| CreateButton::new(id).label("x");
    let six = (0..6).map(|n| button(&n.to_string())).collect();
    let row = |buttons| CreateMessage::new().components(vec![CreateActionRow::Buttons(buttons)]);
    assert_eq!(refusal(home.send_message(&http, row(six)).await), (400, 50035));
    assert_eq!(
        refusal(
            home.send_message(&http, row(vec![button("a"), button("a")]))
                .await
        ),
        (400, 50035)
    );
    assert_eq!(
        refusal(
            home.send_message(&http, row(vec![button(&"a".repeat(101))]))
                .await
        ),
        (400, 50035)
    );
    let huge = serenity::all::CreateAttachment::bytes(vec![0; 10 * 1024 * 1024 + 1], "big.bin");
    assert_eq!(
        refusal(
            home.send_message(&http, CreateMessage::new().add_file(huge))
                .await
        ),
        (413, 40005)
    );

    sim.set_permissions(permission::ALL_OF_A_BOT & !permission::SEND_MESSAGES);
    assert_eq!(refusal(home.say(&http, "x").await), (403, 50013));
    sim.set_permissions(0);
    assert_eq!(refusal(home.say(&http, "x").await), (403, 50001));
    let stranger = bot::http_with_token(&sim, "wrong");
    assert_eq!(refusal(home.say(&stranger, "x").await).0, 401);
    sim.assert_clean();
}

#[tokio::test]
async fn a_route_that_is_not_there_fails_the_test() {
    let sim = start().await;
    let http = http_for(&sim);
    let audit = http
        .get_guild(serenity::all::GuildId::new(sim.guild_id().get()))
        .await
        .unwrap();
    assert_eq!(audit.name, "Workshop");
    sim.assert_clean();
    let unknown = http.get_voice_regions().await;
    assert_eq!(refusal(unknown).0, 404);
    let complaints = sim.take_complaints();
    assert_eq!(complaints, ["unknown route: GET /api/v10/voice/regions"]);
    sim.assert_clean();
}

#[tokio::test]
async fn a_dropped_gateway_is_resumed_and_nothing_is_missed() {
    let sim = start().await;
    let mut bot = Bot::start(&sim).await;
    bot.until(|heard| matches!(heard, Heard::Ready)).await;
    sim.drop_gateway();
    let missed = sim.say("alice", "home", "while you were away").unwrap();
    bot.until(|heard| matches!(heard, Heard::Message(id, _) if *id == missed.get()))
        .await;
    assert_eq!(sim.logins(), (1, 1));
    bot.stop().await;
}

#[tokio::test]
async fn a_session_that_cannot_be_resumed_is_begun_anew() {
    let sim = start().await;
    let mut bot = Bot::start(&sim).await;
    bot.until(|heard| matches!(heard, Heard::Ready)).await;
    sim.refuse_resumes(1);
    sim.drop_gateway();
    let missed = sim.say("alice", "home", "missed").unwrap();
    bot.until(|heard| matches!(heard, Heard::Ready)).await;
    let after = sim.say("alice", "home", "after").unwrap();
    bot.until(|heard| match heard {
        Heard::Message(id, _) => {
            assert_ne!(*id, missed.get(), "events of an invalid session are lost");
            *id == after.get()
        }
        _ => false,
    })
    .await;
    assert_eq!(sim.logins(), (2, 0));
    bot.stop().await;
}

#[tokio::test]
async fn without_the_content_intent_messages_are_empty() {
    let sim = start().await;
    let intents = GatewayIntents::non_privileged();
    let mut bot = Bot::start_with(http_for(&sim), &sim, intents).await.unwrap();
    bot.until(|heard| matches!(heard, Heard::Ready)).await;
    let message = sim.say("alice", "home", "hello").unwrap();
    bot.until(|heard| *heard == Heard::Message(message.get(), String::new()))
        .await;
    let mention = sim
        .say("alice", "home", &format!("<@{}> hi", sim.bot_id()))
        .unwrap();
    bot.until(
        |heard| matches!(heard, Heard::Message(id, text) if *id == mention.get() && text.ends_with("hi")),
    )
    .await;
    bot.stop().await;
}

#[tokio::test]
async fn wrong_tokens_and_disallowed_intents_are_final() {
    let sim = Sim::start(SimConfig {
        disallowed_intents: GatewayIntents::MESSAGE_CONTENT.bits(),
        ..SimConfig::default()
    })
    .await
    .unwrap();
    let intents = GatewayIntents::non_privileged() | GatewayIntents::MESSAGE_CONTENT;
    let bot = Bot::start_with(http_for(&sim), &sim, intents).await.unwrap();
    let error = bot.ended().await.unwrap_err();
    assert!(matches!(
        error,
        serenity::Error::Gateway(serenity::gateway::GatewayError::DisallowedGatewayIntents)
    ));
}

#[tokio::test]
async fn faults_hit_the_request_that_they_are_for() {
    let sim = start().await;
    let (http, home) = (http_for(&sim), ch(sim.home_channel()));
    sim.fault(Fault::next("POST", "/channels/{}/messages", Mishap::status(503)).after(1));
    home.say(&http, "one").await.unwrap();
    assert_eq!(refusal(home.say(&http, "two").await).0, 503);
    home.say(&http, "three").await.unwrap();
    sim.fault(Fault::next("*", "**", Mishap::Cut));
    home.say(&http, "four").await.unwrap_err();
    sim.fault(Fault::next("POST", "/channels/{}/messages", Mishap::Hang));
    let hung = tokio::time::timeout(Duration::from_millis(300), home.say(&http, "five")).await;
    assert!(hung.is_err());
    let texts: Vec<String> = sim
        .messages("home")
        .into_iter()
        .map(|message| message.content)
        .collect();
    assert_eq!(texts, ["one", "three", "five"]);
    assert!(sim.faults().is_empty());
}

#[tokio::test]
async fn an_unanswered_interaction_fails_in_front_of_the_person() {
    let sim = Sim::start(SimConfig {
        ack_window: Duration::from_millis(50),
        ..SimConfig::default()
    })
    .await
    .unwrap();
    let http = http_for(&sim);
    let message = ch(sim.home_channel())
        .send_message(
            &http,
            CreateMessage::new().button(CreateButton::new("b").label("B")),
        )
        .await
        .unwrap();
    let click = sim.click("alice", own(message.id), "B").unwrap();
    let reply = sim.reply(click).await;
    assert!(reply.failed && !reply.answered);
    sim.until("the complaint", |sim| {
        (!sim.complaints().is_empty()).then_some(())
    })
    .await;
    assert_eq!(sim.take_complaints().len(), 1);
}

#[tokio::test]
async fn the_real_limiter_waits_and_keeps_the_order() {
    let sim = Sim::start(SimConfig {
        rate_limits: RateLimits::Scaled(0.1),
        ..SimConfig::default()
    })
    .await
    .unwrap();
    let http = tls::limited_http(&sim).await;
    let home = ch(sim.home_channel());
    sim.fault(
        Fault::next(
            "POST",
            "/channels/{}/messages",
            Mishap::rate_limited(Duration::from_millis(30)),
        )
        .after(2),
    );
    for number in 0..13 {
        home.say(&http, number.to_string()).await.unwrap();
    }
    let texts: Vec<String> = sim
        .messages("home")
        .into_iter()
        .map(|message| message.content)
        .collect();
    let wanted: Vec<String> = (0..13).map(|number| number.to_string()).collect();
    assert_eq!(texts, wanted);
    assert!(sim.rate_limited() >= 1, "the 429 was met and did not surface");
    sim.assert_clean();
}

#[tokio::test]
async fn limiters_that_do_not_know_of_each_other_get_429_and_lose_nothing() {
    let sim = Sim::start(SimConfig {
        rate_limits: RateLimits::Scaled(0.1),
        ..SimConfig::default()
    })
    .await
    .unwrap();
    let home = ch(sim.home_channel());
    let tracker = tokio_util::task::TaskTracker::new();
    for name in ["a", "b"] {
        let http = tls::limited_http(&sim).await;
        tracker.spawn(async move {
            for number in 0..8 {
                home.say(&http, format!("{name}{number}")).await.unwrap();
            }
        });
    }
    tracker.close();
    tracker.wait().await;
    let texts: Vec<String> = sim
        .messages("home")
        .into_iter()
        .map(|message| message.content)
        .collect();
    for name in ["a", "b"] {
        let own: Vec<&String> = texts.iter().filter(|text| text.starts_with(name)).collect();
        let wanted: Vec<String> = (0..8).map(|number| format!("{name}{number}")).collect();
        assert_eq!(own, wanted.iter().collect::<Vec<_>>());
    }
    assert!(sim.rate_limited() >= 1, "two clients shared one bucket");
    sim.assert_clean();
}

#[tokio::test]
async fn a_burst_past_the_limit_is_told_when_to_come_back() {
    let sim = Sim::start(SimConfig {
        rate_limits: RateLimits::On,
        ..SimConfig::default()
    })
    .await
    .unwrap();
    let url = format!(
        "{}/api/v10/channels/{}/messages",
        sim.base_url(),
        sim.home_channel()
    );
    let token = sim.bot_token();
    let send = || post(&url, &token, serde_json::json!({"content": "x"}));
    for left in ["4", "3", "2", "1", "0"] {
        let response = send().await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["x-ratelimit-remaining"], left);
    }
    let response = send().await;
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["x-ratelimit-scope"], "user");
    let header: u64 = response.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let body: serde_json::Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    let exact = body["retry_after"].as_f64().unwrap();
    assert!(exact > 0.0 && exact <= 5.0, "{exact}");
    assert_eq!(
        header,
        Duration::from_secs_f64(exact + 0.9999).as_secs(),
        "whole seconds, rounded up"
    );
    assert_eq!(sim.rate_limited(), 1);
}

#[tokio::test]
async fn a_third_rename_hangs() {
    let sim = start().await;
    let (http, home) = (http_for(&sim), ch(sim.home_channel()));
    let prompt = sim.say("alice", "home", "go").unwrap();
    let thread = home
        .create_thread_from_message(&http, msg(prompt), CreateThread::new("one"))
        .await
        .unwrap();
    let rename = |name: &'static str| thread.id.edit_thread(&http, EditThread::new().name(name));
    rename("two").await.unwrap();
    rename("three").await.unwrap();
    let third = tokio::time::timeout(Duration::from_millis(300), rename("four")).await;
    assert!(third.is_err());
    assert_eq!(sim.thread_on(prompt).unwrap().name, "three");
    // Other edits of the thread are free.
    thread
        .id
        .edit_thread(&http, EditThread::new().archived(true))
        .await
        .unwrap();
    assert!(sim.thread_on(prompt).unwrap().archived);
}

#[tokio::test]
async fn twenty_busy_threads_are_no_trouble() {
    let sim = start().await;
    let (http, home) = (http_for(&sim), ch(sim.home_channel()));
    let tracker = tokio_util::task::TaskTracker::new();
    for number in 0..20 {
        let http = std::sync::Arc::clone(&http);
        tracker.spawn(async move {
            let new = CreateThread::new(format!("t{number}")).kind(serenity::all::ChannelType::PublicThread);
            let thread = home.create_thread(&http, new).await.unwrap();
            for line in 0..20 {
                let mut message = thread.id.say(&http, format!("line {line}")).await.unwrap();
                message
                    .edit(&http, EditMessage::new().content(format!("line {line}!")))
                    .await
                    .unwrap();
            }
        });
    }
    tracker.close();
    tracker.wait().await;
    let threads = sim.threads();
    assert_eq!(threads.len(), 20);
    for thread in threads {
        assert_eq!(thread.messages.len(), 20, "{}", thread.name);
        assert!(
            thread
                .messages
                .iter()
                .all(|message| message.content.ends_with('!'))
        );
    }
    sim.assert_clean();
}

#[tokio::test]
async fn webhooks_write_without_a_bot() {
    let sim = start().await;
    let url = sim.add_webhook("other", "notifier").unwrap();
    let body = serde_json::json!({"content": "done", "username": "me"});
    let sent = post(&url, "", serde_json::json!({"content": "done"})).await;
    assert_eq!(sent.status(), 204);
    let waited = post(&format!("{url}?wait=true"), "", body.clone()).await;
    let waited: serde_json::Value = serde_json::from_str(&waited.text().await.unwrap()).unwrap();
    assert_eq!(waited["author"]["username"], "me");
    let seen: Vec<String> = sim
        .messages("other")
        .into_iter()
        .map(|message| message.author)
        .collect();
    assert_eq!(seen, ["notifier", "me"]);
    assert_eq!(post(&format!("{url}x"), "", body).await.status(), 401);
    sim.assert_clean();
}
