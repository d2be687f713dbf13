//! Requests to the management API of a broker in this process, through one kept connection.
//!
//! There is no way into the router without a connection, so this one goes over the loopback. The broker keeps what
//! requests made; it is another one after a while.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::time::Duration;

use haremq::test::{Builder, TestBroker};

use super::super::harness::Script;

/// Requests to one broker.
const REQUESTS_MAX: u64 = 5000;

/// More than any answer takes, so that a hang is a finding.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

struct Site {
    broker: Option<TestBroker>,
    address: SocketAddr,
    stream: Option<TcpStream>,
    requests: u64,
}

static SITE: Mutex<Option<Site>> = Mutex::new(None);

/// The input chooses method, path, query and body.
pub(super) fn run(input: &[u8]) {
    let mut site = SITE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if site.as_ref().is_none_or(|site| site.requests >= REQUESTS_MAX) {
        *site = Some(Site::new());
    }
    let Some(site) = site.as_mut() else { return };
    let mut script = Script::new(input);
    for _ in 0..4 {
        if script.is_empty() {
            break;
        }
        let request = request(&mut script);
        site.ask(&request);
    }
}

impl Site {
    fn new() -> Self {
        let broker = Builder::new().management(true).start_blocking().expect("a broker starts");
        let url = broker.management_url().expect("it has an API");
        let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let address = address.split('/').next().and_then(|address| address.parse().ok());
        let address = address.expect("an address");
        Self { broker: Some(broker), address, stream: None, requests: 0 }
    }

    fn ask(&mut self, request: &[u8]) {
        self.requests += 1;
        let mut stream = self.stream.take().unwrap_or_else(|| {
            let stream = TcpStream::connect(self.address).expect("the port takes connections");
            stream.set_read_timeout(Some(ANSWER_WITHIN)).expect("a time-out can be set");
            stream.set_nodelay(true).expect("it can be set");
            stream
        });
        // Who was refused may find the connection closed while it writes.
        let _ = stream.write_all(request);
        let (head, body, goes_on) = answer(&mut stream, request.starts_with(b"HEAD"));
        if goes_on {
            self.stream = Some(stream);
        }
        let Some(head) = head else { return };
        let shown = || String::from_utf8_lossy(request).into_owned();
        let status: u16 = head.get(9..12).and_then(|text| text.parse().ok()).expect("a status");
        assert!((200..500).contains(&status), "{status} for {}", shown());
        let json = header(&head, "content-type").is_some_and(|kind| kind.contains("json"));
        if json && !body.is_empty() {
            let parsed = serde_json::from_slice::<serde_json::Value>(&body);
            assert!(parsed.is_ok(), "no JSON for {}: {}", shown(), String::from_utf8_lossy(&body));
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(broker) = self.broker.take() {
            broker.blocking_shutdown().expect("it stops after whatever it was asked");
        }
    }
}

/// Head, body, and whether the connection goes on. No head when the connection ended before one.
fn answer(stream: &mut TcpStream, no_body: bool) -> (Option<String>, Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        let at = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(at) = at {
            let head = String::from_utf8_lossy(&bytes[..at]).to_ascii_lowercase();
            let closes = header(&head, "connection").is_some_and(|word| word.contains("close"));
            let body = &bytes[at + 4..];
            let status = head.get(9..12).unwrap_or("");
            let none = no_body || status == "204" || status == "304";
            let length =
                header(&head, "content-length").and_then(|text| text.parse::<usize>().ok());
            let chunked = header(&head, "transfer-encoding").is_some();
            if none || length.is_some_and(|length| body.len() >= length) {
                return (Some(head), body.to_vec(), !closes);
            }
            if chunked {
                // A stream that may be without end (the log, a tail): its beginning is enough.
                return (Some(head.replace("json", "")), Vec::new(), false);
            }
        }
        match stream.read(&mut piece) {
            Ok(0) => {
                assert!(at.is_none(), "an answer was cut off");
                return (None, bytes, false);
            }
            Ok(len) => bytes.extend_from_slice(&piece[..len]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                panic!("no answer in {ANSWER_WITHIN:?}")
            }
            Err(_) => return (None, bytes, false),
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let line =
        head.lines().find(|line| line.starts_with(name) && line[name.len()..].starts_with(':'));
    line.map(|line| line[name.len() + 1..].trim())
}

/// Parts of paths: resources and names, put together in any order.
const PLACES: [&str; 44] = [
    "overview",
    "queues",
    "exchanges",
    "bindings",
    "vhosts",
    "users",
    "permissions",
    "connections",
    "channels",
    "consumers",
    "nodes",
    "policies",
    "operator-policies",
    "parameters",
    "definitions",
    "global-parameters",
    "health/checks/alarms",
    "whoami",
    "topic-permissions",
    "vhost-limits",
    "user-limits",
    "cluster-name",
    "extensions",
    "feature-flags",
    "auth",
    "login",
    "log",
    "openapi.json",
    "settings",
    "healthchecks/node",
    "aliveness-test",
    "deprecated-features",
    "rebalance/queues",
    "version",
    "%2F",
    "q",
    "e",
    "amq.topic",
    "get",
    "publish",
    "contents",
    "bindings/source",
    "e/e/q/q",
    "shovel",
];

const QUERIES: [&str; 14] = [
    "page=1&page_size=2",
    "page=0",
    "page=99999999999999999999",
    "name=^(a+)+$&use_regex=true",
    "columns=name,messages",
    "sort=name&sort_reverse=true",
    "lengths_age=60&lengths_incr=5",
    "msg_rates_age=18446744073709551615&msg_rates_incr=1",
    "disable_stats=true",
    "%00%ff=%zz",
    "",
    "if-unused=true",
    "pagination=true&page_size=501",
    "columns=..,a.b.c",
];

const BODIES: [&str; 12] = [
    "{}",
    "{\"auto_delete\":false,\"durable\":true,\"arguments\":{\"x-max-length\":5}}",
    "{\"type\":\"topic\",\"durable\":true,\"internal\":false,\"arguments\":{}}",
    "{\"routing_key\":\"k\",\"arguments\":{\"x\":[1,2,{\"a\":null}]}}",
    "{\"count\":5,\"ackmode\":\"ack_requeue_true\",\"encoding\":\"auto\",\"truncate\":10}",
    "{\"properties\":{\"headers\":{\"a\":1}},\"routing_key\":\"q\",\"payload\":\"cGF5\",\"payload_encoding\":\"base64\"}",
    "{\"pattern\":\"^q\",\"definition\":{\"max-length\":1},\"priority\":1,\"apply-to\":\"queues\"}",
    "{\"configure\":\".*\",\"write\":\".*\",\"read\":\".*\"}",
    "{\"password\":\"p\",\"tags\":\"monitoring\"}",
    "{\"value\":{\"max-queues\":5}}",
    "[[[[[[[[[[",
    "{\"queues\":[{\"name\":\"q\",\"vhost\":\"/\",\"durable\":true,\"auto_delete\":false,\"arguments\":{}}]}",
];

fn request(script: &mut Script<'_>) -> Vec<u8> {
    let method = script.pick(&["GET", "GET", "GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS"]);
    let mut path = b"/api".to_vec();
    for _ in 0..=script.below(4) {
        path.push(b'/');
        path.extend(script.pick(&PLACES).as_bytes());
        if script.below(12) == 0 {
            path.extend(visible(script, 6));
        }
    }
    if script.below(3) == 0 {
        path.push(b'?');
        path.extend(script.pick(&QUERIES).as_bytes());
        path.extend(visible(script, 6));
    }
    let mut body = script.pick(&BODIES).as_bytes().to_vec();
    match script.below(4) {
        0 => {
            let at = script.below(body.len() + 1);
            body.splice(at..at, script.take(8).iter().copied());
        }
        1 => body.truncate(script.below(body.len() + 1)),
        _ => {}
    }
    // guest and its virtual host stay: without them every answer is 401.
    let text = String::from_utf8_lossy(&path).into_owned();
    let kept = method != "GET" && (text.contains("guest") || text.ends_with("vhosts/%2F"));
    let path = if kept { b"/api/whoami".to_vec() } else { path };
    let head = format!(
        " HTTP/1.1\r\nhost: fuzz\r\nauthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\ncontent-length: {}\r\n\r\n",
        if method == "GET" { 0 } else { body.len() }
    );
    let mut request = method.as_bytes().to_vec();
    request.push(b' ');
    request.extend(path);
    request.extend(head.as_bytes());
    if method != "GET" {
        request.extend(body);
    }
    request
}

/// Octets of the input that may stand in a request line; others are the business of the HTTP reader.
fn visible(script: &mut Script<'_>, len: usize) -> Vec<u8> {
    script.take(len).iter().map(|byte| 0x21 + byte % 0x5e).filter(|byte| *byte != b'?').collect()
}
