//! The switches of the node for the management API: listeners, settings, reset, the end of the process.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, oneshot};

use crate::allocator;
use crate::broker::{Actor, Broker};
use crate::config::{DefaultUser, DefinitionsSettings, EffectiveValue, LogRing};
use crate::definitions;
use crate::http::{ControlError, Doing, NodeControl, NodeState};
use crate::net::{ClockTurner, Gate};
use crate::reload::LiveConfig;
use crate::shutdown::Shutdown;
use crate::storage;
use crate::store::{self, Change};

/// See the module.
pub(crate) struct Control {
    parts: Arc<Parts>,
}

/// What a fresh broker begins with, and whose time it goes by.
pub(crate) struct Beginning {
    pub(crate) default_user: DefaultUser,
    pub(crate) definitions: DefinitionsSettings,
    /// There when the clock may be turned.
    pub(crate) turner: Option<Arc<ClockTurner>>,
}

struct Parts {
    broker: Arc<Broker>,
    gates: Vec<Gate>,
    config: Arc<LiveConfig>,
    shutdown: Shutdown,
    beginning: Beginning,
    state: Mutex<State>,
    /// The turn of the one action that is under way.
    acting: Semaphore,
}

/// What was asked for. The listeners follow.
#[derive(Clone, Copy, Default)]
struct State {
    app_is_stopped: bool,
    is_suspended: bool,
}

impl Control {
    pub(crate) fn new(
        broker: &Arc<Broker>,
        gates: Vec<Gate>,
        config: &Arc<LiveConfig>,
        shutdown: &Shutdown,
        beginning: Beginning,
    ) -> Arc<Self> {
        let parts = Parts {
            broker: Arc::clone(broker),
            gates,
            config: Arc::clone(config),
            shutdown: shutdown.clone(),
            beginning,
            state: Mutex::new(State::default()),
            acting: Semaphore::new(1),
        };
        Arc::new(Self { parts: Arc::new(parts) })
    }

    /// One action after the other, each to its end, whether the one who asked waits or not.
    fn act<F>(&self, action: impl FnOnce(Arc<Parts>) -> F + Send + 'static) -> Doing
    where
        F: Future<Output = Result<(), ControlError>> + Send + 'static,
    {
        let parts = Arc::clone(&self.parts);
        // Ends with what it does; a reset that the end of the process overtakes is whole or not at all (I11).
        let doing = tokio::spawn(async move {
            // Never closed.
            let _turn = parts.acting.acquire().await;
            action(Arc::clone(&parts)).await
        });
        Box::pin(async move {
            doing.await.unwrap_or_else(|error| Err(ControlError::Failed(error.to_string())))
        })
    }
}

impl NodeControl for Control {
    fn state(&self) -> NodeState {
        let state = *self.parts.state();
        NodeState { app_runs: !state.app_is_stopped, listens: state.listens() }
    }

    fn stop(&self) {
        tracing::info!("stopping: the management API was asked to");
        self.parts.shutdown.begin();
    }

    fn stop_app(&self) -> Doing {
        self.act(|parts| async move {
            let was_stopped = parts.change(|state| state.app_is_stopped = true).app_is_stopped;
            for gate in &parts.gates {
                gate.close().await;
            }
            // No listener takes a connection of a client that the other one has just closed.
            for gate in &parts.gates {
                gate.end_sessions().await;
            }
            if !was_stopped {
                tracing::info!("the application is stopped: no AMQP connections are taken");
            }
            Ok(())
        })
    }

    fn start_app(&self) -> Doing {
        self.act(|parts| async move {
            let before = parts.change(|state| *state = State::default());
            parts.open(before, "the application is started: AMQP connections are taken").await
        })
    }

    fn reset(&self, by: Actor) -> Doing {
        self.act(|parts| async move {
            if !parts.state().app_is_stopped {
                let text = "the application runs: stop it first (stop_app)";
                return Err(ControlError::Conflict(text.to_owned()));
            }
            parts.reset(by).await
        })
    }

    fn suspend_listeners(&self) -> Doing {
        self.act(|parts| async move {
            parts.change(|state| state.is_suspended = true);
            for gate in &parts.gates {
                gate.close().await;
            }
            tracing::info!("the listeners are suspended: no more AMQP connections are taken");
            Ok(())
        })
    }

    fn resume_listeners(&self) -> Doing {
        self.act(|parts| async move {
            let before = parts.change(|state| state.is_suspended = false);
            if before.app_is_stopped {
                return Ok(());
            }
            parts.open(before, "the listeners are resumed: AMQP connections are taken").await
        })
    }

    fn trim_memory(&self) {
        allocator::give_back();
    }

    fn change_settings(&self, changes: Vec<(String, String)>) -> Result<(), ControlError> {
        self.parts.config.ask(changes).map_err(|error| ControlError::Wrong(error.to_string()))
    }

    fn effective_settings(&self) -> BTreeMap<String, EffectiveValue> {
        self.parts.config.effective()
    }

    fn disk_free_bytes_min(&self) -> u64 {
        self.parts.config.disk_free_bytes_min()
    }

    fn log(&self) -> &LogRing {
        self.parts.config.log()
    }

    fn clock(&self) -> Option<Arc<ClockTurner>> {
        self.parts.beginning.turner.clone()
    }
}

impl State {
    fn listens(self) -> bool {
        !self.app_is_stopped && !self.is_suspended
    }
}

impl Parts {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the state before.
    fn change(&self, change: impl FnOnce(&mut State)) -> State {
        let mut state = self.state();
        let before = *state;
        change(&mut state);
        before
    }

    /// Opens the listeners. When one of them cannot be, none is, and the state is the one of before.
    async fn open(&self, before: State, said: &str) -> Result<(), ControlError> {
        for gate in &self.gates {
            if let Err(error) = gate.open().await {
                self.change(|state| *state = before);
                if !before.listens() {
                    for gate in &self.gates {
                        gate.close().await;
                    }
                }
                let text = format!("a listener cannot be opened again: {error}");
                return Err(ControlError::Failed(text));
            }
        }
        if !before.listens() {
            tracing::info!("{said}");
        }
        Ok(())
    }

    async fn reset(&self, by: Actor) -> Result<(), ControlError> {
        let failed = |error: &dyn std::fmt::Display| ControlError::Failed(error.to_string());
        let user = &self.beginning.default_user;
        let first = storage::default_user(user).map_err(|error| failed(&error))?;
        let vhost = Change::PutVhost(store::Vhost::new(user.vhost.clone()));
        let first: Vec<_> = [vhost].into_iter().chain(first).collect();
        let (tell, told) = oneshot::channel();
        // Nobody waits any more when the process ends.
        let done = Box::new(move |result| drop(tell.send(result)));
        let broker = Arc::clone(&self.broker);
        let reset = tokio::task::spawn_blocking(move || broker.reset(&by, &first, done)).await;
        reset.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
        let stored = told.await;
        stored
            .map_err(|_| ControlError::Failed("the store of definitions has ended".to_owned()))?
            .map_err(|error| failed(&error))?;
        tracing::warn!("reset: all definitions and messages are deleted");
        match &self.beginning.definitions.path {
            Some(path) => self.load(path.clone()).await,
            None => Ok(()),
        }
    }

    /// As at the start.
    async fn load(&self, path: PathBuf) -> Result<(), ControlError> {
        let (broker, skip) =
            (Arc::clone(&self.broker), self.beginning.definitions.skip_if_unchanged);
        let load = move || definitions::load(&broker, &path, skip);
        let loaded = tokio::task::spawn_blocking(load).await;
        let loaded = loaded.map_err(|error| ControlError::Failed(error.to_string()))?;
        loaded.map_err(|error| ControlError::Failed(format!("reset, but {error}")))
    }
}
