//! Traces messages and sends their spans, when the settings name a collector.

use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::base::Clock;
use crate::broker::{SpanSettings, Spans};
use crate::config::{OtelSettings, Settings};
use crate::fetch::{AuthorityError, FetchSettings, trust};
use crate::otel::{Exporter, ExporterSettings, Resource};
use crate::wire::headers_of;

/// Why messages are not traced. Shown as one line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpansError {
    #[error("{0}")]
    Authorities(#[from] AuthorityError),
    #[error("haremq.otel.headers.{0}: expected the name and the value of an HTTP header")]
    Header(String),
    #[error("cannot trace messages: {0}")]
    Random(&'static str),
}

/// Spans, and who will send them.
pub(crate) struct OpenSpans {
    /// For the broker.
    pub(crate) spans: Arc<Spans>,
    exporter: Exporter,
}

/// The task that sends spans.
pub(crate) struct RunningSpans {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Gets ready to trace; `None` when nobody asks for it.
pub(crate) fn open(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
) -> Result<Option<OpenSpans>, SpansError> {
    let OtelSettings { endpoint, service_name, sample_millionths, timeout_ms, headers, cacertfile } =
        settings.otel.clone();
    let Some(endpoint) = endpoint else { return Ok(None) };
    let sampling = SpanSettings { sample_millionths };
    let spans = Spans::new(sampling, Arc::clone(clock), headers_of).map_err(SpansError::Random)?;
    let tls = || trust("haremq.otel.cacertfile", cacertfile.as_deref());
    let tls = endpoint.starts_with("https://").then(tls).transpose()?;
    let headers: Result<Arc<[_]>, SpansError> = headers
        .into_iter()
        .map(|(name, value)| header(&name, &value.0).ok_or(SpansError::Header(name)))
        .collect();
    let exporter = ExporterSettings {
        address: address(&endpoint),
        headers: headers?,
        resource: Resource {
            service_name,
            instance: settings.node_name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        fetch: FetchSettings {
            tls,
            connection_timeout_ms: timeout_ms,
            request_timeout_ms: timeout_ms,
        },
    };
    // What stands before an @ may be secret.
    let endpoint = endpoint.rsplit('@').next().unwrap_or_default();
    tracing::info!(endpoint, "messages are traced, and their spans are sent");
    let exporter = Exporter::new(exporter, Arc::clone(&spans), Arc::clone(clock));
    Ok(Some(OpenSpans { spans, exporter }))
}

impl OpenSpans {
    pub(crate) fn run(self) -> RunningSpans {
        let (stop, stopped) = watch::channel(false);
        RunningSpans { stop, task: tokio::spawn(self.exporter.run(stopped)) }
    }
}

/// Sends what is left, within a bounded time.
pub(crate) async fn end(running: Option<RunningSpans>) {
    let Some(RunningSpans { stop, task }) = running else { return };
    // It may have ended already, which is as good.
    let _ = stop.send(true);
    if let Err(error) = task.await {
        tracing::error!(error = %error, "the sending of spans ended on its own");
    }
}

/// Ends at once; what is left is lost.
pub(crate) async fn cut(running: Option<RunningSpans>) {
    let Some(RunningSpans { task, .. }) = running else { return };
    task.abort();
    // It was told to end, or has broken down before.
    let _ = task.await;
}

/// OTLP: what is configured is the base, unless it is the whole address already.
fn address(endpoint: &str) -> String {
    const TRACES: &str = "/v1/traces";
    let base = endpoint.trim_end_matches('/');
    if base.ends_with(TRACES) { base.to_owned() } else { format!("{base}{TRACES}") }
}

fn header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes()).ok()?;
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_base_or_the_whole_address() {
        for (endpoint, expected) in [
            ("http://host:4318", "http://host:4318/v1/traces"),
            ("https://host/otlp/", "https://host/otlp/v1/traces"),
            ("http://host:4318/v1/traces", "http://host:4318/v1/traces"),
        ] {
            assert_eq!(address(endpoint), expected);
        }
    }
}
