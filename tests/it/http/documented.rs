//! `docs/api.md` and the OpenAPI document say what is true: every example runs, every route has one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::terminal;
use crate::harness::Bench;

/// An example of the document, and the statuses that it says it ends with.
struct Example {
    command: String,
    statuses: Vec<u16>,
    route: String,
}

fn examples() -> Vec<Example> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/api.md")).unwrap();
    let mut examples = Vec::new();
    let (mut route, mut block) = (String::new(), None::<String>);
    for line in text.lines() {
        match &mut block {
            None if line.starts_with("### `") => {
                line.trim_start_matches("### ")
                    .trim_matches('`')
                    .clone_into(&mut route);
            }
            None if line == "```sh" => block = Some(String::new()),
            None => {}
            Some(command) if line == "```" => {
                let statuses = command
                    .lines()
                    .filter_map(|line| line.strip_prefix("# → "))
                    .map(|rest| rest.split(' ').next().unwrap().parse().unwrap())
                    .collect();
                examples.push(Example {
                    command: std::mem::take(command),
                    statuses,
                    route: route.clone(),
                });
                block = None;
            }
            Some(command) => {
                command.push_str(line);
                command.push('\n');
            }
        }
    }
    examples
}

fn documented(document: &Value) -> BTreeSet<String> {
    let paths = document["paths"].as_object().unwrap();
    let routes = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().keys();
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    routes.collect()
}

#[tokio::test]
async fn every_route_has_an_example_and_every_example_runs() {
    let document = ompcord::http::document();
    let examples = examples();
    let explained: BTreeSet<String> = examples.iter().map(|example| example.route.clone()).collect();
    assert_eq!(explained, documented(&document));

    let bench = Bench::start().await;
    let api = bench.api();
    let (session, thread) = api.session().await;
    let (attached, _) = terminal(&bench).await;
    let vars = BTreeMap::from([
        ("BASE", bench.url()),
        ("TOKEN", api.token.clone()),
        ("SESSION", session),
        ("TERMINAL", attached),
        ("CHANNEL", thread.to_string()),
    ]);
    for example in &examples {
        assert!(
            !example.statuses.is_empty(),
            "{} says how it ends",
            example.command
        );
        let script = format!(
            "curl() {{ command curl --silent --max-time 20 --write-out '\\n%{{http_code}}\\n' \"$@\"; }}\n{}",
            example.command
        );
        let output = tokio::process::Command::new("bash")
            .args(["-c", &script])
            .envs(&vars)
            .env("NO_PROXY", "*")
            .output()
            .await
            .unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        let statuses: Vec<u16> = out
            .lines()
            .filter(|line| line.len() == 3)
            .filter_map(|line| line.parse().ok())
            .collect();
        assert_eq!(statuses, example.statuses, "{}\n{out}", example.command);
        // What the document promises for this status is what came.
        let (method, path) = example.route.split_once(' ').unwrap();
        for status in statuses {
            let responses = &document["paths"][path][method.to_lowercase()]["responses"];
            assert!(
                responses[status.to_string()].is_object(),
                "{status} of {}",
                example.route
            );
        }
    }
    bench.finish().await;
}

/// A client that is made from the document, or a fuzzer, stops at a name that stands for nothing.
#[test]
fn every_name_in_the_document_stands_for_something() {
    fn names<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| names(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| names(value, found)),
            _ => {}
        }
    }
    let document = ompcord::http::document();
    let mut found = Vec::new();
    names(&document, &mut found);
    assert!(found.len() > 10, "{found:?}");
    for name in found {
        let place = name.strip_prefix('#').and_then(|place| document.pointer(place));
        assert!(place.is_some(), "{name}");
    }
}

/// By construction: there is no other way to a route than the list that the document is made of.
#[test]
fn no_route_is_made_beside_the_list() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for word in [".route(", ".nest(", ".merge(", "route_service", "nest_service"] {
            assert!(!text.contains(word), "{word} in {}", path.display());
        }
    }
}

#[tokio::test]
async fn every_route_of_the_document_is_there_and_takes_no_other_method() {
    let bench = Bench::start().await;
    let api = bench.api();
    let document = ompcord::http::document();
    for (path, item) in document["paths"].as_object().unwrap() {
        let real = path
            .replace("{id}", "session_00000000")
            .replace("{prompt_id}", "1");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let known = item[method.to_lowercase()].is_object();
            let request = api
                .client
                .request(method.parse().unwrap(), format!("{}{real}", api.url))
                .header("content-type", "application/json")
                .bearer_auth(&api.token)
                // No body that any of them takes, so that nothing is begun.
                .body(if method == "GET" { "" } else { "[]" });
            let status = request.send().await.unwrap().status().as_u16();
            assert_eq!(status != 405, known, "{method} {path}: {status}");
        }
    }
    bench.finish().await;
}

/// The document has one place for a name: of two types with the same, one would silently stand for both.
#[test]
fn no_two_schemas_have_the_same_name() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let mut derived = false;
        for line in text.lines() {
            derived |= line.starts_with("#[derive(") && line.contains("ToSchema");
            let item = ["struct ", "enum "]
                .iter()
                .find_map(|word| Some(line.split_once(word)?.1));
            if let (true, Some(item), false) = (derived, item, line.starts_with([' ', '/', '#'])) {
                let name = item.split(|c: char| !c.is_alphanumeric()).next().unwrap();
                assert!(names.insert(name.to_owned()), "{name} is there twice");
                derived = false;
            }
        }
    }
    assert!(names.len() > 25, "{names:?}");
}
