//! What the API asks of the process around the broker: its listeners, its settings, its end. Whoever puts the
//! process together knows how.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use crate::broker::Actor;
use crate::config::{EffectiveValue, LogRing};
use crate::net::ClockTurner;

/// Something that is being done. It goes on to its end when nobody waits any more.
pub type Doing = Pin<Box<dyn Future<Output = Result<(), ControlError>> + Send>>;

/// How the node stands to its AMQP clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NodeState {
    /// `false` between `stop_app` and `start_app`.
    pub app_runs: bool,
    /// Whether new connections are taken.
    pub listens: bool,
}

/// Why something was not done.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ControlError {
    /// The node must be in another state first.
    #[error("{0}")]
    Conflict(String),
    /// What was asked for makes no sense.
    #[error("{0}")]
    Wrong(String),
    /// It cannot be done now.
    #[error("{0}")]
    Failed(String),
}

/// See the module. Every action can be repeated: what is so already stays so.
pub trait NodeControl: Send + Sync {
    /// As it is now.
    fn state(&self) -> NodeState;

    /// The process ends, as after SIGTERM.
    fn stop(&self);

    /// Takes no more AMQP connections, and closes those that are there.
    fn stop_app(&self) -> Doing;

    /// Takes AMQP connections again, also after [`Self::suspend_listeners`].
    fn start_app(&self) -> Doing;

    /// Everything that is kept is deleted, and what a fresh broker begins with is made. Only between
    /// [`Self::stop_app`] and [`Self::start_app`].
    fn reset(&self, by: Actor) -> Doing;

    /// Takes no more AMQP connections; those that are there stay.
    fn suspend_listeners(&self) -> Doing;

    /// Takes AMQP connections again, unless the application is stopped: then it does from its start on.
    fn resume_listeners(&self) -> Doing;

    /// Gives free memory back to the system. Takes milliseconds.
    fn trim_memory(&self);

    /// Changes keys of the configuration until the next start: all of them or none. Reads files.
    ///
    /// # Errors
    /// [`ControlError::Wrong`].
    fn change_settings(&self, changes: Vec<(String, String)>) -> Result<(), ControlError>;

    /// Every key in force, without secrets.
    fn effective_settings(&self) -> BTreeMap<String, EffectiveValue>;

    /// Free bytes of the disk below which publishers are held back.
    fn disk_free_bytes_min(&self) -> u64;

    /// The last lines of the log.
    fn log(&self) -> &LogRing;

    /// Turns the clock of the broker; `None` where nobody may.
    fn clock(&self) -> Option<Arc<ClockTurner>>;
}
