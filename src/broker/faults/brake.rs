//! Makes the message log slow while a fault wants it so.

use std::sync::{Arc, Weak};

use super::FaultKind;
use crate::broker::broker::Common;
use crate::store::Brake;

/// Puts the brake on or takes it off; what waits at it goes on and asks anew.
pub(super) fn set(common: &Arc<Common>) {
    let Some(log) = &common.log else { return };
    let is_wanted = |kind: &FaultKind| matches!(kind, FaultKind::SlowDisk { .. });
    let wanted = common.faults.list().iter().any(|order| is_wanted(&order.fault.kind));
    let brake: Option<Brake> = wanted.then(|| {
        let common: Weak<Common> = Arc::downgrade(common);
        let asked = move || common.upgrade().map_or(0, |common| common.faults.brake_ms());
        Arc::new(asked) as Brake
    });
    log.set_brake(brake);
}
