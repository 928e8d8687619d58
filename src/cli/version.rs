//! `ompcord version`: what exactly is running, for bug reports.

use super::out;
use crate::about;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn execute(args: &Args) -> anyhow::Result<()> {
    let (version, commit) = (about::VERSION, about::commit());
    let text = if args.json {
        serde_json::json!({ "version": version, "commit": commit, "built": about::built() }).to_string()
    } else {
        format!("ompcord {version} (commit {})", commit.unwrap_or("unknown"))
    };
    Ok(out::line(&text)?)
}
