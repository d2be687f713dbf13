//! Why a request is refused, in the forms that RabbitMQ's clients know.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::broker::{AccountError, VhostError};
use crate::store::StoreError;

/// A refusal: its status and `{"error": …, "reason": …}`.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    /// `None`: nothing but the status.
    pub(super) body: Option<Value>,
    /// Whether the client is told to log in.
    pub(super) challenge: bool,
}

impl ApiError {
    /// `{"error": error, "reason": reason}` under this status.
    pub(super) fn new(status: StatusCode, error: &str, reason: impl Into<String>) -> Self {
        let reason: String = reason.into();
        let body = Some(json!({ "error": error, "reason": reason }));
        Self { status, body, challenge: false }
    }

    /// Nobody says who asks: the client shall log in.
    pub(super) fn no_credentials() -> Self {
        Self { status: StatusCode::UNAUTHORIZED, body: None, challenge: true }
    }

    /// 401 with a reason: RabbitMQ's answer also to who is known and may not.
    pub(super) fn not_authorised(reason: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not_authorised", reason)
    }

    /// The resource is not there.
    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Object Not Found", "Not Found")
    }

    /// The virtual host is not there.
    pub(super) fn vhost_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "vhost_not_found")
    }

    /// What was asked for makes no sense.
    pub(super) fn bad_request(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", reason)
    }

    /// A change that something stands against.
    pub(super) fn precondition_failed(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", reason)
    }

    /// The method is not one of this resource.
    pub(super) fn method_not_allowed() -> Self {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Self::new(status, "method_not_allowed", "Method Not Allowed")
    }

    /// The broker cannot do it now.
    pub(super) fn unavailable(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "service_unavailable", reason)
    }

    /// A check that failed: 503 and what it found.
    pub(super) fn failed_check(body: Value) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, body: Some(body), challenge: false }
    }
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::NoSuchVhost(_) => Self::vhost_not_found(),
            AccountError::NoSuchUser(_) => {
                Self::new(StatusCode::NOT_FOUND, "not_found", error.to_string())
            }
            AccountError::Password { .. } | AccountError::Pattern { .. } => {
                Self::bad_request(error.to_string())
            }
        }
    }
}

impl From<VhostError> for ApiError {
    fn from(error: VhostError) -> Self {
        match error {
            VhostError::NotFound(_) => Self::vhost_not_found(),
            VhostError::TooMany { .. } => Self::bad_request(error.to_string()),
            VhostError::Protected(_) => Self::precondition_failed(error.to_string()),
            VhostError::Account(error) => error.into(),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::TooLarge { .. } | StoreError::Unfit { .. } => {
                Self::bad_request(error.to_string())
            }
            error => Self::unavailable(error.to_string()),
        }
    }
}
