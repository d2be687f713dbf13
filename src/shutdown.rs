//! The one signal to stop: Ctrl-C or SIGTERM.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Ready as soon as somebody asked the process to stop. Clones hear the same signal.
#[derive(Clone)]
pub(crate) struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// Listens for the signals from now on.
    ///
    /// # Errors
    /// As the system says, when it lets nobody listen.
    pub(crate) fn on_signals() -> io::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let (tell, told) = watch::channel(false);
        drop(tokio::spawn(async move {
            let name = tokio::select! {
                _ = interrupt.recv() => "SIGINT",
                _ = terminate.recv() => "SIGTERM",
            };
            tracing::info!(signal = name, "stopping");
            // Without a receiver everything has stopped already.
            let _ = tell.send(true);
        }));
        Ok(Self(told))
    }

    /// Waits for the signal.
    pub(crate) async fn wait(mut self) {
        // An error means that the sender is gone, which is the end as well.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}
