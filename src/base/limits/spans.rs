//! Bounds of traces.

/// Stays of traced messages in queues that are followed at once, over all queues. Some 200 bytes each, so 13 MB; a
/// message that comes on top has its publish span and no more, and is counted. Traces are looked at one by one: who
/// has more than this waiting looks at metrics.
pub const SPANS_FOLLOWED_MAX: usize = 64 * 1024;

/// Spans that wait to be sent; what comes on top is dropped and counted. At 1 KiB each, with long names, 8 MB: half a
/// second of a busy broker that traces every message, and a quarter of an hour of one that traces ten in a second.
pub const SPANS_WAITING_MAX: usize = 8 * 1024;

/// Spans in one request to the collector, as the SDKs of OpenTelemetry have it; some 400 KB of JSON.
pub const SPANS_AT_ONCE: usize = 512;

/// How long spans are gathered before they are sent, in ms, unless a whole request is full before. Short enough
/// that a trace is there when somebody looks, long enough that a slow stream of messages is no stream of requests.
pub const SPANS_GATHER_MS: u64 = 500;

/// How often one request is sent before its spans are given up.
pub const SPANS_TRIES_MAX: u32 = 5;

/// The first pause after a failed try in ms; each further one is twice as long.
pub const SPANS_PAUSE_MIN_MS: u64 = 500;

/// The longest pause between tries, also when the collector asks for a longer one, in ms.
pub const SPANS_PAUSE_MAX_MS: u64 = 30_000;

/// How long a clean stop waits for the last spans to be sent, in ms. A collector that is gone must not look like a
/// broker that hangs.
pub const SPANS_LAST_MS: u64 = 2_000;

/// The longest `tracestate` that is carried on (W3C Trace Context asks for 512 characters at least).
pub const TRACE_STATE_BYTES_MAX: usize = 512;
