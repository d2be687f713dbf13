//! Spans of traced messages: publish, the stay in each queue, each delivery, each settlement (docs/tracing.md).
//!
//! A message is traced when the `traceparent` in its headers says so, or when it is chosen for a trace of its own.
//! Nothing is written into it: clients find their own headers.
//!
//! ```text
//!  publish: Publisher      queue: Following, under the queue's core                   courier
//!  +---------------+   +---------+  handed out   +-------+  ack            +------+
//!  | PublishSpan   |-->| Waiting |-------------->| Held  |---------------->| gone |
//!  | ends with its |   | (queue  |<--------------|(deliver  reject         +------+
//!  | last holder   |   |   span) |  given back   |  span)|------+              ^  dead letter: another
//!  +---------------+   +---------+               +-------+      v              |  PublishSpan below this one
//!                           |                            +-----------+  let go |
//!                           |  expired, dropped, purged  |  Settled  |---------+
//!                           +--------------------------->+-----------+
//! ```
//!
//! * **S1** A span ends once, and every span that is sent has ended. A queue's spans of one message follow each other
//!   without a gap, and each has a parent that was or will be sent, or that somebody else sends.
//! * **S2** What is followed is bounded over all queues, and so is what waits to be sent; what finds no room is
//!   counted. Nobody who publishes, delivers or settles waits for a span.
//! * **S3** Without tracing a turn looks at one option for each envelope and one for each round of effects, and a
//!   publish at one.
//! * **S4** The queue machine knows nothing of it: stays are keyed by the ids that it gives.

mod context;
mod core;
mod following;
mod outbox;
mod publishing;
mod span;
#[expect(clippy::module_inception, reason = "the file is named after its type")]
mod spans;
mod traced;

pub use context::{SpanId, TraceContext, TraceId};
pub(in crate::broker) use following::{Following, Origin};
pub(in crate::broker) use publishing::PublishSpan;
pub use span::{Span, SpanKind, SpanValue};
pub use spans::{SpanCounts, SpanSettings, Spans};
