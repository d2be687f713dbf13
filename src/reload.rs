//! The configuration of the running broker: SIGHUP reads it and the certificates again, the management API
//! changes keys of it, and what can change in a running broker is taken over.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::broker::{Broker, NodeLimits};
use crate::config::{
    Arguments, ConfigError, EffectiveValue, Key, Loaded, LogRing, Logging, Settings, load_asked,
    load_given,
};
use crate::disk_alarm::DiskAlarm;
use crate::net::{Tls, blocking};
use crate::service_manager::ServiceManager;

/// Where the configuration comes from, to read it again.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// A command line, an environment, and the files that they lead to.
    Process { arguments: Vec<OsString>, environment: Vec<(OsString, OsString)> },
    /// Keys and values that a program gives, and nothing else.
    Given(Vec<(String, String)>),
}

impl Origin {
    /// Reads it, with what the running broker was asked for.
    ///
    /// # Errors
    /// [`ConfigError`] for the first thing that is wrong.
    pub(crate) fn load(&self, asked: &[(String, String)]) -> Result<Loaded, ConfigError> {
        match self {
            Self::Process { arguments, environment } => {
                let arguments = Arguments::parse(arguments.iter().cloned())?;
                load_asked(&arguments, environment.iter().cloned(), asked)
            }
            Self::Given(given) => load_given(given, asked),
        }
    }
}

/// What is changed.
pub(crate) struct Running {
    pub(crate) logging: Logging,
    pub(crate) broker: Arc<Broker>,
    pub(crate) disk: Option<Arc<DiskAlarm>>,
}

/// The configuration of the running broker. It is taken over as a whole, by one caller at a time.
pub(crate) struct LiveConfig {
    origin: Origin,
    at_start: Loaded,
    running: Running,
    now: Mutex<Now>,
}

/// What is in force.
struct Now {
    loaded: Loaded,
    /// Keys and values that somebody asked the running broker for.
    asked: Vec<(String, String)>,
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
    config: Arc<LiveConfig>,
    tls: Vec<Arc<Tls>>,
    manager: ServiceManager,
) {
    while signals.recv().await.is_some() {
        manager.reloading();
        // Files are read; everybody else goes on.
        blocking(|| {
            config.read_again();
            // Of the files that the start found; a wrong configuration must not keep an old one in use.
            for tls in &tls {
                certificates(tls);
            }
        });
        manager.reloaded();
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

impl LiveConfig {
    /// The configuration of the start.
    pub(crate) fn new(origin: Origin, loaded: Loaded, running: Running) -> Arc<Self> {
        let now = Mutex::new(Now { loaded: loaded.clone(), asked: Vec::new() });
        Arc::new(Self { origin, at_start: loaded, running, now })
    }

    /// Reads everything again. What the running broker was asked for is forgotten: the last word counts.
    fn read_again(&self) {
        let mut now = self.now();
        let new = match self.load(&[]) {
            Ok(new) => new,
            Err(error) => {
                tracing::error!(error = %error, "the configuration was not taken over; the settings stay as they are");
                return;
            }
        };
        for (key, _) in now.asked.drain(..) {
            tracing::info!(%key, "what the running broker was asked for is forgotten");
        }
        self.take_over(&mut now, new);
        for warning in &now.loaded.warnings {
            tracing::warn!("{warning}");
        }
        tracing::info!("the configuration was read again");
    }

    /// Changes keys of the running broker until the next start or [`Self::read_again`]: all of them or none.
    /// Of keys that mean the same in two ways the one that comes last counts.
    ///
    /// # Errors
    /// [`ConfigError`], also of a file that is wrong by now; then nothing is changed.
    pub(crate) fn ask(&self, changes: Vec<(String, String)>) -> Result<(), ConfigError> {
        let mut now = self.now();
        let mut asked = now.asked.clone();
        asked.retain(|(key, _)| !changes.iter().any(|(other, _)| is_same_thing(key, other)));
        asked.extend(changes);
        let new = self.load(&asked)?;
        now.asked = asked;
        self.take_over(&mut now, new);
        Ok(())
    }

    /// Every key in force, its value and where it comes from: a key that needs a restart is as it was at
    /// the start.
    pub(crate) fn effective(&self) -> BTreeMap<String, EffectiveValue> {
        let now = self.now();
        let is_live = |name: &String| Key::find(name).is_some_and(|(key, _)| key.live);
        let live = now.loaded.values.iter().filter(|(name, _)| is_live(name));
        let fixed = self.at_start.values.iter().filter(|(name, _)| !is_live(name));
        live.chain(fixed).map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Free bytes of the disk below which publishers are held back.
    pub(crate) fn disk_free_bytes_min(&self) -> u64 {
        self.now().loaded.settings.disk.free_bytes_min
    }

    /// The last lines of the log.
    pub(crate) fn log(&self) -> &LogRing {
        self.running.logging.ring()
    }

    fn load(&self, asked: &[(String, String)]) -> Result<Loaded, ConfigError> {
        self.origin.load(asked)
    }

    fn take_over(&self, now: &mut Now, new: Loaded) {
        let running = &self.running;
        if let Err(error) = running.logging.change(&new.settings.log) {
            tracing::error!(error = %error, "the log goes on as it was");
        }
        running.broker.set_node_limits(node_limits(&new.settings));
        running.broker.set_memory_watermark_bytes(new.settings.memory_watermark_bytes);
        if let Some(disk) = &running.disk {
            disk.set_free_bytes_min(new.settings.disk.free_bytes_min);
        }
        say_changes(&self.at_start, &now.loaded, &new);
        now.loaded = new;
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        // It is changed as a whole.
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether two keys are one, or the share and the bytes of one limit.
fn is_same_thing(key: &str, other: &str) -> bool {
    let of_two = |key: &str| {
        let (limit, kind) = key.rsplit_once('.')?;
        matches!(kind, "absolute" | "relative").then(|| limit.to_owned())
    };
    key == other || of_two(key).is_some_and(|limit| of_two(other) == Some(limit))
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

/// What is another value than before, and what of the start that is in force all the same.
fn say_changes(at_start: &Loaded, before: &Loaded, new: &Loaded) {
    let all = [at_start, before, new];
    let names: BTreeSet<&String> = all.iter().flat_map(|loaded| loaded.values.keys()).collect();
    for name in names {
        let value = |of: &Loaded| of.values.get(name).map(|found| found.value.clone());
        let is_live = Key::find(name).is_some_and(|(key, _)| key.live);
        let (before, after) = (value(if is_live { before } else { at_start }), value(new));
        if before == after {
            continue;
        }
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        if is_live {
            tracing::info!(key = %name, value = after, before, "setting taken over");
        } else {
            tracing::warn!(key = %name, value = after, in_force = before, "this setting is taken over at the next start");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_and_bytes_of_one_limit_are_one_thing() {
        let memory = ["vm_memory_high_watermark.relative", "vm_memory_high_watermark.absolute"];
        assert!(is_same_thing(memory[0], memory[1]) && is_same_thing(memory[0], memory[0]));
        assert!(!is_same_thing(memory[0], "disk_free_limit.relative"));
        assert!(!is_same_thing("log.default.level", "log.file.level"));
    }
}
