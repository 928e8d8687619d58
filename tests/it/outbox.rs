//! The outbox against a scripted Discord: order, coalescing, and every way in which an attempt can end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ompcord::discord::draft::{Draft, FileRef};
use ompcord::discord::outbox::{Act, Deed, Outbox, OutboxEvent, Pace};
use ompcord::discord::rest::{Call, Rest, RestError};
use ompcord::ids::{ChannelId, MessageId, OutboxId, UserId};
use ompcord::store::Store;
use serde_json::{Value, json};
use serenity::http::{HttpBuilder, LightMethod, Route};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::scripted_discord::{Answer, BOT, Discord, TIMEOUT, limited, refusal, soon};

/// An outbox with its database, which outlives it.
struct Rig {
    discord: Discord,
    dir: tempfile::TempDir,
    store: Store,
    outbox: Outbox,
    events: mpsc::UnboundedReceiver<OutboxEvent>,
    stop: CancellationToken,
    tracker: TaskTracker,
}

fn hasty() -> Pace {
    Pace {
        backoff_from: Duration::from_millis(10),
        backoff_to: Duration::from_millis(40),
        ..Pace::default()
    }
}

fn rest(discord: &Discord, limiter: bool) -> Rest {
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(15))
        .build()
        .unwrap();
    let http = HttpBuilder::new("token").ratelimiter_disabled(!limiter).build();
    Rest::new(Arc::new(http), client, Some(discord.url.clone()))
}

impl Rig {
    async fn new() -> Self {
        Self::with(hasty(), false).await
    }

    async fn with(pace: Pace, limiter: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::on(Discord::start().await, dir, pace, limiter).await
    }

    async fn on(discord: Discord, dir: tempfile::TempDir, pace: Pace, limiter: bool) -> Self {
        let store = Store::open(&dir.path().join("ompcord.db")).await.unwrap();
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let (tell, events) = mpsc::unbounded_channel();
        let rest = rest(&discord, limiter);
        let outbox = Outbox::start_at(pace, store.clone(), rest, (&tracker, stop.clone()), tell)
            .await
            .unwrap();
        Self {
            discord,
            dir,
            store,
            outbox,
            events,
            stop,
            tracker,
        }
    }

    /// Ends everything as a crash would, and starts again on the same database.
    async fn restart(self, pace: Pace) -> Self {
        self.stop.cancel();
        self.tracker.close();
        soon(self.tracker.wait()).await;
        drop(self.outbox);
        self.store.close().await;
        Self::on(self.discord, self.dir, pace, false).await
    }

    async fn post(&self, channel: u64, text: &str) -> OutboxId {
        self.outbox.post(channel.into(), Draft::text(text)).await.unwrap()
    }

    async fn replace(&self, row: OutboxId, text: &str) {
        assert!(self.outbox.replace(row, Draft::text(text)).await.unwrap());
    }

    async fn act(&self, channel: u64, act: Act) {
        self.outbox.act(channel.into(), act).await.unwrap();
    }

    async fn done(&self) {
        assert_eq!(self.outbox.flush(TIMEOUT).await, 0);
    }

    async fn event(&mut self) -> OutboxEvent {
        soon(self.events.recv()).await.unwrap()
    }

    async fn sent(&mut self) -> (OutboxId, MessageId) {
        match self.event().await {
            OutboxEvent::Sent { row, message, .. } => (row, message),
            other => panic!("{other:?}"),
        }
    }

    /// Waits until a lane waits for its next attempt.
    async fn stalled(&self, channel: u64) {
        let mut lane = self.outbox.lane(channel.into());
        soon(lane.wait_for(|lane| lane.stalled)).await.unwrap();
    }
}

const MESSAGES: &str = "/messages";

#[tokio::test]
async fn messages_arrive_in_order_and_each_is_reported_once() {
    let mut rig = Rig::new().await;
    let mut rows = Vec::new();
    for number in 0..20 {
        rows.push(rig.post(1, &format!("m{number}")).await);
    }
    rig.done().await;
    let expected: Vec<String> = (0..20).map(|number| format!("m{number}")).collect();
    assert_eq!(rig.discord.shown(1), expected);
    for row in rows {
        let (sent, message) = rig.sent().await;
        assert_eq!(sent, row);
        assert_eq!(rig.outbox.message_id(row).await.unwrap(), Some(message));
    }
    assert!(rig.events.try_recv().is_err());
    for seen in rig.discord.seen("POST", MESSAGES) {
        assert_eq!(
            seen.body["allowed_mentions"],
            json!({"parse": [], "replied_user": false})
        );
        assert_eq!(seen.body["enforce_nonce"], true);
        assert!(seen.body["nonce"].as_str().unwrap().len() <= 25);
    }
}

#[tokio::test]
async fn a_hundred_changes_while_one_is_in_flight_are_one_edit() {
    let rig = Rig::new().await;
    let gate = rig.discord.hold("POST", MESSAGES, Answer::Do);
    let row = rig.post(1, "0").await;
    rig.discord.until("POST", MESSAGES, 1).await;
    for number in 1..=100 {
        rig.replace(row, &number.to_string()).await;
    }
    assert_eq!(rig.outbox.lane(1.into()).borrow().waiting, 1);
    gate.add_permits(1);
    rig.done().await;
    let edits = rig.discord.seen("PATCH", MESSAGES);
    assert_eq!(edits.len(), 1);
    assert_eq!(rig.discord.shown(1), ["100"]);
    soon(rig.outbox.lane(1.into()).wait_for(|lane| lane.waiting == 0))
        .await
        .unwrap();
}

#[tokio::test]
async fn what_was_not_sent_yet_is_created_with_its_newest_text() {
    let rig = Rig::new().await;
    let gate = rig.discord.hold("POST", MESSAGES, Answer::Do);
    rig.post(1, "first").await;
    let row = rig.post(1, "old").await;
    rig.discord.until("POST", MESSAGES, 1).await;
    rig.replace(row, "new").await;
    gate.add_permits(1);
    rig.done().await;
    assert_eq!(rig.discord.shown(1), ["first", "new"]);
    assert!(rig.discord.seen("PATCH", MESSAGES).is_empty());
}

#[tokio::test]
async fn the_same_text_again_is_no_request_and_an_empty_one_is_an_error() {
    let rig = Rig::new().await;
    let row = rig.post(1, "same").await;
    rig.done().await;
    rig.replace(row, "same").await;
    rig.post(1, "later").await;
    rig.done().await;
    assert!(rig.discord.seen("PATCH", MESSAGES).is_empty());
    assert!(rig.outbox.post(1.into(), Draft::text(" \n")).await.is_err());
}

#[tokio::test]
async fn an_edit_does_not_wait_for_later_creates() {
    let rig = Rig::new().await;
    let row = rig.post(1, "card").await;
    rig.done().await;
    let gate = rig.discord.hold("POST", MESSAGES, Answer::Do);
    for number in 0..5 {
        rig.post(1, &format!("m{number}")).await;
    }
    rig.discord.until("POST", MESSAGES, 2).await;
    rig.replace(row, "card 2").await;
    gate.add_permits(1);
    rig.done().await;
    let order: Vec<String> = {
        let model = rig.discord.model.lock().unwrap();
        model.seen.iter().map(|seen| seen.content().to_owned()).collect()
    };
    let at = |text: &str| order.iter().position(|seen| seen == text).unwrap();
    assert!(at("card 2") < at("m4"), "{order:?}");
    assert_eq!(rig.discord.shown(1), ["card 2", "m0", "m1", "m2", "m3", "m4"]);
}

#[tokio::test]
async fn after_a_limit_the_newest_text_is_sent() {
    let rig = Rig::new().await;
    let gate = rig.discord.hold("POST", MESSAGES, limited(0.05, false));
    let row = rig.post(1, "old").await;
    rig.discord.until("POST", MESSAGES, 1).await;
    rig.replace(row, "new").await;
    gate.add_permits(1);
    rig.done().await;
    let posts = rig.discord.seen("POST", MESSAGES);
    assert_eq!(posts[0].body["nonce"], posts[1].body["nonce"]);
    assert_eq!(rig.discord.shown(1), ["new"]);
    assert!(rig.discord.seen("PATCH", MESSAGES).is_empty());
}

#[tokio::test]
async fn a_limit_on_creates_or_reactions_does_not_hold_up_the_rest() {
    let rig = Rig::new().await;
    let card = rig.post(1, "card").await;
    rig.done().await;
    rig.discord.rule("POST", MESSAGES, limited(3600.0, false));
    rig.discord.rule("PUT", "/reactions/", limited(3600.0, false));
    rig.post(1, "limited").await;
    let message = MessageId::from(1);
    let emoji = "x".to_owned();
    rig.act(1, Act::React { message, emoji }).await;
    rig.discord.until("POST", MESSAGES, 2).await;
    rig.discord.until("PUT", "/reactions/", 1).await;
    rig.replace(card, "card 2").await;
    rig.discord.until("PATCH", MESSAGES, 1).await;
    assert_eq!(rig.discord.seen("POST", MESSAGES).len(), 2);
    assert_eq!(rig.outbox.flush(Duration::from_millis(20)).await, 2);
}

#[tokio::test]
async fn a_global_limit_holds_every_channel() {
    let rig = Rig::new().await;
    rig.discord.rule("POST", "/channels/1/", limited(1.0, true));
    rig.post(1, "a").await;
    rig.stalled(1).await;
    rig.post(2, "b").await;
    rig.done().await;
    let first = rig.discord.seen("POST", "/channels/1/")[0].at;
    let other = rig.discord.seen("POST", "/channels/2/")[0].at;
    assert!(other.duration_since(first) >= Duration::from_millis(950));
}

#[tokio::test]
async fn a_server_error_is_tried_again_with_the_same_nonce() {
    let rig = Rig::new().await;
    for _ in 0..3 {
        rig.discord.rule("POST", MESSAGES, Answer::Say(502, Value::Null));
    }
    rig.post(1, "x").await;
    rig.done().await;
    let posts = rig.discord.seen("POST", MESSAGES);
    assert_eq!(posts.len(), 4);
    assert!(posts.iter().all(|post| post.body == posts[0].body));
    assert_eq!(rig.discord.shown(1), ["x"]);
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_message_and_a_newer_text_still_shows() {
    let mut rig = Rig::new().await;
    let gate = rig.discord.hold("POST", MESSAGES, Answer::Lose);
    let row = rig.post(1, "old").await;
    rig.discord.until("POST", MESSAGES, 1).await;
    rig.replace(row, "new").await;
    gate.add_permits(1);
    rig.done().await;
    let posts = rig.discord.seen("POST", MESSAGES);
    assert_eq!(posts.len(), 2);
    assert_eq!(
        posts[1].content(),
        "old",
        "a repeated nonce gives the first message, whatever the second says"
    );
    assert_eq!(rig.discord.shown(1), ["new"]);
    assert_eq!(rig.sent().await.0, row);
    assert!(rig.events.try_recv().is_err());
}

#[tokio::test]
async fn rows_that_were_never_attempted_are_sent_after_a_restart() {
    let rig = Rig::new().await;
    rig.stop.cancel();
    for text in ["a", "b", "c"] {
        rig.post(1, text).await;
    }
    rig.post(2, "d").await;
    assert_eq!(rig.outbox.backlog().await.unwrap().rows, 4);
    let rig = rig.restart(hasty()).await;
    rig.done().await;
    assert_eq!(rig.discord.shown(1), ["a", "b", "c"]);
    assert_eq!(rig.discord.shown(2), ["d"]);
}

/// Patience that ends only with a restart.
fn patient() -> Pace {
    Pace {
        backoff_from: Duration::from_hours(1),
        backoff_to: Duration::from_hours(1),
        ..Pace::default()
    }
}

/// Beyond the time in which Discord recognises a nonce.
fn late() -> Pace {
    Pace {
        dedupe_for: Duration::ZERO,
        ..hasty()
    }
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_before_a_restart_is_found_again() {
    let rig = Rig::with(patient(), false).await;
    rig.discord.rule("POST", MESSAGES, Answer::Lose);
    let row = rig.post(1, "once ").await;
    rig.stalled(1).await;
    rig.discord.model.lock().unwrap().nonces.clear();
    rig.replace(row, "twice").await;
    let mut rig = rig.restart(late()).await;
    rig.done().await;
    assert_eq!(rig.discord.seen("POST", MESSAGES).len(), 1);
    assert_eq!(rig.discord.shown(1), ["twice"]);
    let (sent, message) = rig.sent().await;
    assert_eq!(sent, row);
    assert_eq!(rig.outbox.message_id(row).await.unwrap(), Some(message));
}

#[tokio::test]
async fn soon_after_a_restart_the_nonce_is_enough() {
    let rig = Rig::with(patient(), false).await;
    rig.discord.rule("POST", MESSAGES, Answer::Lose);
    rig.post(1, "once").await;
    rig.stalled(1).await;
    let rig = rig.restart(hasty()).await;
    rig.done().await;
    let posts = rig.discord.seen("POST", MESSAGES);
    assert_eq!(posts.len(), 2);
    assert_eq!(posts[0].body["nonce"], posts[1].body["nonce"]);
    assert_eq!(rig.discord.shown(1), ["once"]);
    assert!(rig.discord.seen("GET", MESSAGES).is_empty());
}

#[tokio::test]
async fn a_message_that_was_not_made_before_a_restart_is_made() {
    let rig = Rig::with(patient(), false).await;
    let first = rig.post(1, "same").await;
    rig.outbox.seal(first).await.unwrap();
    rig.done().await;
    rig.discord.rule("POST", MESSAGES, Answer::Say(500, Value::Null));
    rig.post(1, "same").await;
    rig.stalled(1).await;
    let rig = rig.restart(late()).await;
    rig.done().await;
    assert_eq!(
        rig.discord.shown(1),
        ["same", "same"],
        "the earlier message with the same words is another row's"
    );
    let posts = rig.discord.seen("POST", MESSAGES);
    assert_eq!(posts[1].body["nonce"], posts[2].body["nonce"]);
}

#[tokio::test]
async fn a_channel_that_is_gone_takes_its_rows_with_it() {
    let mut rig = Rig::new().await;
    let gate = rig.discord.hold("POST", "/channels/1/", refusal(404, 10003));
    for text in ["a", "b"] {
        rig.post(1, text).await;
    }
    rig.act(1, Act::Archive { locked: false }).await;
    gate.add_permits(1);
    rig.done().await;
    assert_eq!(
        rig.event().await,
        OutboxEvent::ChannelGone {
            channel: ChannelId::from(1)
        }
    );
    assert_eq!(rig.discord.seen("POST", MESSAGES).len(), 1);
}

#[tokio::test]
async fn a_message_that_somebody_deleted_is_forgotten() {
    let mut rig = Rig::new().await;
    let row = rig.post(1, "x").await;
    rig.done().await;
    let (_, message) = rig.sent().await;
    rig.discord.model.lock().unwrap().messages.clear();
    rig.replace(row, "y").await;
    rig.done().await;
    assert_eq!(
        rig.event().await,
        OutboxEvent::MessageGone {
            row,
            channel: ChannelId::from(1),
            message
        }
    );
    assert!(!rig.outbox.replace(row, Draft::text("z")).await.unwrap());
}

#[tokio::test]
async fn a_refused_card_keeps_its_words_and_refused_words_are_reported() {
    let mut rig = Rig::new().await;
    rig.discord.rule("POST", MESSAGES, refusal(400, 50035));
    let mut card = Draft::text("words");
    card.embeds = vec![json!({"title": "T", "description": "D"})];
    card.components = vec![json!({"type": 1, "components": []})];
    rig.outbox.post(1.into(), card).await.unwrap();
    rig.done().await;
    assert_eq!(rig.discord.shown(1), ["words\n**T**\nD"]);
    assert_eq!(rig.discord.seen("POST", MESSAGES)[1].body["embeds"], json!([]));
    rig.sent().await;

    rig.discord.rule("POST", MESSAGES, refusal(400, 50035));
    let mut reply = Draft::text("a reply");
    reply.reply_to = Some(MessageId::from(1));
    let row = rig.outbox.post(1.into(), reply).await.unwrap();
    rig.outbox.seal(row).await.unwrap();
    rig.done().await;
    assert!(
        rig.discord.seen("POST", MESSAGES)[3]
            .body
            .get("message_reference")
            .is_none()
    );
    rig.sent().await;

    rig.discord.rule("POST", MESSAGES, refusal(403, 50013));
    let row = rig.post(1, "no").await;
    rig.post(1, "yes").await;
    rig.done().await;
    match rig.event().await {
        OutboxEvent::Refused {
            row: refused,
            deed,
            code,
            ..
        } => assert_eq!((refused, deed, code), (row, Deed::Create, 50013)),
        other => panic!("{other:?}"),
    }
    assert_eq!(rig.discord.shown(1), ["words\n**T**\nD", "a reply", "yes"]);
}

#[tokio::test]
async fn a_text_that_is_refused_does_not_take_the_newer_one_with_it() {
    let mut rig = Rig::new().await;
    let gate = rig.discord.hold("POST", MESSAGES, refusal(400, 50035));
    let row = rig.post(1, "bad").await;
    rig.discord.until("POST", MESSAGES, 1).await;
    rig.replace(row, "good").await;
    gate.add_permits(1);
    rig.done().await;
    assert_eq!(rig.discord.shown(1), ["good"]);
    assert_eq!(rig.sent().await.0, row);
    assert!(rig.events.try_recv().is_err());
}

#[tokio::test]
async fn a_message_whose_edit_is_refused_can_be_edited_later() {
    let mut rig = Rig::new().await;
    let row = rig.post(1, "x").await;
    rig.done().await;
    rig.sent().await;
    rig.discord.rule("PATCH", MESSAGES, refusal(403, 50001));
    rig.replace(row, "y").await;
    rig.done().await;
    assert!(matches!(
        rig.event().await,
        OutboxEvent::Refused {
            deed: Deed::Edit,
            code: 50001,
            ..
        }
    ));
    rig.replace(row, "z").await;
    rig.done().await;
    assert_eq!(rig.discord.shown(1), ["z"]);
}

fn file(rig: &Rig, name: &str, text: &str) -> PathBuf {
    let path = rig.dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[tokio::test]
async fn files_are_uploaded_once_and_join_those_that_are_there() {
    let rig = Rig::new().await;
    let whole = FileRef::whole(file(&rig, "a.txt", "0123456789"), "a.txt");
    let part = FileRef {
        from: 3,
        to: Some(6),
        ..whole.clone()
    };
    let draft = Draft::text("v1").with_file(whole).with_file(FileRef {
        name: "b.txt".to_owned(),
        ..part
    });
    // The first attempt fails: the second reads the files again.
    rig.discord.rule("POST", MESSAGES, Answer::Say(500, Value::Null));
    let row = rig.outbox.post(1.into(), draft.clone()).await.unwrap();
    rig.done().await;
    for post in rig.discord.seen("POST", MESSAGES) {
        assert_eq!(
            post.files,
            [
                ("files[0]".to_owned(), "a.txt".to_owned(), b"0123456789".to_vec()),
                ("files[1]".to_owned(), "b.txt".to_owned(), b"345".to_vec()),
            ]
        );
        assert_eq!(post.body["attachments"][1], json!({"id": 1, "filename": "b.txt"}));
    }
    let mut next = draft;
    next.content = "v2".to_owned();
    rig.outbox.replace(row, next.clone()).await.unwrap();
    rig.done().await;
    next.files.push(FileRef::whole(file(&rig, "c.txt", "c"), "c.txt"));
    next.files
        .push(FileRef::whole(rig.dir.path().join("none"), "none.txt"));
    rig.outbox.replace(row, next).await.unwrap();
    rig.done().await;
    let edits = rig.discord.seen("PATCH", MESSAGES);
    assert!(edits[0].files.is_empty() && edits[0].body.get("attachments").is_none());
    assert_eq!(
        edits[1].files,
        [("files[0]".to_owned(), "c.txt".to_owned(), b"c".to_vec())]
    );
    assert_eq!(
        edits[1].body["attachments"],
        json!([{"id": "id-of-a.txt"}, {"id": "id-of-b.txt"}, {"id": 0, "filename": "c.txt"}])
    );
    assert_eq!(
        edits[1].content(),
        "v2\n-# 📎 `none.txt`: the file is not there any more"
    );
}

#[tokio::test]
async fn a_flush_waits_no_longer_than_it_may() {
    let rig = Rig::new().await;
    let gate = rig.discord.hold("POST", MESSAGES, Answer::Do);
    rig.post(1, "a").await;
    rig.post(1, "b").await;
    rig.discord.until("POST", MESSAGES, 1).await;
    assert_eq!(rig.outbox.flush(Duration::from_millis(20)).await, 2);
    gate.add_permits(1);
    rig.done().await;
    assert_eq!(rig.discord.shown(1), ["a", "b"]);
}

#[tokio::test]
async fn a_rename_that_hangs_blocks_nothing_and_is_not_repeated() {
    let rig = Rig::new().await;
    let name = |name: &str| Act::Rename {
        name: name.to_owned(),
    };
    rig.discord.rule("PATCH", "/channels/1", Answer::Hang);
    rig.act(1, name("title")).await;
    rig.discord.until("PATCH", "/channels/1", 1).await;
    rig.post(1, "x").await;
    rig.act(1, name("title")).await;
    rig.act(1, name("other")).await;
    rig.done().await;
    let renames = rig.discord.until("PATCH", "/channels/1", 2).await;
    assert_eq!(rig.discord.shown(1), ["x"]);
    let names: Vec<&Value> = renames.iter().map(|seen| &seen.body["name"]).collect();
    assert_eq!(names, ["title", "other"]);
    rig.stop.cancel();
    rig.tracker.close();
    soon(rig.tracker.wait()).await;
}

#[tokio::test]
async fn an_archive_comes_last_and_an_unarchive_takes_it_back() {
    let rig = Rig::new().await;
    let gate = rig.discord.hold("POST", MESSAGES, Answer::Do);
    let row = rig.post(1, "a").await;
    rig.discord.until("POST", MESSAGES, 1).await;
    rig.act(1, Act::Archive { locked: false }).await;
    rig.post(1, "b").await;
    rig.replace(row, "a2").await;
    rig.act(2, Act::Archive { locked: true }).await;
    gate.add_permits(1);
    rig.done().await;
    let order: Vec<String> = {
        let model = rig.discord.model.lock().unwrap();
        model
            .seen
            .iter()
            .filter(|seen| seen.path.contains("/channels/1"))
            .map(|seen| format!("{} {}", seen.method, seen.body["archived"]))
            .collect()
    };
    assert_eq!(order.last().unwrap(), "PATCH true");
    assert_eq!(order.iter().filter(|seen| seen.ends_with("true")).count(), 1);
    assert_eq!(
        rig.discord.seen("PATCH", "/channels/2")[0].body,
        json!({"archived": true, "locked": true})
    );

    let gate = rig.discord.hold("POST", MESSAGES, Answer::Do);
    rig.post(3, "x").await;
    rig.discord.until("POST", "/channels/3/", 1).await;
    rig.act(3, Act::Archive { locked: false }).await;
    rig.act(3, Act::Unarchive).await;
    gate.add_permits(1);
    rig.done().await;
    let states = rig.discord.seen("PATCH", "/channels/3");
    assert_eq!(states.len(), 1);
    assert_eq!(states[0].body, json!({"archived": false}));
}

#[tokio::test]
async fn an_archived_thread_is_opened_for_an_edit() {
    let mut rig = Rig::new().await;
    let row = rig.post(1, "x").await;
    rig.done().await;
    rig.sent().await;
    rig.discord.rule("PATCH", MESSAGES, refusal(400, 50083));
    rig.replace(row, "y").await;
    rig.done().await;
    let patches = rig.discord.seen("PATCH", "/channels/1");
    assert_eq!(patches.len(), 3);
    assert_eq!(patches[1].body, json!({"archived": false}));
    assert_eq!(rig.discord.shown(1), ["y"]);
    // A thread that stays shut is not tried for ever.
    rig.discord.rule("PATCH", MESSAGES, refusal(400, 50083));
    rig.discord.rule("PATCH", MESSAGES, refusal(400, 50083));
    rig.replace(row, "z").await;
    rig.done().await;
    assert!(matches!(
        rig.event().await,
        OutboxEvent::Refused { code: 50083, .. }
    ));
}

#[tokio::test]
async fn a_refused_token_stops_everything_and_loses_nothing() {
    let mut rig = Rig::new().await;
    rig.discord.rule(
        "POST",
        MESSAGES,
        Answer::Say(401, json!({"message": "401: Unauthorized", "code": 0})),
    );
    rig.post(1, "a").await;
    assert_eq!(rig.event().await, OutboxEvent::Unauthorized);
    rig.post(1, "b").await;
    rig.post(2, "c").await;
    assert_eq!(rig.outbox.flush(TIMEOUT).await, 3);
    rig.tracker.close();
    soon(rig.tracker.wait()).await;
    assert_eq!(rig.discord.seen("POST", MESSAGES).len(), 1);
    assert!(rig.events.try_recv().is_err());
    let rig = rig.restart(hasty()).await;
    rig.done().await;
    assert_eq!(rig.discord.shown(1), ["a", "b"]);
    assert_eq!(rig.discord.shown(2), ["c"]);
}

#[tokio::test]
async fn a_message_can_be_taken_back_at_any_moment() {
    let mut rig = Rig::new().await;
    let gate = rig.discord.hold("POST", MESSAGES, Answer::Do);
    let flying = rig.post(1, "in flight").await;
    let waiting = rig.post(1, "never seen").await;
    let stays = rig.post(1, "stays").await;
    rig.discord.until("POST", MESSAGES, 1).await;
    rig.outbox.delete(waiting).await.unwrap();
    rig.outbox.delete(flying).await.unwrap();
    gate.add_permits(1);
    rig.done().await;
    assert_eq!(rig.discord.shown(1), ["stays"]);
    assert_eq!(rig.discord.seen("POST", MESSAGES).len(), 2);
    assert_eq!(
        rig.sent().await.0,
        stays,
        "nobody waits for the message that was taken back"
    );

    rig.discord.rule("POST", MESSAGES, Answer::Lose);
    let gate = rig.discord.hold("POST", MESSAGES, Answer::Do);
    let lost = rig.post(1, "answer lost").await;
    rig.discord.until("POST", MESSAGES, 4).await;
    rig.outbox.delete(lost).await.unwrap();
    rig.outbox.delete(stays).await.unwrap();
    gate.add_permits(1);
    rig.done().await;
    assert!(rig.discord.shown(1).is_empty());
}

#[tokio::test]
async fn a_deletion_finds_the_message_whose_answer_was_lost() {
    let rig = Rig::with(patient(), false).await;
    rig.discord.rule("POST", MESSAGES, Answer::Lose);
    let row = rig.post(1, "x").await;
    rig.stalled(1).await;
    rig.outbox.delete(row).await.unwrap();
    let rig = rig.restart(hasty()).await;
    rig.done().await;
    assert!(rig.discord.shown(1).is_empty());
    assert_eq!(rig.discord.seen("DELETE", MESSAGES).len(), 1);
}

#[tokio::test]
async fn a_sealed_row_goes_when_it_is_sent_and_a_message_can_be_edited_by_its_id() {
    let mut rig = Rig::new().await;
    let row = rig.post(1, "x").await;
    rig.outbox.seal(row).await.unwrap();
    rig.done().await;
    let (_, message) = rig.sent().await;
    assert_eq!(rig.outbox.message_id(row).await.unwrap(), None);

    let again = rig
        .outbox
        .edit(1.into(), message, Draft::text("y"))
        .await
        .unwrap();
    rig.done().await;
    let same = rig
        .outbox
        .edit(1.into(), message, Draft::text("z"))
        .await
        .unwrap();
    assert_eq!(again, same);
    rig.done().await;
    assert_eq!(rig.discord.shown(1), ["z"]);
    rig.outbox.delete_message(1.into(), message).await.unwrap();
    rig.done().await;
    assert!(rig.discord.shown(1).is_empty());
    assert!(rig.events.try_recv().is_err());
}

#[tokio::test]
async fn a_pin_that_waits_is_dropped_when_its_unpin_is_wanted() {
    let rig = Rig::new().await;
    let (first, second) = (MessageId::from(78), MessageId::from(77));
    let gate = rig.discord.hold("PUT", "/pins/78", Answer::Do);
    rig.act(1, Act::Pin { message: first }).await;
    rig.discord.until("PUT", "/pins/78", 1).await;
    rig.act(1, Act::Pin { message: second }).await;
    rig.act(1, Act::Unpin { message: second }).await;
    gate.add_permits(1);
    rig.done().await;
    assert_eq!(rig.discord.seen("PUT", "/pins/77").len(), 0);
    assert_eq!(rig.discord.seen("DELETE", "/pins/77").len(), 1);
}

#[tokio::test]
async fn acts_are_sent_and_those_that_are_moot_are_dropped() {
    let mut rig = Rig::new().await;
    let message = MessageId::from(77);
    rig.discord.rule("PUT", "/pins/", refusal(400, 30003));
    rig.act(
        1,
        Act::React {
            message,
            emoji: "📥".to_owned(),
        },
    )
    .await;
    rig.act(
        1,
        Act::Unreact {
            message,
            emoji: "blob:5".to_owned(),
        },
    )
    .await;
    let other = MessageId::from(78);
    rig.act(1, Act::Pin { message: other }).await;
    rig.act(1, Act::Unpin { message }).await;
    rig.act(
        1,
        Act::AddMember {
            user: UserId::from(9),
        },
    )
    .await;
    rig.done().await;
    let seen = rig.discord.model.lock().unwrap().seen.clone();
    let calls: Vec<String> = seen
        .iter()
        .map(|seen| format!("{} {}", seen.method, seen.path.trim_start_matches("/api/v10")))
        .collect();
    assert_eq!(
        calls,
        [
            "PUT /channels/1/messages/77/reactions/%F0%9F%93%A5/@me",
            "DELETE /channels/1/messages/77/reactions/blob:5/@me",
            "PUT /channels/1/pins/78",
            "DELETE /channels/1/pins/77",
            "PUT /channels/1/thread-members/9",
        ]
    );
    assert_eq!(
        seen[0].length.as_deref(),
        Some("0"),
        "Discord answers 411 to a PUT without a length"
    );
    assert!(rig.events.try_recv().is_err());
}

#[tokio::test]
async fn typing_is_not_queued_and_stops_when_it_is_limited() {
    let rig = Rig::new().await;
    rig.discord.rule("POST", "/typing", limited(3600.0, false));
    let gate = rig.discord.hold("POST", MESSAGES, Answer::Do);
    rig.post(1, "x").await;
    rig.discord.until("POST", MESSAGES, 1).await;
    rig.outbox.typing(1.into());
    rig.discord.until("POST", "/typing", 1).await;
    gate.add_permits(1);
    rig.done().await;
    rig.tracker.close();
    soon(rig.tracker.wait()).await;
    rig.outbox.typing(1.into());
    assert!(rig.tracker.is_empty(), "nothing was spawned");
}

#[tokio::test]
async fn many_channels_go_side_by_side() {
    let rig = Rig::new().await;
    let gate = rig.discord.hold("POST", "/channels/1/", Answer::Do);
    for channel in 1..=20 {
        for text in ["a", "b"] {
            rig.post(channel, text).await;
        }
    }
    for channel in 2..=20 {
        rig.discord
            .until("POST", &format!("/channels/{channel}/"), 2)
            .await;
    }
    gate.add_permits(1);
    rig.done().await;
    for channel in 1..=20 {
        assert_eq!(rig.discord.shown(channel), ["a", "b"]);
    }
    rig.tracker.close();
    soon(rig.tracker.wait()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_that_ends_never_leaves_a_message_behind() {
    let mut rig = Rig::new().await;
    for number in 0..400 {
        let row = rig.post(1, &number.to_string()).await;
        // The lane looks for more right after this, finds nothing, and ends: the next message comes just then.
        assert_eq!(rig.sent().await.0, row);
    }
    rig.done().await;
    assert_eq!(rig.discord.shown(1).len(), 400);
}

#[tokio::test]
async fn a_thousand_threads_are_served() {
    let rig = Rig::new().await;
    for channel in 1..=1000 {
        rig.post(channel, "a").await;
        rig.post(channel, "b").await;
    }
    rig.done().await;
    for channel in 1..=1000 {
        assert_eq!(rig.discord.shown(channel), ["a", "b"]);
    }
    rig.tracker.close();
    soon(rig.tracker.wait()).await;
}

#[tokio::test]
async fn the_library_limiter_is_obeyed_without_a_429() {
    let rig = Rig::with(hasty(), true).await;
    let empty = vec![
        ("x-ratelimit-limit", "1".to_owned()),
        ("x-ratelimit-remaining", "0".to_owned()),
        ("x-ratelimit-reset-after", "0.6".to_owned()),
    ];
    rig.discord.rule("POST", "/channels/1/", Answer::With(empty));
    rig.post(1, "a").await;
    rig.done().await;
    let row = rig.post(1, "old").await;
    rig.stalled(1).await;
    rig.replace(row, "new").await;
    rig.post(2, "another bucket").await;
    rig.done().await;
    let posts = rig.discord.seen("POST", "/channels/1/");
    assert_eq!(posts.len(), 2);
    assert_eq!(posts[1].content(), "new");
    assert!(posts[1].at.duration_since(posts[0].at) >= Duration::from_millis(550));
}

#[tokio::test]
async fn what_discord_answers_is_told_apart() {
    let discord = Discord::start().await;
    let rest = rest(&discord, false);
    let call = || Call::new(LightMethod::Get, Route::UserMe);
    discord.rule("GET", "/users", Answer::Say(429, Value::Null));
    discord.rule("GET", "/users", limited(2.5, true));
    discord.rule(
        "GET",
        "/users",
        Answer::Say(403, json!({"code": 50001, "message": "Missing Access"})),
    );
    discord.rule("GET", "/users", Answer::Say(503, Value::Null));
    discord.rule("GET", "/users", Answer::Lose);
    discord.rule("GET", "/users", Answer::Say(401, Value::Null));
    let mut errors = Vec::new();
    for _ in 0..6 {
        errors.push(rest.send(call()).await.unwrap_err());
    }
    assert_eq!(
        errors[0],
        RestError::Limited {
            retry_after: Duration::from_secs(1),
            global: false
        }
    );
    assert_eq!(
        errors[1],
        RestError::Limited {
            retry_after: Duration::from_millis(2500),
            global: true
        }
    );
    assert_eq!(errors[2].code(), Some(50001));
    for error in &errors[3..5] {
        assert!(
            matches!(error, RestError::Unknown { maybe_done: true, .. }),
            "{error:?}"
        );
    }
    assert_eq!(errors[5], RestError::Unauthorized);

    let client = reqwest::Client::new();
    let nowhere = Rest::new(
        Arc::new(HttpBuilder::new("token").ratelimiter_disabled(true).build()),
        client,
        Some("http://127.0.0.1:1/".to_owned()),
    );
    let error = nowhere.send(call()).await.unwrap_err();
    assert!(
        matches!(
            error,
            RestError::Unknown {
                maybe_done: false,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn questions_wait_out_limits_and_a_thread_that_exists_is_adopted() {
    let discord = Discord::start().await;
    let rest = rest(&discord, false);
    discord.rule("GET", "/users", limited(0.01, false));
    discord.rule("GET", "/users", Answer::Say(500, Value::Null));
    assert_eq!(rest.me().await.unwrap().id.to_string(), BOT);
    assert_eq!(rest.me().await.unwrap().name, "omp");
    assert_eq!(discord.seen("GET", "/users").len(), 3);

    let (channel, message) = (ChannelId::from(1), MessageId::from(50));
    discord.rule("POST", "/messages/50/threads", refusal(400, 160_004));
    let thread = rest
        .create_thread_on_message(channel, message, "t")
        .await
        .unwrap();
    assert!(thread.existed);
    assert_eq!(thread.id, message.thread());

    discord.rule("POST", "/channels/1/threads", Answer::Say(500, Value::Null));
    assert!(
        rest.create_thread(channel, "t").await.is_err(),
        "it may have been made"
    );
    assert_eq!(discord.seen("POST", "/channels/1/threads").len(), 1);
    discord.rule(
        "POST",
        "/channels/1/threads",
        Answer::Say(201, json!({"id": "60"})),
    );
    assert_eq!(rest.create_thread(channel, "t").await.unwrap().to_string(), "60");
    rest.add_thread_member(thread.id, UserId::from(9)).await.unwrap();
}
