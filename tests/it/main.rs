//! The integration tests: one binary, a file per feature.

mod sim;
mod tls;
