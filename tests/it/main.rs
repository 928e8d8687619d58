//! One integration binary: it links once, and every file is a feature seen from outside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::too_many_lines,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::format_push_string,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a panic is how a test fails, in its harness too, and a scenario is read from top to bottom"
)]

mod absences;
mod agent;
mod agent_faults;
mod api_url;
mod attached;
mod backup;
mod board;
mod card;
mod cli;
mod commands;
mod commands_change;
mod commands_look;
mod commands_table;
mod config;
mod demo;
mod dialogs;
mod disk;
mod doctor;
mod documents;
mod extension;
mod feedback;
mod flood;
mod fuzz;
mod harness;
mod hostile;
mod http;
#[cfg(feature = "failpoints")]
mod kills;
mod launch;
mod limits;
mod logs;
mod main_job;
mod metrics;
mod missed;
mod notices;
mod outbox;
mod output;
mod queue;
mod real;
mod real_commands;
mod real_dialogs;
mod real_terminal;
mod redaction;
mod release;
mod restart;
mod retention;
mod scripted_discord;
mod service_manager;
mod setup;
mod sim;
mod soak;
mod startup;
mod terminal;
mod threads;
mod tls;
mod tools;
mod webhook;
