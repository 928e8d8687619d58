//! MCP on both transports, message by message. Clients from outside this project: `scripts/mcp-clients`.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::bench;
use crate::harness::{Bench, Http};
use crate::http::session_token;

fn hello() -> Value {
    json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}})
}

fn request(id: u32, method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

fn use_tool(id: u32, name: &str, arguments: &Value) -> Value {
    request(id, "tools/call", &json!({"name": name, "arguments": arguments}))
}

/// `ompcord mcp` with a client at its other end.
struct Program {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Program {
    async fn start(vars: &[(&str, String)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ompcord"))
            .arg("mcp")
            .env_clear()
            .envs(vars.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut this = Self { child, input, output };
        let welcome = this.ask(&hello()).await;
        assert_eq!(welcome["result"]["serverInfo"]["name"], "ompcord", "{welcome}");
        assert!(
            welcome["result"]["instructions"]
                .as_str()
                .unwrap()
                .contains("discord_ask")
        );
        this.tell(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
            .await;
        this
    }

    async fn tell(&mut self, message: &Value) {
        self.input
            .write_all(format!("{message}\n").as_bytes())
            .await
            .unwrap();
    }

    async fn hear(&mut self) -> Value {
        let line = self.output.next_line().await.unwrap().expect("an answer");
        serde_json::from_str(&line).unwrap()
    }

    async fn ask(&mut self, message: &Value) -> Value {
        self.tell(message).await;
        loop {
            let heard = self.hear().await;
            if heard["id"] == message["id"] {
                return heard;
            }
        }
    }

    async fn end(mut self) {
        drop(self.input);
        assert!(self.child.wait().await.unwrap().success());
    }
}

/// Where the daemon is, for a program that an owner or an agent starts.
fn vars(bench: &Bench, token: Option<&str>) -> Vec<(&'static str, String)> {
    let mut vars = vec![
        ("HOME", bench.dir.path().display().to_string()),
        (
            "OMPCORD_STATE_DIR",
            bench.config().state_dir.display().to_string(),
        ),
        (
            "OMPCORD_HTTP_ADDR",
            bench.url().trim_start_matches("http://").to_owned(),
        ),
    ];
    if let Some(token) = token {
        vars.push(("OMPCORD_URL", bench.url()));
        vars.push(("OMPCORD_SESSION_TOKEN", token.to_owned()));
    }
    vars
}

/// An MCP session over HTTP.
struct Streamed {
    api: Http,
    session: String,
}

impl Streamed {
    async fn post(api: &Http, session: Option<&str>, message: &Value) -> (u16, Option<String>, Value) {
        let mut request = api
            .client
            .post(format!("{}/mcp", api.url))
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .bearer_auth(&api.token)
            .body(message.to_string());
        if let Some(session) = session {
            request = request.header("mcp-session-id", session);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let session = response.headers().get("mcp-session-id");
        let session = session.map(|session| session.to_str().unwrap().to_owned());
        let text = response.text().await.unwrap();
        // The last event is the answer; before it may be signs of life.
        let answer = text
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .next_back();
        let answer = serde_json::from_str(answer.unwrap_or(&text)).unwrap_or(Value::Null);
        (status, session, answer)
    }

    async fn start(api: &Http) -> Self {
        let (status, session, welcome) = Self::post(api, None, &hello()).await;
        assert_eq!(
            (status, &welcome["result"]["serverInfo"]["name"]),
            (200, &json!("ompcord")),
            "{welcome}"
        );
        let this = Self {
            api: api.clone(),
            session: session.expect("a session"),
        };
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(Self::post(api, Some(&this.session), &ready).await.0, 202);
        this
    }

    async fn ask(&self, message: &Value) -> Value {
        let (status, _, answer) = Self::post(&self.api, Some(&self.session), message).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }
}

#[tokio::test]
async fn a_program_on_stdio_uses_the_daemon_and_two_can_at_once() {
    let bench = bench().await;
    let owner = bench.api();
    let (session, thread) = owner.session().await;
    let token = session_token(&bench, &session).await;
    let mut first = Program::start(&vars(&bench, Some(&token))).await;
    let mut second = Program::start(&vars(&bench, None)).await;
    let tools = first.ask(&request(1, "tools/list", &json!({}))).await;
    let tools = tools["result"]["tools"].as_array().unwrap().clone();
    assert_eq!(tools.len(), 9);
    let read = tools.iter().find(|tool| tool["name"] == "discord_read").unwrap();
    assert_eq!(read["annotations"]["readOnlyHint"], true);

    // Both ask, each in its own way, and are answered in the other order.
    first
        .tell(&use_tool(
            2,
            "discord_ask",
            &json!({"question": "One?", "choices": ["Yes"]}),
        ))
        .await;
    let elsewhere = json!({"question": "Two?", "choices": ["No"], "session_id": session});
    second.tell(&use_tool(2, "discord_ask", &elsewhere)).await;
    let one = bench.question(thread, "One?").await;
    let two = bench.question(thread, "Two?").await;
    bench.sim.click("alice", two.id, "No").unwrap();
    assert_eq!(second.hear().await["result"]["structuredContent"]["answer"], "No");
    bench.sim.click("alice", one.id, "Yes").unwrap();
    assert_eq!(first.hear().await["result"]["structuredContent"]["answer"], "Yes");

    let wrong = first.ask(&use_tool(3, "discord_send", &json!({"text": 1}))).await;
    assert_eq!(wrong["result"]["isError"], true, "{wrong}");
    let text = wrong["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("`text` is wrong"), "{text}");
    let unknown = first.ask(&use_tool(4, "discord_fly", &json!({}))).await;
    assert!(
        unknown["error"]["message"].as_str().unwrap().contains("no tool"),
        "{unknown}"
    );

    let listed = first.ask(&request(5, "resources/list", &json!({}))).await;
    let address = listed["result"]["resources"][0]["uri"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(address, format!("discord://channel/{thread}/messages"));
    let read = first
        .ask(&request(6, "resources/read", &json!({"uri": address})))
        .await;
    assert!(
        read["result"]["contents"][0]["text"]
            .as_str()
            .unwrap()
            .contains("One?"),
        "{read}"
    );
    let home = format!("discord://channel/{}/messages", bench.sim.home_channel());
    let closed = first
        .ask(&request(7, "resources/read", &json!({"uri": home})))
        .await;
    assert!(
        closed["error"]["message"]
            .as_str()
            .unwrap()
            .contains("not open to you"),
        "{closed}"
    );
    let templates = first
        .ask(&request(8, "resources/templates/list", &json!({})))
        .await;
    assert_eq!(
        templates["result"]["resourceTemplates"][0]["uriTemplate"],
        "discord://channel/{id}/messages"
    );

    // Cancelled by its client, and then by the client's end.
    first
        .tell(&use_tool(9, "discord_ask", &json!({"question": "Three?"})))
        .await;
    let three = bench.question(thread, "Three?").await;
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 9}});
    first.tell(&cancel).await;
    withdrawn(&bench, three.id).await;
    let elsewhere = json!({"question": "Four?", "session_id": session});
    second.tell(&use_tool(10, "discord_ask", &elsewhere)).await;
    let four = bench.question(thread, "Four?").await;
    second.child.start_kill().unwrap();
    second.child.wait().await.unwrap();
    withdrawn(&bench, four.id).await;
    first.end().await;
    bench.finish().await;
}

async fn withdrawn(bench: &Bench, question: ompcord::ids::MessageId) {
    let over = move |sim: &ompcord::sim::Sim| {
        let seen = sim.message(question)?;
        (seen.buttons.is_empty() && seen.content.contains("withdrawn")).then_some(())
    };
    bench.sim.until("the question to be withdrawn", over).await;
}

#[tokio::test]
async fn without_a_daemon_a_program_on_stdio_says_so_at_once() {
    let mut bench = Bench::start().await;
    let vars = vars(&bench, None);
    bench.shut_down().await;
    let output = Command::new(env!("CARGO_BIN_EXE_ompcord"))
        .arg("mcp")
        .env_clear()
        .envs(vars)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), output.stdout.len()),
        (Some(1), 0),
        "{told}"
    );
    assert!(
        told.contains("no daemon answers") && told.contains("ompcord run"),
        "{told}"
    );
    bench.finish().await;
}

#[tokio::test]
async fn what_no_server_of_mcp_takes_is_said_as_mcp_does() {
    let bench = bench().await;
    let api = bench.api();
    let first = Streamed::start(&api).await;
    for unreadable in [json!(null), json!(5), json!([hello()]), json!({"id": {}})] {
        let (status, _, said) = Streamed::post(&api, Some(&first.session), &unreadable).await;
        assert_eq!((status, &said["error"]["code"]), (400, &json!(-32600)), "{said}");
    }
    let call = json!({"name": "discord_send", "arguments": [1]});
    let said = first.ask(&request(1, "tools/call", &call)).await;
    assert_eq!(said["error"]["code"], -32602, "{said}");
    let said = first.ask(&request(2, "tools/juggle", &json!({}))).await;
    assert_eq!(said["error"]["code"], -32601, "{said}");
    let (status, _, said) = Streamed::post(&api, Some("nobody"), &request(3, "tools/list", &json!({}))).await;
    assert_eq!((status, &said["error"]["code"]), (404, &json!("mcp")), "{said}");

    // Sixty-four at once; the one that was longest without a request gives way.
    let second = Streamed::start(&api).await;
    for _ in 0..62 {
        Streamed::start(&api).await;
    }
    first.ask(&request(4, "tools/list", &json!({}))).await;
    Streamed::start(&api).await;
    first.ask(&request(5, "tools/list", &json!({}))).await;
    let (status, _, _) =
        Streamed::post(&api, Some(&second.session), &request(6, "tools/list", &json!({}))).await;
    assert_eq!(status, 404);
    bench.finish().await;
}

#[tokio::test]
async fn a_session_over_http_is_its_principals_own() {
    let bench = bench().await;
    let owner = bench.api();
    let (session, thread) = owner.session().await;
    let api = owner.with_token(&session_token(&bench, &session).await);
    let mine = Streamed::start(&api).await;
    let owners = Streamed::start(&owner).await;
    let tools = mine.ask(&request(1, "tools/list", &json!({}))).await;
    assert_eq!(tools["result"]["tools"].as_array().unwrap().len(), 9);
    let sent = mine
        .ask(&use_tool(2, "discord_send", &json!({"text": "over HTTP"})))
        .await;
    assert_eq!(
        sent["result"]["structuredContent"]["channel_id"],
        json!(thread),
        "{sent}"
    );
    let sent = owners
        .ask(&use_tool(2, "discord_send", &json!({"text": "x"})))
        .await;
    assert_eq!(
        sent["result"]["isError"], true,
        "the owner's token has no thread: {sent}"
    );
    // With another token, a session is not there.
    let (status, _, _) =
        Streamed::post(&owner, Some(&mine.session), &request(3, "tools/list", &json!({}))).await;
    assert_eq!(status, 404);
    let bad = owner.with_token("ompo_nonsense");
    assert_eq!(Streamed::post(&bad, None, &hello()).await.0, 401);

    let asked = tokio::spawn({
        let asking = Streamed {
            api: api.clone(),
            session: mine.session.clone(),
        };
        async move {
            let question = use_tool(4, "discord_ask", &json!({"question": "Over HTTP?"}));
            Streamed::post(&asking.api, Some(&asking.session), &question).await
        }
    });
    let question = bench.question(thread, "Over HTTP?").await;
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 4}});
    assert_eq!(Streamed::post(&api, Some(&mine.session), &cancel).await.0, 202);
    withdrawn(&bench, question.id).await;
    asked.abort();
    let end = api
        .client
        .delete(format!("{}/mcp", api.url))
        .bearer_auth(&api.token);
    let ended = end.header("mcp-session-id", &mine.session).send().await.unwrap();
    assert!(ended.status().is_success(), "{}", ended.status());
    assert_eq!(
        Streamed::post(&api, Some(&mine.session), &request(5, "tools/list", &json!({})))
            .await
            .0,
        404
    );

    // A foreign page gets nowhere, whatever it knows.
    let foreign = api
        .client
        .post(format!("{}/mcp", api.url))
        .bearer_auth(&api.token);
    let foreign = foreign
        .header("origin", "https://example.com")
        .header("content-type", "application/json")
        .body(hello().to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(foreign.status(), 403);
    bench.finish().await;
}
