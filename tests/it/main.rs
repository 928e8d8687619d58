//! One integration binary: it links once, and every file is a feature seen from outside.

mod absences;
mod cli;
mod config;
mod outbox;
