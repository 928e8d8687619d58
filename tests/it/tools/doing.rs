//! What each tool does, where it may, and why not elsewhere: over the HTTP API, as the extension uses them.

use ompcord::ids::MessageId;
use ompcord::sim::{Fault, Mishap};
use serde_json::{Value, json};

use super::{bench, call, done, far, refused};
use crate::harness::Bench;
use crate::http::{code, session_token};

fn id(value: &Value) -> MessageId {
    value["message_id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_session_speaks_reads_and_reacts_in_its_own_thread() {
    let bench = bench().await;
    let owner = bench.api();
    let (session, thread) = owner.session().await;
    let api = owner.with_token(&session_token(&bench, &session).await);

    let sent = done(
        &api,
        "discord_send",
        &json!({"text": "@everyone **hello** <@&1>"}),
    )
    .await;
    let message = bench.sim.message(id(&sent)).unwrap();
    assert_eq!(message.content, "@everyone **hello** <@&1>");
    assert!(message.notified.is_empty(), "nobody is pinged: {message:?}");
    assert_eq!(sent["channel_id"], json!(thread));
    let url = sent["url"].as_str().unwrap();
    assert!(url.ends_with(&format!("/{thread}/{}", message.id)), "{url}");

    let question = bench.sim.say("alice", thread, "SAY:Why?").unwrap();
    bench.turns(thread, 1).await;
    let replied = json!({"text": "Because.", "message_id": question});
    let replied = done(&api, "discord_reply", &replied).await;
    let message = bench.sim.message(id(&replied)).unwrap();
    assert_eq!((message.reply_to, message.silent), (Some(question), true));
    let notified = done(&api, "discord_notify", &json!({"text": "The build is broken."})).await;
    let message = bench.sim.message(id(&notified)).unwrap();
    assert_eq!(message.content, "🔔 The build is broken.");
    assert!(!message.silent && message.channel == thread.channel());

    done(
        &api,
        "discord_react",
        &json!({"message_id": question, "emoji": "✅"}),
    )
    .await;
    bench.marked(question, "✅", true).await;
    let read = done(&api, "discord_read", &json!({"limit": 3})).await;
    let texts: Vec<&str> = read["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts.last(), Some(&"🔔 The build is broken."), "{read}");
    let first = read["messages"][0]["id"].clone();
    let before = done(&api, "discord_read", &json!({"before": first, "limit": 50})).await;
    let asked = before["messages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|m| m["text"] == "SAY:Why?");
    let asked = asked.unwrap_or_else(|| panic!("{before}"));
    assert_eq!(
        (&asked["author"], &asked["is_bot"]),
        (&json!("alice"), &json!(false))
    );

    let secret = format!("my token is {}", owner.token);
    let sent = done(&api, "discord_send", &json!({"text": secret})).await;
    let message = bench.sim.message(id(&sent)).unwrap();
    assert!(message.content.contains("[redacted"), "{}", message.content);
    bench.finish().await;
}

#[tokio::test]
async fn elsewhere_only_the_channels_that_the_owner_has_opened_are_reached() {
    let bench = bench().await;
    let owner = bench.api();
    let (session, thread) = owner.session().await;
    let (other_session, others) = owner.session().await;
    let api = owner.with_token(&session_token(&bench, &session).await);
    let open = bench.sim.channel("other").unwrap();
    let home = bench.sim.home_channel();

    let sent = done(
        &api,
        "discord_send",
        &json!({"text": "It is live.", "channel_id": open}),
    )
    .await;
    let message = bench.sim.message(id(&sent)).unwrap();
    assert_eq!(message.content, format!("It is live.\n-# from <#{thread}>"));
    assert_eq!(message.channel, open);
    let listed = done(&api, "discord_channels", &json!({})).await;
    let ids: Vec<&Value> = listed["channels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["id"])
        .collect();
    assert_eq!(ids, [&json!(thread), &json!(open)], "{listed}");
    let guilds = done(&api, "discord_guilds", &json!({})).await;
    assert_eq!(guilds["guilds"][0]["name"], "Workshop");

    let foreign = far(&bench.sim);
    let stranger = bench.sim.say("mallory", "home", "mine").unwrap();
    let strangers = bench.sim.start_thread("mallory", stranger, "private").unwrap();
    let places = [
        json!(home),
        json!(others),
        json!(strangers),
        json!(foreign),
        json!("123456"),
    ];
    for channel in &places {
        for (tool, arguments) in [
            ("discord_send", json!({"text": "x", "channel_id": channel})),
            ("discord_notify", json!({"text": "x", "channel_id": channel})),
            ("discord_read", json!({"channel_id": channel})),
            (
                "discord_react",
                json!({"message_id": "1", "emoji": "✅", "channel_id": channel}),
            ),
        ] {
            let why = refused(&api, tool, &arguments).await;
            assert!(
                why.contains("is not open to you") && why.contains("DISCORD_TOOL_CHANNELS"),
                "{why}"
            );
        }
    }
    for (tool, mut arguments) in [
        ("discord_reply", json!({"text": "x"})),
        ("discord_ask", json!({"question": "x"})),
        ("discord_send_file", json!({"path": "x"})),
    ] {
        arguments["session_id"] = json!(other_session);
        let why = refused(&api, tool, &arguments).await;
        assert!(why.contains(&format!("you act in {session} only")), "{why}");
    }

    // The owner's own programs have no thread: they say where.
    let why = refused(&owner, "discord_send", &json!({"text": "x"})).await;
    assert!(why.starts_with("`channel_id` is missing"), "{why}");
    let why = refused(&owner, "discord_reply", &json!({"text": "x"})).await;
    assert!(why.starts_with("`session_id` is missing"), "{why}");
    done(
        &owner,
        "discord_reply",
        &json!({"text": "From outside.", "session_id": session}),
    )
    .await;
    done(
        &owner,
        "discord_send",
        &json!({"text": "Here too.", "channel_id": others}),
    )
    .await;
    let notified = done(&owner, "discord_notify", &json!({"text": "To all."})).await;
    assert_eq!(notified["channel_id"], json!(home));
    let why = refused(
        &owner,
        "discord_send",
        &json!({"text": "x", "channel_id": foreign}),
    )
    .await;
    assert!(why.contains("is not open to you"), "{why}");
    bench.finish().await;
}

#[tokio::test]
async fn a_channel_of_another_server_stays_closed_though_the_owner_names_it() {
    let bench = Bench::with_vars(|sim| vec![("DISCORD_TOOL_CHANNELS", far(sim).to_string())]).await;
    let api = bench.api();
    let foreign = far(&bench.sim);
    let why = refused(&api, "discord_send", &json!({"text": "x", "channel_id": foreign})).await;
    assert!(why.contains("there is no channel"), "{why}");
    let listed = done(&api, "discord_channels", &json!({})).await;
    assert_eq!(listed["channels"], json!([]));
    bench.finish().await;
}

#[tokio::test]
async fn bad_arguments_say_which_is_wrong() {
    let bench = Bench::start().await;
    let owner = bench.api();
    let (session, _) = owner.session().await;
    let api = owner.with_token(&session_token(&bench, &session).await);
    let long = "x".repeat(2_001);
    for (tool, arguments, word) in [
        ("discord_send", json!({}), "missing field `text`"),
        (
            "discord_send",
            json!({"text": " "}),
            "`text` is wrong: it is empty",
        ),
        (
            "discord_send",
            json!({"text": long}),
            "2001 characters are more than Discord's 2000",
        ),
        (
            "discord_send",
            json!({"text": 7}),
            "`text` is wrong: invalid type",
        ),
        (
            "discord_send",
            json!({"text": "x", "channel": "1"}),
            "unknown field `channel`",
        ),
        (
            "discord_send",
            json!({"text": "x", "channel_id": "abc"}),
            "`channel_id` is wrong: not a valid channel id",
        ),
        (
            "discord_reply",
            json!({"text": "x", "session_id": "abc"}),
            "`session_id` is wrong",
        ),
        (
            "discord_read",
            json!({"limit": 51}),
            "`limit` is wrong: 51 is not from 1 to 50",
        ),
        (
            "discord_react",
            json!({"message_id": "1", "emoji": "✅"}),
            "there is no message 1",
        ),
        (
            "discord_react",
            json!({"message_id": "1", "emoji": ""}),
            "`emoji` is wrong",
        ),
        (
            "discord_ask",
            json!({"question": "?", "choices": ["a", "a"]}),
            "`choices[1]` is wrong: it is there twice",
        ),
        (
            "discord_ask",
            json!({"question": "?", "choices": ["a", 1]}),
            "`choices[1]` is wrong: invalid type",
        ),
        (
            "discord_ask",
            json!({"question": "?", "timeout_s": 0}),
            "`timeout_s` is wrong: 0 is not from 1",
        ),
    ] {
        let why = refused(&api, tool, &arguments).await;
        assert!(why.contains(word), "{tool} {arguments}: {why}");
    }
    let (status, error) = api.post("/api/tools/discord_fly", &json!({})).await;
    assert_eq!((status, code(&error)), (404, "unknown_tool"));
    let (status, error) = api.post("/api/tools/discord_send", &json!([])).await;
    assert_eq!((status, code(&error)), (400, "bad_json"));
    let (status, offers) = api.get("/api/tools").await;
    assert_eq!((status, offers.as_array().unwrap().len()), (200, 9));
    for offer in offers.as_array().unwrap() {
        let schema = &offer["input_schema"];
        assert_eq!(
            (&schema["type"], &schema["additionalProperties"]),
            (&json!("object"), &json!(false)),
            "{offer}"
        );
        for (name, property) in schema["properties"].as_object().unwrap() {
            assert!(
                property["description"].is_string() && property["type"].is_string(),
                "{name}: {property}"
            );
        }
    }
    bench.finish().await;
}

#[tokio::test]
async fn a_file_of_the_workspace_is_sent_and_nothing_else() {
    let bench = Bench::start().await;
    let owner = bench.api();
    let (session, thread) = owner.session().await;
    let api = owner.with_token(&session_token(&bench, &session).await);
    let work = bench.work();
    let picture = [0_u8, 159, 146, 150].repeat(100);
    std::fs::write(work.join("picture.bin"), &picture).unwrap();
    std::fs::write(work.join("report.md"), format!("# Done\ntoken {}\n", owner.token)).unwrap();
    let large = std::fs::File::create(work.join("large.iso")).unwrap();
    large.set_len(200 << 20).unwrap();
    std::fs::create_dir(work.join("folder")).unwrap();
    std::os::unix::fs::symlink(bench.config().api_token_path(), work.join("link")).unwrap();

    let sent = done(
        &api,
        "discord_send_file",
        &json!({"path": "picture.bin", "text": "Look."}),
    )
    .await;
    let message = bench.sim.message(id(&sent)).unwrap();
    assert_eq!(
        (message.channel, message.content.as_str()),
        (thread.channel(), "Look.")
    );
    assert_eq!(message.attachments[0].bytes, picture);
    let sent = done(
        &api,
        "discord_send_file",
        &json!({"path": work.join("report.md")}),
    )
    .await;
    assert!(sent["hidden_characters"].as_u64().unwrap() > 20, "{sent}");
    let message = bench.sim.message(id(&sent)).unwrap();
    assert_eq!(message.content, "📎 `report.md`");
    let text = message.attachments[0].text();
    assert!(
        text.starts_with("# Done") && !text.contains(&owner.token),
        "{text}"
    );

    for (path, word) in [
        ("../state/api-token", "is not in the workspace"),
        ("link", "is not in the workspace"),
        ("/proc/self/environ", "is not in the workspace"),
        ("/etc/passwd", "is not in the workspace"),
        ("large.iso", "209715200 bytes, and Discord takes 10485760"),
        ("folder", "is a directory"),
        ("nothing", "there is no file"),
    ] {
        let why = refused(&api, "discord_send_file", &json!({"path": path})).await;
        assert!(why.contains(word), "{path}: {why}");
    }
    // Of what was sent nothing is kept.
    let kept = bench.config().transcripts_dir().join(&session);
    let left = std::fs::read_dir(kept).map_or(0, Iterator::count);
    assert_eq!(left, 0);
    bench.finish().await;
}

#[tokio::test]
async fn what_discord_refuses_is_told_and_not_sent_by_halves() {
    let bench = Bench::start().await;
    let owner = bench.api();
    let (session, thread) = owner.session().await;
    let api = owner.with_token(&session_token(&bench, &session).await);
    std::fs::write(bench.work().join("a.txt"), "a").unwrap();
    let route = format!("/channels/{thread}/messages");
    bench.card_says(thread, "Idle").await;
    bench.sim.fault(Fault::next("POST", &route, Mishap::status(400)));
    let before = bench.sim.messages(thread).len();
    let why = refused(&api, "discord_send_file", &json!({"path": "a.txt"})).await;
    assert!(why.contains("Discord refused the message"), "{why}");
    assert_eq!(
        bench.sim.messages(thread).len(),
        before,
        "nor a message without its file"
    );
    // A bad day of Discord's is waited out.
    bench.sim.fault(Fault::next("POST", &route, Mishap::status(503)));
    done(&api, "discord_send", &json!({"text": "after all"})).await;
    let outcome = call(
        &api,
        "discord_react",
        &json!({"message_id": thread, "emoji": "not an emoji"}),
    )
    .await;
    assert_eq!(outcome["is_error"], true, "{outcome}");
    bench.finish().await;
}
