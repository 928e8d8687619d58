//! `/metrics`: well formed, true, documented, and nothing in it that is anybody's business.
#![allow(clippy::float_cmp, reason = "counts are whole numbers, and exact")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use ompcord::sim::{Fault, Mishap, Sim, SimConfig};
use serde_json::Value;

use crate::commands::slash;
use crate::commands_table::session_of;
use crate::harness::{Bench, eventually};
use crate::restart::Program;

/// A series: its name and its labels, sorted.
type Series = (String, Vec<(String, String)>);

/// What was exposed, read by the rules of Prometheus' text format; breaking one fails the test.
struct Exposition {
    text: String,
    /// The families with their type, in order.
    families: BTreeMap<String, String>,
    series: BTreeMap<Series, f64>,
}

fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_lowercase())
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// `name{label="value",…}`; no value here needs an escape.
fn series(text: &str) -> Series {
    let (name, labels) = text.split_once('{').unwrap_or((text, ""));
    let labels = labels.strip_suffix('}').unwrap_or(labels);
    assert!(!labels.contains('\\'), "{text}");
    let mut pairs = Vec::new();
    let mut rest = labels;
    while !rest.is_empty() {
        let (label, after) = rest.split_once("=\"").expect(text);
        let (value, after) = after.split_once('"').expect(text);
        assert!(is_name(label), "{text}");
        pairs.push((label.to_owned(), value.to_owned()));
        rest = after.strip_prefix(',').unwrap_or(after);
        assert!(rest.is_empty() || rest.len() < after.len(), "{text}");
    }
    pairs.sort();
    (name.to_owned(), pairs)
}

/// The family that a series belongs to.
fn family<'a>(name: &'a str, families: &BTreeMap<String, String>) -> &'a str {
    let parts = ["_bucket", "_sum", "_count"];
    let stem = parts.iter().find_map(|part| name.strip_suffix(part));
    stem.filter(|stem| families.get(*stem).is_some_and(|kind| kind == "histogram"))
        .unwrap_or(name)
}

impl Exposition {
    fn read(text: String) -> Self {
        let mut families = BTreeMap::new();
        let mut helped = BTreeSet::new();
        let mut all = BTreeMap::new();
        let mut current = String::new();
        assert!(text.ends_with('\n'));
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, words) = help.split_once(' ').expect(line);
                assert!(is_name(name) && !words.is_empty(), "{line}");
                assert!(helped.insert(name.to_owned()), "a second HELP: {line}");
                name.clone_into(&mut current);
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').expect(line);
                assert_eq!(name, current, "right after its HELP");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                let known = families.insert(name.to_owned(), kind.to_owned());
                assert!(known.is_none(), "a second TYPE: {line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            } else {
                let (what, value) = line.rsplit_once(' ').expect(line);
                let series = series(what);
                assert_eq!(family(&series.0, &families), current, "below its family: {line}");
                let value: f64 = value.parse().expect(line);
                assert!(value.is_finite() && value >= 0.0, "{line}");
                assert!(all.insert(series, value).is_none(), "twice: {line}");
            }
        }
        Self {
            text,
            families,
            series: all,
        }
    }

    async fn of(url: &str) -> Self {
        let answer = reqwest::get(format!("{url}/metrics")).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(
            answer.headers()["content-type"],
            "text/plain; version=0.0.4; charset=utf-8"
        );
        Self::read(answer.text().await.unwrap())
    }

    fn find(&self, what: &str) -> Option<f64> {
        self.series.get(&series(what)).copied()
    }

    fn value(&self, what: &str) -> f64 {
        let value = self.find(what);
        value.unwrap_or_else(|| panic!("no {what} in\n{}", self.text))
    }

    /// The labels of each family, without those that its type brings.
    fn labels(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, labels) in self.series.keys() {
            let names = labels.iter().map(|(label, _)| label.clone());
            all.entry(family(name, &self.families).to_owned())
                .or_default()
                .extend(names.filter(|label| label != "le"));
        }
        all
    }

    /// Every histogram adds up.
    fn adds_up(&self) {
        for (name, _) in self.families.iter().filter(|(_, kind)| *kind == "histogram") {
            let bucket = format!("{name}_bucket");
            let buckets = self.series.iter().filter(|((name, _), _)| *name == bucket);
            let mut buckets: Vec<(f64, f64)> = buckets
                .map(|((_, labels), count)| (labels[0].1.replace("+Inf", "inf").parse().unwrap(), *count))
                .collect();
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(buckets.is_sorted_by(|a, b| a.1 <= b.1), "{name}: {buckets:?}");
            let count = self.value(&format!("{name}_count"));
            assert_eq!(buckets.last(), Some(&(f64::INFINITY, count)), "{name}");
        }
    }
}

/// Scrapes until a series has reached a value: what is counted is counted just after it is seen.
async fn reaches(bench: &Bench, what: &str, value: f64) -> Exposition {
    let limit = Instant::now() + Duration::from_mins(1);
    loop {
        let seen = Exposition::of(&bench.url()).await;
        if seen.find(what).is_some_and(|found| found >= value) {
            return seen;
        }
        assert!(Instant::now() < limit, "{what} never {value}:\n{}", seen.text);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The names in backticks of a table's cell.
fn named(cell: &str) -> BTreeSet<String> {
    let names = cell.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

/// What docs/metrics.md says of each metric: its type and its labels.
fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let text = read("docs/metrics.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows = rows.map(|row| {
        let mut cells = row.split(" | ");
        let name = cells.next().unwrap().trim_end_matches('`').to_owned();
        let kind = cells.next().unwrap().to_owned();
        // An empty cell has one space less.
        let labels = cells.next().filter(|cell| !cell.starts_with('|'));
        let labels = labels.map(named).unwrap_or_default();
        (name, (kind, labels))
    });
    rows.collect()
}

#[tokio::test]
async fn what_happens_is_counted_and_every_metric_is_documented() {
    let bench = Bench::start().await;
    let prompt = "TOOL:bash:{\"command\":\"ls\"}\nTOOL:session_of_somebody:{}\nSAY:the answer";
    let (_, thread) = bench.launch(prompt).await;
    bench.turns(thread, 1).await;
    let (_, asking) = bench.launch("INPUT:Your name?|nobody\nSAY:so").await;
    let question = bench.question(asking, "Your name?").await;
    let open = reaches(&bench, "ompcord_dialogs_open", 1.0).await;
    assert_eq!(open.value("ompcord_sessions{state=\"waiting\"}"), 1.0);
    assert!(open.value("ompcord_dialog_oldest_seconds") > 0.0);
    assert_eq!(open.value("ompcord_agent_processes"), 2.0);
    bench.writes(question.id, "Answer…", "Bob").await;
    bench.turns(asking, 1).await;
    bench.sim.fault(Fault::next(
        "POST",
        "/channels/{channel}/messages",
        Mishap::rate_limited(Duration::from_millis(50)),
    ));
    let wrong = bench.sim.say("alice", thread, "ERROR:no credit").unwrap();
    bench.sees(thread, "no credit").await;
    slash(
        &bench,
        "alice",
        thread.channel(),
        "omp say",
        &[("prompt", "SAY:and once more")],
    )
    .await;
    bench.turns(thread, 3).await;
    let (status, _) = bench
        .api()
        .post(
            &format!("/api/sessions/{}/prompt", session_of(&bench, thread).await),
            &serde_json::json!({ "text": "SAY:from a program" }),
        )
        .await;
    assert!(status < 300, "{status}");
    // A prompt is over before its turn is.
    let seen = reaches(&bench, "ompcord_turn_duration_seconds_count", 5.0).await;
    for (what, value) in [
        ("ompcord_ready", 1.0),
        ("ompcord_gateway_connected", 1.0),
        ("ompcord_gateway_connects_total{how=\"new\"}", 1.0),
        ("ompcord_gateway_connects_total{how=\"resumed\"}", 0.0),
        ("ompcord_prompts_received_total{source=\"reaction\"}", 2.0),
        ("ompcord_prompts_received_total{source=\"message\"}", 1.0),
        ("ompcord_prompts_received_total{source=\"command\"}", 1.0),
        ("ompcord_prompts_received_total{source=\"api\"}", 1.0),
        ("ompcord_prompts_total{result=\"done\"}", 4.0),
        ("ompcord_prompts_total{result=\"failed\"}", 1.0),
        ("ompcord_turns_total{outcome=\"done\"}", 4.0),
        ("ompcord_turns_total{outcome=\"failed\"}", 1.0),
        ("ompcord_turn_duration_seconds_count", 5.0),
        ("ompcord_tool_calls_total{tool=\"bash\",result=\"ok\"}", 1.0),
        ("ompcord_tool_calls_total{tool=\"other\",result=\"ok\"}", 1.0),
        ("ompcord_dialogs_asked_total{kind=\"input\"}", 1.0),
        ("ompcord_dialogs_total{result=\"answered\"}", 1.0),
        ("ompcord_dialog_answer_seconds_count", 1.0),
        ("ompcord_dialogs_open", 0.0),
        ("ompcord_dialog_oldest_seconds", 0.0),
        ("ompcord_agent_processes_limit", 8.0),
        ("ompcord_database_up", 1.0),
    ] {
        assert_eq!(seen.value(what), value, "{what} in\n{}", seen.text);
    }
    for what in [
        "ompcord_tokens_total{kind=\"input\"}",
        "ompcord_tokens_total{kind=\"output\"}",
        "ompcord_cost_usd_total",
        "ompcord_discord_rate_limited_total{route=\"/channels/{channel}/messages\",scope=\"route\"}",
        "ompcord_turn_duration_seconds_sum",
        "ompcord_discord_request_duration_seconds_sum",
        "process_resident_memory_bytes",
        "process_open_fds",
    ] {
        assert!(seen.value(what) > 0.0, "{what} in\n{}", seen.text);
    }
    seen.adds_up();
    let session = session_of(&bench, thread).await.to_string();
    says_nothing_of_anybody(&bench, &seen, &[thread.to_string(), wrong.to_string(), session]);
    let mut exposed: BTreeMap<String, (String, BTreeSet<String>)> = seen
        .labels()
        .into_iter()
        .map(|(name, labels)| (name.clone(), (seen.families[&name].clone(), labels)))
        .collect();
    // Before the first heartbeat, which takes forty seconds, there is nothing to say of it.
    for heartbeat in [
        "ompcord_gateway_latency_seconds",
        "ompcord_gateway_heartbeat_age_seconds",
    ] {
        exposed
            .entry(heartbeat.to_owned())
            .or_insert_with(|| ("gauge".to_owned(), BTreeSet::new()));
    }
    assert_eq!(exposed, documented(), "what is exposed, and docs/metrics.md");
    assert!(seen.series.len() < 220, "{} series", seen.series.len());
    bench.sim.drop_gateway();
    reaches(&bench, "ompcord_gateway_connects_total{how=\"resumed\"}", 1.0).await;
    bench.finish().await;
}

fn says_nothing_of_anybody(bench: &Bench, seen: &Exposition, ids: &[String]) {
    let sim = &bench.sim;
    let mut private = vec![
        sim.bot_token(),
        bench.api().token,
        sim.guild_id().to_string(),
        sim.home_channel().to_string(),
        sim.user("alice").unwrap().to_string(),
        "alice".to_owned(),
        "my-project".to_owned(),
        bench.dir.path().display().to_string(),
    ];
    private.extend(ids.iter().cloned());
    for private in private {
        assert!(!seen.text.contains(&private), "{private} in\n{}", seen.text);
    }
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).count();
    for (name, labels) in seen.series.keys() {
        let own = labels
            .iter()
            .filter(|(label, _)| !["le", "version", "commit"].contains(&label.as_str()));
        for (label, value) in own {
            assert!(digits(value) < 3, "{name} {label}={value}");
            assert_ne!((label.as_str(), value.as_str()), ("route", "other"));
        }
    }
}

#[tokio::test]
async fn a_status_and_the_metrics_say_the_same() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("STEERABLE").await;
    let typing = move |sim: &Sim| sim.is_typing(thread).then_some(());
    bench.sim.until("the turn to run", typing).await;
    for text in ["SAY:later", "SAY:still later"] {
        let waiting = bench.sim.say("alice", thread, text).unwrap();
        bench.marked(waiting, "📥", true).await;
    }
    bench.board_says("📥 2 queued").await;
    bench.barrier().await;
    // A turn's last words are out before its session is at rest.
    reaches(&bench, "ompcord_sessions{state=\"idle\"}", 1.0).await;
    let status = slash(&bench, "alice", thread.channel(), "omp status", &[])
        .await
        .words();
    let seen = Exposition::of(&bench.url()).await;
    let number = |what: &str| seen.value(what).to_string();
    let state = |state: &str| number(&format!("ompcord_sessions{{state=\"{state}\"}}"));
    for wanted in [
        format!("🔵 {} busy", state("busy")),
        format!("🟢 {} idle", state("idle")),
        format!(
            "{} of {}",
            number("ompcord_agent_processes"),
            number("ompcord_agent_processes_limit")
        ),
        format!("{} prompts", number("ompcord_queue_prompts{state=\"queued\"}")),
    ] {
        assert!(status.contains(&wanted), "{wanted} in {status}");
    }
    assert_eq!((state("busy"), state("idle")), ("1".to_owned(), "1".to_owned()));
    assert_eq!(number("ompcord_queue_prompts{state=\"queued\"}"), "2");
    // A deletion is an end too.
    let last = bench.sim.say("alice", thread, "SAY:never").unwrap();
    bench.marked(last, "📥", true).await;
    bench.sim.delete(last).unwrap();
    reaches(&bench, "ompcord_prompts_total{result=\"dropped\"}", 1.0).await;
    bench.sim.say("alice", thread, "!go on").unwrap();
    bench.turns(thread, 3).await;
    bench.finish().await;
}

#[tokio::test]
async fn a_message_that_is_edited_for_long_is_no_lag_until_discord_stops_taking_edits() {
    let bench = Bench::start().await;
    let (_, thread) = bench.launch("STEERABLE").await;
    bench.card_says(thread, "Busy").await;
    // The rows of cards live for as long as their sessions: what counts is since when one is behind.
    let quiet = |seen: &Exposition| seen.value("ompcord_outbox_rows") == 0.0;
    let (mut quiet_since, mut seen) = (Instant::now(), Exposition::of(&bench.url()).await);
    while !quiet(&seen) {
        (quiet_since, seen) = (Instant::now(), Exposition::of(&bench.url()).await);
    }
    assert_eq!(seen.value("ompcord_outbox_lag_seconds"), 0.0);
    let limited = Mishap::rate_limited(Duration::from_millis(200));
    let all = Fault::next("POST", "/channels/{channel}/messages", limited).times(1_000);
    bench.sim.fault(all);
    bench.sim.say("alice", thread, "!go on").unwrap();
    let behind = reaches(&bench, "ompcord_outbox_lag_seconds", 0.5).await;
    let lag = Duration::from_secs_f64(behind.value("ompcord_outbox_lag_seconds"));
    assert!(lag <= quiet_since.elapsed(), "{lag:?}");
    assert!(behind.value("ompcord_outbox_rows") >= 1.0);
    bench.sim.clear_faults();
    bench.turns(thread, 1).await;
    bench.finish().await;
}

/// Every metric that an expression names, each with the labels that it is chosen or grouped by.
fn used(expression: &str) -> Vec<(String, BTreeSet<String>)> {
    let words = words_of(expression);
    let mut labels: BTreeSet<String> = BTreeSet::new();
    let mut metrics = Vec::new();
    for word in &words {
        match word {
            Word::Metric(name) => metrics.push(name.clone()),
            Word::Label(label) => drop(labels.insert(label.clone())),
        }
    }
    metrics.into_iter().map(|name| (name, labels.clone())).collect()
}

enum Word {
    Metric(String),
    Label(String),
}

/// The names of an expression: what stands in braces before an operator, or in the list of a `by`, is a label; what
/// begins as a metric does is one.
fn words_of(expression: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = expression;
    let mut grouping = false;
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            let (_, after) = rest[1..].split_once('"').expect(expression);
            rest = after;
        } else if is_name(&c.to_string()) || c == '_' {
            let end = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            let chosen = ["=", "!=", "!~"].iter().any(|sign| after.starts_with(sign));
            if word == "by" || word == "without" {
                grouping = true;
            } else if chosen || grouping {
                words.push(Word::Label(word.to_owned()));
            } else if word.starts_with("ompcord_") || word.starts_with("process_") {
                words.push(Word::Metric(word.to_owned()));
            }
            rest = after;
        } else {
            grouping &= c != ')';
            // Durations and numbers are no names.
            let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            rest = if digits.len() < rest.len() {
                digits.trim_start_matches(|c: char| c.is_ascii_alphabetic())
            } else {
                &rest[c.len_utf8()..]
            };
        }
    }
    words
}

/// Whether the daemon has what an expression uses; `job` and `instance` come from Prometheus.
fn is_true(expression: &str) {
    let metrics = documented();
    let kinds = metrics
        .iter()
        .map(|(name, (kind, _))| (name.clone(), kind.clone()))
        .collect();
    let used = used(expression);
    assert!(!used.is_empty(), "no metric in {expression}");
    let mut known = BTreeSet::from(["job".to_owned(), "instance".to_owned(), "le".to_owned()]);
    let mut asked = BTreeSet::new();
    for (name, labels) in used {
        let found = metrics.get(family(&name, &kinds));
        let (_, own) = found.unwrap_or_else(|| panic!("{name} in {expression}"));
        known.extend(own.iter().cloned());
        asked.extend(labels);
    }
    let unknown: Vec<_> = asked.difference(&known).collect();
    assert!(unknown.is_empty(), "{unknown:?} in {expression}");
}

/// Every text below a key of this name.
fn texts<'a>(json: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match json {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if name == key => found.push(text),
                    _ => texts(value, key, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, key, found)),
        _ => {}
    }
}

#[test]
fn the_dashboard_asks_for_what_there_is() {
    let dashboard: Value = serde_json::from_str(&read("docs/grafana-dashboard.json")).unwrap();
    let mut expressions = Vec::new();
    texts(&dashboard, "expr", &mut expressions);
    assert!(expressions.len() > 30, "{}", expressions.len());
    for expression in &expressions {
        is_true(expression);
        assert!(
            expression.contains("{job=~\"$job\",instance=~\"$instance\""),
            "{expression}"
        );
    }
    let mut sources = Vec::new();
    texts(&dashboard, "uid", &mut sources);
    let of_panels = sources.iter().filter(|uid| **uid != "ompcord");
    assert!(of_panels.clone().count() > 30);
    assert!(
        of_panels.clone().all(|uid| *uid == "${datasource}"),
        "it fits any Grafana"
    );
    // Whoever adds a metric decides where it is shown.
    let shown: String = expressions.join("\n");
    for name in documented().keys() {
        let elsewhere = ["ompcord_dialogs_open"].contains(&name.as_str());
        assert!(
            elsewhere || shown.contains(name.as_str()),
            "{name} is in no panel"
        );
    }
}

#[test]
fn every_alert_watches_what_there_is_and_says_what_to_do() {
    let text = read("docs/alerts.yml");
    let lines: Vec<&str> = text.lines().collect();
    let mut alerts = BTreeSet::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = line.trim().strip_prefix("- alert: ") else {
            continue;
        };
        assert!(alerts.insert(name), "{name} twice");
        let rule: Vec<&str> = lines[at..]
            .iter()
            .take_while(|line| !line.is_empty())
            .copied()
            .collect();
        let rule = rule.join("\n");
        let (_, expression) = rule.split_once("expr: ").expect(name);
        let end = expression
            .find("\n        for:")
            .or_else(|| expression.find("\n        labels:"));
        is_true(&expression[..end.expect(name)]);
        for part in ["severity: ", "summary: ", "description: \""] {
            assert!(rule.contains(part), "{name} has no {part}");
        }
    }
    assert!(alerts.len() >= 12, "{alerts:?}");
}

#[test]
fn an_expression_is_read_as_it_is_meant() {
    let read = |text: &str| {
        let used = used(text);
        let names: Vec<_> = used.iter().map(|(name, _)| name.as_str().to_owned()).collect();
        let labels = used.first().map(|(_, labels)| labels.clone()).unwrap_or_default();
        (names, labels.into_iter().collect::<Vec<_>>())
    };
    let text =
        "sum by (le, tool) (rate(ompcord_a_bucket{x=\"ompcord_no\",y!~\"z\"}[5m])) / process_b > 4 * 3600";
    let (names, labels) = read(text);
    assert_eq!(names, ["ompcord_a_bucket", "process_b"]);
    assert_eq!(labels, ["le", "tool", "x", "y"]);
    let wrong = std::panic::catch_unwind(|| is_true("rate(ompcord_turns_total{tool=\"bash\"}[5m])"));
    assert!(wrong.is_err(), "a label that is another metric's");
    let wrong = std::panic::catch_unwind(|| is_true("ompcord_turns"));
    assert!(wrong.is_err(), "a metric that is not there");
}

/// The requests that are made have a template each: none is counted as "other".
#[test]
fn every_route_that_is_asked_has_a_name() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/discord");
    let named = read("src/discord/rest/template.rs");
    let mut folders = vec![src];
    let mut routes = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let found = text.split("Route::").skip(1).map(|rest| {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric());
                rest[..end.unwrap_or(rest.len())].to_owned()
            });
            routes.extend(found);
        }
    }
    assert!(routes.len() > 15, "{routes:?}");
    for route in routes {
        assert!(named.contains(&format!("Route::{route}")), "{route}");
    }
}

#[tokio::test]
async fn what_is_not_known_yet_is_left_out() {
    let bench = Bench::on(Sim::start(SimConfig::default()).await.unwrap(), Vec::new(), None);
    // Discord is asked who the bot is before anything else begins, again and again.
    let trouble = Fault::next("GET", "/users/{me}", Mishap::status(502)).times(1_000);
    bench.sim.fault(trouble);
    let program = Program::start(&bench, None);
    eventually("the program to listen", || Program::url(&bench).is_some()).await;
    let url = Program::url(&bench).unwrap();
    let seen = Exposition::of(&url).await;
    assert_eq!(seen.value("ompcord_ready"), 0.0);
    assert_eq!(seen.value("ompcord_gateway_connected"), 0.0);
    assert_eq!(seen.value("ompcord_turns_total{outcome=\"done\"}"), 0.0);
    assert!(seen.value("process_start_time_seconds") > 1.7e9);
    for unknown in [
        "ompcord_sessions",
        "ompcord_outbox_rows",
        "ompcord_database_up",
        "ompcord_agent_processes",
    ] {
        assert!(!seen.families.contains_key(unknown), "{unknown}");
    }
    bench.sim.clear_faults();
    let connected = |sim: &Sim| sim.gateway_connected().then_some(());
    bench.sim.until("the program to connect", connected).await;
    program.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(program.ended().await.success());
    bench.finish().await;
}
