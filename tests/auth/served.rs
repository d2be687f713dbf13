//! A small HTTP service that answers questions about users as a test says, and remembers them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

/// What the service answers to a path with a question.
type Rule = dyn Fn(&str, &Form) -> Said + Send + Sync;

/// The fields of a question.
#[derive(Clone, Debug)]
pub(super) struct Form(Vec<(String, String)>);

/// An answer.
pub(super) enum Said {
    /// With 200.
    Text(&'static str),
    Status(u16),
    /// Nothing, until the service is told to go on.
    Later(&'static str),
}

pub(super) struct Service {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    rule: Box<Rule>,
    asked: Mutex<Vec<String>>,
    is_held: Mutex<bool>,
    released: Condvar,
}

impl Form {
    /// A field; empty when it is not there.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }
}

impl Service {
    pub(super) fn start(rule: impl Fn(&str, &Form) -> Said + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared {
            rule: Box::new(rule),
            asked: Mutex::default(),
            is_held: Mutex::new(true),
            released: Condvar::new(),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&serving);
                thread::spawn(move || shared.serve(&stream));
            }
        });
        Self { port, shared }
    }

    /// The lines of a configuration that asks this service.
    pub(super) fn lines(&self) -> Vec<String> {
        let path = |name| format!("auth_http.{name}_path = http://127.0.0.1:{}/{name}", self.port);
        ["user", "vhost", "resource", "topic"].map(path).to_vec()
    }

    /// The questions so far: path, `?`, fields.
    pub(super) fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers that were held back go out.
    pub(super) fn release(&self) {
        *self.shared.is_held.lock().expect("no panic") = false;
        self.shared.released.notify_all();
    }

    /// Waits until a question of this path came.
    pub(super) fn wait_for(&self, path: &str) {
        while !self.asked().iter().any(|line| line.starts_with(path)) {
            thread::yield_now();
        }
    }
}

impl Shared {
    fn serve(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        if reader.read_line(&mut line).is_err() {
            return;
        }
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header).unwrap_or(0) <= 2 {
                break;
            }
            if let Some(value) = header.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("the whole body");
        let target = line.split(' ').nth(1).unwrap_or_default();
        let body = String::from_utf8(body).expect("a form is text");
        let (path, query) = target.split_once('?').unwrap_or((target, &body));
        self.asked.lock().expect("no panic").push(format!("{path}?{query}"));
        let (status, text) = match (self.rule)(path, &form(query)) {
            Said::Text(text) => (200, text),
            Said::Status(status) => (status, "allow"),
            Said::Later(text) => {
                let held = self.is_held.lock().expect("no panic");
                drop(self.released.wait_while(held, |held| *held).expect("no panic"));
                (200, text)
            }
        };
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{text}", text.len());
        let mut writer = stream;
        // The broker may have given up.
        let _ = writer.write_all(answer.as_bytes());
    }
}

fn form(query: &str) -> Form {
    let fields = query.split('&').filter_map(|field| field.split_once('='));
    Form(fields.map(|(name, value)| (name.to_owned(), decoded(value))).collect())
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut decoded) = (text.bytes(), Vec::new());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next().expect("a digit"), bytes.next().expect("a digit")];
                let digits = std::str::from_utf8(&digits).expect("ASCII");
                u8::from_str_radix(digits, 16).expect("hexadecimal")
            }
            other => other,
        });
    }
    String::from_utf8(decoded).expect("UTF-8")
}
