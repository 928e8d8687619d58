//! What exactly is running: for bug reports, and for whoever wonders whether the update has arrived.

/// The release.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit it was built from; `None` where the build did not know, as in development.
#[must_use]
pub fn commit() -> Option<&'static str> {
    option_env!("OMPCORD_COMMIT").filter(|commit| !commit.is_empty())
}

/// The day it was built, as `2026-11-21`; `None` in development.
#[must_use]
pub fn built() -> Option<&'static str> {
    option_env!("OMPCORD_BUILT").filter(|day| !day.is_empty())
}
