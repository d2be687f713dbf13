//! The alarms that are on, with their reason and figures.

use serde_json::{Value, json};

use super::call::Call;
use super::samples::rfc3339;
use crate::base::limits::LOG_WAITING_BYTES_MAX;
use crate::base::{Clock, Millis};
use crate::broker::{AlarmReport, LogStatus};
use crate::explain::{AlarmKind, BrokerFacts, DiskFacts, LogFacts, MemoryFacts, alarms};

/// Each alarm with its node and resource, as RabbitMQ tells it, and more.
pub(super) fn list(call: &Call) -> Vec<Value> {
    let (node, clock) = (&call.management.facts.node, call.broker().clock());
    let (now, report) = (clock.now(), call.broker().alarm_report());
    let told = |(kind, finding): (AlarmKind, crate::explain::Finding)| {
        let since = finding.since.map(|at| rfc3339(unix_ms(clock.as_ref(), at)));
        let mut alarm = json!({
            "node": node,
            "resource": kind.resource(),
            "reason": finding.cause,
            "fix": finding.fix,
            "since": since,
        });
        let figures = match kind {
            AlarmKind::Memory => json!({
                "used_bytes": report.memory_used_bytes,
                "watermark_bytes": report.memory_watermark_bytes,
                "clears_below_bytes": report.memory_clears_below_bytes,
            }),
            AlarmKind::Disk => json!({
                "free_bytes": report.disk_free_bytes,
                "limit_bytes": report.disk_limit_bytes,
            }),
        };
        alarm["figures"] = figures;
        alarm
    };
    alarms(now, &facts(&report)).into_iter().map(told).collect()
}

/// The broker as explanations want to know it.
pub(super) fn facts(report: &AlarmReport) -> BrokerFacts {
    BrokerFacts {
        memory: MemoryFacts {
            alarm_since: report.memory_since,
            used_bytes: report.memory_used_bytes,
            watermark_bytes: report.memory_watermark_bytes,
            clears_below_bytes: report.memory_clears_below_bytes,
        },
        disk: DiskFacts {
            alarm_since: report.disk_since,
            free_bytes: report.disk_free_bytes,
            limit_bytes: report.disk_limit_bytes,
        },
        log: match &report.log {
            None => LogFacts::None,
            Some(LogStatus::Full { .. }) => LogFacts::Full,
            Some(LogStatus::Failed { reason }) => LogFacts::Failed(reason.clone()),
            Some(LogStatus::Healthy) if report.log_is_behind => {
                LogFacts::Behind(LOG_WAITING_BYTES_MAX)
            }
            Some(LogStatus::Healthy) => LogFacts::KeepsUp,
        },
    }
}

/// A moment of the broker's clock in ms since 1970.
pub(super) fn unix_ms(clock: &dyn Clock, at: Millis) -> u64 {
    let now = clock.now();
    (clock.unix_ms() + at.since(now)).saturating_sub(now.since(at))
}
