//! The management API of one side.

use hyper::Method;
use serde_json::Value;

use super::error::{MigrateError, Side};
use super::places::Api as Place;
use crate::ctl::{ApiError, Ask, Client, Reply, path};

/// A way to it.
pub(super) struct Api {
    pub(super) side: Side,
    pub(super) place: String,
    client: Client,
}

impl Api {
    pub(super) fn open(side: Side, place: &Place) -> Result<Self, MigrateError> {
        let shown = place.shown();
        let client = place.client().map_err(|reason| MigrateError::Api {
            side,
            place: shown.clone(),
            doing: "preparing to ask it".to_owned(),
            reason,
        })?;
        Ok(Self { side, place: shown, client })
    }

    /// The answer to a question, or why there is none.
    pub(super) fn get(&mut self, segments: &[&str]) -> Result<Value, MigrateError> {
        self.send(&Method::GET, &path(segments), None).map(|reply| reply.body)
    }

    /// The same; nothing when there is no such thing.
    pub(super) fn find(&mut self, segments: &[&str]) -> Result<Option<Value>, MigrateError> {
        let path = path(segments);
        match self.try_send(&Method::GET, &path, None) {
            Ok(reply) => Ok(Some(reply.body)),
            Err(ApiError::Missing(_)) => Ok(None),
            Err(error) => Err(self.failed(&Method::GET, &path, &error)),
        }
    }

    /// A list, whole.
    pub(super) fn list(&mut self, segments: &[&str]) -> Result<Vec<Value>, MigrateError> {
        match self.get(segments)? {
            Value::Array(items) => Ok(items),
            other => Err(self.wrong(&path(segments), &format!("a list was expected, not {other}"))),
        }
    }

    pub(super) fn put(&mut self, segments: &[&str], body: &Value) -> Result<(), MigrateError> {
        self.send(&Method::PUT, &path(segments), Some(body)).map(|_| ())
    }

    pub(super) fn post(&mut self, path: &str, body: &Value) -> Result<Value, MigrateError> {
        self.send(&Method::POST, path, Some(body)).map(|reply| reply.body)
    }

    /// Takes something away that may be gone already.
    pub(super) fn delete(&mut self, segments: &[&str]) -> Result<(), MigrateError> {
        let path = path(segments);
        match self.try_send(&Method::DELETE, &path, None) {
            Ok(_) | Err(ApiError::Missing(_)) => Ok(()),
            Err(error) => Err(self.failed(&Method::DELETE, &path, &error)),
        }
    }

    pub(super) fn wrong(&self, path: &str, reason: &str) -> MigrateError {
        let (side, place) = (self.side, self.place.clone());
        MigrateError::Api { side, place, doing: path.to_owned(), reason: reason.to_owned() }
    }

    fn send(
        &mut self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Reply, MigrateError> {
        self.try_send(method, path, body).map_err(|error| self.failed(method, path, &error))
    }

    fn try_send(
        &mut self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Reply, ApiError> {
        self.client.request(Ask { method, path, body, reason: None, timeout_s: TIMEOUT_S })
    }

    fn failed(&self, method: &Method, path: &str, error: &ApiError) -> MigrateError {
        let reason = match error {
            ApiError::Unreachable { reason, .. } => {
                format!("no answer: {reason}; {} says where it is", self.side.flag())
            }
            ApiError::Denied(reason) => format!("the login is refused: {reason}"),
            other => other.to_string(),
        };
        let (side, place) = (self.side, self.place.clone());
        MigrateError::Api { side, place, doing: format!("{method} {path}"), reason }
    }
}

/// An import of many definitions takes its time.
const TIMEOUT_S: u64 = 300;
