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
