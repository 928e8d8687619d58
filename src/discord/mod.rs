//! The only room that talks to Discord.

pub mod draft;
pub mod outbox;
pub mod rest;
