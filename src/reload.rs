//! What is read anew while the broker runs: certificates, at SIGHUP.

use std::io;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use crate::net::Tls;

/// Reads the certificates anew at every SIGHUP. Without TLS the signal does nothing; it would otherwise
/// end the process.
///
/// # Errors
/// As the system says, when it lets nobody listen.
pub(crate) fn on_hangup(tls: Option<Arc<Tls>>) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    drop(tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            match &tls {
                None => tracing::info!(signal = "SIGHUP", "nothing to read anew"),
                Some(tls) => certificates(Arc::clone(tls)).await,
            }
        }
    }));
    Ok(())
}

async fn certificates(tls: Arc<Tls>) {
    let read = tokio::task::spawn_blocking(move || tls.reload()).await;
    match read {
        Ok(Ok(())) => tracing::info!("certificates read anew: new connections get them"),
        Ok(Err(error)) => {
            tracing::error!(error = %error, "certificates not read anew: those in use stay");
        }
        Err(error) => {
            tracing::error!(error = %error, "reading the certificates anew broke an invariant");
        }
    }
}
