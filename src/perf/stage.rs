//! What every mode needs around its load: the broker's process, the live line, the end by hand.

use std::time::Duration;

use super::PerfError;
use super::args::Common;
use super::interrupt::Interrupt;
use super::live::Live;
use super::process::Process;
use super::uri::Uri;

/// Around a load.
pub(super) struct Stage {
    pub(super) uri: Uri,
    pub(super) broker: Option<Process>,
    pub(super) interval: Duration,
    pub(super) interrupt: Interrupt,
    pub(super) live: Live,
    runs: u32,
}

impl Stage {
    /// As the options say.
    pub(super) fn new(common: &Common, interrupt: Interrupt) -> Result<Self, PerfError> {
        Ok(Self {
            uri: Uri::parse(&common.uri)?,
            broker: common.pid.map(Process::watch).transpose()?,
            interval: Duration::from_secs_f64(common.interval),
            interrupt,
            live: Live::on_standard_error(),
            runs: 0,
        })
    }

    /// Counts the runs of one stage.
    pub(super) fn next_run(&mut self) -> u32 {
        self.runs += 1;
        self.runs
    }
}
