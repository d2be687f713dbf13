//! A call on its way: the broker that it talks to, what it reads and writes.

use std::ffi::OsString;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use hyper::Method;
use serde_json::Value;

use super::call::Call;
use super::client::{ApiError, Ask, Client, Reply};
use super::failure::{Failure, code};
use super::path::path;
use super::place::{Address, Place, Wanted};
use super::trust::{self, Trust};
use crate::base::Stopwatch;

/// What a command works with.
pub(super) struct Session<'a> {
    pub call: &'a Call,
    pub input: &'a mut dyn BufRead,
    /// For what is said while a command goes on; the answer is returned.
    pub output: &'a mut dyn Write,
    pub environment: &'a [(OsString, OsString)],
    client: Option<Client>,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        call: &'a Call,
        input: &'a mut dyn BufRead,
        output: &'a mut dyn Write,
        environment: &'a [(OsString, OsString)],
    ) -> Self {
        Self { call, input, output, environment, client: None }
    }

    fn client(&mut self) -> Result<&mut Client, Failure> {
        if self.client.is_none() {
            let trust = self.trust();
            let wanted = Wanted {
                trust: Some(&trust),
                url: self.call.flag("url"),
                data_dir: self.call.flag("data-dir"),
                config: self.call.flag("config"),
            };
            let place = Place::find(wanted, self.environment)?;
            let tls = match &place {
                Place::Address(Address { trust: Some(trust), .. }) => Some(trust.connector()?),
                _ => None,
            };
            let client = Client::new(place, tls).map_err(|error| {
                let text = format!("cannot set up what a request needs: {error}");
                Failure::told(code::SOFTWARE, text)
            })?;
            self.client = Some(client);
        }
        match &mut self.client {
            Some(client) => Ok(client),
            None => Err(no_client()),
        }
    }

    /// What the flags say of TLS.
    fn trust(&self) -> Trust {
        let file = |flag| self.call.flag(flag).map(PathBuf::from);
        Trust {
            authorities: file(trust::AUTHORITIES),
            certificate: file(trust::CERTIFICATE),
            key: file(trust::KEY),
            anybody: self.call.has(trust::ANYBODY),
        }
    }

    /// Where the broker is looked for.
    pub(super) fn place(&mut self) -> Result<Place, Failure> {
        self.client().map(|client| client.place().clone())
    }

    /// One request. The outer error is one of the way there, the inner one the broker's.
    pub(super) fn ask(
        &mut self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Result<Reply, ApiError>, Failure> {
        let timeout_s = self.call.timeout_s();
        self.send(Ask { method, path, body, reason: None, timeout_s })
    }

    fn send(&mut self, ask: Ask<'_>) -> Result<Result<Reply, ApiError>, Failure> {
        match self.client()?.request(ask) {
            Err(error) => match failed(self.call, &error) {
                Some(failure) => Err(failure),
                None => Ok(Err(error)),
            },
            good => Ok(good),
        }
    }

    /// The way to the broker and what drives it, for a command that asks by itself.
    pub(super) fn take_client(&mut self) -> Result<Client, Failure> {
        self.client()?;
        self.client.take().ok_or_else(no_client)
    }

    pub(super) fn get(&mut self, segments: &[&str]) -> Result<Result<Value, ApiError>, Failure> {
        let asked = self.ask(&Method::GET, &path(segments), None)?;
        Ok(asked.map(|reply| reply.body))
    }

    /// The answer, or the broker's reason as an error.
    pub(super) fn expect(&mut self, segments: &[&str]) -> Result<Value, Failure> {
        self.get(segments)?.map_err(refused)
    }

    /// A list; what is none is an error.
    pub(super) fn list(&mut self, segments: &[&str]) -> Result<Vec<Value>, Failure> {
        items(self.expect(segments)?)
    }

    pub(super) fn put(
        &mut self,
        segments: &[&str],
        body: &Value,
    ) -> Result<Result<Reply, ApiError>, Failure> {
        self.ask(&Method::PUT, &path(segments), Some(body))
    }

    pub(super) fn post(
        &mut self,
        segments: &[&str],
        body: &Value,
    ) -> Result<Result<Reply, ApiError>, Failure> {
        self.ask(&Method::POST, &path(segments), Some(body))
    }

    pub(super) fn delete(&mut self, segments: &[&str]) -> Result<Result<Reply, ApiError>, Failure> {
        self.ask(&Method::DELETE, &path(segments), None)
    }

    /// Ends a connection and says why.
    pub(super) fn close(
        &mut self,
        segments: &[&str],
        why: &str,
    ) -> Result<Result<Reply, ApiError>, Failure> {
        let (path, timeout_s) = (path(segments), self.call.timeout_s());
        self.send(Ask {
            method: &Method::DELETE,
            path: &path,
            body: None,
            reason: Some(why),
            timeout_s,
        })
    }

    /// Whether something is there.
    pub(super) fn is_there(&mut self, segments: &[&str]) -> Result<bool, Failure> {
        match self.get(segments)? {
            Ok(_) => Ok(true),
            Err(ApiError::Missing(_)) => Ok(false),
            Err(other) => Err(refused(other)),
        }
    }

    /// Whether a broker answers, without telling why not. One whose application is stopped does.
    pub(super) fn answers(&mut self) -> Result<bool, Failure> {
        let path = path(&["health", "checks", "ready-to-serve-clients"]);
        let (method, path, timeout_s) = (&Method::GET, path.as_str(), ANSWER_S);
        let ask = Ask { method, path, body: None, reason: None, timeout_s };
        let asked = self.client()?.request(ask);
        Ok(match asked {
            Err(ApiError::Unreachable { .. } | ApiError::TimedOut(_)) => false,
            Err(ApiError::Refused { status, .. }) => status == UNAVAILABLE,
            Ok(_) | Err(ApiError::Missing(_) | ApiError::Denied(_) | ApiError::Strange(_)) => true,
        })
    }

    /// Looks again and again until something holds, for as long as the call may take.
    pub(super) fn until(
        &mut self,
        holds: &mut dyn FnMut(&mut Self) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let limit = Duration::from_secs(self.call.timeout_s());
        let since = Stopwatch::start();
        while !holds(self)? {
            if since.elapsed() >= limit {
                let (command, node) = (self.call.command.name, &self.call.node);
                let text = timed_out(command, node, self.call.timeout_s());
                return Err(Failure::plain(code::TEMPORARY, text));
            }
            thread::sleep(Duration::from_millis(LOOK_MS));
        }
        Ok(())
    }

    /// Says something before the answer, unless only the answer is wanted.
    pub(super) fn say(&mut self, line: &str) -> Result<(), Failure> {
        if self.call.is_quiet() || self.call.form.is_for_programs() {
            return Ok(());
        }
        writeln!(self.output, "{line}").and_then(|()| self.output.flush()).map_err(|error| {
            Failure::plain(code::SOFTWARE, format!("Error: cannot write the answer: {error}"))
        })
    }

    /// A secret that is not on the command line: a line of standard input.
    pub(super) fn secret(&mut self, what: &str) -> Result<String, Failure> {
        self.say(&format!("{what}: "))?;
        let mut line = String::new();
        // What cannot be read is not there.
        let _ = self.input.read_line(&mut line);
        let secret = line.trim_end_matches(['\r', '\n']).to_owned();
        if secret.is_empty() {
            let text = format!("{what} is not provided via argument or stdin");
            return Err(Failure::told(code::DATA, text));
        }
        Ok(secret)
    }
}

/// A failure on the way to a broker; `None` when the broker said no.
pub(super) fn failed(call: &Call, error: &ApiError) -> Option<Failure> {
    let (node, command) = (call.node.as_str(), call.command.name);
    Some(match error {
        ApiError::Unreachable { place, reason } => {
            Failure::plain(code::UNAVAILABLE, unreachable(node, place, reason))
        }
        ApiError::TimedOut(seconds) => {
            Failure::plain(code::TEMPORARY, timed_out(command, node, *seconds))
        }
        ApiError::Denied(reason) => {
            Failure::told(code::DATA, format!("the broker refuses the login: {reason}"))
        }
        ApiError::Missing(_) | ApiError::Refused { .. } | ApiError::Strange(_) => return None,
    })
}

fn no_client() -> Failure {
    Failure::told(code::SOFTWARE, "there is no client")
}

/// The items of a list, also of a page of one.
pub(super) fn items(answer: Value) -> Result<Vec<Value>, Failure> {
    match answer {
        Value::Array(items) => Ok(items),
        Value::Object(mut page) => match page.remove("items") {
            Some(Value::Array(items)) => Ok(items),
            _ => Err(strange()),
        },
        _ => Err(strange()),
    }
}

fn strange() -> Failure {
    Failure::told(code::SOFTWARE, "the broker did not answer with a list")
}

/// The broker's own words.
pub(super) fn refused(error: ApiError) -> Failure {
    match error {
        ApiError::Missing(reason) => Failure::told(code::UNAVAILABLE, reason),
        other => Failure::told(code::UNAVAILABLE, other.to_string()),
    }
}

fn unreachable(node: &str, place: &str, reason: &str) -> String {
    format!(
        "Error: unable to perform an operation on node '{node}'. Please see diagnostics \
         information and suggestions below.\n\n\
         No broker answers at {place}: {reason}.\n\
         Start it, name its data folder with --data-dir, or reach it with \
         --url http://user:password@host:15672."
    )
}

fn timed_out(command: &str, node: &str, seconds: u64) -> String {
    let ms = seconds.saturating_mul(1000);
    format!("Error: operation {command} on node {node} timed out. Timeout value used: {ms}")
}

/// The status of a check that failed.
const UNAVAILABLE: u16 = 503;

/// A broker that is there answers this in milliseconds.
const ANSWER_S: u64 = 5;

/// How often is looked, in ms.
const LOOK_MS: u64 = 50;
