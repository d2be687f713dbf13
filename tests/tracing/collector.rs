//! A small OpenTelemetry collector: it takes spans over HTTP, answers as a test says, and draws trees of them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

/// How long anything may take.
const GUARD: Duration = Duration::from_secs(60);

/// What the collector answers to its requests, counted from 0.
type Rule = dyn Fn(usize) -> Said + Send + Sync;

/// An answer.
pub(super) enum Said {
    /// With 200 and this body.
    Taken(&'static str),
    /// With this status, and more lines of the head.
    Status(u16, &'static str),
    /// None at all.
    Nothing,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// The request line and the headers, in lower case.
    pub(super) head: String,
    pub(super) body: Value,
}

pub(super) struct Collector {
    /// Scheme and host, as they stand in an endpoint.
    place: &'static str,
    port: u16,
    shared: Arc<Shared>,
}

/// A stream that was accepted, with TLS or without.
trait Stream: Read + Write + Send {}
impl<S: Read + Write + Send> Stream for S {}

struct Shared {
    rule: Box<Rule>,
    /// How many requests of one connection are answered before it is closed.
    requests_max: usize,
    connections: AtomicUsize,
    requests: Mutex<Vec<Request>>,
    came: Condvar,
}

impl Collector {
    /// One that takes everything.
    pub(super) fn start() -> Self {
        Self::that(|_| Said::Taken("{}"))
    }

    pub(super) fn that(rule: impl Fn(usize) -> Said + Send + Sync + 'static) -> Self {
        Self::open(rule, usize::MAX, None)
    }

    /// One that closes each connection when it has answered so many requests.
    pub(super) fn closing_after(requests: usize) -> Self {
        Self::open(|_| Said::Taken("{}"), requests, None)
    }

    /// One behind TLS, for a client that trusts who has issued this certificate for `localhost`.
    pub(super) fn with_tls(server: ServerConfig) -> Self {
        Self::open(|_| Said::Taken("{}"), usize::MAX, Some(Arc::new(server)))
    }

    fn open(
        rule: impl Fn(usize) -> Said + Send + Sync + 'static,
        requests_max: usize,
        tls: Option<Arc<ServerConfig>>,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Shared {
            rule: Box::new(rule),
            requests_max,
            connections: AtomicUsize::new(0),
            requests: Mutex::default(),
            came: Condvar::new(),
        };
        let shared = Arc::new(shared);
        let serving = Arc::clone(&shared);
        let place = if tls.is_some() { "https://localhost" } else { "http://127.0.0.1" };
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (shared, tls) = (Arc::clone(&serving), tls.clone());
                shared.connections.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || {
                    let stream: Box<dyn Stream> = match tls {
                        None => Box::new(stream),
                        Some(tls) => {
                            let session =
                                ServerConnection::new(tls).expect("it is well configured");
                            Box::new(StreamOwned::new(session, stream))
                        }
                    };
                    shared.serve(stream);
                });
            }
        });
        Self { place, port, shared }
    }

    /// How many connections there were.
    pub(super) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The line of a configuration that sends spans here.
    pub(super) fn line(&self) -> String {
        format!("haremq.otel.endpoint = {}:{}", self.place, self.port)
    }

    /// The requests so far.
    pub(super) fn requests(&self) -> MutexGuard<'_, Vec<Request>> {
        self.shared.requests.lock().expect("no panic")
    }

    /// Waits until so many requests have come.
    pub(super) fn wait_for_requests(&self, count: usize) -> Vec<Request> {
        self.wait_until(|requests| requests.len() >= count)
    }

    /// Waits until so many spans have come, and draws them.
    pub(super) fn tree(&self, count: usize) -> Vec<String> {
        tree(&self.spans(count))
    }

    /// Waits until so many spans have come.
    pub(super) fn spans(&self, count: usize) -> Vec<Value> {
        spans(&self.wait_until(|requests| spans(requests).len() >= count))
    }

    fn wait_until(&self, enough: impl Fn(&[Request]) -> bool) -> Vec<Request> {
        let requests = self.requests();
        let waited = self.shared.came.wait_timeout_while(requests, GUARD, |all| !enough(all));
        let (requests, waited) = waited.expect("no panic");
        assert!(!waited.timed_out(), "came in time: {:?}", tree(&spans(&requests)));
        requests.clone()
    }
}

impl Shared {
    fn serve(&self, stream: Box<dyn Stream>) {
        let mut stream = BufReader::new(stream);
        for _ in 0..self.requests_max {
            if !self.answer(&mut stream) {
                return;
            }
        }
    }

    /// One request; says whether the connection goes on.
    fn answer(&self, stream: &mut BufReader<Box<dyn Stream>>) -> bool {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).unwrap_or(0) <= 2 {
                break;
            }
            let line = line.to_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            head += &line;
        }
        let mut body = vec![0; length];
        if head.is_empty() || stream.read_exact(&mut body).is_err() {
            return false;
        }
        let number = {
            let mut requests = self.requests.lock().expect("no panic");
            requests.push(Request { head, body: serde_json::from_slice(&body).expect("JSON") });
            requests.len() - 1
        };
        self.came.notify_all();
        let (status, more, text) = match (self.rule)(number) {
            Said::Taken(text) => (200, "", text),
            Said::Status(status, more) => (status, more, ""),
            Said::Nothing => {
                // Until the other side gives up.
                let _ = stream.read(&mut [0]);
                return false;
            }
        };
        let length = text.len();
        let answer = format!("HTTP/1.1 {status} X\r\n{more}content-length: {length}\r\n\r\n{text}");
        let writer = stream.get_mut();
        // The broker may have given up.
        writer.write_all(answer.as_bytes()).and_then(|()| writer.flush()).is_ok()
    }
}

/// The spans of these requests.
pub(super) fn spans(requests: &[Request]) -> Vec<Value> {
    let of = |request: &Request| {
        let spans = &request.body["resourceSpans"][0]["scopeSpans"][0]["spans"];
        spans.as_array().expect("a list of spans").clone()
    };
    requests.iter().flat_map(of).collect()
}

/// The value of an attribute, as a text.
pub(super) fn said(span: &Value, name: &str) -> String {
    let attributes = span["attributes"].as_array().expect("attributes");
    let found = attributes.iter().find(|one| one["key"] == name);
    let value = found.and_then(|one| one["value"].as_object()?.values().next().cloned());
    match value {
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

/// Each span below its parent, with its outcome.
pub(super) fn tree(spans: &[Value]) -> Vec<String> {
    let is_ours = |id: &Value| spans.iter().any(|span| span["spanId"] == *id);
    let roots: Vec<&Value> = spans.iter().filter(|span| !is_ours(&span["parentSpanId"])).collect();
    let mut lines = Vec::new();
    below(spans, roots, 0, &mut lines);
    lines
}

fn below(spans: &[Value], mut these: Vec<&Value>, depth: usize, lines: &mut Vec<String>) {
    these.sort_by_key(|span| (span["startTimeUnixNano"].to_string(), span["name"].to_string()));
    for span in these {
        let name = span["name"].as_str().expect("a name");
        lines.push(format!("{}{name}: {}", "  ".repeat(depth), said(span, "haremq.outcome")));
        let is_child = |child: &&Value| child["parentSpanId"] == span["spanId"];
        below(spans, spans.iter().filter(is_child).collect(), depth + 1, lines);
    }
}
