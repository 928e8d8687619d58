//! How the program starts and ends, seen as a shell or a service manager sees it: exit codes, one sentence, a hint.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use ompcord::error::PERMISSIONS;
use ompcord::sim::{Fault, Mishap, Sim, SimConfig};
use ompcord::store::Store;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::harness::{Bench, Setup, eventually, is_footer, processes, scripted_command};

/// The intent for the content of messages, by Discord's number.
const MESSAGE_CONTENT: u64 = 1 << 15;

/// A directory and the variables of one start.
struct Start {
    dir: tempfile::TempDir,
    token: String,
    vars: Vec<(&'static str, String)>,
}

impl Start {
    /// What a correct start on this Discord needs.
    fn on(sim: &Sim) -> Self {
        let mut start = Self::at(&sim.base_url(), &sim.bot_token());
        start.set("DISCORD_GUILD_ID", &sim.guild_id());
        start.set("DISCORD_CHANNEL_ID", &sim.home_channel());
        start.set("DISCORD_ALLOWED_USERS", &sim.user("alice").unwrap());
        start
    }

    fn at(api: &str, token: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let vars = vec![
            ("PATH", std::env::var("PATH").unwrap()),
            ("HOME", dir.path().display().to_string()),
            ("DISCORD_API_URL", api.to_owned()),
            ("DISCORD_BOT_TOKEN", token.to_owned()),
            ("DISCORD_GUILD_ID", "1".to_owned()),
            ("DISCORD_CHANNEL_ID", "2".to_owned()),
            ("DISCORD_ALLOWED_USERS", "3".to_owned()),
            ("OMP_COMMAND", scripted_command(dir.path())),
            ("OMPCORD_HTTP_ADDR", "127.0.0.1:0".to_owned()),
            (
                "OMPCORD_STATE_DIR",
                dir.path().join("state").display().to_string(),
            ),
        ];
        Self {
            dir,
            token: token.to_owned(),
            vars,
        }
    }

    fn set(&mut self, name: &'static str, value: &dyn ToString) {
        self.vars.retain(|(known, _)| *known != name);
        self.vars.push((name, value.to_string()));
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    fn command(&self, patience: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ompcord"));
        command.args(["run", "--connect-timeout", patience]);
        command
            .env_clear()
            .envs(self.vars.clone())
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs the program to its end, which has to come by itself.
    async fn ends(&self) -> Ended {
        let output = self.command("2s").output();
        let output = tokio::time::timeout(Duration::from_mins(1), output).await;
        let Output {
            status,
            stdout,
            stderr,
        } = output.expect("the program ends").unwrap();
        assert_eq!(
            String::from_utf8_lossy(&stdout),
            "",
            "an error is nothing for standard output"
        );
        let ended = Ended {
            code: status.code(),
            text: String::from_utf8(stderr).unwrap(),
        };
        ended.is_well_said(&self.token);
        assert_eq!(processes(&self.state().display().to_string()), Vec::<u32>::new());
        ended
    }

    /// Starts the program; what it says goes to a file.
    async fn runs(self) -> Running {
        let log = self.dir.path().join("stderr.log");
        let file = std::fs::File::create(&log).unwrap();
        let child = self.command("60s").stderr(file).spawn().unwrap();
        let running = Running {
            start: self,
            child,
            log,
        };
        eventually("the daemon to say where it listens", || running.addr().is_some()).await;
        running
    }
}

/// What is left of a program that ended.
struct Ended {
    code: Option<i32>,
    text: String,
}

impl Ended {
    /// One sentence and one hint; around them only log lines, and those in our own words.
    fn is_well_said(&self, token: &str) {
        let text = &self.text;
        assert!(!text.contains(token), "the token is shown: {text}");
        let is_log = |line: &&str| line.contains(" WARN ") || line.contains(" INFO ");
        let rest: Vec<&str> = text.lines().filter(|line| !is_log(line)).collect();
        assert_eq!(rest.len(), 2, "one sentence and one hint: {text}");
        let sentence = rest[0].strip_prefix("error: ").expect(text);
        assert!(rest[1].starts_with("hint: "), "{text}");
        let mut clauses = HashSet::new();
        assert!(
            sentence.split(": ").all(|clause| clauses.insert(clause)),
            "{text}"
        );
        for debris in ["Error {", "Err(", "Some(", "Os {", "serenity", "reqwest", "sqlx"] {
            assert!(!text.contains(debris), "{debris:?} is for programmers: {text}");
        }
    }

    /// The exit code, and words that the sentence or the hint has.
    fn is(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.text);
        for word in words {
            assert!(self.text.contains(word), "{word:?} is missing: {}", self.text);
        }
    }
}

/// A daemon that runs.
struct Running {
    start: Start,
    child: Child,
    log: PathBuf,
}

impl Running {
    fn said(&self) -> String {
        String::from_utf8(std::fs::read(&self.log).unwrap()).unwrap()
    }

    fn addr(&self) -> Option<SocketAddr> {
        let said = self.said();
        let (_, rest) = said.split_once("answers on http://")?;
        rest.split_once("/healthz")?.0.parse().ok()
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr().unwrap())
    }

    async fn status(&self, path: &str) -> u16 {
        reqwest::get(self.url(path)).await.unwrap().status().as_u16()
    }

    /// Sends SIGTERM and gives the exit code and what was said.
    async fn terminated(&mut self) -> (Option<i32>, String) {
        let pid = self.child.id().expect("it runs");
        let told = std::process::Command::new("kill").arg(pid.to_string()).status();
        assert!(told.unwrap().success());
        let ended = tokio::time::timeout(Duration::from_mins(1), self.child.wait()).await;
        let code = ended.expect("it ends").unwrap().code();
        let state = self.start.state().display().to_string();
        assert_eq!(processes(&state), Vec::<u32>::new(), "{}", self.said());
        (code, self.said())
    }
}

async fn sim() -> Sim {
    Sim::start(SimConfig::default()).await.unwrap()
}

async fn connected(sim: &Sim) {
    sim.until("the daemon to connect", |sim| {
        sim.gateway_connected().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_malformed_token_is_described_and_not_shown() {
    let secret = "this is not a token";
    let start = Start::at("http://127.0.0.1:1", secret);
    let output = start.command("2s").output().await.unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(
        text.contains("DISCORD_BOT_TOKEN") && text.contains("hint: "),
        "{text}"
    );
    assert!(!text.contains(secret), "{text}");
    assert!(!start.state().exists(), "nothing was made");
}

#[tokio::test]
async fn a_token_that_discord_does_not_know_ends_with_77() {
    let sim = sim().await;
    let mut start = Start::on(&sim);
    start.token = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GaBcDe.abcdefghijklmnopqrstuvwxyz0123456789AB".to_owned();
    start.set("DISCORD_BOT_TOKEN", &start.token.clone());
    let words = ["does not accept the bot token", "DISCORD_BOT_TOKEN"];
    start.ends().await.is(77, &words);
    assert_eq!(sim.logins().0, 0, "the gateway was not bothered");
}

#[tokio::test]
async fn a_token_that_the_gateway_does_not_accept_ends_with_77() {
    let sim = sim().await;
    let start = Start::on(&sim);
    // The token is reset between the last request and the connection: the answer that names the gateway takes a while.
    let fault = Fault::next("GET", "/gateway", Mishap::Slow { ms: 1000 });
    sim.fault(fault);
    let reset = async {
        let asked = |sim: &Sim| (sim.count("GET", "/gateway") > 0).then_some(());
        sim.until("the gateway to be asked for", asked).await;
        sim.reset_token("MTEwMDAw.sim.another-token");
    };
    let (ended, ()) = tokio::join!(start.ends(), reset);
    ended.is(77, &["does not accept the bot token", "DISCORD_BOT_TOKEN"]);
}

#[tokio::test]
async fn an_intent_that_is_switched_off_ends_with_78() {
    let sim = Sim::start(SimConfig {
        disallowed_intents: MESSAGE_CONTENT,
        ..SimConfig::default()
    })
    .await
    .unwrap();
    let words = ["Message Content Intent is switched off", "discord.com/developers"];
    Start::on(&sim).ends().await.is(78, &words);
}

#[tokio::test]
async fn a_server_that_the_bot_is_not_in_ends_with_78_and_an_invitation() {
    let sim = sim().await;
    let mut start = Start::on(&sim);
    start.set("DISCORD_GUILD_ID", &"987654321098765432");
    start.ends().await.is(
        78,
        &[
            "the server 987654321098765432",
            "Missing Access",
            "https://discord.com/oauth2/authorize?client_id=",
            "scope=bot+applications.commands&permissions=",
        ],
    );
}

#[tokio::test]
async fn nothing_at_the_address_ends_with_75() {
    // A port that was free a moment ago.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let ended = Start::at(&api, "MTEwMDAw.sim.bot-token").ends().await;
    let sentence = format!("Discord cannot be reached at {api}: Connection refused");
    ended.is(75, &[&sentence, "DISCORD_API_URL", "trying again for 2 s"]);
}

#[tokio::test]
async fn a_discord_that_only_fails_ends_with_75() {
    for (route, mishap, words) in [
        ("/users/{me}", Mishap::status(503), "503"),
        ("/users/{me}", Mishap::Hang, "did not answer within 2 s"),
        ("/users/{me}", Mishap::status(404), "404"),
        (
            "/users/{me}",
            Mishap::rate_limited(Duration::from_mins(15)),
            "no requests for another 900 s",
        ),
        ("/gateway", Mishap::status(500), "500"),
    ] {
        let sim = sim().await;
        sim.fault(Fault::next("GET", route, mishap).times(1000));
        Start::on(&sim)
            .ends()
            .await
            .is(75, &["Discord cannot be reached at", words]);
        sim.stop().await;
    }
}

#[tokio::test]
async fn a_discord_that_fails_for_a_moment_is_asked_again() {
    let sim = sim().await;
    let fault = Fault::next("GET", "/users/{me}", Mishap::status(502));
    // One question is tried three times: these are more.
    sim.fault(fault.times(4));
    let mut start = Start::on(&sim);
    start.set("OMPCORD_LOG", &"info");
    let mut daemon = start.runs().await;
    connected(&sim).await;
    let (code, said) = daemon.terminated().await;
    assert_eq!(code, Some(0), "{said}");
    sim.assert_clean();
}

#[tokio::test]
async fn a_home_channel_that_is_not_there_is_told_of() {
    let sim = sim().await;
    let mut start = Start::on(&sim);
    start.set("DISCORD_CHANNEL_ID", &"1100000000000000555");
    let mut daemon = start.runs().await;
    connected(&sim).await;
    eventually("the log to say so", || {
        daemon
            .said()
            .contains("the channel 1100000000000000555 does not exist")
    })
    .await;
    let (code, said) = daemon.terminated().await;
    assert_eq!(code, Some(0), "{said}");
}

#[tokio::test]
async fn a_gateway_that_is_down_ends_with_75() {
    let sim = sim().await;
    sim.set_gateway_down(true);
    let ended = Start::on(&sim).ends().await;
    ended.is(75, &["its gateway did not answer within 2 s"]);
}

#[tokio::test]
async fn a_port_that_is_taken_ends_with_69() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let sim = sim().await;
    let mut start = Start::on(&sim);
    start.set("OMPCORD_HTTP_ADDR", &addr);
    let sentence = format!("cannot listen on {addr}: Address already in use");
    start.ends().await.is(69, &[&sentence, "OMPCORD_HTTP_ADDR"]);
    assert!(sim.requests().is_empty(), "Discord was not bothered");
}

#[tokio::test]
async fn a_second_instance_is_refused_and_the_first_goes_on() {
    let sim = sim().await;
    let mut first = Start::on(&sim).runs().await;
    connected(&sim).await;
    let mut second = Start::on(&sim);
    second.set("OMPCORD_STATE_DIR", &first.start.state().display());
    let ended = second.ends().await;
    let pid = format!("another ompcord (pid {})", first.child.id().unwrap());
    ended.is(1, &[&pid, "OMPCORD_STATE_DIR"]);
    assert_eq!(first.status("/readyz").await, 200);
    let (code, said) = first.terminated().await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(sim.logins().0, 1, "the second never connected");
}

#[tokio::test]
async fn a_state_directory_that_cannot_be_used_ends_with_74() {
    type Spoil = fn(&Path);
    let spoils: [(&str, Spoil); 4] = [
        ("cannot use the state directory", |state| {
            std::fs::write(state, "a file").unwrap();
        }),
        ("cannot use the state directory", |state| {
            std::fs::create_dir_all(state.join("lock")).unwrap();
        }),
        ("cannot use the state directory", |state| {
            std::fs::create_dir(state).unwrap();
            std::fs::write(state.join("transcripts"), "a file").unwrap();
        }),
        ("cannot create the database", |state| {
            std::fs::create_dir_all(state.join("ompcord.db")).unwrap();
        }),
    ];
    for (words, spoil) in spoils {
        let start = Start::at("http://127.0.0.1:1", "MTEwMDAw.sim.bot-token");
        spoil(&start.state());
        let state = start.state().display().to_string();
        start.ends().await.is(74, &[words, &state, "OMPCORD_STATE_DIR"]);
    }
}

#[tokio::test]
async fn a_directory_without_the_right_to_write_ends_with_74() {
    use std::os::unix::fs::PermissionsExt as _;
    let start = Start::at("http://127.0.0.1:1", "MTEwMDAw.sim.bot-token");
    std::fs::create_dir(start.state()).unwrap();
    std::fs::set_permissions(start.state(), std::fs::Permissions::from_mode(0o500)).unwrap();
    if std::fs::write(start.state().join("probe"), "").is_ok() {
        // Root may write everywhere; the other spoilt directories are tested above.
        return;
    }
    let words = [
        "cannot use the state directory",
        "Permission denied",
        "OMPCORD_STATE_DIR",
    ];
    start.ends().await.is(74, &words);
}

#[tokio::test]
async fn a_damaged_database_ends_with_74_and_is_left_as_it_is() {
    let whole = {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ompcord.db");
        Store::open(&path).await.unwrap().close().await;
        std::fs::read(path).unwrap()
    };
    let mut torn = whole.clone();
    torn.iter_mut().skip(100).for_each(|byte| *byte = 0xA5);
    for content in [b"this is no database ".repeat(400), torn] {
        let start = Start::at("http://127.0.0.1:1", "MTEwMDAw.sim.bot-token");
        std::fs::create_dir(start.state()).unwrap();
        let path = start.state().join("ompcord.db");
        std::fs::write(&path, &content).unwrap();
        let words = ["ompcord.db is damaged", "move it away to begin with an empty one"];
        start.ends().await.is(74, &words);
        assert!(std::fs::read(&path).unwrap() == content, "the file is untouched");
    }
}

#[tokio::test]
async fn http_answers_before_discord_does_and_says_when_the_bot_is_ready() {
    let sim = sim().await;
    // It is answered only once the test has looked.
    sim.set_gateway_down(true);
    let fault = Fault::next("GET", "/users/{me}", Mishap::Slow { ms: 500 });
    sim.fault(fault);
    let mut start = Start::on(&sim);
    start.set("OMPCORD_LOG", &"info");
    let mut daemon = start.runs().await;
    assert_eq!(daemon.status("/healthz").await, 200);
    assert_eq!(daemon.status("/readyz").await, 503);
    sim.set_gateway_down(false);
    connected(&sim).await;
    let mut ready = 0;
    while ready != 200 {
        ready = daemon.status("/readyz").await;
    }
    assert_eq!(daemon.status("/nothing").await, 404);
    let body = reqwest::get(daemon.url("/readyz")).await.unwrap().text().await;
    let body: serde_json::Value = serde_json::from_str(&body.unwrap()).unwrap();
    assert_eq!(
        body,
        serde_json::json!({"ready": true, "gateway": true, "booted": true})
    );

    let client = reqwest::Client::new();
    for (header, value, status) in [
        ("host", "localhost:1234", 200),
        ("host", "ompcord.example:80", 403),
        ("host", "127.0.0.1.example", 403),
        ("origin", "http://localhost:3000", 403),
        ("origin", "https://evil.example", 403),
        ("origin", "null", 403),
    ] {
        let answer = client
            .get(daemon.url("/healthz"))
            .header(header, value)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), status, "{header}: {value}");
    }
    let (code, said) = daemon.terminated().await;
    assert_eq!(code, Some(0), "{said}");
    sim.assert_clean();
}

#[tokio::test]
async fn sigterm_ends_a_start_that_waits_for_discord() {
    for (method, route) in [("GET", "/users/{me}"), ("PUT", "/**"), ("GET", "/gateway")] {
        let sim = sim().await;
        let route = if method == "PUT" {
            "/applications/{}/guilds/{}/commands"
        } else {
            route
        };
        sim.fault(Fault::next(method, route, Mishap::Hang).times(100));
        let mut daemon = Start::on(&sim).runs().await;
        let asked = |sim: &Sim| {
            let mut calls = sim.requests().into_iter();
            calls
                .any(|call| call.method == method && ompcord_route(route, &call.route))
                .then_some(())
        };
        sim.until("the request that hangs", asked).await;
        let (code, said) = daemon.terminated().await;
        assert_eq!(code, Some(0), "{method} {route}: {said}");
        sim.stop().await;
    }
}

/// Whether a recorded route is the one of a fault: parameters have other names there.
fn ompcord_route(pattern: &str, route: &str) -> bool {
    let fixed = |path: &str| -> String {
        path.split('/')
            .filter(|part| !part.starts_with('{') && *part != "@me")
            .fold(String::new(), |mut all, part| {
                write!(all, "/{part}").unwrap();
                all
            })
    };
    fixed(pattern) == fixed(route)
}

#[tokio::test]
async fn sigterm_lets_a_turn_end_and_its_answer_arrive() {
    let sim = sim().await;
    let mut daemon = Start::on(&sim).runs().await;
    connected(&sim).await;
    let message = sim
        .say(
            "alice",
            "home",
            "SLOW:100\nSAY:one two three four five six seven the end.",
        )
        .unwrap();
    sim.react("alice", message, "🚀").unwrap();
    let begun = |sim: &Sim| {
        let thread = sim.thread_on(message)?;
        let words = sim.messages(thread.id);
        words
            .iter()
            .any(|m| m.by_bot && m.words().contains("one"))
            .then_some(thread.id)
    };
    let thread = sim.until("the answer to begin", begun).await;
    let (code, said) = daemon.terminated().await;
    assert_eq!(code, Some(0), "{said}");
    let messages = sim.messages(thread);
    let answer = messages.iter().any(|m| m.words().contains("the end."));
    let footer = messages
        .iter()
        .any(|m| m.by_bot && m.content.contains(" ⋅ ") && !m.silent);
    assert!(answer && footer, "{}", sim.picture());
    assert!(!is_footer(&messages[0]));
    let store = Store::open(&daemon.start.state().join("ompcord.db"))
        .await
        .unwrap();
    assert_eq!(store.outbox_left().await.unwrap(), 0);
    store.close().await;
    sim.assert_clean();
}

#[tokio::test]
async fn what_the_invitation_asks_for_is_enough() {
    let bench = Bench::with(Setup {
        sim: SimConfig {
            permissions: PERMISSIONS,
            ..SimConfig::default()
        },
        ..Setup::default()
    })
    .await;
    let (message, thread) = bench.launch("TOOL:bash:{}\nLONG:20").await;
    bench.turns(thread, 1).await;
    bench.sim.say("alice", thread, "!omp stop").unwrap();
    let archived = |sim: &Sim| sim.thread(thread)?.archived.then_some(());
    bench.sim.until("the thread to be archived", archived).await;
    let pins = bench.sim.requests();
    let pinned = pins
        .iter()
        .any(|call| call.method == "PUT" && call.route.contains("pins"));
    assert!(pinned && !bench.sim.message(message).unwrap().pinned);
    let refused = bench
        .sim
        .requests()
        .into_iter()
        .find(|call| call.status == Some(403));
    assert_eq!(refused.map(|call| call.path), None);
    bench.finish().await;
}

#[tokio::test]
async fn not_even_a_trace_has_the_token() {
    let sim = sim().await;
    let mut start = Start::on(&sim);
    start.set("OMPCORD_LOG", &"trace");
    let mut daemon = start.runs().await;
    connected(&sim).await;
    let message = sim.say("alice", "home", "SAY:hello").unwrap();
    sim.react("alice", message, "🚀").unwrap();
    let answered = |sim: &Sim| {
        let thread = sim.thread_on(message)?;
        let messages = sim.messages(thread.id);
        messages.iter().any(|m| m.words().contains("hello")).then_some(())
    };
    sim.until("the answer", answered).await;
    let (code, said) = daemon.terminated().await;
    assert_eq!(code, Some(0));
    assert!(said.contains("TRACE") && said.contains("DEBUG"), "it was a trace");
    let token = &daemon.start.token;
    let shown: Vec<&str> = said.lines().filter(|line| shows(line, token)).collect();
    assert!(shown.is_empty(), "{} lines, such as {}", shown.len(), shown[0]);
}

/// Whether a line has the text, as it is or as the bytes of a frame in one of the forms that loggers print.
fn shows(line: &str, text: &str) -> bool {
    let hex = text.bytes().fold(String::new(), |mut all, byte| {
        write!(all, "{byte:02x}").unwrap();
        all
    });
    let list: Vec<String> = text.bytes().map(|byte| byte.to_string()).collect();
    line.contains(text) || line.contains(&hex) || line.contains(&list.join(", "))
}
