//! Documents that say something about the code say what is true.

use std::collections::BTreeSet;
use std::path::Path;

use ompcord::error::Fatal;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
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
