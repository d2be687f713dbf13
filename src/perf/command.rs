//! From the command line to the report and the exit code.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write};
use std::path::Path;

use super::args::{Common, Mode, parse};
use super::interrupt::Interrupt;
use super::report::Report;
use super::stage::Stage;
use super::{PerfError, backlog, chart, churn, connections, disk, latency, throughput};

/// Runs what stands behind `perf` on the standard streams of the process; returns the exit code: 0, 1 when
/// the run failed or messages are missing, 64 when the command line is wrong.
#[must_use]
pub fn run_on_terminal(arguments: &[OsString]) -> u8 {
    let mode = match parse(arguments) {
        Ok(mode) => mode,
        Err(error) => {
            // A closed terminal is no reason to do anything else.
            let _ = error.print();
            return if error.use_stderr() { EXIT_USAGE } else { 0 };
        }
    };
    let how = How::of(&mode);
    match run(&mode).and_then(|report| how.show(&report).map(|()| report)) {
        Ok(report) => u8::from(report.failed),
        Err(error) => {
            // A closed standard error leaves the exit code to say it.
            let _ = writeln!(io::stderr(), "haremq perf: {error}");
            match error {
                PerfError::Uri(_) | PerfError::Option(_) | PerfError::Name(_) => EXIT_USAGE,
                _ => EXIT_FAILED,
            }
        }
    }
}

fn run(mode: &Mode) -> Result<Report, PerfError> {
    let (interrupt, _listening) = Interrupt::listen()?;
    let stage = |common| Stage::new(common, interrupt.clone());
    match mode {
        Mode::Throughput(options) => throughput::run(options, &mut stage(&options.common)?),
        Mode::Latency(options) => latency::run(options, &mut stage(&options.common)?),
        Mode::Backlog(options) => backlog::run(options, &mut stage(&options.common)?),
        Mode::Connections(options) => connections::run(options, &mut stage(&options.common)?),
        Mode::Churn(options) => churn::run(options, &mut stage(&options.common)?),
        Mode::Disk(options) => disk::run(options, &interrupt),
    }
}

/// How a report is shown.
struct How<'a> {
    json: bool,
    chart: Option<&'a Path>,
}

impl<'a> How<'a> {
    fn of(mode: &'a Mode) -> Self {
        let with = |common: &'a Common| Self { json: common.json, chart: common.chart.as_deref() };
        match mode {
            Mode::Throughput(options) => with(&options.common),
            Mode::Latency(options) => with(&options.common),
            Mode::Backlog(options) => with(&options.common),
            Mode::Connections(options) => with(&options.common),
            Mode::Churn(options) => with(&options.common),
            Mode::Disk(options) => Self { json: options.json, chart: None },
        }
    }

    fn show(&self, report: &Report) -> Result<(), PerfError> {
        let mut output = io::stdout().lock();
        let colours = output.is_terminal() && std::env::var_os("NO_COLOR").is_none();
        match report.write(self.json, colours, &mut output).and_then(|()| output.flush()) {
            // Whoever reads the answer has read enough, as `head` does.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let path = Path::new("standard output").to_path_buf();
                return Err(PerfError::File { path, error });
            }
            _ => {}
        }
        let Some(path) = self.chart else { return Ok(()) };
        chart::draw(path, &report.title, &report.samples)
    }
}

const EXIT_FAILED: u8 = 1;

/// `EX_USAGE` of sysexits.h, as every command of this program uses it.
const EXIT_USAGE: u8 = 64;
