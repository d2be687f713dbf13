//! Bounds of what tests order: faults, turned clocks, snapshots, looks.

/// Faults that a test has ordered at a time: each is asked at each publish, delivery and ack, and a test that orders
/// more has forgotten to withdraw some.
pub const FAULTS_MAX: usize = 100;

/// Bytes of a reply text or a reason that a fault is ordered with: with the name of the longest code in front it fits
/// a short string.
pub const FAULT_TEXT_BYTES_MAX: usize = 200;

/// Bytes of what a fault is narrowed to: names have 255, and a connection's two addresses fit as well.
pub const FAULT_FILTER_BYTES_MAX: usize = 255;

/// The longest delay of a confirm, in ms: a day, by a clock that tests turn.
pub const CONFIRM_DELAY_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// Confirms that are held back at a time, some 100 bytes each.
pub const LATE_CONFIRMS_MAX: usize = 100_000;

/// The longest wait of the message log before a group, in ms, by the machine's clock: its thread sleeps.
pub const SLOW_DISK_MS_MAX: u64 = 60_000;

/// Deadlines that one turning of the clock by hand stops at: a million messages that each expire at another moment.
/// More of them is a circle.
pub const TURN_STEPS_MAX: u32 = 1_000_000;

/// How long one such stop may take in real time until all that is due then is done, in ms. A disk may be slow, and a
/// test that hangs must say why before its runner loses its patience.
pub const TURN_PATIENCE_MS: u64 = 30_000;

/// How often a turning clock looks whether everything is done before it rests a moment between two looks; what is in
/// memory is done after a few.
pub const TURN_LOOKS_AT_ONCE: u32 = 64;

/// Messages that one snapshot of a virtual host keeps. It is for tests, whose queues are short; what is larger is
/// better made anew than kept in memory.
pub const SNAPSHOT_MESSAGES_MAX: usize = 100_000;

/// Bytes of the messages that one snapshot keeps. They stay in memory, and out of reach of the memory alarm, for as
/// long as the snapshot is there.
pub const SNAPSHOT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Snapshots that the test API keeps of all virtual hosts together.
pub const SNAPSHOTS_MAX: usize = 64;

/// Messages of one queue that a test of a program is shown at once. Who asserts on more counts them.
pub const QUEUE_VIEW_MESSAGES_MAX: usize = 10_000;

/// Bytes of these messages; the one that crosses the line still is shown.
pub const QUEUE_VIEW_BYTES_MAX: u64 = 64 * 1024 * 1024;
