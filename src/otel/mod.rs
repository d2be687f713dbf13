//! Sends spans to an OpenTelemetry collector: OTLP over HTTP, as JSON (docs/tracing.md).
//!
//! ```text
//! broker/spans --(bounded list)--> Exporter: gather -> encode -> POST {endpoint}/v1/traces
//!                                       ^                             | 2xx: counted as sent
//!                                       +-- pause, at most n times ---+ 429, 502, 503, 504, nobody there
//!                                                                     | anything else, or the last try: given up
//! ```
//!
//! It is one task. While the collector is away or slow the list fills up, and what does not fit is dropped and
//! counted; no queue and no connection ever waits for it.

mod encode;
mod exporter;

pub use encode::{Resource, encode};
pub use exporter::{Exporter, ExporterSettings};
