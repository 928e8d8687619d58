//! A simulated Discord by itself, for measurements and for bots in other languages.
//!
//! ```sh
//! cargo run --example discord -- 18900 > discord.env     # it runs until it is killed
//! env $(cat discord.env) ompcord run
//! ```

use std::io::Write as _;

use ompcord::sim::{Sim, SimConfig};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let port = std::env::args().nth(1).map(|port| port.parse()).transpose()?;
    let sim = Sim::start(SimConfig {
        port: port.unwrap_or(0),
        ..SimConfig::default()
    })
    .await?;
    let mut out = std::io::stdout();
    writeln!(out, "DISCORD_API_URL={}", sim.base_url())?;
    writeln!(out, "DISCORD_BOT_TOKEN={}", sim.bot_token())?;
    writeln!(out, "DISCORD_GUILD_ID={}", sim.guild_id())?;
    writeln!(out, "DISCORD_CHANNEL_ID={}", sim.home_channel())?;
    writeln!(out, "DISCORD_ALLOWED_USERS={}", sim.user("alice")?)?;
    out.flush()?;
    std::future::pending().await
}
