//! What the daemon's own process uses, as the kernel says.

use std::time::Duration;

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage};

/// What the process uses; what the kernel does not say is not there.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    /// Memory, in bytes.
    pub(super) resident: Option<u64>,
    /// Open file descriptors.
    pub(super) open_fds: Option<u64>,
    /// How many there may be.
    pub(super) max_fds: Option<u64>,
    /// Time that was computed.
    pub(super) cpu: Option<Duration>,
}

impl Usage {
    /// A look, which reads from the kernel's memory and waits for no disk.
    pub(super) fn take() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let fds = std::fs::read_dir("/proc/self/fd");
        Self {
            resident: resident(&status),
            // The one that reads the list is in it.
            open_fds: fds.ok().map(|fds| (fds.count() as u64).saturating_sub(1)),
            max_fds: getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(soft, _)| soft),
            cpu: cpu(),
        }
    }
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn cpu() -> Option<Duration> {
    let used = getrusage(UsageWho::RUSAGE_SELF).ok()?;
    let time = used.user_time() + used.system_time();
    let seconds = u64::try_from(time.tv_sec()).ok()?;
    let micros = u64::try_from(time.tv_usec()).ok()?;
    Some(Duration::from_secs(seconds) + Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_what_is_used() {
        let used = Usage::take();
        assert!(used.resident.unwrap() > 1024 * 1024, "{used:?}");
        assert!(
            used.open_fds.unwrap() >= 3 && used.open_fds < used.max_fds,
            "{used:?}"
        );
        assert!(used.cpu.is_some());
        assert_eq!(resident("VmPeak:\t 9 kB\nVmRSS:\t    2048 kB\n"), Some(2_097_152));
        assert_eq!(resident(""), None);
    }
}
