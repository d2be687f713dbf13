//! The task that sends spans.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::{Resource, encode};
use crate::base::limits::{
    SPANS_AT_ONCE, SPANS_GATHER_MS, SPANS_LAST_MS, SPANS_PAUSE_MAX_MS, SPANS_PAUSE_MIN_MS,
    SPANS_TRIES_MAX,
};
use crate::base::{Clock, Millis};
use crate::broker::{Span, Spans};
use crate::fetch::{Answer, Fetch, FetchError, FetchSettings, Sent};

/// Where spans go, and how.
#[derive(Clone, Debug)]
pub struct ExporterSettings {
    /// The whole address of the collector's resource for traces.
    pub address: String,
    /// Headers of each request; they may be secret, and are marked so.
    pub headers: Arc<[(HeaderName, HeaderValue)]>,
    /// Who sends.
    pub resource: Resource,
    /// How the collector is asked.
    pub fetch: FetchSettings,
}

/// See the module.
pub struct Exporter {
    settings: ExporterSettings,
    fetch: Fetch,
    spans: Arc<Spans>,
    clock: Arc<dyn Clock>,
    /// When it was last said that spans were dropped, and how many there were then.
    said: (Option<Millis>, u64, u64),
}

/// What became of a request.
#[derive(PartialEq, Eq, Debug)]
enum Outcome {
    /// The collector has them, but for so many.
    Taken { refused: usize },
    /// Another try may help, after this pause when it asks for one.
    Later { pause_ms: Option<u64>, why: String },
    /// No other try will help.
    Refused { why: String },
}

/// How often it is said that spans are dropped.
const SAID_EVERY_MS: u64 = 60_000;

impl Exporter {
    /// Ready to send.
    #[must_use]
    pub fn new(settings: ExporterSettings, spans: Arc<Spans>, clock: Arc<dyn Clock>) -> Self {
        let fetch = Fetch::keeping_connection(settings.fetch.clone());
        Self { settings, fetch, spans, clock, said: (None, 0, 0) }
    }

    /// Sends until `stop` says so, then what is left, within a bounded time.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        let spans = Arc::clone(&self.spans);
        let mut ending = stop.clone();
        let mut sending = pin!(self.send_all(stop));
        tokio::select! {
            () = &mut sending => return,
            () = stopped(&mut ending) => {}
        }
        if timeout(Duration::from_millis(SPANS_LAST_MS), sending).await.is_err() {
            let waiting = spans.counts().waiting;
            tracing::warn!(spans = waiting, "the last spans did not reach the collector in time");
        }
    }

    /// Ends when it is to stop and nothing is left.
    async fn send_all(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                biased;
                () = stopped(&mut stop) => {}
                () = self.gather() => {}
            }
            let spans = self.spans.take(SPANS_AT_ONCE);
            if spans.is_empty() {
                self.said.0 = None;
                return self.say_losses();
            }
            self.send(&spans, &mut stop).await;
            self.say_losses();
        }
    }

    /// Waits until a request is full, or the first span has waited long enough.
    async fn gather(&self) {
        poll_fn(|context| self.spans.poll(1, context)).await;
        let full = poll_fn(|context| self.spans.poll(SPANS_AT_ONCE, context));
        // Either is as good.
        let _ = timeout(Duration::from_millis(SPANS_GATHER_MS), full).await;
    }

    /// Sends these, several times if it must be; only once when it is to stop.
    async fn send(&self, spans: &[Span], stop: &mut watch::Receiver<bool>) {
        let under_way = UnderWay { spans: &self.spans, count: spans.len() };
        let body = Bytes::from(encode(&self.settings.resource, spans));
        for failures in 0..SPANS_TRIES_MAX {
            let sent = Sent {
                content_type: "application/json",
                headers: Arc::clone(&self.settings.headers),
                body: body.clone(),
            };
            let outcome = judge(self.fetch.ask(&self.settings.address, Some(sent)).await);
            match outcome {
                Outcome::Taken { refused } => return under_way.arrived(refused),
                Outcome::Refused { why } => {
                    tracing::debug!(error = %why, spans = spans.len(), "the collector refused spans");
                    return;
                }
                Outcome::Later { why, pause_ms } => {
                    tracing::debug!(error = %why, spans = spans.len(), "spans were not taken");
                    let pause = sleep(Duration::from_millis(pause(failures, pause_ms)));
                    tokio::select! {
                        biased;
                        () = stopped(stop) => return,
                        () = pause => {}
                    }
                }
            }
        }
    }

    /// At most once in a minute.
    fn say_losses(&mut self) {
        let (at, dropped, untracked) = self.said;
        let counts = self.spans.counts();
        let now = self.clock.now();
        if (counts.dropped, counts.untracked) == (dropped, untracked)
            || at.is_some_and(|at| now.since(at) < SAID_EVERY_MS)
        {
            return;
        }
        self.said = (Some(now), counts.dropped, counts.untracked);
        tracing::warn!(
            dropped = counts.dropped - dropped,
            untracked = counts.untracked - untracked,
            "spans did not reach the collector, or messages had more of them than are kept: traces have gaps"
        );
    }
}

/// Ready when it is to stop; an end without a word is one as well.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stopped| *stopped).await;
}

/// Spans that were taken out: given up unless they arrive, however the sending ends.
struct UnderWay<'a> {
    spans: &'a Spans,
    count: usize,
}

impl UnderWay<'_> {
    fn arrived(mut self, refused: usize) {
        let refused = refused.min(self.count);
        self.spans.were_sent(self.count - refused);
        self.count = refused;
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if self.count > 0 {
            self.spans.were_given_up(self.count);
        }
    }
}

/// OTLP: which answers are worth another try.
fn judge(answer: Result<Answer, FetchError>) -> Outcome {
    match answer {
        Ok(Answer { status: 200..=299, body, .. }) => Outcome::Taken { refused: refused_in(&body) },
        Ok(Answer { status: status @ (429 | 502 | 503 | 504), retry_after_s, .. }) => {
            let pause_ms = retry_after_s.map(|seconds| seconds.saturating_mul(1000));
            Outcome::Later { pause_ms, why: format!("the collector answers {status}") }
        }
        Ok(Answer { status, .. }) => {
            Outcome::Refused { why: format!("the collector answers {status}") }
        }
        Err(error @ FetchError::Address) => Outcome::Refused { why: error.to_string() },
        Err(error) => Outcome::Later { pause_ms: None, why: error.to_string() },
    }
}

/// `partialSuccess.rejectedSpans` of an answer, as a number or as a text.
fn refused_in(body: &[u8]) -> usize {
    let document: Value = serde_json::from_slice(body).unwrap_or_default();
    match &document["partialSuccess"]["rejectedSpans"] {
        Value::String(text) => text.parse().unwrap_or(0),
        number => number.as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or(0),
    }
}

/// In ms: what the collector asks for, or twice as long as the time before.
fn pause(failures: u32, asked_ms: Option<u64>) -> u64 {
    let doubled = SPANS_PAUSE_MIN_MS.checked_shl(failures).unwrap_or(u64::MAX);
    asked_ms.unwrap_or(doubled).min(SPANS_PAUSE_MAX_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after_s: Option<u64>, body: &'static str) -> Outcome {
        judge(Ok(Answer { status, retry_after_s, body: Bytes::from_static(body.as_bytes()) }))
    }

    #[test]
    fn only_answers_that_may_change_are_worth_another_try() {
        for status in [200, 202] {
            assert_eq!(answer(status, None, "{}"), Outcome::Taken { refused: 0 });
        }
        for status in [429, 502, 503, 504] {
            let later = answer(status, Some(7), "");
            assert!(matches!(later, Outcome::Later { pause_ms: Some(7000), .. }), "{later:?}");
        }
        for status in [301, 400, 401, 404, 413, 500] {
            let refused = answer(status, Some(7), "");
            assert!(matches!(refused, Outcome::Refused { .. }), "{status}: {refused:?}");
        }
        let silent = FetchError::TimedOut { what: "answer", host: "h".to_owned(), ms: 1 };
        assert!(matches!(judge(Err(silent)), Outcome::Later { pause_ms: None, .. }));
    }

    #[test]
    fn a_collector_may_take_a_part() {
        for (body, refused) in [
            (r#"{"partialSuccess":{"rejectedSpans":"3"}}"#, 3),
            (r#"{"partialSuccess":{"rejectedSpans":4,"errorMessage":"no"}}"#, 4),
            (r#"{"partialSuccess":{}}"#, 0),
            ("no json", 0),
        ] {
            assert_eq!(answer(200, None, body), Outcome::Taken { refused }, "{body}");
        }
    }

    #[test]
    fn pauses_double_and_are_bounded_whoever_asks() {
        let pauses: Vec<u64> = (0..8).map(|failures| pause(failures, None)).collect();
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        assert_eq!(pause(0, Some(1)), 1);
        assert_eq!(pause(0, Some(3_600_000)), SPANS_PAUSE_MAX_MS);
    }
}
