//! What a person gives a subcommand to say: as an argument, or `-` for standard input.

use std::io::Read as _;

use anyhow::{Context as _, Result};

use crate::error::UserError;

/// No prompt and no notice that the daemon takes is longer.
const LONGEST: u64 = 1024 * 1024;

/// The text, without the line break that every shell puts at the end of what it pipes.
pub(super) fn text(argument: &str) -> Result<String> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(LONGEST + 1).read_to_end(&mut bytes);
    read.context("cannot read standard input")?;
    if bytes.len() as u64 > LONGEST {
        return Err(UserError::new("standard input is more than 1 MiB").into());
    }
    // The end of a build log may be in any encoding.
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
