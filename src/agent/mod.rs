//! The agent process and its protocol.
