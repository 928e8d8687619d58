//! The redactor must leave ordinary work alone: an agent that prints a lock file, a hash or a picture shows it whole.

use std::path::{Path, PathBuf};

use ompcord::render::redact::Redactor;

/// Where examples of secrets stand on purpose.
const EXAMPLES: &[&str] = &[
    "src/render/redact/",
    "src/render/dialog/",
    "src/session/secrets.rs",
    "src/config/problem.rs",
    "src/token.rs",
    "src/session/dialog/",
    "extension/",
    "tests/it/",
];

fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    const SKIPPED: &[&str] = &["target", "node_modules", ".git"];
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
            files(&path, out);
        } else if kind.is_file() && std::fs::metadata(&path).is_ok_and(|m| m.len() < 4_000_000) {
            out.push(path);
        }
    }
}

/// What is hidden of a text, with what stands before it.
fn hidden(redactor: &Redactor, text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| redactor.hidden(line) > 0);
    lines
        .map(|line| redactor.redact(line).chars().take(160).collect())
        .collect()
}

/// `OMPCORD_REDACT_CORPUS=dir` reads another tree, and says what it would hide there.
#[test]
fn nothing_of_this_repository_is_taken_for_a_secret() {
    let redactor = Redactor::default();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let other = std::env::var_os("OMPCORD_REDACT_CORPUS").map(PathBuf::from);
    let dir = other.as_deref().unwrap_or(root);
    let mut all = Vec::new();
    files(dir, &mut all);
    let (mut read, mut bytes, mut found) = (0, 0, Vec::new());
    for path in all {
        let name = path.strip_prefix(dir).unwrap().display().to_string();
        if other.is_none() && EXAMPLES.iter().any(|example| name.starts_with(example)) {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        read += 1;
        bytes += text.len();
        found.extend(
            hidden(&redactor, &text)
                .into_iter()
                .map(|line| format!("{name}: {line}")),
        );
    }
    println!(
        "{read} files, {bytes} bytes, {} lines with something hidden",
        found.len()
    );
    assert!(read > 100, "{read} files were read");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn hashes_pictures_and_identifiers_are_left_alone() {
    let redactor = Redactor::default();
    let mut seed = 42_u64;
    let mut next = move || {
        // A small generator is enough, and the same text in every run.
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        seed >> 33
    };
    let mut word = |alphabet: &str, len: usize| -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        let mut at = || usize::try_from(next()).unwrap() % letters.len();
        (0..len).map(|_| letters[at()]).collect()
    };
    let hex = "0123456789abcdef";
    let base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut wrong = Vec::new();
    for _ in 0..2_000 {
        let uuid = [8, 4, 4, 4, 12].map(|len| word(hex, len)).join("-");
        let texts = [
            format!("commit {}", word(hex, 40)),
            format!("\"integrity\": \"sha512-{}==\"", word(base64, 86)),
            format!("checksum = \"{}\"", word(hex, 64)),
            format!("id: {uuid}"),
            format!(
                "<img src=\"data:image/png;base64,iVBORw0KGgo{}\">",
                word(base64, 600)
            ),
            format!("{}:{} up", word("0123456789", 9), word("0123456789", 5)),
        ];
        let hidden = texts.into_iter().filter(|text| redactor.hidden(text) > 0);
        wrong.extend(hidden);
    }
    assert!(
        wrong.is_empty(),
        "{} of 12,000:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
