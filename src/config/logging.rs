//! Sets the log up: one line for each event, on standard error and in a file. Standard output belongs to
//! the line that says that the broker is ready.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Registry, fmt, reload};

use super::log_lines::LogLines;
use super::log_ring::LogRing;
use super::parts::{LogCategory, LogLevel, LogLevels, LogSettings};
use crate::base::{Clock as _, SystemClock};

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// It was set up before; it is left as it is.
    #[error("the log of this process is set up already")]
    TwoLogs,
    /// The file cannot be written to.
    #[error("cannot open the log file {}: {error}; name another one with log.file, or none with log.file = false", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

/// The running log, for whoever changes it.
#[derive(Debug)]
pub struct Logging {
    console: Option<reload::Handle<Targets, Registry>>,
    file: Option<(LogFile, reload::Handle<Targets, Registry>)>,
    exchange: Option<(LogLines, reload::Handle<Targets, Registry>)>,
    ring: Arc<LogRing>,
    kept: reload::Handle<Targets, Registry>,
}

type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts the log of the process. Colours are used on a terminal only, and not where `NO_COLOR` is set.
///
/// # Errors
/// [`LoggingError`] when the process has a log already, or the file cannot be opened.
pub fn start_logging(settings: &LogSettings) -> Result<Logging, LoggingError> {
    let mut layers: Vec<BoxedLayer> = Vec::new();
    let (ring, layer, kept) = kept_lines(settings);
    layers.push(layer);
    let mut logging = Logging { console: None, file: None, exchange: None, ring, kept };
    // The console comes after memory and file: what it shows can be found there already.
    if let Some(path) = &settings.file {
        let file = LogFile::open(path)?;
        let (filter, handle) = reload::Layer::new(targets(&settings.file_levels));
        let writer = file.clone();
        let lines = fmt::layer()
            .compact()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .with_target(false);
        layers.push(lines.with_filter(filter).boxed());
        logging.file = Some((file, handle));
    }
    if let Some(levels) = &settings.console {
        let (filter, handle) = reload::Layer::new(targets(levels));
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let lines = fmt::layer()
            .compact()
            .with_writer(io::stderr)
            .with_ansi(io::stderr().is_terminal() && !plain)
            .with_target(false);
        layers.push(lines.with_filter(filter).boxed());
        logging.console = Some(handle);
    }
    if let Some(levels) = &settings.exchange {
        let (filter, handle) = reload::Layer::new(targets(levels));
        let lines = LogLines::default();
        let layer =
            fmt::layer().compact().with_writer(lines.clone()).with_ansi(false).with_target(false);
        layers.push(layer.with_filter(filter).boxed());
        logging.exchange = Some((lines, handle));
    }
    tracing_subscriber::registry().with(layers).try_init().map_err(|_| LoggingError::TwoLogs)?;
    Ok(logging)
}

/// The layer that keeps the last lines. A line is kept when something else shows it too.
fn kept_lines(
    settings: &LogSettings,
) -> (Arc<LogRing>, BoxedLayer, reload::Handle<Targets, Registry>) {
    let clock = SystemClock::new();
    let ring = Arc::new(LogRing::new(clock.unix_ms()));
    let lines = LogLines::default();
    let taking = Arc::clone(&ring);
    lines.lead_to(Box::new(move |level, target, line| {
        taking.push(clock.unix_ms(), level, target, &line);
    }));
    let file = settings.file.as_ref().map(|_| &settings.file_levels);
    let outputs = [settings.console.as_ref(), file, settings.exchange.as_ref()];
    let (filter, handle) = reload::Layer::new(targets(&widest(outputs)));
    // What stands beside the text has fields of its own.
    let layer = fmt::layer()
        .compact()
        .with_writer(lines)
        .with_ansi(false)
        .with_target(false)
        .with_level(false)
        .without_time();
    (ring, layer.with_filter(filter).boxed(), handle)
}

/// What any of the outputs shows.
fn widest(outputs: [Option<&LogLevels>; 3]) -> LogLevels {
    let outputs = || outputs.iter().copied().flatten();
    let of = |category| {
        let level = |output: &LogLevels| *output.categories.get(category).unwrap_or(&output.level);
        outputs().map(level).max().unwrap_or(LogLevel::None)
    };
    LogLevels {
        level: outputs().map(|output| output.level).max().unwrap_or(LogLevel::None),
        categories: outputs()
            .flat_map(|output| output.categories.keys())
            .map(|category| (*category, of(category)))
            .collect(),
    }
}

impl Logging {
    /// Of a broker in a process whose log belongs to somebody else: it shows nothing, and keeps no lines.
    #[must_use]
    pub fn of_nobody() -> Self {
        let (ring, _, kept) = kept_lines(&LogSettings::default());
        Self { console: None, file: None, exchange: None, ring, kept }
    }

    /// Takes other levels over, and opens the file anew, which may have been moved away.
    ///
    /// # Errors
    /// [`LoggingError::File`]; the lines go to the file as it was before.
    pub fn change(&self, settings: &LogSettings) -> Result<(), LoggingError> {
        // An output that is not there shows nothing, whatever the settings say by now.
        let file = self.file.as_ref().map(|_| &settings.file_levels);
        let console = settings.console.as_ref().filter(|_| self.console.is_some());
        let exchange = settings.exchange.as_ref().filter(|_| self.exchange.is_some());
        let _ = self.kept.reload(targets(&widest([console, file, exchange])));
        if let (Some(handle), Some(levels)) = (&self.console, &settings.console) {
            // It fails only when the log is gone, and then there is nothing to change.
            let _ = handle.reload(targets(levels));
        }
        if let Some((file, handle)) = &self.file {
            let _ = handle.reload(targets(&settings.file_levels));
            file.reopen()?;
        }
        if let (Some((_, handle)), Some(levels)) = (&self.exchange, &settings.exchange) {
            let _ = handle.reload(targets(levels));
        }
        Ok(())
    }

    /// The last lines of the levels that anything shows.
    #[must_use]
    pub fn ring(&self) -> &LogRing {
        &self.ring
    }

    /// From now on each line of the log is given to `take` too, with RabbitMQ's name of its level, where
    /// `log.exchange` asks for it. `take` must not block. Only the first call counts.
    pub fn lead_lines_to(&self, take: impl Fn(&'static str, String) + Send + Sync + 'static) {
        if let Some((lines, _)) = &self.exchange {
            lines.lead_to(Box::new(move |level, _, line| take(level, line)));
        }
    }
}

/// A file that lines are appended to.
#[derive(Clone, Debug)]
struct LogFile {
    path: Arc<PathBuf>,
    file: Arc<Mutex<File>>,
}

impl LogFile {
    fn open(path: &Path) -> Result<Self, LoggingError> {
        let file = Arc::new(Mutex::new(append(path)?));
        Ok(Self { path: Arc::new(path.to_owned()), file })
    }

    fn reopen(&self) -> Result<(), LoggingError> {
        let file = append(&self.path)?;
        *self.lock() = file;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, File> {
        // A handle is swapped as a whole.
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A line is handed over as a whole, and two of them must not mix.
        self.lock().write_all(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lock().flush()
    }
}

fn append(path: &Path) -> Result<File, LoggingError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| OpenOptions::new().append(true).create(true).open(path))
        .map_err(|error| LoggingError::File { path: path.to_owned(), error })
}

/// Which modules belong to a category. What happens on channels is logged by their connection, where it
/// talks to the peer.
fn modules(category: LogCategory) -> &'static [&'static str] {
    match category {
        LogCategory::Connection => &["haremq::net"],
        LogCategory::Channel => &["haremq::protocol"],
        LogCategory::Queue => &["haremq::broker", "haremq::queue"],
        LogCategory::Audit => &["haremq::audit"],
    }
}

fn targets(levels: &LogLevels) -> Targets {
    let of_categories = levels.categories.iter().flat_map(|(category, level)| {
        modules(*category).iter().map(|module| (*module, filter(*level)))
    });
    Targets::new().with_targets(of_categories).with_default(filter(levels.level))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(level: LogLevel, categories: &[(LogCategory, LogLevel)]) -> LogLevels {
        LogLevels { level, categories: categories.iter().copied().collect() }
    }

    #[test]
    fn what_any_output_shows_is_kept_and_nothing_else() {
        use LogCategory::{Connection, Queue};
        use LogLevel::{Debug, Error, Info, None as Off, Warn};
        assert_eq!(widest([None; 3]), levels(Off, &[]));
        let console = levels(Error, &[(Connection, Off)]);
        assert_eq!(widest([Some(&console), None, None]), console);
        let file = levels(Warn, &[(Queue, Debug)]);
        // The file shows connections from warnings on, and the console queues from errors on.
        let both = levels(Warn, &[(Connection, Warn), (Queue, Debug)]);
        assert_eq!(widest([Some(&console), Some(&file), None]), both);
        let exchange = levels(Info, &[]);
        let all = levels(Info, &[(Connection, Info), (Queue, Debug)]);
        assert_eq!(widest([Some(&console), Some(&file), Some(&exchange)]), all);
    }

    #[test]
    fn a_kept_line_is_its_text_with_level_and_module_beside_it() {
        let settings =
            LogSettings { console: Some(levels(LogLevel::Warn, &[])), ..LogSettings::default() };
        let (ring, layer, _) = kept_lines(&settings);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::info!(target: "haremq::net", "left out");
            tracing::warn!(target: "haremq::net", peer = "a\nb", "look out");
        });
        let look = ring.look(0);
        assert_eq!(look.lines.len(), 1);
        let line = &look.lines[0];
        assert_eq!((line.level, &*line.target), ("warning", "haremq::net"));
        assert_eq!(&*line.text, "look out peer=\"a\\nb\"");
    }
}
