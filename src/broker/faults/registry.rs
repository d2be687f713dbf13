//! The faults that are ordered, and the answers to those who ask whether one strikes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Blow, Fault, FaultError, FaultKind, On, PublishBlow, Scene};
use crate::base::limits::FAULTS_MAX;
use crate::broker::ConnectionInfo;

/// The number of an ordered fault; never given again while the broker runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FaultId(pub u64);

impl fmt::Display for FaultId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A fault that is ordered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderedFault {
    /// Its number.
    pub id: FaultId,
    /// What was ordered.
    pub fault: Fault,
    /// How often it has struck.
    pub hits: u64,
}

/// See the module.
#[derive(Default)]
pub(in crate::broker) struct Registry {
    /// Whether a session may meet one.
    armed: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: u64,
    orders: BTreeMap<FaultId, Order>,
}

struct Order {
    fault: Fault,
    occasions: u64,
    hits: u64,
}

impl Order {
    fn is_spent(&self) -> bool {
        self.fault.times.is_some_and(|times| self.hits >= times)
    }

    /// One more occasion; says whether it is struck (F3).
    fn meets(&mut self) -> bool {
        if self.is_spent() {
            return false;
        }
        self.occasions += 1;
        let strikes = self.occasions.is_multiple_of(self.fault.every);
        self.hits += u64::from(strikes);
        strikes
    }

    /// Whether sessions have to ask because of it.
    fn is_for_sessions(&self) -> bool {
        let waits = self.fault.kind.on().is_some();
        waits || matches!(self.fault.kind, FaultKind::Block { .. })
    }
}

impl Registry {
    /// Whether a session has to ask before it does something (F1).
    #[inline]
    pub(in crate::broker) fn is_armed(&self) -> bool {
        self.armed.load(Ordering::Acquire)
    }

    /// Takes an order that was checked.
    ///
    /// # Errors
    /// [`FaultError::TooMany`].
    pub(super) fn order(&self, fault: Fault) -> Result<FaultId, FaultError> {
        let mut state = self.lock();
        if state.orders.len() >= FAULTS_MAX {
            return Err(FaultError::TooMany(state.orders.len()));
        }
        state.last += 1;
        let id = FaultId(state.last);
        state.orders.insert(id, Order { fault, occasions: 0, hits: 0 });
        self.arm(&state);
        Ok(id)
    }

    /// Takes one out, or all of them; what they were.
    pub(super) fn withdraw(&self, which: Option<FaultId>) -> Vec<(FaultId, FaultKind)> {
        let mut state = self.lock();
        let gone = match which {
            Some(id) => state.orders.remove_entry(&id).into_iter().collect(),
            None => std::mem::take(&mut state.orders),
        };
        self.arm(&state);
        gone.into_iter().map(|(id, order)| (id, order.fault.kind)).collect()
    }

    pub(super) fn list(&self) -> Vec<OrderedFault> {
        let state = self.lock();
        let orders = state.orders.iter();
        let shown = orders.map(|(id, one)| OrderedFault {
            id: *id,
            fault: one.fault.clone(),
            hits: one.hits,
        });
        shown.collect()
    }

    /// How often the log is to wait is asked by its thread, before each group.
    pub(super) fn brake_ms(&self) -> u64 {
        let slow = self.strike(|fault| match fault.kind {
            FaultKind::SlowDisk { ms } => Some(ms),
            _ => None,
        });
        slow.map_or(0, |(_, ms)| ms)
    }

    /// Whether this fault strikes an occasion that it found itself.
    pub(super) fn meets(&self, id: FaultId) -> bool {
        self.lock().orders.get_mut(&id).is_some_and(Order::meets)
    }

    /// What becomes of a publish; `wants_confirm` says whether somebody waits for one.
    pub(in crate::broker) fn publish(
        &self,
        scene: &Scene<'_>,
        wants_confirm: bool,
    ) -> Option<PublishBlow> {
        let strike = self.strike(|fault| {
            if fault.kind.on() != Some(On::Publish) || !takes(fault, scene) {
                return None;
            }
            match &fault.kind {
                FaultKind::Nack if wants_confirm => Some(PublishBlow::Nack),
                FaultKind::ConfirmDrop if wants_confirm => Some(PublishBlow::Lost),
                FaultKind::ConfirmDelay { ms } if wants_confirm => {
                    Some(PublishBlow::Late { fault: FaultId(0), ms: *ms })
                }
                kind => end_of(kind).map(PublishBlow::End),
            }
        });
        Some(match strike? {
            (id, PublishBlow::Late { ms, .. }) => PublishBlow::Late { fault: id, ms },
            (_, blow) => blow,
        })
    }

    /// What ends instead of this.
    pub(in crate::broker) fn end(&self, scene: &Scene<'_>) -> Option<Blow> {
        let strike = self.strike(|fault| {
            let is_it = fault.kind.on() == Some(scene.on) && takes(fault, scene);
            if is_it { end_of(&fault.kind) } else { None }
        });
        strike.map(|(_, blow)| blow)
    }

    /// Whether a delivery is made twice.
    pub(in crate::broker) fn doubles(&self, scene: &Scene<'_>) -> bool {
        let doubles = |fault: &Fault| {
            (fault.kind == FaultKind::Duplicate && takes(fault, scene)).then_some(())
        };
        self.strike(doubles).is_some()
    }

    /// What holds the publishes of a connection back, when `before` did until now.
    pub(in crate::broker) fn block(
        &self,
        connection: &ConnectionInfo,
        before: Option<FaultId>,
    ) -> Option<(FaultId, String)> {
        let reason = |fault: &Fault| match &fault.kind {
            FaultKind::Block { reason } if fault.only.takes_connection(connection) => {
                Some(reason.clone())
            }
            _ => None,
        };
        if let Some(id) = before {
            let state = self.lock();
            if let Some(reason) = state.orders.get(&id).and_then(|order| reason(&order.fault)) {
                return Some((id, reason));
            }
        }
        self.strike(reason)
    }

    /// The first of those that match and strike (F2).
    fn strike<T>(&self, matches: impl Fn(&Fault) -> Option<T>) -> Option<(FaultId, T)> {
        let mut state = self.lock();
        for (id, order) in &mut state.orders {
            if let Some(what) = matches(&order.fault)
                && order.meets()
            {
                return Some((*id, what));
            }
        }
        None
    }

    fn arm(&self, state: &State) {
        let armed = state.orders.values().any(Order::is_for_sessions);
        self.armed.store(armed, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A number or an entry is changed, nothing half.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn takes(fault: &Fault, scene: &Scene<'_>) -> bool {
    let only = &fault.only;
    only.takes_exchange(scene.exchange)
        && only.takes_queue(scene.queues)
        && only.takes_connection(scene.connection)
}

/// What a fault ends.
pub(super) fn end_of(kind: &FaultKind) -> Option<Blow> {
    match kind {
        FaultKind::ChannelClose { code, text, .. } => {
            Some(Blow::Channel { code: *code, text: text.clone() })
        }
        FaultKind::ConnectionClose { code, text, .. } => {
            Some(Blow::Connection { code: *code, text: text.clone() })
        }
        FaultKind::Cut { .. } => Some(Blow::Cut),
        FaultKind::ConfirmDelay { .. }
        | FaultKind::ConfirmDrop
        | FaultKind::Nack
        | FaultKind::Block { .. }
        | FaultKind::Redeliver
        | FaultKind::Duplicate
        | FaultKind::SlowDisk { .. } => None,
    }
}
