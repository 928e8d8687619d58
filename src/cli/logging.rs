//! Where log lines go: standard error, in the form that suits whoever reads it.
//!
//! Without it, journald would show every time twice and every level as "info", and whoever can choose a name or an error
//! message could write lines of a log that the daemon never wrote.

use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;

use anyhow::{Context as _, anyhow};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::config::{Log, LogFormat};

/// Starts logging for the whole process.
pub(super) fn start(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::builder()
        .parse(&log.filter)
        .context("cannot read the log filter")?;
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || OneLine {
            to: io::stderr(),
            colours,
        });
    let started = match log.format {
        LogFormat::Json => {
            let objects = Format::default()
                .json()
                .flatten_event(true)
                .with_current_span(false);
            let lines = lines.json();
            if to_journal() {
                lines.event_format(Journal(objects.without_time())).try_init()
            } else {
                lines.event_format(objects).try_init()
            }
        }
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

/// Writes each event as one line, whatever is in it. The subscriber escapes colours in what is logged, but no line ends.
struct OneLine<W> {
    to: W,
    /// The subscriber's own colours pass.
    colours: bool,
}

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event.strip_suffix(b"\n").unwrap_or(event));
        let mut line = String::with_capacity(text.len() + 1);
        for c in text.chars() {
            if c == '\t' || (c == '\u{1b}' && self.colours) || !forges(c) {
                line.push(c);
            } else {
                line.extend(c.escape_default());
            }
        }
        line.push('\n');
        self.to.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Whether a character ends a line, moves the cursor, or shows what follows in another order.
fn forges(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Puts the priority before each line in the form that journald understands.
struct Journal<F>(F);

impl<S, N, F> FormatEvent<S, N> for Journal<F>
where
    F: FormatEvent<S, N>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_forges_a_line_of_the_log() {
        let forged =
            "name\n2026-01-01 ERROR ompcord: all is lost\r\u{1b}[2K\u{202e}drow\u{9b}31m\u{2028}x\ttab";
        for colours in [false, true] {
            let mut line = OneLine {
                to: Vec::new(),
                colours,
            };
            line.write_all(format!("INFO {forged}\n").as_bytes()).unwrap();
            let written = String::from_utf8(line.to).unwrap();
            assert_eq!(written.lines().count(), 1, "{written:?}");
            assert!(
                !written
                    .trim_end()
                    .contains(['\n', '\r', '\u{202e}', '\u{9b}', '\u{2028}']),
                "{written:?}"
            );
            assert_eq!(written.contains('\u{1b}'), colours);
            assert!(written.contains("name\\n2026") && written.contains("\ttab"));
        }
    }
}
