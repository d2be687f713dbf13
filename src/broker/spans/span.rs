//! A span that has ended, as it is handed to whoever sends it.

use std::sync::Arc;

use super::{SpanId, TraceId};

/// What a span is to those around it (OpenTelemetry: trace API, `SpanKind`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SpanKind {
    /// Within the broker.
    Internal,
    /// The broker answers a request of a client: a publish, an ack.
    Server,
    /// The broker hands out, and somebody else goes on at a time of theirs.
    Producer,
}

/// The value of an attribute.
#[derive(Clone, PartialEq, Debug)]
pub enum SpanValue {
    /// A text.
    Text(Arc<str>),
    /// One that is known before.
    Word(&'static str),
    /// A number.
    Number(u64),
    /// A yes or a no.
    Truth(bool),
}

/// See the module.
#[derive(Clone, PartialEq, Debug)]
pub struct Span {
    /// Its trace.
    pub trace: TraceId,
    /// Itself.
    pub id: SpanId,
    /// What it belongs to; `None` when it begins the trace.
    pub parent: Option<SpanId>,
    /// `tracestate` of the trace.
    pub state: Arc<str>,
    /// What it says of itself: an operation and what it was done to.
    pub name: String,
    /// Its kind.
    pub kind: SpanKind,
    /// When it began, in nanoseconds since 1970.
    pub start_ns: u64,
    /// When it ended; never before it began.
    pub end_ns: u64,
    /// More about it.
    pub attributes: Vec<(&'static str, SpanValue)>,
    /// What went wrong, if something did.
    pub error: Option<String>,
}
