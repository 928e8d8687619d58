//! The edges that make a bot fail in front of people: late, double and stray answers, and quiet breakage.

use std::time::Duration;

use ompcord::sim::{ChannelSpec, Fault, Mishap, Sim, SimConfig, permission};
use serde_json::json;
use serenity::all::{
    CreateAttachment, CreateButton, CreateMessage, CreateThread, EditAttachments, EditMessage, GatewayIntents,
};

use super::bot::{self, Bot, Heard, http_for};
use super::{ch, msg, own, post, refusal, start};

async fn with(config: SimConfig) -> Sim {
    Sim::start(config).await.unwrap()
}

/// A message with one button, and the body of a refusal's code.
async fn panel(sim: &Sim) -> ompcord::ids::MessageId {
    let button = CreateMessage::new().button(CreateButton::new("b").label("B"));
    let home = ch(sim.home_channel());
    own(home.send_message(&http_for(sim), button).await.unwrap().id)
}

async fn outcome(response: reqwest::Response) -> (u16, u64) {
    let status = response.status().as_u16();
    let body: serde_json::Value = serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default();
    (status, body["code"].as_u64().unwrap_or(0))
}

/// The id and token of the next interaction, as the bot hears them.
async fn next_token(bot: &mut Bot) -> (u64, String) {
    let mut found = None;
    bot.until(|heard| {
        if let Heard::Interaction(id, token) = heard {
            found = Some((*id, token.clone()));
        }
        found.is_some()
    })
    .await;
    found.unwrap()
}

/// The bot's first answer to an interaction, by hand.
async fn answer(sim: &Sim, id: u64, token: &str) -> (u16, u64) {
    let url = format!("{}/api/v10/interactions/{id}/{token}/callback", sim.base_url());
    outcome(post(&url, "", json!({"type": 4, "data": {"content": "x"}})).await).await
}

/// A follow-up, by hand.
async fn follow(sim: &Sim, token: &str) -> (u16, u64) {
    let url = format!("{}/api/v10/webhooks/{}/{token}", sim.base_url(), sim.bot_id());
    outcome(post(&url, "", json!({"content": "more"})).await).await
}

#[tokio::test]
async fn an_interaction_is_answered_once_and_before_its_follow_ups() {
    let sim = start().await;
    let mut bot = Bot::deaf(&sim).await;
    bot.until(|heard| matches!(heard, Heard::Ready)).await;
    let message = panel(&sim).await;
    sim.click("alice", message, "B").unwrap();
    let (id, token) = next_token(&mut bot).await;
    assert_eq!(
        follow(&sim, &token).await,
        (404, 10015),
        "no follow-up before the answer"
    );
    assert_eq!(answer(&sim, id, "guess").await, (404, 10062));
    assert_eq!(answer(&sim, id, &token).await, (204, 0));
    assert_eq!(answer(&sim, id, &token).await, (400, 40060));
    assert_eq!(follow(&sim, &token).await.0, 200);
    bot.stop().await;
}

#[tokio::test]
async fn a_late_answer_is_refused() {
    let sim = with(SimConfig {
        ack_window: Duration::from_millis(50),
        ..SimConfig::default()
    })
    .await;
    let mut bot = Bot::deaf(&sim).await;
    bot.until(|heard| matches!(heard, Heard::Ready)).await;
    let message = panel(&sim).await;
    let click = sim.click("alice", message, "B").unwrap();
    let (id, token) = next_token(&mut bot).await;
    assert!(sim.reply(click).await.failed);
    assert_eq!(answer(&sim, id, &token).await, (404, 10062));
    sim.until("the complaint", |sim| {
        (!sim.complaints().is_empty()).then_some(())
    })
    .await;
    assert_eq!(sim.take_complaints().len(), 1);
    bot.stop().await;
}

#[tokio::test]
async fn an_old_token_is_worth_nothing() {
    let sim = with(SimConfig {
        token_window: Duration::ZERO,
        ..SimConfig::default()
    })
    .await;
    let mut bot = Bot::deaf(&sim).await;
    bot.until(|heard| matches!(heard, Heard::Ready)).await;
    let message = panel(&sim).await;
    sim.click("alice", message, "B").unwrap();
    let (id, token) = next_token(&mut bot).await;
    assert_eq!(answer(&sim, id, &token).await, (204, 0));
    assert_eq!(follow(&sim, &token).await, (401, 50027));
    bot.stop().await;
}

#[tokio::test]
async fn the_fifty_first_pin_is_refused() {
    let sim = start().await;
    let (http, home) = (http_for(&sim), ch(sim.home_channel()));
    for number in 0..51 {
        let message = sim.say("alice", "home", &number.to_string()).unwrap();
        let pinned = home.pin(&http, msg(message)).await;
        if number < 50 {
            pinned.unwrap();
        } else {
            assert_eq!(refusal(pinned), (400, 30003));
        }
    }
    assert_eq!(
        sim.messages("home")
            .iter()
            .filter(|message| message.pinned)
            .count(),
        50
    );
}

#[tokio::test]
async fn a_thread_that_a_person_made_is_there_already() {
    let sim = start().await;
    let (http, home) = (http_for(&sim), ch(sim.home_channel()));
    let prompt = sim.say("alice", "home", "go").unwrap();
    let thread = sim.start_thread("alice", prompt, "mine").unwrap();
    assert_eq!(thread, prompt.thread());
    let again = home
        .create_thread_from_message(&http, msg(prompt), CreateThread::new("x"))
        .await;
    assert_eq!(refusal(again), (400, 160_004));
    let message = home.message(&http, msg(prompt)).await.unwrap();
    assert_eq!(message.thread.unwrap().name, "mine");
    sim.assert_clean();
}

#[tokio::test]
async fn edits_keep_replace_and_drop_files() {
    let sim = start().await;
    let (http, home) = (http_for(&sim), ch(sim.home_channel()));
    let new = CreateMessage::new().add_file(CreateAttachment::bytes("1", "one.txt"));
    let sent = home.send_message(&http, new).await.unwrap();
    let names = || {
        let files = sim.message(own(sent.id)).unwrap().attachments;
        files.into_iter().map(|file| file.name).collect::<Vec<_>>()
    };
    let added = EditMessage::new()
        .attachments(EditAttachments::keep_all(&sent).add(CreateAttachment::bytes("2", "two.txt")));
    home.edit_message(&http, sent.id, added).await.unwrap();
    assert_eq!(names(), ["one.txt", "two.txt"]);
    let only = EditMessage::new()
        .content("x")
        .attachments(EditAttachments::keep_all(&sent));
    home.edit_message(&http, sent.id, only).await.unwrap();
    assert_eq!(names(), ["one.txt"]);
    let none = EditMessage::new().attachments(EditAttachments::new());
    home.edit_message(&http, sent.id, none).await.unwrap();
    assert!(names().is_empty());
    assert!(
        sim.ever_shown("two.txt").is_some(),
        "it was to be seen for a while"
    );
    assert!(sim.ever_shown("three.txt").is_none());
    let emptied = home
        .edit_message(&http, sent.id, EditMessage::new().content(""))
        .await;
    assert_eq!(refusal(emptied), (400, 50006));
}

#[tokio::test]
async fn a_hidden_channel_is_silent() {
    let hidden = ChannelSpec {
        deny: permission::VIEW_CHANNEL,
        ..ChannelSpec::open("hidden")
    };
    let sim = with(SimConfig {
        channels: vec![ChannelSpec::open("home"), hidden],
        ..SimConfig::default()
    })
    .await;
    let mut bot = Bot::deaf(&sim).await;
    bot.until(|heard| matches!(heard, Heard::Ready)).await;
    let secret = sim.say("alice", "hidden", "psst").unwrap();
    let open = sim.say("alice", "home", "hello").unwrap();
    bot.until(|heard| match heard {
        Heard::Message(id, _) => {
            assert_ne!(*id, secret.get());
            *id == open.get()
        }
        _ => false,
    })
    .await;
    let read = ch(sim.channel("hidden").unwrap())
        .message(&http_for(&sim), msg(secret))
        .await;
    assert_eq!(refusal(read), (403, 50001));
    bot.stop().await;
}

#[tokio::test]
async fn a_gateway_that_went_silent_is_noticed() {
    let sim = with(SimConfig {
        heartbeat_interval: Duration::from_millis(200),
        ..SimConfig::default()
    })
    .await;
    let mut bot = Bot::deaf(&sim).await;
    bot.until(|heard| matches!(heard, Heard::Ready)).await;
    sim.set_gateway_silent(true);
    sim.until("another login", |sim| (sim.logins() != (1, 0)).then_some(()))
        .await;
    sim.set_gateway_silent(false);
    let message = sim.say("alice", "home", "still there?").unwrap();
    bot.until(|heard| matches!(heard, Heard::Message(id, _) if *id == message.get()))
        .await;
    bot.stop().await;
}

#[tokio::test]
async fn a_gateway_that_is_down_comes_back() {
    let sim = start().await;
    let mut bot = Bot::deaf(&sim).await;
    bot.until(|heard| matches!(heard, Heard::Ready)).await;
    sim.disconnect_for(Duration::from_millis(700));
    assert!(!sim.gateway_connected());
    sim.until("the bot to be back", |sim| sim.gateway_connected().then_some(()))
        .await;
    bot.stop().await;
}

#[tokio::test]
async fn a_rejected_token_ends_the_bot() {
    let sim = start().await;
    let old = sim.bot_token();
    let intents = GatewayIntents::non_privileged();
    let mut bot = Bot::start_with(http_for(&sim), &sim, intents).await.unwrap();
    bot.until(|heard| matches!(heard, Heard::Ready)).await;
    sim.reset_token("another.token.altogether");
    let old = bot::http_with_token(&sim, &old);
    assert_eq!(refusal(ch(sim.home_channel()).say(&old, "x").await).0, 401);
    let error = bot.ended().await.unwrap_err();
    assert!(matches!(
        error,
        serenity::Error::Gateway(serenity::gateway::GatewayError::InvalidAuthentication)
    ));
}

#[tokio::test]
async fn a_change_of_roles_is_told() {
    let sim = start().await;
    let mut bot = Bot::start_with(http_for(&sim), &sim, GatewayIntents::all())
        .await
        .unwrap();
    bot.until(|heard| matches!(heard, Heard::Ready)).await;
    let role = sim.role("operators").unwrap();
    sim.set_roles("mallory", &["operators"]).unwrap();
    bot.until(|heard| *heard == Heard::Roles(vec![role.get()])).await;
    sim.assert_clean();
    bot.stop().await;
}

#[tokio::test]
async fn a_slow_answer_is_counted_with_its_wait() {
    let sim = start().await;
    sim.fault(Fault::next(
        "POST",
        "/channels/{}/messages",
        Mishap::Slow { ms: 60 },
    ));
    ch(sim.home_channel()).say(&http_for(&sim), "x").await.unwrap();
    let calls = sim.requests();
    let call = calls
        .iter()
        .find(|call| call.route == "/channels/{channel}/messages")
        .unwrap();
    assert_eq!((call.method.as_str(), call.status), ("POST", Some(200)));
    assert!(call.wait >= Duration::from_millis(60));
}

#[tokio::test]
async fn what_is_waited_for_in_vain_is_shown() {
    let sim = start().await;
    sim.say("alice", "home", "a very special line").unwrap();
    let picture = sim.picture();
    assert!(
        picture.contains("#home") && picture.contains("alice: a very special line"),
        "{picture}"
    );
}

#[tokio::test]
async fn it_stops_although_a_request_hangs() {
    let sim = start().await;
    let (http, home) = (http_for(&sim), ch(sim.home_channel()));
    sim.fault(Fault::next("POST", "/channels/{}/messages", Mishap::Hang));
    let tracker = tokio_util::task::TaskTracker::new();
    let hung = tracker.spawn(async move { home.say(&http, "x").await });
    sim.until("the request", |sim| {
        (!sim.messages("home").is_empty()).then_some(())
    })
    .await;
    sim.stop().await;
    hung.await.unwrap().unwrap_err();
}

#[tokio::test]
async fn a_token_that_is_wrong_when_the_bot_comes_back_is_final() {
    let sim = start().await;
    let mut bot = Bot::deaf(&sim).await;
    bot.until(|heard| matches!(heard, Heard::Ready)).await;
    sim.set_gateway_down(true);
    sim.reset_token("another.token.altogether");
    sim.set_gateway_down(false);
    let error = bot.ended().await.unwrap_err();
    assert!(matches!(
        error,
        serenity::Error::Gateway(serenity::gateway::GatewayError::InvalidAuthentication)
    ));
}

#[tokio::test]
async fn layout_components_are_read_clicked_and_stay_what_they_are() {
    let sim = start().await;
    let (http, home) = (http_for(&sim), ch(sim.home_channel()));
    let name = format!("<@{}>", sim.user("bob").unwrap());
    let body = |text: &str| {
        json!([{"type": 17, "components": [
            {"type": 10, "content": text},
            {"type": 9, "components": [{"type": 10, "content": name}],
             "accessory": {"type": 2, "style": 1, "custom_id": "go", "label": "Go"}},
        ]}])
    };
    let new = json!({"flags": 1 << 15, "components": body("first")});
    let sent = http.send_message(home, Vec::new(), &new).await.unwrap();
    let seen = sim.message(own(sent.id)).unwrap();
    assert!(seen.words().contains("first"));
    assert_eq!(seen.notified, ["bob"]);
    sim.click("alice", seen.id, "Go").unwrap();
    let edit = json!({"components": body("second")});
    http.edit_message(home, sent.id, &edit, Vec::new()).await.unwrap();
    assert!(sim.message(own(sent.id)).unwrap().words().contains("second"));
    let mixed = http
        .edit_message(home, sent.id, &json!({"content": "plain"}), Vec::new())
        .await;
    assert_eq!(refusal(mixed), (400, 50035));
    let row = json!({"components": body("not flagged")});
    assert_eq!(
        refusal(http.send_message(home, Vec::new(), &row).await),
        (400, 50035)
    );
}
