//! The page: what it may load and reach, and who may load it.

use ompcord::sim::{Sim, SimConfig};
use reqwest::Response;

async fn get(sim: &Sim, path: &str, headers: &[(&'static str, &'static str)]) -> Response {
    let mut request = reqwest::Client::new().get(format!("{}{path}", sim.base_url()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

/// Every address that a page's text names in an attribute or loads as a module.
fn named<'a>(text: &'a str, starts: &[&str]) -> Vec<&'a str> {
    let after = |start: &str| {
        text.split(start)
            .skip(1)
            .filter_map(|rest| rest.split(['"', '\'']).next())
            .collect::<Vec<_>>()
    };
    starts.iter().flat_map(|start| after(start)).collect()
}

#[tokio::test]
async fn a_page_loads_and_reaches_nothing_but_its_own_server() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    for path in ["/", "/calls", "/page/app.js", "/page/base.css", "/page/icon.svg"] {
        let response = get(&sim, path, &[]).await;
        assert_eq!(response.status(), 200, "{path}");
        let policy = header(&response, "content-security-policy").to_owned();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ] {
            assert!(
                policy.split("; ").any(|have| have == part),
                "{path}: {part:?} is missing in {policy:?}"
            );
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        assert_eq!(header(&response, "x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header(&response, "referrer-policy"), "no-referrer", "{path}");
        assert_eq!(header(&response, "cache-control"), "no-cache", "{path}");
    }
}

#[tokio::test]
async fn everything_that_the_pages_name_is_there_with_its_type() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let mut waiting: Vec<String> = vec!["/".to_owned(), "/calls".to_owned()];
    let mut seen: Vec<String> = Vec::new();
    while let Some(path) = waiting.pop() {
        if seen.contains(&path) {
            continue;
        }
        let response = get(&sim, &path, &[]).await;
        assert_eq!(response.status(), 200, "{path}");
        let kind = match path.rsplit_once('.') {
            Some((_, "js")) => "text/javascript; charset=utf-8",
            Some((_, "css")) => "text/css; charset=utf-8",
            Some((_, "svg")) => "image/svg+xml",
            _ => "text/html; charset=utf-8",
        };
        assert_eq!(header(&response, "content-type"), kind, "{path}");
        let text = response.text().await.unwrap();
        if kind.starts_with("text/html") {
            let addresses = named(&text, &["src=\"", "href=\""]);
            assert!(
                addresses
                    .iter()
                    .all(|address| address.starts_with(['/', '#']) && !address.starts_with("//")),
                "{addresses:?}"
            );
            assert!(!text.contains("style=") && !text.contains("<style"), "{path}");
            let mine = addresses.iter().filter(|address| address.starts_with("/page/"));
            waiting.extend(mine.map(|address| (*address).to_owned()));
        } else if kind.starts_with("text/javascript") && !path.contains("/vendor/") {
            let modules = named(&text, &["from './", "import './"]);
            waiting.extend(modules.iter().map(|module| format!("/page/{module}")));
            for forbidden in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
            ] {
                assert!(!text.contains(forbidden), "{path} has {forbidden}");
            }
        }
        seen.push(path);
    }
    assert!(
        seen.iter().any(|path| path == "/page/vendor/highlight.min.js"),
        "{seen:?}"
    );
    assert_eq!(
        get(&sim, "/page/vendor/LICENSE-highlight.js", &[]).await.status(),
        200
    );
}

#[tokio::test]
async fn foreign_pages_and_names_get_no_page() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    for path in ["/", "/calls", "/page/app.js"] {
        for (name, value) in [
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("host", "evil.example"),
            ("host", "127.0.0.1.evil.example"),
        ] {
            assert_eq!(
                get(&sim, path, &[(name, value)]).await.status(),
                403,
                "{path} {name} {value}"
            );
        }
    }
}

#[tokio::test]
async fn what_does_not_exist_is_not_found_and_what_is_known_is_not_sent_again() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    for path in [
        "/page/nothing.js",
        "/page/",
        "/page/../mod.rs",
        "/page/mod.rs",
        "/page/%2e%2e/mod.rs",
    ] {
        assert_eq!(get(&sim, path, &[]).await.status(), 404, "{path}");
    }
    let first = get(&sim, "/page/app.js", &[]).await;
    let tag: &'static str = header(&first, "etag").to_owned().leak();
    let again = get(&sim, "/page/app.js", &[("if-none-match", tag)]).await;
    assert_eq!(again.status(), 304);
    assert_eq!(again.text().await.unwrap(), "");
    let other = get(&sim, "/page/store.js", &[("if-none-match", tag)]).await;
    assert_eq!(other.status(), 200);
    // A browser's requests are no mistakes of the bot.
    sim.assert_clean();
}

#[test]
fn every_file_of_the_page_is_served() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sim/page");
    let list = std::fs::read_to_string(folder.join("mod.rs")).unwrap();
    for below in ["", "vendor"] {
        for entry in std::fs::read_dir(folder.join(below)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if entry.file_type().unwrap().is_dir() || name == "mod.rs" {
                continue;
            }
            let name = if below.is_empty() {
                name
            } else {
                format!("{below}/{name}")
            };
            assert!(list.contains(&format!("\"{name}\"")), "{name} is not served");
            let text = std::fs::read_to_string(folder.join(&name)).unwrap();
            let own = below.is_empty() && entry.path().extension().is_some_and(|ending| ending == "js");
            if own {
                assert!(text.starts_with("// "), "{name} does not say why it exists");
                assert!(text.lines().count() <= 400, "{name} is too long");
            }
        }
    }
}
