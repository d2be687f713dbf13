//! A management API that gives canned answers and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tempfile::TempDir;

/// Method and path with query, status, body.
pub(crate) type Canned = (&'static str, u16, &'static str);

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Method and path with query.
    pub line: String,
    pub headers: Vec<String>,
    pub body: String,
}

impl Asked {
    /// The value of a header whose name is written in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut pairs = self.headers.iter().filter_map(|header| header.split_once(": "));
        pairs.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// It listens until the process ends; what is not canned is 404.
pub(crate) struct FakeApi {
    folder: TempDir,
    asked: Arc<Mutex<Vec<Asked>>>,
    port: Option<u16>,
}

impl FakeApi {
    /// Behind a socket file in a folder of its own.
    pub(crate) fn on_socket(canned: &'static [Canned]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("management.sock")).expect("a socket");
        let asked = Arc::default();
        let seen = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let writer: UnixStream = stream.try_clone().expect("a second handle");
                answer(stream, writer, canned, &seen);
            }
        });
        Self { folder, asked, port: None }
    }

    /// Behind a port of this machine.
    pub(crate) fn on_port(canned: &'static [Canned]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::default();
        let seen = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let writer = stream.try_clone().expect("a second handle");
                answer(stream, writer, canned, &seen);
            }
        });
        Self { folder: TempDir::new().expect("a folder"), asked, port: Some(port) }
    }

    /// The folder of the socket.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port.expect("it is behind a port")
    }

    /// Everything that was asked, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Method, path and body of every request that is no look.
    pub(crate) fn changes(&self) -> Vec<String> {
        let asked = self.asked();
        let changes = asked.iter().filter(|asked| !asked.line.starts_with("GET "));
        changes
            .map(|asked| format!("{} {}", asked.line, asked.body).trim_end().to_owned())
            .collect()
    }
}

/// Answers the requests of one connection until its other end closes it.
fn answer(stream: impl Read, mut writer: impl Write, canned: &[Canned], seen: &Mutex<Vec<Asked>>) {
    let mut reader = BufReader::new(stream);
    while let Some(asked) = request(&mut reader) {
        let found = canned.iter().find(|(line, ..)| *line == asked.line);
        let (status, body) = found.map_or((404, NOT_FOUND), |(_, status, body)| (*status, *body));
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        let answer = format!(
            "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if status == CUT || writer.write_all(answer.as_bytes()).is_err() {
            // Half an answer, and the end.
            let _ = writer.write_all(&answer.as_bytes()[..answer.len() / 2]);
            return;
        }
    }
}

fn request(reader: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|len| *len > 0)?;
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        if header.trim_end().is_empty() {
            break;
        }
        headers.push(header.trim_end().to_owned());
    }
    let mut asked = Asked { line, headers, body: String::new() };
    let len = asked.header("content-length").and_then(|len| len.parse().ok()).unwrap_or(0);
    let mut body = vec![0; len];
    reader.read_exact(&mut body).ok()?;
    asked.body = String::from_utf8(body).ok()?;
    Some(asked)
}

/// The status of an answer that ends in its middle.
pub(crate) const CUT: u16 = 599;
const NOT_FOUND: &str = r#"{"error":"Object Not Found","reason":"Not Found"}"#;
