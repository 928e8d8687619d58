//! Documents that say something about the code say what is true.

mod canvas;
mod command_line;
mod configuration;
mod mentions;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ompcord::error::Fatal;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files of a folder whose names end like this, from the root of the project.
fn files(folder: &str, ending: &str) -> Vec<String> {
    let mut found: Vec<String> = std::fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| PathBuf::from(folder).join(entry.unwrap().file_name()))
        .filter(|path| root().join(path).is_file())
        .map(|path| path.to_str().unwrap().trim_start_matches("./").to_owned())
        .filter(|path| path.ends_with(ending))
        .collect();
    found.sort();
    found
}

/// Every document that a person reads.
fn documents() -> Vec<String> {
    [files(".", ".md"), files("docs", ".md")].concat()
}

/// What stands between two marks of a document has to be this. With `UPDATE_DOCUMENTS=1` it is written.
fn same_part(path: &str, (begin, end): (&str, &str), wanted: &str) {
    let document = read(path);
    let (before, rest) = document.split_once(begin).unwrap();
    let (found, after) = rest.split_once(end).unwrap();
    if found != wanted && std::env::var_os("UPDATE_DOCUMENTS").is_some() {
        let text = format!("{before}{begin}{wanted}{end}{after}");
        std::fs::write(root().join(path), text).unwrap();
        return;
    }
    assert_eq!(found, wanted, "{path}; UPDATE_DOCUMENTS=1 writes it");
}

#[test]
fn every_dependency_has_its_reason_and_no_other_is_listed() {
    let manifest = read("Cargo.toml");
    let mut wanted = false;
    let mut declared = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            wanted = matches!(line, "[dependencies]" | "[dev-dependencies]");
        } else if let Some((name, _)) = line.split_once('=').filter(|_| wanted && !line.starts_with('#')) {
            declared.insert(name.trim().to_owned());
        }
    }
    let document = read("docs/dependencies.md");
    let used = document.split("## Considered").next().unwrap();
    let explained: BTreeSet<String> = used
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once(" |"))
        .flat_map(|(names, _)| {
            names
                .split(", ")
                .map(|name| name.trim_matches('`').to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(explained, declared);
}

#[test]
fn the_readme_invites_with_what_is_needed() {
    let wanted = format!("permissions={}", ompcord::error::PERMISSIONS);
    assert!(read("README.md").contains(&wanted), "{wanted}");
}

#[test]
fn the_readme_knows_every_exit_code() {
    let readme = read("README.md");
    for code in [0, 1, 2, 69, 70, 74, 75, 77, 78] {
        assert!(readme.contains(&format!("\n| {code} | ")), "{code}");
    }
}

#[test]
fn the_service_is_not_restarted_for_what_only_a_person_can_mend() {
    let unit = read("systemd/ompcord.service");
    let codes = unit
        .lines()
        .find_map(|line| line.strip_prefix("RestartPreventExitStatus="))
        .unwrap();
    let expected = format!(
        "2 {} {}",
        Fatal::TokenRejected.exit_code(),
        Fatal::Intents.exit_code()
    );
    assert_eq!(codes, expected);
    let architecture = read("ARCHITECTURE.md").replace('\n', " ");
    assert!(architecture.contains("77 token, 78 intents"));
}
