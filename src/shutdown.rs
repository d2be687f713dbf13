//! The one signal to stop: Ctrl-C, SIGTERM, or somebody who asks the management API.

use std::io;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Ready as soon as somebody asked the process to stop. Clones hear the same signal.
#[derive(Clone)]
pub(crate) struct Shutdown {
    tell: Arc<watch::Sender<bool>>,
    told: watch::Receiver<bool>,
}

impl Shutdown {
    /// Listens for the signals from now on.
    ///
    /// # Errors
    /// As the system says, when it lets nobody listen.
    pub(crate) fn on_signals() -> io::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let shutdown = Self::on_request();
        let stopping = shutdown.clone();
        drop(tokio::spawn(async move {
            let name = tokio::select! {
                _ = interrupt.recv() => "SIGINT",
                _ = terminate.recv() => "SIGTERM",
            };
            tracing::info!(signal = name, "stopping");
            stopping.begin();
        }));
        Ok(shutdown)
    }

    /// Listens for no signal: only who asks stops it.
    pub(crate) fn on_request() -> Self {
        let (tell, told) = watch::channel(false);
        Self { tell: Arc::new(tell), told }
    }

    /// Stops the process.
    pub(crate) fn begin(&self) {
        // Without a receiver everything has stopped already.
        let _ = self.tell.send(true);
    }

    /// Waits for the signal.
    pub(crate) async fn wait(mut self) {
        // An error means that the sender is gone, which is the end as well.
        let _ = self.told.wait_for(|stop| *stop).await;
    }
}
