//! The integration tests: one binary, a file per feature.

#[cfg(test)]
mod sim;
#[cfg(test)]
mod tls;
