//! `docs/configuration.md` and `.env.example` say what the program reads, and with which defaults.

use std::collections::BTreeMap;

use ompcord::config::{Config, VARIABLES};

use super::{read, root};

/// The rows of the document: variable and default, in their order.
fn documented() -> Vec<(String, String)> {
    read("docs/configuration.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .map(|line| {
            let mut cells = line.split('|').map(str::trim);
            let name = cells.next().unwrap().trim_end_matches('`').to_owned();
            (name, cells.next().unwrap().to_owned())
        })
        .collect()
}

/// What the example suggests in a comment, and leaves open where a person has to know.
fn suggested() -> BTreeMap<String, String> {
    read(".env.example")
        .lines()
        .filter_map(|line| line.trim_start_matches('#').split_once('='))
        .filter(|(name, _)| VARIABLES.contains(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The configuration with what is required and one more.
fn loaded(more: Option<(&str, &str)>) -> String {
    let home = root().join("target/no-such-home").display().to_string();
    let config = Config::load(Some(&root().join("tests/fixtures/empty.env")), |name| {
        let required = match name {
            "DISCORD_BOT_TOKEN" => Some("an-obviously-made-up-token"),
            "DISCORD_GUILD_ID" => Some("1"),
            "DISCORD_CHANNEL_ID" => Some("2"),
            "HOME" => Some(home.as_str()),
            _ => None,
        };
        required
            .or(more.filter(|(wanted, _)| *wanted == name).map(|(_, value)| value))
            .map(str::to_owned)
    });
    format!("{:?}", config.unwrap())
}

#[test]
fn every_variable_is_documented_in_the_order_of_the_example_and_no_other() {
    let names: Vec<String> = documented().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, VARIABLES);
}

#[test]
fn a_default_that_is_written_down_is_what_happens_without_the_variable() {
    let without = loaded(None);
    let mut tried = 0;
    for (name, default) in documented() {
        if default.is_empty() || default == "required" {
            continue;
        }
        assert_eq!(
            loaded(Some((&name, &default))),
            without,
            "{name}={default} is the default"
        );
        assert_eq!(suggested()[&name], default, "{name} in .env.example");
        tried += 1;
    }
    assert!(tried >= 9, "only {tried}");
}

#[test]
fn what_is_said_to_be_required_is_missed() {
    let empty = root().join("tests/fixtures/empty.env");
    let error = Config::load(Some(&empty), |_| None).unwrap_err().to_string();
    for (name, default) in documented() {
        assert_eq!(
            error.contains(&format!("  {name}\n")),
            default == "required",
            "{name}: {error}"
        );
    }
}
