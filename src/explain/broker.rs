//! What holds all publishers of the broker back.

use super::finding::Finding;
use super::words::{bytes, duration};
use crate::base::Millis;

/// How the broker stands as a whole.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BrokerFacts {
    /// Message bytes in RAM.
    pub memory: MemoryFacts,
    /// The disk.
    pub disk: DiskFacts,
    /// The message log.
    pub log: LogFacts,
}

/// Message bytes in RAM.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MemoryFacts {
    /// Since when the alarm is on; `None` while it is not.
    pub alarm_since: Option<Millis>,
    /// Bytes now.
    pub used_bytes: u64,
    /// Bytes at which the alarm goes on.
    pub watermark_bytes: u64,
    /// Bytes below which it goes off.
    pub clears_below_bytes: u64,
}

/// The disk.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DiskFacts {
    /// Since when the alarm is on; `None` while it is not.
    pub alarm_since: Option<Millis>,
    /// Free bytes at the last look; `None` when nobody looks.
    pub free_bytes: Option<u64>,
    /// Free bytes below which the alarm goes on.
    pub limit_bytes: u64,
}

/// The message log.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum LogFacts {
    /// There is none: messages are in RAM only.
    None,
    /// It takes what comes.
    #[default]
    KeepsUp,
    /// More waits to be written than so many bytes.
    Behind(u64),
    /// The disk is full.
    Full,
    /// A write failed; the first failure in words.
    Failed(String),
}

/// Which alarm a finding of [`alarms`] is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AlarmKind {
    /// Memory.
    Memory,
    /// The disk.
    Disk,
}

impl AlarmKind {
    /// RabbitMQ's name of the resource.
    #[must_use]
    pub fn resource(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
        }
    }
}

/// The alarms that are on.
#[must_use]
pub fn alarms(now: Millis, facts: &BrokerFacts) -> Vec<(AlarmKind, Finding)> {
    let memory = memory(now, &facts.memory).map(|finding| (AlarmKind::Memory, finding));
    let disk = disk(now, facts).map(|finding| (AlarmKind::Disk, finding));
    memory.into_iter().chain(disk).collect()
}

fn memory(now: Millis, facts: &MemoryFacts) -> Option<Finding> {
    let since = facts.alarm_since?;
    let (used, mark) = (bytes(facts.used_bytes), bytes(facts.watermark_bytes));
    let clears = bytes(facts.clears_below_bytes);
    let cause = format!(
        "memory alarm for {}: waiting messages take {used} of RAM, the watermark is {mark}, and publishers go on \
         below {clears}",
        duration(now.since(since))
    );
    let fix = "drain the longest queues (more or faster consumers, or purge what nobody wants), or raise \
               vm_memory_high_watermark";
    Some(Finding::critical("memory-alarm", cause, fix).since(since))
}

fn disk(now: Millis, facts: &BrokerFacts) -> Option<Finding> {
    let since = facts.disk.alarm_since?;
    let time = duration(now.since(since));
    let limit = bytes(facts.disk.limit_bytes);
    let (why, fix) = match (&facts.log, facts.disk.free_bytes) {
        (LogFacts::Full, _) => (
            "the disk is full, and the message log cannot write".to_owned(),
            "make room on the disk of the data folder; publishers go on by themselves",
        ),
        (LogFacts::Failed(reason), _) => (
            format!("writing the message log failed for good: {reason}"),
            "look at the disk and its file system, then restart the broker: what was confirmed is safe",
        ),
        (_, Some(free)) => (
            format!(
                "{} are free on the disk of the data folder, and disk_free_limit is {limit}",
                bytes(free)
            ),
            "make room on the disk, or lower disk_free_limit",
        ),
        (_, None) => (
            format!("less than disk_free_limit ({limit}) is free on the disk of the data folder"),
            "make room on the disk, or lower disk_free_limit",
        ),
    };
    Some(Finding::critical("disk-alarm", format!("disk alarm for {time}: {why}"), fix).since(since))
}

/// The log is behind, and connections that fill it are not read until it has caught up.
pub(super) fn behind(facts: &BrokerFacts) -> Option<Finding> {
    let LogFacts::Behind(waiting) = facts.log else { return None };
    let cause = format!(
        "publishers wait for the disk: more than {} of messages wait to be written, so connections that \
         publish much are not read until the message log has caught up",
        bytes(waiting)
    );
    let fix = "a faster disk, fewer persistent messages, or larger batches; it goes on by itself";
    Some(Finding::warning("log-behind", cause, fix))
}
