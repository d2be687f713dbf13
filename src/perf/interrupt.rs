//! Ctrl-C and SIGTERM end a run early instead of ending the program: what was measured is shown, and
//! what was declared is deleted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use super::PerfError;

/// Whether somebody asked for the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens for the signals as long as the runtime lives. A second one ends the process at once, for
    /// a broker that does not answer any more.
    pub(crate) fn listen() -> Result<(Self, Runtime), PerfError> {
        let failed = |error| PerfError::System { doing: "listening for signals", error };
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_io().build();
        let runtime = runtime.map_err(failed)?;
        let interrupt = Self::default();
        let asked = Arc::clone(&interrupt.0);
        let inside = runtime.enter();
        let mut interrupts = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminations = signal(SignalKind::terminate()).map_err(failed)?;
        drop(inside);
        drop(runtime.spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupts.recv() => {}
                    _ = terminations.recv() => {}
                }
                if asked.swap(true, Ordering::Relaxed) {
                    std::process::exit(EXIT_INTERRUPTED);
                }
            }
        }));
        Ok((interrupt, runtime))
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// As a shell says of a program that SIGINT ended.
const EXIT_INTERRUPTED: i32 = 130;
