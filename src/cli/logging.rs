//! Where log lines go: standard error, in the form that suits whoever reads it.
//!
//! Without it, journald would show every time twice and every level as "info".

use std::fmt;
use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;

use anyhow::{Context as _, anyhow};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{Format, Full, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::config::{Log, LogFormat};

/// Starts logging for the whole process.
pub(super) fn start(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::builder()
        .parse(&log.filter)
        .context("cannot read the log filter")?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let started = match log.format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Text if to_journal() => {
            let plain = Format::default()
                .without_time()
                .with_level(false)
                .with_ansi(false);
            lines.with_ansi(false).event_format(Journal(plain)).try_init()
        }
        LogFormat::Text => lines.with_ansi(colours).try_init(),
    };
    started.map_err(|error| anyhow!("cannot start logging: {error}"))
}

/// Logging beside a program that speaks to a person: warnings only, unless `OMPCORD_LOG` asks for more.
#[cfg(feature = "demo")]
pub(super) fn start_quiet() -> anyhow::Result<()> {
    let filter =
        crate::config::process_env("OMPCORD_LOG").unwrap_or_else(|| "warn,serenity=error".to_owned());
    start(&Log {
        filter,
        format: LogFormat::Text,
    })
}

/// Whether standard error is journald's own socket. The variable alone says little: every child inherits it.
fn to_journal() -> bool {
    let stream = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    let stderr = io::stderr()
        .as_fd()
        .try_clone_to_owned()
        .and_then(|fd| std::fs::File::from(fd).metadata());
    stderr.is_ok_and(|stderr| stream == format!("{}:{}", stderr.dev(), stderr.ino()))
}

/// Puts the priority before each line in the form that journald understands.
struct Journal(Format<Full, ()>);

impl<S, N> FormatEvent<S, N> for Journal
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let priority = match *event.metadata().level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            Level::DEBUG | Level::TRACE => 7,
        };
        write!(writer, "<{priority}>")?;
        self.0.format_event(context, writer, event)
    }
}
