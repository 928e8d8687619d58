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

/// The three numbers of a version, to compare it by; what stands around them does not count, and what is missing is 0.
#[must_use]
pub fn numbers(version: &str) -> [u32; 3] {
    let core = version.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = core.find(|c: char| !c.is_ascii_digit() && c != '.');
    let core = end.and_then(|end| core.get(..end)).unwrap_or(core);
    let mut numbers = core.split('.').map(|part| part.parse().unwrap_or_default());
    std::array::from_fn(|_| numbers.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert_eq!(numbers("omp/18.2.3"), [18, 2, 3]);
        assert_eq!(numbers("v0.10.0-rc.1+5"), [0, 10, 0]);
        assert_eq!(numbers("1.2"), [1, 2, 0]);
        assert!(numbers("0.10.0") > numbers("0.9.9") && numbers("none") == [0; 3]);
    }
}
