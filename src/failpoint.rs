//! Places at which a test ends the daemon as SIGKILL does, by name: after each change of state that must survive it.
//!
//! The only hook that tests have. Without it a crash hits some instruction, and the ones that matter hardly ever. It
//! compiles to nothing without the feature `failpoints`, which no release and no default build has.

/// A place with a name.
#[cfg(feature = "failpoints")]
pub(crate) fn at(name: &str) {
    let _unit = fail::eval(name, |_: Option<String>| true);
}

/// A place with a name.
#[cfg(not(feature = "failpoints"))]
pub(crate) const fn at(_name: &str) {}

/// Ends the process at the place that is named, as `place` or `place:n` for the n-th time that it is reached.
#[cfg(feature = "failpoints")]
pub(crate) fn arm(wish: &str) -> anyhow::Result<()> {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use anyhow::anyhow;
    use nix::sys::signal::{Signal, kill};

    let (place, nth) = wish.split_once(':').unwrap_or((wish, "1"));
    let left = AtomicUsize::new(nth.parse()?);
    let end = move || {
        if left.fetch_sub(1, Ordering::SeqCst) == 1 {
            // The signal is on its way when this returns, but this thread may go on for a moment: it must not.
            kill(nix::unistd::Pid::this(), Signal::SIGKILL).ok();
            loop {
                std::thread::park();
            }
        }
    };
    fail::cfg_callback(place, end).map_err(|error| anyhow!("cannot arm {place}: {error}"))
}
