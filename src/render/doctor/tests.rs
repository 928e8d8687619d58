//! What a person reads, whole.

use std::time::Duration;

use super::*;
use crate::agent::RunError;
use crate::config::Holder;
use crate::discord::rest::{Offset, RestError};
use crate::doctor::{
    AgentSeen, ApiToken, ChannelSeen, Configuration, Database, Discord, ExtensionSeen, Guild, Port, Rest,
    State,
};
use crate::event::{AgentExit, ExitHow};
use crate::service::UnitSeen;
use crate::status::Disk;
use crate::store::examine::{Examined, Schema};

fn discord() -> Discord {
    Discord {
        at: None,
        bot: Ok("ompcord".to_owned()),
        clock: Ok(Some(Offset {
            by: Duration::ZERO,
            ahead: false,
        })),
        gateway: Ok("wss://gateway.discord.gg".to_owned()),
        guild: Some(Guild {
            id: 1.into(),
            application: 9.into(),
            reads_messages: Ok(true),
            name: Ok(Some("Workshop".to_owned())),
            commands: Ok(Some(true)),
            channels: vec![(
                2.into(),
                ChannelSeen::Here {
                    name: "home".to_owned(),
                    permissions: Ok(crate::error::PERMISSIONS),
                },
            )],
        }),
    }
}

fn rest() -> Rest {
    Rest {
        state: State::Usable("/state".into()),
        exposed: Vec::new(),
        database: Database::Seen(Examined {
            bytes: 3 << 20,
            wal_bytes: 0,
            damage: None,
            schema: Schema::Current,
        }),
        disk: Ok(Disk {
            free: 37 << 30,
            total: 64 << 30,
        }),
        holder: Holder::Daemon(Some(4711)),
        port: Port::Daemon {
            addr: ([127, 0, 0, 1], 8901).into(),
            ready: true,
        },
        api_token: ApiToken::Fits,
        discord: discord(),
        agent: AgentSeen {
            program: "omp".to_owned(),
            version: Ok("omp/18.2.3".to_owned()),
            handshake: Some(Ok(Duration::from_millis(1_400))),
        },
        extension: ExtensionSeen::Version(env!("CARGO_PKG_VERSION").to_owned()),
        unit: UnitSeen::Installed {
            unit: "/units/ompcord.service".into(),
            current: true,
            lost: None,
            enabled: true,
            lingers: Some(true),
        },
    }
}

fn told(rest: Option<Rest>, warnings: &[&str]) -> String {
    text(&findings(&Examination {
        configuration: Ok(Configuration {
            file: Some("/home/me/.config/ompcord/.env".into()),
            warnings: warnings.iter().map(|&warning| warning.to_owned()).collect(),
        }),
        rest,
    }))
}

#[test]
fn all_is_well() {
    insta::assert_snapshot!(told(Some(rest()), &[]));
}

fn exit(how: ExitHow, line: &str) -> AgentExit {
    AgentExit {
        how,
        requested: false,
        last_lines: vec![line.to_owned()],
        swept: 0,
    }
}

#[test]
fn nothing_is_well() {
    let addr = ([127, 0, 0, 1], 8901).into();
    let away = || RestError::Unknown {
        reason: "connection refused".to_owned(),
        maybe_done: false,
    };
    let mut wrong = rest();
    wrong.state = State::Unusable("/state".into(), "Read-only file system (os error 30)".to_owned());
    wrong.exposed = vec![("/home/me/.env".into(), 0o600), ("/state".into(), 0o700)];
    wrong.database = Database::Held;
    wrong.disk = Ok(Disk {
        free: 1 << 20,
        total: 64 << 30,
    });
    wrong.port = Port::Silent(addr);
    wrong.api_token = ApiToken::Refused;
    wrong.discord.clock = Ok(Some(Offset {
        by: Duration::from_secs(1_261),
        ahead: true,
    }));
    wrong.discord.gateway = Err("wss://gateway.discord.gg cannot be reached".to_owned());
    if let Some(guild) = &mut wrong.discord.guild {
        guild.reads_messages = Ok(false);
        guild.commands = Ok(None);
        guild.channels = vec![
            (
                2.into(),
                ChannelSeen::Here {
                    name: "home".to_owned(),
                    permissions: Ok(1 << 10 | 1 << 11 | 1 << 38 | 1 << 16 | 1 << 14 | 1 << 15 | 1 << 6),
                },
            ),
            (3.into(), ChannelSeen::Foreign("far".to_owned())),
            (4.into(), ChannelSeen::NoText("voices".to_owned())),
            (5.into(), ChannelSeen::Gone),
            (6.into(), ChannelSeen::Unknown(away())),
        ];
    }
    wrong.agent.version = Ok("omp/12.0.0".to_owned());
    wrong.agent.handshake = Some(Err(exit(ExitHow::Code(1), "error: unknown mode rpc-ui")));
    wrong.extension = ExtensionSeen::Version("0.0.1".to_owned());
    wrong.unit = UnitSeen::Installed {
        unit: "/units/ompcord.service".into(),
        current: false,
        lost: Some("/gone/ompcord".into()),
        enabled: false,
        lingers: Some(false),
    };
    insta::assert_snapshot!(told(Some(wrong), &["nobody may use the bot"]));
}

/// What is said of one thing after a change.
fn said(change: &dyn Fn(&mut Rest), name: &str) -> Vec<String> {
    let mut seen = rest();
    change(&mut seen);
    let told = told(Some(seen), &[]);
    let of = |line: &&str| line.contains(name) || line.trim_start().starts_with('→');
    told.lines().filter(of).map(str::to_owned).collect()
}

#[test]
fn each_other_way_for_a_machine_to_fail_has_its_words() {
    let mut rows = Vec::new();
    let mut say = |change: &dyn Fn(&mut Rest), name: &str| rows.extend(said(change, name));
    say(&|s| s.state = State::NotYet("/state".into()), "State");
    say(&|s| s.database = Database::NotYet, "Database");
    say(
        &|s| s.database = Database::Failed("cannot be opened: disk I/O error".to_owned()),
        "Database",
    );
    let seen = |damage: Option<&str>, schema, wal_bytes| {
        Database::Seen(Examined {
            bytes: 5,
            wal_bytes,
            damage: damage.map(str::to_owned),
            schema,
        })
    };
    say(
        &|s| s.database = seen(Some("malformed page 3"), Schema::Current, 0),
        "Database",
    );
    say(&|s| s.database = seen(None, Schema::Newer(12), 0), "Database");
    say(&|s| s.database = seen(None, Schema::Older, 0), "Database");
    say(&|s| s.database = seen(None, Schema::Current, 1 << 30), "Database");
    say(&|s| s.disk = Err("EIO: I/O error".to_owned()), "Disk");
    let addr = ([127, 0, 0, 1], 8901).into();
    say(
        &|s| (s.port, s.holder) = (Port::Free(addr), Holder::Nobody),
        "HTTP API",
    );
    say(
        &|s| (s.port, s.holder) = (Port::Taken(addr), Holder::Nobody),
        "HTTP API",
    );
    say(&|s| s.port = Port::Daemon { addr, ready: false }, "HTTP API");
    say(
        &|s| s.port = Port::Unusable(addr, "Permission denied".to_owned()),
        "HTTP API",
    );
    say(&|s| s.api_token = ApiToken::NotYet, "API token");
    say(&|s| s.api_token = ApiToken::There, "API token");
    say(
        &|s| s.api_token = ApiToken::Unreadable("Permission denied".to_owned()),
        "API token",
    );
    insta::assert_snapshot!(rows.join("\n"));
}

#[test]
fn each_other_way_for_the_rest_to_fail_has_its_words() {
    let mut rows = Vec::new();
    let mut say = |change: &dyn Fn(&mut Rest), name: &str| rows.extend(said(change, name));
    say(
        &|s| (s.discord.bot, s.discord.guild) = (Err(RestError::Unauthorized), None),
        "Bot token",
    );
    say(&|s| s.discord.clock = Ok(None), "Clock");
    say(&|s| s.discord.guild.as_mut().unwrap().name = Ok(None), "Server");
    say(
        &|s| s.discord.guild.as_mut().unwrap().commands = Ok(Some(false)),
        "Commands",
    );
    say(
        &|s| s.agent.version = Err(RunError::NotFound("omp".to_owned())),
        "Agent",
    );
    say(&|s| s.agent.version = Ok("omp/17.9.9".to_owned()), "Agent");
    let not_ready = || Some(Err(exit(ExitHow::NotReady, "loading models")));
    say(&|s| s.agent.handshake = not_ready(), "Agent");
    say(
        &|s| {
            (s.agent.version, s.agent.handshake) =
                (Err(RunError::TooSlow(Duration::from_secs(8))), not_ready());
        },
        "Agent",
    );
    say(&|s| s.extension = ExtensionSeen::No, "Extension");
    say(&|s| s.extension = ExtensionSeen::Unknown, "Extension");
    say(&|s| s.unit = UnitSeen::No, "Service");
    insta::assert_snapshot!(rows.join("\n"));
}

#[test]
fn a_configuration_that_cannot_be_read_is_all_that_is_said() {
    let seen = Examination {
        configuration: Err(vec![Problem {
            variable: "DISCORD_GUILD_ID".to_owned(),
            found: "nothing: it is required".to_owned(),
            expected: "an id: digits only".to_owned(),
            hint: None,
        }]),
        rest: None,
    };
    insta::assert_snapshot!(text(&findings(&seen)), @r"
    ✗ Configuration    DISCORD_GUILD_ID: nothing: it is required
                       → expected an id: digits only
    · Everything else  looked at once the configuration can be read

    1 to mend (✗).
    ");
}
