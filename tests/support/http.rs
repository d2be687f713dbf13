//! A client of HTTP/1.1 that is small enough to be read: one request, one connection.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::GUARD;

/// Where requests go and as whom.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    place: Place,
    login: Option<String>,
}

#[derive(Clone, Debug)]
enum Place {
    Network(SocketAddr),
    File(PathBuf),
}

/// What came back.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Http {
    /// As nobody.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { place: Place::Network(address), login: None }
    }

    /// Over a socket file.
    pub(crate) fn over_file(path: &Path) -> Self {
        Self { place: Place::File(path.to_owned()), login: None }
    }

    /// As this user.
    pub(crate) fn login(&self, name: &str, password: &str) -> Self {
        let login = Some(STANDARD.encode(format!("{name}:{password}")));
        Self { place: self.place.clone(), login }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, &[], &body.to_string())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[], &body.to_string())
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], "")
    }

    /// Any request. A body is sent as JSON unless a header says otherwise.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let request = self.request(method, path, headers, body);
        Answer::parse(&self.exchange(request.as_bytes()))
    }

    /// [`Self::send`] over a connection that somebody else made: one with TLS.
    pub(crate) fn send_over(
        &self,
        stream: impl Read + Write,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let request = self.request(method, path, headers, body);
        Answer::parse(&talk(stream, request.as_bytes()))
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: broker\r\nconnection: close\r\n");
        if let Some(login) = &self.login {
            write!(head, "authorization: Basic {login}\r\n").expect("a string takes everything");
        }
        if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
            head += "content-type: application/json\r\n";
        }
        for (name, value) in headers {
            write!(head, "{name}: {value}\r\n").expect("a string takes everything");
        }
        format!("{head}content-length: {}\r\n\r\n{body}", body.len())
    }

    /// Sends these bytes and gives everything that comes until the other side closes.
    pub(crate) fn exchange(&self, request: &[u8]) -> Vec<u8> {
        match &self.place {
            Place::Network(address) => {
                let stream = TcpStream::connect(address).expect("the API listens");
                stream.set_read_timeout(Some(GUARD)).expect("a time-out above zero");
                talk(stream, request)
            }
            Place::File(path) => {
                let stream = UnixStream::connect(path).expect("the socket file is there");
                stream.set_read_timeout(Some(GUARD)).expect("a time-out above zero");
                talk(stream, request)
            }
        }
    }
}

fn talk(mut stream: impl Read + Write, request: &[u8]) -> Vec<u8> {
    // A request that is refused early may not be taken as a whole.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return answer,
            Ok(len) => answer.extend_from_slice(&piece[..len]),
            // Reset behind an answer: the rest of the request was not read.
            Err(_) if !answer.is_empty() => return answer,
            Err(error) => panic!("no answer: {error}"),
        }
    }
}

fn in_chunks() -> (String, String) {
    ("transfer-encoding".to_owned(), "chunked".to_owned())
}

/// What comes in chunks: each has its length before it, and the last has none (RFC 9112, section 7.1).
fn joined(mut chunks: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let end = chunks.windows(2).position(|two| two == b"\r\n").expect("a length");
        let len = std::str::from_utf8(&chunks[..end]).expect("a length is text");
        let len = usize::from_str_radix(len, 16).expect("a length is a number");
        if len == 0 {
            return all;
        }
        all.extend_from_slice(&chunks[end + 2..end + 2 + len]);
        chunks = &chunks[end + 4 + len..];
    }
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head");
        let head = std::str::from_utf8(&bytes[..end]).expect("a head is text");
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status line");
        let headers = lines.map(|line| line.split_once(':').expect("a header has a colon"));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
        let headers: Vec<(String, String)> = headers.collect();
        let is_in_chunks = headers.iter().any(|header| *header == in_chunks());
        let body = &bytes[end + 4..];
        Self {
            status: status.parse().expect("a status is a number"),
            headers,
            body: if is_in_chunks { joined(body) } else { body.to_vec() },
        }
    }

    /// The body; `null` when there is none.
    pub(crate) fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// `reason` of a refusal.
    pub(crate) fn reason(&self) -> String {
        self.json()["reason"].as_str().unwrap_or_default().to_owned()
    }
}
