//! The rules of the house that are absences: what a room must not touch.
//!
//! The compiler cannot see them; a review forgets them. Each rule is also run on a sample that breaks it, because a
//! rule that cannot fail is a comment.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A source file as the rules see it: comments are gone, and the tests at its end too.
struct Source {
    /// Below `src/`, with slashes.
    path: String,
    text: String,
    production: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let end = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
        let production = text
            .get(..end)
            .unwrap()
            .lines()
            .map(|line| {
                if line.trim_start().starts_with("//") {
                    ""
                } else {
                    line
                }
            })
            .fold(String::new(), |mut all, line| {
                writeln!(all, "{line}").unwrap();
                all
            });
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            production,
        }
    }

    fn is_in(&self, rooms: &[&str]) -> bool {
        rooms.iter().any(|room| {
            if room.ends_with('/') {
                self.path.starts_with(room)
            } else {
                self.path == *room
            }
        })
    }

    /// The numbers of the production lines that have one of the words, as words.
    fn lines_with(&self, words: &[&str]) -> Vec<usize> {
        let has = |line: &str| words.iter().any(|word| has_word(line, word));
        self.production
            .lines()
            .enumerate()
            .filter(|(_, line)| has(line))
            .map(|(index, _)| index + 1)
            .collect()
    }
}

/// Whether `text` has `word` and not merely as a part of a longer name.
fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|head| head.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|tail| tail.chars().next());
        let starts_part = word.starts_with(part) && before.is_some_and(part);
        let ends_part = word.ends_with(part) && after.is_some_and(part);
        !starts_part && !ends_part
    })
}

/// What a rule forbids.
enum Ban {
    /// These words, except in the rooms.
    Outside {
        words: &'static [&'static str],
        rooms: &'static [&'static str],
    },
    /// These words, within the rooms, except in some corners of them.
    Inside {
        words: &'static [&'static str],
        rooms: &'static [&'static str],
        except: &'static [&'static str],
    },
    /// Anything that a look at the whole file finds.
    File(fn(&Source) -> Option<String>),
}

struct Rule {
    name: &'static str,
    ban: Ban,
    /// A path and a text that break it.
    sample: (&'static str, &'static str),
}

impl Rule {
    /// Every place that breaks the rule.
    fn broken_by(&self, source: &Source) -> Vec<String> {
        let places = |lines: Vec<usize>| {
            lines
                .into_iter()
                .map(|line| format!("src/{}:{line}", source.path))
                .collect()
        };
        match &self.ban {
            Ban::Outside { words, rooms } if !source.is_in(rooms) => places(source.lines_with(words)),
            Ban::Inside { words, rooms, except } if source.is_in(rooms) && !source.is_in(except) => {
                places(source.lines_with(words))
            }
            Ban::File(look) => look(source)
                .map(|why| format!("src/{}: {why}", source.path))
                .into_iter()
                .collect(),
            _ => Vec::new(),
        }
    }
}

const MOST_LINES: usize = 400;

fn opens_with_why(source: &Source) -> Option<String> {
    (!source.text.starts_with("//! ")).then(|| "does not say at its top why it exists".to_owned())
}

fn is_short(source: &Source) -> Option<String> {
    // The tests of a room that has files of its own.
    if source.path.ends_with("/tests.rs") {
        return None;
    }
    let lines = source
        .text
        .find("#[cfg(test)]\nmod tests")
        .and_then(|end| source.text.get(..end));
    let lines = lines.unwrap_or(&source.text).lines().count();
    (lines > MOST_LINES).then(|| format!("has {lines} lines without its tests: split the room"))
}

fn has_a_telling_name(source: &Source) -> Option<String> {
    let vague = [
        "utils", "util", "helpers", "helper", "manager", "common", "types", "misc",
    ];
    let name = source
        .path
        .trim_end_matches(".rs")
        .split('/')
        .find(|part| vague.contains(part))?;
    Some(format!("`{name}` says nothing about what is in it"))
}

fn keeps_tests_at_the_end(source: &Source) -> Option<String> {
    let line = source
        .lines_with(&["cfg(test)", "cfg!(test)", "cfg(not(test))"])
        .into_iter()
        .next()?;
    Some(format!("line {line} behaves differently under test"))
}

/// Methods of serenity and poise that change something at Discord. They are unusual enough to be looked for by name.
const SENDS: &[&str] = &[
    ".send_message(",
    ".send_files(",
    ".say(",
    ".direct_message(",
    ".create_message(",
    ".edit_message(",
    ".delete_message(",
    ".delete_messages(",
    ".create_reaction(",
    ".delete_reaction(",
    ".delete_reaction_emoji(",
    ".pin_message(",
    ".unpin_message(",
    ".create_thread(",
    ".create_thread_from_message(",
    ".edit_thread(",
    ".add_thread_channel_member(",
    ".edit_channel(",
    ".delete_channel(",
    ".execute_webhook(",
    ".broadcast_typing(",
    ".start_typing(",
];

/// What any request that is not a question needs, in serenity's words and in reqwest's.
const WRITES: &[&str] = &[
    "LightMethod::Post",
    "LightMethod::Put",
    "LightMethod::Patch",
    "LightMethod::Delete",
    "Method::POST",
    "Method::PUT",
    "Method::PATCH",
    "Method::DELETE",
];

const IMPURE: &[&str] = &[
    "tokio",
    "std::fs",
    "File",
    "std::net",
    "std::process",
    "Instant::now",
    "SystemTime",
    "thread_rng",
    "Uuid",
];

const RULES: &[Rule] = &[
    Rule {
        name: "serenity and poise stay in the Discord rooms",
        ban: Ban::Outside {
            words: &["serenity::", "use serenity", "poise::", "use poise"],
            rooms: &["discord/", "sim/"],
        },
        sample: ("session/actor.rs", "//! x\nuse serenity::all::Message;\n"),
    },
    Rule {
        name: "axum stays in the HTTP rooms",
        ban: Ban::Outside {
            words: &["axum::", "use axum"],
            rooms: &["http/", "sim/"],
        },
        sample: ("daemon.rs", "//! x\nfn f(router: axum::Router) {}\n"),
    },
    Rule {
        name: "the MCP library stays in its room",
        ban: Ban::Outside {
            words: &["rmcp::", "use rmcp"],
            rooms: &["mcp/"],
        },
        sample: ("http/mcp.rs", "//! x\nuse rmcp::ServerHandler;\n"),
    },
    Rule {
        name: "the metrics library stays in its room",
        ban: Ban::Outside {
            words: &["prometheus_client::", "use prometheus_client"],
            rooms: &["status/metrics/"],
        },
        sample: (
            "session/actor.rs",
            "//! x\nuse prometheus_client::metrics::counter::Counter;\n",
        ),
    },
    Rule {
        name: "sqlx stays in the store",
        ban: Ban::Outside {
            words: &["sqlx::", "use sqlx"],
            rooms: &["store/", "ids.rs"],
        },
        sample: (
            "session/registry.rs",
            "//! x\nlet row = sqlx::query!(\"SELECT 1\");\n",
        ),
    },
    Rule {
        name: "processes are started in the agent's room, and systemctl by the service command",
        ban: Ban::Outside {
            words: &["tokio::process", "process::Command", "process::{Command"],
            rooms: &["agent/", "scripted/", "cli/service.rs"],
        },
        sample: (
            "discord/commands/health.rs",
            "//! x\nuse tokio::process::Command;\n",
        ),
    },
    Rule {
        name: "every task has an owner",
        ban: Ban::Outside {
            words: &["tokio::spawn(", "tokio::task::spawn(", "std::thread::spawn("],
            rooms: &["scripted/"],
        },
        sample: ("http/router.rs", "//! x\ntokio::spawn(async {});\n"),
    },
    Rule {
        name: "the core and the wording do no I/O and have no clock",
        ban: Ban::Inside {
            words: IMPURE,
            rooms: &["session/state/", "render/"],
            except: &[],
        },
        sample: (
            "session/state/turn.rs",
            "//! x\nlet now = std::time::Instant::now();\n",
        ),
    },
    Rule {
        name: "nothing in the core or the wording waits",
        ban: Ban::Inside {
            words: &["async", ".await"],
            rooms: &["session/state/", "render/"],
            except: &[],
        },
        sample: ("render/split.rs", "//! x\npub async fn split() {}\n"),
    },
    Rule {
        // Where serenity is not, none of this can be called; the same words mean other things there.
        name: "only the outbox changes anything at Discord",
        ban: Ban::Inside {
            words: SENDS,
            rooms: &["discord/"],
            except: &["discord/outbox/", "discord/rest/"],
        },
        sample: (
            "discord/gateway.rs",
            "//! x\nchannel.say(&http, \"hi\").await?;\n",
        ),
    },
    Rule {
        name: "requests that change something are made in one place",
        ban: Ban::Outside {
            words: WRITES,
            rooms: &["discord/outbox/", "discord/rest/", "sim/"],
        },
        sample: (
            "discord/components.rs",
            "//! x\nrest.send(Call::new(LightMethod::Post, route)).await?;\n",
        ),
    },
    Rule {
        name: "the environment is read in one place",
        ban: Ban::Outside {
            words: &["env::var(", "env::vars(", "env::var_os(", "env::vars_os("],
            rooms: &["config/", "cli/", "agent/", "scripted/"],
        },
        sample: ("http/mod.rs", "//! x\nlet port = std::env::var(\"PORT\");\n"),
    },
    Rule {
        name: "no production code knows that it is tested",
        ban: Ban::File(keeps_tests_at_the_end),
        sample: ("store/mod.rs", "//! x\n#[cfg(test)]\nfn back_door() {}\n"),
    },
    Rule {
        name: "every module says why it exists",
        ban: Ban::File(opens_with_why),
        sample: ("store/mod.rs", "use std::fmt;\n"),
    },
    Rule {
        name: "a file is short enough to be read",
        ban: Ban::File(is_short),
        sample: ("store/mod.rs", "//! x\n"),
    },
    Rule {
        name: "names say what is inside",
        ban: Ban::File(has_a_telling_name),
        sample: ("discord/utils.rs", "//! x\n"),
    },
];

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    let relative = |path: &Path| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
    files
        .iter()
        .map(|path| Source::new(&relative(path), &std::fs::read_to_string(path).unwrap()))
        .collect()
}

#[test]
fn no_room_touches_what_is_not_its_own() {
    let sources = sources();
    assert!(sources.len() > 10, "the sources were found");
    let mut report = String::new();
    for rule in RULES {
        for place in sources.iter().flat_map(|source| rule.broken_by(source)) {
            writeln!(report, "{place}: {}", rule.name).unwrap();
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn every_rule_can_fail() {
    for rule in RULES {
        let (path, text) = rule.sample;
        // A sample of 401 lines would only be tedious to read.
        let text = if rule.name == "a file is short enough to be read" {
            text.repeat(MOST_LINES + 1)
        } else {
            text.to_owned()
        };
        assert!(
            !rule.broken_by(&Source::new(path, &text)).is_empty(),
            "{}",
            rule.name
        );
    }
}

#[test]
fn a_rule_leaves_comments_tests_and_longer_names_alone() {
    let fine = "//! Unlike serenity.\n// sqlx is not used here.\nlet poised = axum_like;\n#[cfg(test)]\nmod tests {\n    use serenity::all::*;\n    tokio::spawn(async {});\n}\n";
    let source = Source::new("session/actor.rs", fine);
    for rule in RULES {
        assert_eq!(rule.broken_by(&source), Vec::<String>::new(), "{}", rule.name);
    }
    assert!(has_word("use serenity::all;", "serenity") && !has_word("my_serenity", "serenity"));
    assert!(!has_word("tokio_util::sync", "tokio") && has_word("x.say(1)", ".say("));
}

#[test]
fn rules_know_their_rooms() {
    let room = |path: &str| {
        Source::new(
            path,
            "//! x\nuse serenity::all::Message;\nmessage.create_message();\n",
        )
    };
    let broken = |path: &str| {
        RULES
            .iter()
            .filter(|rule| !rule.broken_by(&room(path)).is_empty())
            .count()
    };
    assert_eq!(broken("discord/outbox/send.rs"), 0);
    assert_eq!(broken("discord/outbox_like.rs"), 1);
    assert_eq!(broken("session/actor.rs"), 1);
}
