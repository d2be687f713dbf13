//! SIGHUP: the configuration and the certificates are read again, and what can change in a running broker
//! is taken over.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::broker::{Broker, NodeLimits};
use crate::config::{EffectiveValue, Key, Loaded, Logging, Settings, load};
use crate::disk_alarm::DiskAlarm;
use crate::net::Tls;

/// Where the configuration comes from, to read it again.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
}

/// What is changed.
pub(crate) struct Running {
    pub(crate) logging: Logging,
    pub(crate) broker: Arc<Broker>,
    pub(crate) disk: Option<Arc<DiskAlarm>>,
    /// Whose certificates are read anew.
    pub(crate) tls: Vec<Arc<Tls>>,
}

/// Hears the signal from now on.
///
/// # Errors
/// As the system says, when it lets nobody listen.
pub(crate) fn signals() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// Runs until the runtime ends.
pub(crate) async fn on_signals(
    mut signals: Signal,
    origin: Origin,
    loaded: Loaded,
    running: Running,
) {
    while signals.recv().await.is_some() {
        // Files are read; everybody else goes on.
        tokio::task::block_in_place(|| {
            again(&origin, &loaded, &running);
            // Of the files that the start found; a wrong configuration must not keep an old one in use.
            for tls in &running.tls {
                certificates(tls);
            }
        });
    }
}

/// The limits of the node, as the broker has them.
pub(crate) fn node_limits(settings: &Settings) -> NodeLimits {
    NodeLimits {
        node: settings.node_name.clone(),
        max_connections: settings.limits.connections_max,
        max_channels: settings.limits.channels_max,
        max_queues: settings.limits.queues_max,
        max_exchanges: settings.limits.exchanges_max,
        max_vhosts: settings.limits.vhosts_max,
    }
}

fn again(origin: &Origin, loaded: &Loaded, running: &Running) {
    let environment = origin.environment.iter().cloned();
    let new = match load(origin.arguments.iter().cloned(), environment) {
        Ok(new) => new,
        Err(error) => {
            tracing::error!(error = %error, "the configuration was not taken over; the settings stay as they are");
            return;
        }
    };
    if let Err(error) = running.logging.change(&new.settings.log) {
        tracing::error!(error = %error, "the log goes on as it was");
    }
    for warning in &new.warnings {
        tracing::warn!("{warning}");
    }
    running.broker.set_node_limits(node_limits(&new.settings));
    if let Some(disk) = &running.disk {
        disk.set_free_bytes_min(new.settings.disk.free_bytes_min);
    }
    say_changes(loaded, &new);
    tracing::info!("the configuration was read again");
}

fn certificates(tls: &Tls) {
    match tls.reload() {
        Ok(()) => {
            tracing::info!(keys = tls.keys(), "certificates read anew: new connections get them");
        }
        Err(error) => {
            tracing::error!(error = %error, "certificates not read anew: those in use stay");
        }
    }
}

/// Compares with the values of the start.
fn say_changes(old: &Loaded, new: &Loaded) {
    let names: BTreeSet<&String> = old.values.keys().chain(new.values.keys()).collect();
    for name in names {
        let (before, after) = (old.values.get(name), new.values.get(name));
        let value = |of: Option<&EffectiveValue>| of.map(|found| found.value.clone());
        let (before, after) = (value(before), value(after));
        if before == after {
            continue;
        }
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        if Key::find(name).is_some_and(|(key, _)| key.live) {
            tracing::info!(key = %name, value = after, at_start = before, "setting taken over");
        } else {
            tracing::warn!(key = %name, value = after, in_force = before, "this setting is taken over at the next start");
        }
    }
}
