//! The only room that talks to Discord.
