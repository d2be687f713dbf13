//! Faults of a broker, for whoever tests with it.

use std::sync::Arc;

use super::registry::end_of;
use super::{
    Blow, Fault, FaultError, FaultId, FaultKind, LateConfirm, On, OrderedFault, PublishBlow, Scene,
    brake,
};
use crate::base::{HolderId, Millis, PublishSequence, QueueName, VhostName};
use crate::broker::{Broker, ConnectionInfo, Event, Inbox};

/// The faults of one broker. See [`Broker::faults`].
#[derive(Clone, Copy)]
pub struct Faults<'a> {
    broker: &'a Broker,
}

impl Broker {
    /// What can be ordered to go wrong, for tests. A broker on which nothing was ordered does nothing wrong.
    #[must_use]
    pub fn faults(&self) -> Faults<'_> {
        Faults { broker: self }
    }
}

impl Faults<'_> {
    /// Orders a fault; from now on it strikes.
    ///
    /// # Errors
    /// [`FaultError`] when it makes no sense, when this broker cannot do it, or when there are too many.
    pub fn order(&self, fault: impl Into<Fault>) -> Result<FaultId, FaultError> {
        let fault: Fault = fault.into();
        fault.check()?;
        let common = self.broker.shared_common();
        if matches!(fault.kind, FaultKind::SlowDisk { .. }) && common.log.is_none() {
            return Err(FaultError::NoDisk);
        }
        let kept = fault.clone();
        let id = common.faults.order(kept)?;
        tracing::info!(fault = %id, kind = fault.kind.name(), "a fault is ordered");
        match &fault.kind {
            FaultKind::Redeliver => self.redeliver(id, &fault),
            FaultKind::SlowDisk { .. } => brake::set(&common),
            FaultKind::Block { .. } => self.tell_of_blocks(),
            kind if kind.is_for_open_connections() => self.end_open_connections(id, &fault),
            _ => {}
        }
        Ok(id)
    }

    /// Withdraws a fault: what it holds back goes on (F6). Says whether it was there.
    pub fn withdraw(&self, id: FaultId) -> bool {
        self.gone(Some(id)) > 0
    }

    /// Withdraws all of them.
    pub fn withdraw_all(&self) {
        self.gone(None);
    }

    /// All of them, in the order in which they were ordered.
    #[must_use]
    pub fn list(&self) -> Vec<OrderedFault> {
        self.broker.common().faults.list()
    }

    /// Those that a connection meets, or may meet.
    #[must_use]
    pub fn that_meet_connection(&self, connection: &ConnectionInfo) -> Vec<OrderedFault> {
        let mut all = self.list();
        all.retain(|order| order.fault.only.takes_connection(connection));
        all
    }

    /// Those that messages of a queue meet, or may meet, on their way in and out.
    #[must_use]
    pub fn that_meet_queue(&self, vhost: &VhostName, queue: &QueueName) -> Vec<OrderedFault> {
        let queues = [queue.clone()];
        let mut all = self.list();
        all.retain(|OrderedFault { fault, .. }| {
            let of_messages = fault.kind.on() != Some(On::Declare);
            let only = &fault.only;
            of_messages && only.takes_vhost(vhost.as_str()) && only.takes_queue(&queues)
        });
        all
    }

    /// How often a fault has struck; `None` when it is not there.
    #[must_use]
    pub fn hits(&self, id: FaultId) -> Option<u64> {
        self.list().into_iter().find(|order| order.id == id).map(|order| order.hits)
    }

    /// Whether sessions have to ask (F1).
    #[inline]
    #[must_use]
    pub fn is_armed(&self) -> bool {
        self.broker.common().faults.is_armed()
    }

    /// What becomes of a publish; `wants_confirm` says whether somebody waits for one.
    #[must_use]
    pub fn publish(&self, scene: &Scene<'_>, wants_confirm: bool) -> Option<PublishBlow> {
        self.broker.common().faults.publish(scene, wants_confirm)
    }

    /// What ends instead of this.
    #[must_use]
    pub fn end(&self, scene: &Scene<'_>) -> Option<Blow> {
        self.broker.common().faults.end(scene)
    }

    /// Whether a delivery is made twice.
    #[must_use]
    pub fn doubles(&self, scene: &Scene<'_>) -> bool {
        self.broker.common().faults.doubles(scene)
    }

    /// What holds the publishes of a connection back, and why; `before` did until now.
    #[must_use]
    pub fn block(
        &self,
        connection: &ConnectionInfo,
        before: Option<FaultId>,
    ) -> Option<(FaultId, String)> {
        self.broker.common().faults.block(connection, before)
    }

    /// Holds a confirm back until `at`: it comes as [`Event::Confirm`], as if of one queue more (F4). Says whether
    /// it is held; beyond [`crate::base::limits::LATE_CONFIRMS_MAX`] none is.
    #[must_use]
    pub fn hold_confirm(
        &self,
        fault: FaultId,
        at: Millis,
        inbox: &Arc<Inbox>,
        (holder, sequence): (HolderId, PublishSequence),
    ) -> bool {
        let late = LateConfirm { fault, inbox: Arc::downgrade(inbox), holder, sequence };
        let is_held = self.broker.common().timers.hold(at, late);
        // Who withdrew the fault meanwhile did not find this one.
        if is_held && self.hits(fault).is_none() {
            self.let_go(fault);
        }
        is_held
    }

    fn gone(self, which: Option<FaultId>) -> usize {
        let common = self.broker.shared_common();
        let gone = common.faults.withdraw(which);
        for (id, kind) in &gone {
            tracing::info!(fault = %id, kind = kind.name(), "a fault is withdrawn");
            self.let_go(*id);
        }
        if gone.iter().any(|(_, kind)| matches!(kind, FaultKind::SlowDisk { .. })) {
            brake::set(&common);
        }
        if gone.iter().any(|(_, kind)| matches!(kind, FaultKind::Block { .. })) {
            self.tell_of_blocks();
        }
        gone.len()
    }

    fn let_go(self, fault: FaultId) {
        for confirm in self.broker.common().timers.let_go(fault) {
            confirm.tell();
        }
    }

    /// Sessions look for themselves whether it is for them.
    fn tell_of_blocks(self) {
        for inbox in self.broker.common().alarms.everybody() {
            inbox.push([Event::BlockOrdered]);
        }
    }

    fn end_open_connections(self, id: FaultId, fault: &Fault) {
        let Some(blow) = end_of(&fault.kind) else { return };
        let common = self.broker.common();
        let struck =
            |info: &ConnectionInfo| fault.only.takes_connection(info) && common.faults.meets(id);
        common.connections.tell(struck, || Event::Struck { blow: Box::new(blow.clone()) });
    }

    fn redeliver(self, id: FaultId, fault: &Fault) {
        let common = self.broker.common();
        for vhost in self.broker.all_vhosts() {
            if !fault.only.takes_vhost(vhost.name().as_str()) {
                continue;
            }
            let cell = {
                let table = vhost.table();
                let named = |name: &crate::base::QueueName| {
                    fault.only.queue.as_deref() == Some(name.as_str())
                };
                table.queues().find(|(name, _)| named(name)).map(|(_, cell)| Arc::clone(cell))
            };
            if let Some(cell) = cell {
                cell.give_all_back(|| common.faults.meets(id));
            }
        }
    }
}
