//! What a queue is declared to be, as far as its machine cares.

use super::Paging;

/// Settings of one queue machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QueueConfig {
    /// Whether persistent messages are appended to the log and confirmed only when they are on disk.
    pub log: LogMode,
    /// Whether the queue goes with its last consumer (spec: queue.declare, auto-delete). A queue that
    /// never had a consumer stays.
    pub auto_delete: bool,
    /// Whether a long backlog leaves RAM, and how much of it stays; `None` keeps everything.
    pub paging: Option<Paging>,
}

/// Whether the machine's driver has a log behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LogMode {
    /// Nothing is appended; every message is confirmed when it is taken.
    #[default]
    Volatile,
    /// Persistent messages are appended and confirmed when [`super::Command::Persisted`] covers them.
    Logged,
}

/// How much one call of [`super::Machine::deliver`] may hand out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Burst {
    /// Messages.
    pub messages: usize,
    /// Bytes; the message that crosses the line is still handed out.
    pub bytes: u64,
}

/// Whether there is more to hand out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// The burst is used up, and somebody could still take something.
    More,
    /// Nobody can take anything now.
    Idle,
}
