//! Bounds of what virtual hosts consist of.

/// Queues of the node when the settings set no limit (`cluster_queue_limit`). An empty one takes some kilobytes with
/// what others know of it; RabbitMQ has no limit of its own, and is not run with a tenth of these.
pub const QUEUES_MAX: usize = 1_000_000;

/// Exchanges of the node when the settings set no limit (`cluster_exchange_limit`).
pub const EXCHANGES_MAX: usize = 1_000_000;

/// Bytes in RAM of the bindings of one virtual host, as [`BINDING_BYTES`] and their contents add up: some 1.7 million of
/// usual size. A count would not do: the arguments of a single binding may fill a frame.
pub const BINDINGS_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// What a binding costs beside the bytes of its key and arguments: its entry, its identity, its places in the lists of
/// both ends and in the router. A million of them with five words each are 635 MiB (docs/reliability-hostile.md).
pub const BINDING_BYTES: usize = 600;

/// Bindings that are listed when they go with their queue or exchange: what listing them costs, a tenth of a
/// microsecond each and more, is paid while the routing table is locked. Of more, the others are counted.
pub const REMOVED_BINDINGS_TOLD_MAX: usize = 4096;

/// Bytes of bindings, counted as [`BINDINGS_BYTES_MAX`] counts them, that are swept out of a routing table under one
/// lock: some 160 usual ones, 5 µs each, so that whoever publishes or declares waits for less than a millisecond.
pub const SWEEP_STEP_BYTES: usize = 96 * 1024;

/// How long the next such step waits, in milliseconds: the least that timers can.
pub const SWEEP_PAUSE_MS: u64 = 1;

/// Queues that are seen to at once for a connection that has ended: those it held messages of, had consumers in or
/// was alone allowed to use. Deleting one takes some 4 µs, so others wait for a millisecond.
pub const PARTING_STEP_QUEUES: usize = 256;

/// How long the next such step waits, in milliseconds: the least that timers can.
pub const PARTING_PAUSE_MS: u64 = 1;

/// How often a thread that is about to change a routing table lets others run while somebody waits for a look at it.
/// Each costs a microsecond or less when nobody else wants the processor, and a woken thread needs some fifty.
pub const LOOKERS_FIRST_YIELDS_MAX: usize = 256;
