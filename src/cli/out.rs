//! The only place that writes to the terminal.
//!
//! `println!` panics when the reader has gone (`ompcord version | head -0`), so it is a lint, and this is instead.

use std::io::{self, Write as _};

/// A line for the person or the script that asked.
pub(super) fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// A line about a failure. When standard error is closed too, nobody is left to be told.
pub(super) fn error(text: &str) {
    writeln!(io::stderr().lock(), "{text}").unwrap_or_default();
}
