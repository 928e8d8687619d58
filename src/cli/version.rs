//! `ompcord version`: what exactly is running, for bug reports.

use super::out;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn execute(args: &Args) -> anyhow::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    let commit = option_env!("OMPCORD_COMMIT").filter(|commit| !commit.is_empty());
    let text = if args.json {
        serde_json::json!({ "version": version, "commit": commit }).to_string()
    } else {
        format!("ompcord {version} (commit {})", commit.unwrap_or("unknown"))
    };
    Ok(out::line(&text)?)
}
