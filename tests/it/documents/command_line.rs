//! `docs/command-line.md` says what the program's own parser says.

use std::fmt::Write as _;

use clap::{Command, CommandFactory as _};

use super::same_part;

/// Every subcommand that a person is told of, each with its full name.
pub(super) fn subcommands() -> Vec<(String, Command)> {
    let mut program = ompcord::cli::Cli::command();
    program.build();
    let mut found = Vec::new();
    walk(&program, "ompcord", &mut found);
    found
}

fn walk(command: &Command, name: &str, found: &mut Vec<(String, Command)>) {
    found.push((name.to_owned(), command.clone()));
    for inner in command.get_subcommands() {
        if !inner.is_hide_set() && inner.get_name() != "help" {
            walk(inner, &format!("{name} {}", inner.get_name()), found);
        }
    }
}

fn documented() -> String {
    let mut text = String::from("\n\n");
    for (name, command) in subcommands().into_iter().skip(1) {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        writeln!(text, "### `{name}`\n\n{about}.\n").unwrap();
        let shown: Vec<_> = command
            .get_arguments()
            .filter(|arg| !arg.is_hide_set() && !arg.is_global_set())
            .filter(|arg| !matches!(arg.get_id().as_str(), "help" | "version"))
            .collect();
        if shown.is_empty() {
            continue;
        }
        text.push_str("| | |\n|---|---|\n");
        for arg in shown {
            let mut call = match (arg.get_long(), arg.get_short()) {
                (Some(long), Some(short)) => format!("-{short}, --{long} "),
                (Some(long), None) => format!("--{long} "),
                _ => String::new(),
            };
            if arg.get_action().takes_values() {
                let value = arg
                    .get_value_names()
                    .map(|names| names.join(" "))
                    .unwrap_or_default();
                write!(call, "<{value}>").unwrap();
            }
            let mut help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let values: Vec<_> = arg.get_possible_values();
            if arg.get_action().takes_values() && !values.is_empty() {
                let names: Vec<_> = values
                    .iter()
                    .map(|value| format!("`{}`", value.get_name()))
                    .collect();
                write!(help, ": {}", names.join(", ")).unwrap();
            }
            let default: Vec<_> = arg
                .get_default_values()
                .iter()
                .filter_map(|value| value.to_str())
                .collect();
            if arg.get_action().takes_values() && !default.is_empty() {
                write!(help, " (default: {})", default.join(" ")).unwrap();
            }
            writeln!(
                text,
                "| `{}` | {} |",
                call.trim_end(),
                help.replace('\n', " ").replace('|', "\\|")
            )
            .unwrap();
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_document_has_every_subcommand_as_the_program_knows_it() {
    let marks = ("<!-- subcommands -->", "<!-- end -->");
    same_part("docs/command-line.md", marks, &documented());
}
