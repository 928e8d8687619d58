//! ompcord puts the OMP coding agent on Discord: one thread per agent session.
//!
//! The modules in reading order; `ARCHITECTURE.md` draws the flow between them.

pub mod about;
pub mod agent;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod discord;
pub mod doctor;
pub mod error;
pub mod event;
mod failpoint;
pub mod http;
pub mod ids;
pub mod ingress;
pub mod mcp;
pub mod render;
mod retention;
#[cfg(feature = "demo")]
pub mod scripted;
pub mod service;
pub mod session;
#[cfg(feature = "demo")]
pub mod sim;
pub mod status;
pub mod store;
pub mod token;
pub mod tools;
