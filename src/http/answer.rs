//! What a resource answers.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use bytes::Bytes;
use serde_json::Value;
use tokio::sync::oneshot;

use super::error::ApiError;
use crate::broker::Put;
use crate::store::{Done, StoreError};

/// An answer on its way out.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) content: Content,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    stored: Vec<Stored>,
}

/// The body of an answer.
#[derive(Debug)]
pub(super) enum Content {
    /// None.
    Nothing,
    /// JSON; columns may be chosen.
    Object(Value),
    /// A list; columns, pages and an order may be chosen.
    List(Vec<Value>),
    /// A list whose columns, page and order are chosen already.
    Arranged(Value),
    /// Anything else: its media type and its bytes.
    Other(&'static str, Bytes),
    /// Something that goes on: its media type and its body.
    Stream(&'static str, Body),
}

/// Ready when a change is on disk.
#[derive(Debug)]
pub(super) struct Stored(oneshot::Receiver<Result<(), StoreError>>);

impl Stored {
    /// The one who is told, and the one who waits.
    pub(super) fn pair() -> (Done, Self) {
        let (tell, told) = oneshot::channel();
        // Who does not wait any more has hung up; the change stays.
        (Box::new(move |result| drop(tell.send(result))), Self(told))
    }

    /// Waits.
    ///
    /// # Errors
    /// What the store says, and 503 when it ended.
    pub(super) async fn wait(self) -> Result<(), ApiError> {
        match self.0.await {
            Ok(result) => result.map_err(ApiError::from),
            Err(_) => Err(ApiError::unavailable("the store of definitions has ended")),
        }
    }
}

impl Answer {
    fn new(status: StatusCode, content: Content) -> Self {
        Self { status, content, headers: Vec::new(), stored: Vec::new() }
    }

    /// 200 and JSON.
    pub(super) fn object(value: Value) -> Self {
        Self::new(StatusCode::OK, Content::Object(value))
    }

    /// 200 and a list.
    pub(super) fn list(values: Vec<Value>) -> Self {
        Self::new(StatusCode::OK, Content::List(values))
    }

    /// 200 and a list as [`super::paging`] arranged it.
    pub(super) fn arranged(value: Value) -> Self {
        Self::new(StatusCode::OK, Content::Arranged(value))
    }

    /// 200 and something that is no JSON value.
    pub(super) fn other(media_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        Self::new(StatusCode::OK, Content::Other(media_type, bytes.into()))
    }

    /// 200 and something that goes on.
    pub(super) fn stream(media_type: &'static str, body: Body) -> Self {
        Self::new(StatusCode::OK, Content::Stream(media_type, body))
    }

    /// 201.
    pub(super) fn created() -> Self {
        Self::new(StatusCode::CREATED, Content::Nothing)
    }

    /// 202: it will be done.
    pub(super) fn accepted() -> Self {
        Self::new(StatusCode::ACCEPTED, Content::Nothing)
    }

    /// 303: done, and the browser goes on elsewhere.
    pub(super) fn see_other(place: HeaderValue) -> Self {
        Self::new(StatusCode::SEE_OTHER, Content::Nothing).with(header::LOCATION, place)
    }

    /// 204.
    pub(super) fn no_content() -> Self {
        Self::new(StatusCode::NO_CONTENT, Content::Nothing)
    }

    /// The answer to PUT: 201 for something new, 204 for something that was there.
    pub(super) fn put(put: Put) -> Self {
        match put {
            Put::Created => Self::created(),
            Put::Replaced => Self::no_content(),
        }
    }

    /// It is given when this is on disk, and not when that fails.
    pub(super) fn once(mut self, stored: Stored) -> Self {
        self.stored.push(stored);
        self
    }

    /// With one header more.
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// What is to be waited for.
    pub(super) fn take_stored(&mut self) -> Vec<Stored> {
        std::mem::take(&mut self.stored)
    }
}
