//! Lines of the log on their way to somebody in this process.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, OnceLock};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Who takes lines: RabbitMQ's name of the level, the module that logged it, and the line.
pub(super) type Take = Box<dyn Fn(&'static str, &str, String) + Send + Sync>;

/// Lines that come before anybody takes them are dropped, as in RabbitMQ: there is no exchange yet.
#[derive(Clone, Default)]
pub(super) struct LogLines(Arc<OnceLock<Take>>);

/// One line while it is written.
pub(super) struct LogLine {
    lines: LogLines,
    level: &'static str,
    target: String,
    bytes: Vec<u8>,
}

impl LogLines {
    pub(super) fn lead_to(&self, take: Take) {
        // Only the first call counts.
        let _ = self.0.set(take);
    }

    fn line(&self, level: Level, target: &str) -> LogLine {
        let level = match level {
            Level::ERROR => "error",
            Level::WARN => "warning",
            Level::INFO => "info",
            _ => "debug",
        };
        LogLine { lines: self.clone(), level, target: target.to_owned(), bytes: Vec::new() }
    }
}

impl fmt::Debug for LogLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogLines")
    }
}

impl<'a> MakeWriter<'a> for LogLines {
    type Writer = LogLine;

    fn make_writer(&'a self) -> LogLine {
        self.line(Level::INFO, "")
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> LogLine {
        self.line(*meta.level(), meta.target())
    }
}

impl Write for LogLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LogLine {
    fn drop(&mut self) {
        if let Some(take) = self.lines.0.get()
            && !self.bytes.is_empty()
        {
            take(self.level, &self.target, String::from_utf8_lossy(&self.bytes).into_owned());
        }
    }
}
