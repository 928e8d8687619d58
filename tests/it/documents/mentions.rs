//! What a document mentions is there: commands, flags, variables, files.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use ompcord::config::VARIABLES;
use regex::Regex;

use super::command_line::subcommands;
use super::{documents, files, read, root};

/// What is written as code: spans, and the lines of blocks. Of a block that shows a terminal only what was typed.
fn code(document: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, part) in document.split("```").enumerate() {
        if number % 2 == 0 {
            found.extend(part.split('`').skip(1).step_by(2).map(str::to_owned));
            continue;
        }
        let lines = || part.lines().skip(1);
        if lines().any(|line| line.starts_with("$ ")) {
            found.extend(
                lines()
                    .filter_map(|line| line.strip_prefix("$ "))
                    .map(str::to_owned),
            );
        } else {
            found.extend(lines().map(str::to_owned));
        }
    }
    found
}

fn each_code(mut seen: impl FnMut(&str, &str)) {
    for path in documents() {
        for code in code(&read(&path)) {
            seen(&path, &code);
        }
    }
}

static CALL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?:^|[ |/;(])ompcord((?: +[^ |;&)>]+)+)").unwrap());

#[test]
fn every_call_of_the_program_that_a_document_shows_is_one_that_it_understands() {
    let known = subcommands();
    let mut calls = 0;
    each_code(|path, code| {
        let code = code.split(" #").next().unwrap();
        for call in CALL.captures_iter(code) {
            let words: Vec<&str> = call[1].split_whitespace().collect();
            if words[0] == "help" || !words[0].chars().all(|c| c.is_ascii_lowercase() || c == '-') {
                continue;
            }
            // The longest name of a subcommand that these words begin with.
            let (name, command) = known
                .iter()
                .filter(|(name, _)| {
                    let parts: Vec<&str> = name.split(' ').skip(1).collect();
                    words.starts_with(&parts)
                })
                .max_by_key(|(name, _)| name.len())
                .unwrap();
            assert!(name != "ompcord" || words[0].starts_with('-'), "{path}: {code}");
            for flag in words.iter().filter_map(|word| word.strip_prefix("--")) {
                let flag = flag.split('=').next().unwrap().trim_end_matches([',', '.', ']']);
                let there = command.get_arguments().any(|arg| arg.get_long() == Some(flag));
                assert!(
                    there || flag.is_empty(),
                    "{path}: `{name}` has no --{flag}: {code}"
                );
            }
            calls += 1;
        }
    });
    assert!(calls > 30, "only {calls} were found");
}

#[test]
fn every_discord_command_that_a_document_shows_is_registered() {
    let all = ompcord::discord::commands::registration().unwrap();
    let known: BTreeSet<String> = all[0]["options"]
        .as_array()
        .unwrap()
        .iter()
        .map(|command| command["name"].as_str().unwrap().to_owned())
        .collect();
    let call = Regex::new(r"[/!]omp ([a-z]+)").unwrap();
    let mut shown = BTreeSet::new();
    each_code(|path, code| {
        for call in call.captures_iter(code) {
            assert!(known.contains(&call[1]), "{path}: {code}");
            shown.insert(call[1].to_owned());
        }
    });
    assert_eq!(shown, known, "each is in some document");
}

#[test]
fn every_variable_that_a_document_names_is_read_by_something() {
    let name = Regex::new(r"\b(?:OMP|OMPCORD|DISCORD)_[A-Z][A-Z_]*[A-Z]\b").unwrap();
    let mut elsewhere = String::new();
    for folder in ["src", "extension/src", "scripts", "tests"] {
        gather(&root().join(folder), &mut elsewhere);
    }
    for path in files("extension", ".ts") {
        elsewhere.push_str(&read(&path));
    }
    for path in documents() {
        for found in name.find_iter(&read(&path)) {
            let found = found.as_str();
            assert!(
                VARIABLES.contains(&found) || elsewhere.contains(found),
                "{path}: {found}"
            );
        }
    }
}

fn gather(folder: &std::path::Path, text: &mut String) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("documents") && !path.ends_with("node_modules") {
            gather(&path, text);
        } else if let Ok(content) = std::fs::read_to_string(&path) {
            text.push_str(&content);
        }
    }
}

#[test]
fn every_link_within_the_project_leads_to_a_file() {
    let link = Regex::new(r##"(?:\]\(|src="|href=")([^)"#\s]+)"##).unwrap();
    let mut links = 0;
    for path in documents() {
        let folder = root().join(&path).parent().unwrap().to_owned();
        for found in link.captures_iter(&read(&path)) {
            if !found[1].contains("://") && !found[1].starts_with("mailto:") {
                assert!(folder.join(&found[1]).exists(), "{path}: {}", &found[1]);
                links += 1;
            }
        }
    }
    assert!(links > 20, "only {links} were found");
}

#[test]
fn every_document_can_be_reached_from_the_readme() {
    let readme = read("README.md");
    for path in documents().iter().filter(|path| *path != "README.md") {
        assert!(readme.contains(&format!("({path})")), "{path}");
    }
}
