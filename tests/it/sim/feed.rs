//! What a viewer of the simulated Discord is told and can read.

use std::time::Duration;

use futures_util::StreamExt as _;
use ompcord::sim::{Fault, Mishap, Sim, SimConfig};
use serde_json::{Value, json};

use super::bot::{Bot, http_for};
use super::{ch, start};

/// An event of the stream: its id, its kind, its content.
#[derive(Debug)]
struct Told {
    id: String,
    kind: String,
    data: Value,
}

/// A viewer that is connected.
struct Viewer {
    bytes: std::pin::Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<axum::body::Bytes>> + Send>>,
    heard: String,
}

impl Viewer {
    async fn connect(sim: &Sim, path: &str, last: Option<&str>) -> Self {
        let mut request = reqwest::Client::new().get(format!("{}{path}", sim.base_url()));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        Self {
            bytes: Box::pin(response.bytes_stream()),
            heard: String::new(),
        }
    }

    /// Waits for the next event.
    async fn next(&mut self) -> Told {
        tokio::time::timeout(Duration::from_secs(30), async {
            loop {
                if let Some((event, rest)) = self.heard.split_once("\n\n") {
                    let (event, rest) = (event.to_owned(), rest.to_owned());
                    self.heard = rest;
                    let field = |name: &str| {
                        let mut lines = event.lines();
                        lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(": ")?.to_owned()))
                    };
                    if let Some(kind) = field("event") {
                        return Told {
                            id: field("id").unwrap(),
                            kind,
                            data: serde_json::from_str(&field("data").unwrap()).unwrap(),
                        };
                    }
                    continue;
                }
                let more = self.bytes.next().await.unwrap().unwrap();
                self.heard.push_str(std::str::from_utf8(&more).unwrap());
            }
        })
        .await
        .expect("an event")
    }

    /// Everything up to the first message with this text, which is to be the last of it.
    async fn until_message(&mut self, text: &str) -> Vec<Told> {
        let mut all = Vec::new();
        loop {
            let told = self.next().await;
            let found = told.kind == "message" && told.data["content"] == text;
            all.push(told);
            if found {
                return all;
            }
        }
    }

    /// Skips what is told at the beginning; gives the greeting.
    async fn greeted(&mut self, channels: usize) -> Value {
        let hello = self.next().await;
        assert_eq!(hello.kind, "hello");
        if hello.data["resumed"] == false {
            assert_eq!(self.next().await.kind, "commands");
            for _ in 0..channels {
                assert_eq!(self.next().await.kind, "channel");
            }
        }
        hello.data
    }
}

async fn get(sim: &Sim, path: &str) -> Value {
    let response = reqwest::get(format!("{}{path}", sim.base_url())).await.unwrap();
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

fn kinds(all: &[Told]) -> Vec<&str> {
    all.iter().map(|told| told.kind.as_str()).collect()
}

fn texts(page: &Value) -> Vec<&str> {
    let messages = page["messages"].as_array().unwrap();
    messages.iter().map(|m| m["content"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn one_more_message_among_thousands_is_one_message_and_one_channel() {
    let sim = start().await;
    for n in 0..5000 {
        sim.say("bob", "home", &format!("message {n}")).unwrap();
    }
    let mut viewer = Viewer::connect(&sim, "/sim/events", None).await;
    let hello = viewer.greeted(3).await;
    assert_eq!(hello["home"], json!(sim.home_channel()));
    assert_eq!(hello["bot"]["connected"], false);
    assert!(
        hello["users"]
            .as_array()
            .unwrap()
            .iter()
            .any(|user| user["name"] == "alice")
    );
    let last = sim.say("alice", "home", "one more").unwrap();
    let told = viewer.until_message("one more").await;
    assert_eq!(kinds(&told), ["channel", "message"]);
    assert_eq!(told[0].data["last_message"], json!(last));
    assert_eq!(told[0].data["message_count"], 5001);
    // Nothing is late: what comes next is about the next thing.
    sim.react("bob", last, "👀").unwrap();
    let told = viewer.next().await;
    assert_eq!(told.kind, "message");
    assert_eq!(told.data["reactions"], json!([{"emoji": "👀", "users": ["bob"]}]));

    let page = get(&sim, "/sim/channels/home/messages?limit=3").await;
    assert_eq!(texts(&page), ["message 4998", "message 4999", "one more"]);
    assert_eq!((&page["more"], &page["newer"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn who_comes_back_is_told_what_was_missed_and_no_more() {
    let sim = start().await;
    let first = sim.say("alice", "home", "before").unwrap();
    let mut viewer = Viewer::connect(&sim, "/sim/events", None).await;
    let world = viewer.greeted(3).await["world"].clone();
    sim.say("alice", "home", "known").unwrap();
    let known = viewer.until_message("known").await.pop().unwrap();
    assert!(known.id.starts_with(world.as_str().unwrap()), "{known:?}");
    drop(viewer);

    sim.say("bob", "other", "missed").unwrap();
    sim.delete(first).unwrap();
    let mut viewer = Viewer::connect(&sim, "/sim/events", Some(&known.id)).await;
    let hello = viewer.greeted(0).await;
    assert_eq!((&hello["world"], &hello["resumed"]), (&world, &json!(true)));
    let told: Vec<Told> = [viewer.next().await, viewer.next().await, viewer.next().await]
        .into_iter()
        .chain([viewer.next().await])
        .collect();
    assert_eq!(kinds(&told), ["channel", "channel", "message", "gone"]);
    assert_eq!(told[2].data["content"], "missed");
    assert_eq!(told[3].data, json!({"kind": "message", "id": first}));
    // In the middle of it nothing claims to be complete.
    assert_eq!(told[1].id, known.id);
    assert_ne!(told[3].id, known.id);

    let mut again = Viewer::connect(&sim, "/sim/events", Some(&told[3].id)).await;
    assert_eq!(again.greeted(0).await["resumed"], true);
    sim.say("bob", "home", "news").unwrap();
    assert_eq!(kinds(&again.until_message("news").await), ["channel", "message"]);
}

#[tokio::test]
async fn another_world_and_a_half_told_one_begin_anew() {
    let sim = start().await;
    let other = start().await;
    other.say("alice", "home", "elsewhere").unwrap();
    let mut viewer = Viewer::connect(&other, "/sim/events", None).await;
    let cut_off = viewer.next().await.id;
    viewer.next().await;
    other.say("alice", "home", "there").unwrap();
    let foreign = viewer.until_message("there").await.pop().unwrap().id;
    for (at, last) in [
        (&sim, foreign.as_str()),
        (&other, cut_off.as_str()),
        (&sim, "rubbish"),
        (&sim, "-1"),
    ] {
        let mut viewer = Viewer::connect(at, "/sim/events", Some(last)).await;
        let hello = viewer.greeted(3).await;
        assert_eq!(hello["resumed"], false, "{last}");
    }
    let old = foreign.rsplit_once('-').unwrap().0;
    let mut future = Viewer::connect(&other, "/sim/events", Some(&format!("{old}-99999"))).await;
    assert_eq!(future.greeted(3).await["resumed"], false);
}

#[tokio::test]
async fn who_missed_too_much_begins_anew() {
    let sim = start().await;
    let mut viewer = Viewer::connect(&sim, "/sim/events", None).await;
    viewer.greeted(3).await;
    sim.say("alice", "home", "known").unwrap();
    let known = viewer.until_message("known").await.pop().unwrap().id;
    drop(viewer);
    for n in 0..2001 {
        sim.say("bob", "home", &n.to_string()).unwrap();
    }
    let mut viewer = Viewer::connect(&sim, "/sim/events", Some(&known)).await;
    assert_eq!(viewer.greeted(3).await["resumed"], false);
}

#[tokio::test]
async fn places_people_and_the_bot_are_told_of() {
    let sim = start().await;
    let mut viewer = Viewer::connect(&sim, "/sim/events", None).await;
    viewer.greeted(3).await;
    let message = sim.say("alice", "home", "x").unwrap();
    viewer.until_message("x").await;
    let thread = sim.start_thread("alice", message, "A thread").unwrap();
    let mut place = viewer.next().await;
    while place.data["name"] != "A thread" {
        place = viewer.next().await;
    }
    assert_eq!(place.data["parent"], json!(sim.home_channel()));
    assert_eq!(place.data["members"], json!(["alice"]));
    assert_eq!(
        (&place.data["archived"], &place.data["message_count"]),
        (&json!(false), &json!(0))
    );

    let bot = Bot::start(&sim).await;
    let mut told = viewer.next().await;
    while told.kind != "bot" {
        told = viewer.next().await;
    }
    assert_eq!(told.data["connected"], true);
    ch(thread.channel())
        .broadcast_typing(&http_for(&sim))
        .await
        .unwrap();
    let mut told = viewer.next().await;
    while told.kind != "channel" || told.data["typing"] != true {
        told = viewer.next().await;
    }
    assert_eq!(told.data["id"], json!(thread));
    // Nothing happens, and still it ends.
    let mut told = viewer.next().await;
    while told.kind != "channel" || told.data["typing"] != false {
        told = viewer.next().await;
    }
    assert_eq!(told.data["id"], json!(thread));
    sim.delete_channel(thread).unwrap();
    let mut told = viewer.next().await;
    while told.kind != "gone" || told.data["kind"] != "channel" {
        told = viewer.next().await;
    }
    assert_eq!(told.data["id"], json!(thread));
    bot.stop().await;
}

#[tokio::test]
async fn pages_pins_and_windows_of_a_channel() {
    let sim = start().await;
    let ids: Vec<_> = (0..10)
        .map(|n| sim.say("alice", "home", &n.to_string()).unwrap())
        .collect();
    let read = |query: String| {
        let sim = sim.clone();
        async move {
            get(
                &sim,
                &format!("/sim/channels/{}/messages?{query}", sim.home_channel()),
            )
            .await
        }
    };
    let newest = read("limit=2".into()).await;
    assert_eq!((texts(&newest), &newest["more"]), (vec!["8", "9"], &json!(true)));
    let older = read(format!("limit=3&before={}", ids[3])).await;
    assert_eq!(
        (texts(&older), &older["more"]),
        (vec!["0", "1", "2"], &json!(false))
    );
    assert_eq!(older["newer"], true);
    let around = read(format!("limit=4&around={}", ids[5])).await;
    assert_eq!(
        (texts(&around), &around["newer"]),
        (vec!["3", "4", "5", "6"], &json!(true))
    );
    let after = read(format!("limit=3&after={}", ids[7])).await;
    assert_eq!((texts(&after), &after["newer"]), (vec!["8", "9"], &json!(false)));
    assert_eq!(texts(&read("limit=1000".into()).await).len(), 10);

    sim.pin("alice", ids[2], true).unwrap();
    sim.pin("alice", ids[4], true).unwrap();
    let pins = get(&sim, "/sim/channels/home/pins").await;
    let pinned: Vec<&Value> = pins.as_array().unwrap().iter().map(|m| &m["content"]).collect();
    assert_eq!(pinned, ["4", "2"]);
    let notes = read("limit=1".into()).await;
    assert_eq!(
        (&notes["messages"][0]["kind"], &notes["messages"][0]["reply_to"]),
        (&json!(6), &json!(ids[4]))
    );

    let nowhere = reqwest::get(format!("{}/sim/channels/nowhere/messages", sim.base_url()))
        .await
        .unwrap();
    assert_eq!(nowhere.status(), 404);
}

#[tokio::test]
async fn what_is_said_to_one_person_alone_is_theirs() {
    let sim = start().await;
    let bot = Bot::start(&sim).await;
    sim.until("the commands", |sim| (!sim.commands().is_empty()).then_some(()))
        .await;
    let mut viewer = Viewer::connect(&sim, "/sim/events", None).await;
    viewer.greeted(3).await;
    sim.say("bob", "home", "first").unwrap();
    let asked = sim.slash("alice", "home", "omp secret", &[]).unwrap();
    let reply = sim.reply(asked).await;
    let whispered = reply.message.unwrap();
    sim.say("bob", "home", "last").unwrap();
    let mut told = Vec::new();
    let answered = |told: &Told| told.kind == "interaction" && told.data["message"]["thinking"] == false;
    while !told.last().is_some_and(answered) {
        told.push(viewer.next().await);
    }
    let private = told
        .iter()
        .find(|told| told.kind == "message" && told.data["id"] == json!(whispered.id));
    assert_eq!(private.unwrap().data["only_for"], "alice");
    let answer = &told.last().unwrap().data;
    assert_eq!(
        (&answer["user"], &answer["answered"]),
        (&json!("alice"), &json!(true))
    );
    assert_eq!(
        answer["message"]["answers"],
        json!({"user": "alice", "name": "/omp secret"})
    );

    let all = get(&sim, "/sim/channels/home/messages").await;
    assert_eq!(texts(&all), ["first", "last"]);
    let hers = get(&sim, "/sim/channels/home/messages?user=alice").await;
    assert_eq!(texts(&hers), ["first", whispered.content.as_str(), "last"]);
    let his = get(&sim, "/sim/channels/home/messages?user=bob").await;
    assert_eq!(texts(&his), ["first", "last"]);
    bot.stop().await;
}

#[tokio::test]
async fn requests_are_told_with_the_mishap_that_met_them() {
    let sim = start().await;
    let mut viewer = Viewer::connect(&sim, "/sim/calls/stream", None).await;
    assert_eq!(viewer.next().await.kind, "hello");
    sim.fault(Fault::next("POST", "/channels/**", Mishap::status(502)));
    let http = http_for(&sim);
    ch(sim.home_channel()).say(&http, "lost").await.unwrap_err();
    let mut told = viewer.next().await;
    while told.data["status"].is_null() {
        assert_eq!(told.kind, "call");
        told = viewer.next().await;
    }
    assert_eq!(
        (&told.data["status"], &told.data["mishap"]),
        (&json!(502), &json!("502"))
    );
    assert_eq!(told.data["route"], "/channels/{channel}/messages");
    let number = told.data["number"].as_u64().unwrap();

    let all = get(&sim, "/sim/calls").await;
    assert_eq!(all["calls"].as_array().unwrap().len(), 1);
    assert_eq!((&all["calls"][0], &all["next"]), (&told.data, &json!(number)));
    let later = get(&sim, &format!("/sim/calls?after={number}")).await;
    assert_eq!((&later["calls"], &later["next"]), (&json!([]), &json!(number)));

    drop(viewer);
    ch(sim.home_channel()).say(&http, "well").await.unwrap();
    let mut viewer = Viewer::connect(&sim, "/sim/calls/stream", Some(&told.id)).await;
    assert_eq!(viewer.next().await.data["resumed"], true);
    let mut told = viewer.next().await;
    while told.data["status"].is_null() {
        told = viewer.next().await;
    }
    assert_eq!(
        (&told.data["number"], &told.data["status"]),
        (&json!(number + 1), &json!(200))
    );
    assert_eq!(told.data["mishap"], Value::Null);
}

#[tokio::test]
async fn files_of_an_agent_never_become_a_page() {
    let sim = start().await;
    let files: [(&str, &[u8]); 2] = [("page.html", b"<script>alert(1)</script>"), ("dot.png", b"png")];
    let message = sim.say_with_files("alice", "home", "", &files).unwrap();
    let seen = sim.message(message).unwrap();
    for (file, disposition) in seen.attachments.iter().zip(["attachment", "inline"]) {
        let response = reqwest::get(&file.url).await.unwrap();
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-disposition"), disposition);
        assert_eq!(header("content-security-policy"), "sandbox; default-src 'none'");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin");
    }
}

#[tokio::test]
async fn nothing_is_open_to_foreign_pages_and_names() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let message = sim
        .say_with_files("alice", "home", "", &[("a.txt", b"a")])
        .unwrap();
    let file = sim.message(message).unwrap().attachments[0].url.clone();
    let base = sim.base_url();
    let token = format!("Bot {}", sim.bot_token());
    let me = format!("{base}/api/v10/users/@me");
    for (url, fine) in [
        (format!("{base}/sim/state"), 200),
        (format!("{base}/sim/calls"), 200),
        (format!("{base}/sim/channels/home/messages"), 200),
        (file, 200),
        (format!("{base}/api/v10/gateway"), 200),
        (me, 200),
    ] {
        let ask = |header: Option<(&'static str, String)>| {
            let mut request = reqwest::Client::new().get(&url).header("authorization", &token);
            if let Some((name, value)) = header {
                request = request.header(name, value);
            }
            async move { request.send().await.unwrap().status().as_u16() }
        };
        assert_eq!(ask(None).await, fine, "{url}");
        assert_eq!(ask(Some(("origin", base.clone()))).await, fine, "{url}");
        for origin in [
            "http://evil.example",
            "null",
            "http://127.0.0.1:1",
            "https://discord.com",
        ] {
            assert_eq!(
                ask(Some(("origin", origin.into()))).await,
                403,
                "{url} from {origin}"
            );
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example:80",
            "localhost.evil.example",
        ] {
            assert_eq!(ask(Some(("host", host.into()))).await, 403, "{url} as {host}");
        }
    }
}
