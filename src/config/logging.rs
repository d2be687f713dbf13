//! Sets the log up: one line for each event, on standard error. Standard output belongs to the line
//! that says that the broker is ready.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::filter::LevelFilter;

use super::settings::LogLevel;

/// The log was set up before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the log of this process is set up already")]
pub struct LoggingError;

/// Starts the log of the process. Colours are used on a terminal only, and not where `NO_COLOR` is set.
///
/// # Errors
/// [`LoggingError`] when the process has a log already; it is left as it is.
pub fn start_logging(level: LogLevel) -> Result<(), LoggingError> {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    tracing_subscriber::fmt()
        .compact()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && !plain)
        .with_target(false)
        .with_max_level(filter(level))
        .try_init()
        .map_err(|_| LoggingError)
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::None => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}
