//! The loopback HTTP server.
