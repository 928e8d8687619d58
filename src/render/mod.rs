//! Pure text: everything that a person reads is made here, without I/O and without a clock.
//!
//! Without this room sentences would be scattered over the daemon and nobody could test what a person sees.

pub mod activity;
pub mod answer;
pub mod backup;
pub mod board;
pub mod card;
pub(crate) mod dialog;
pub mod doctor;
pub mod footer;
pub mod health;
pub mod help;
pub mod log;
pub mod markdown;
pub mod name;
pub mod no_thread;
pub mod notice;
pub mod queue;
pub mod redact;
pub mod sessions;
pub mod settings;
pub mod setup;
pub mod split;
pub mod status;
pub mod terminal;
pub mod text;
pub mod tools;
pub mod words;

/// What Discord takes as the content of one message, in characters.
pub const MESSAGE_LIMIT: usize = 2000;
