//! Changes on behalf of the caller, and the broker's refusals as HTTP tells them.

use axum::http::StatusCode;

use super::call::Call;
use super::error::ApiError;
use crate::base::{ReplyCode, VhostName};
use crate::broker::{Behalf, DirectClient, Purpose, Refused};

impl Call {
    /// A client that changes queues, exchanges and bindings for the caller.
    ///
    /// # Errors
    /// See [`of_topology`].
    pub(super) fn topology(&self, vhost: &VhostName) -> Result<DirectClient, ApiError> {
        let client = DirectClient::open(self.broker(), vhost, &self.behalf(), Purpose::Topology);
        client.map_err(of_topology)
    }

    /// A client that publishes and fetches for the caller.
    ///
    /// # Errors
    /// See [`of_messages`].
    pub(super) fn messages(&self, vhost: &VhostName) -> Result<DirectClient, ApiError> {
        let client = DirectClient::open(self.broker(), vhost, &self.behalf(), Purpose::Messages);
        client.map_err(of_messages)
    }

    /// On whose behalf something is asked.
    pub(super) fn behalf(&self) -> Behalf {
        if self.caller.is_local {
            Behalf::Operator
        } else {
            Behalf::Identity(self.caller.identity.clone())
        }
    }
}

/// A refused change: the reason is the broker's sentence (rabbitmq: `rabbit_mgmt_util:direct_request`).
pub(super) fn of_topology(refused: Refused) -> ApiError {
    let Refused { code, text } = refused;
    answer(code, text.clone(), text)
}

/// A refused publish or fetch: the reason is that of the channel that was closed, with the code before it when it
/// is a bad request (rabbitmq: `rabbit_mgmt_util:with_channel`).
pub(super) fn of_messages(refused: Refused) -> ApiError {
    let Refused { code, text } = refused;
    let reason = format!("{} - {text}", code.name());
    let bad_request = format!("{} {reason}", code.number());
    answer(code, reason, bad_request)
}

fn answer(code: ReplyCode, reason: String, bad_request: String) -> ApiError {
    match code {
        ReplyCode::NotFound => ApiError::new(StatusCode::NOT_FOUND, "not_found", reason),
        ReplyCode::AccessRefused | ReplyCode::NotAllowed => ApiError::not_authorised(&reason),
        ReplyCode::InternalError => {
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_server_error", reason)
        }
        _ => ApiError::bad_request(bad_request),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_refusal_has_its_status_and_rabbitmqs_reason() {
        let refused = |code| Refused { code, text: "why".to_owned() };
        for (code, status, error, topology, messages) in [
            (ReplyCode::NotFound, 404, "not_found", "why", "NOT_FOUND - why"),
            (ReplyCode::AccessRefused, 401, "not_authorised", "why", "ACCESS_REFUSED - why"),
            (ReplyCode::NotAllowed, 401, "not_authorised", "why", "NOT_ALLOWED - why"),
            (ReplyCode::ResourceLocked, 400, "bad_request", "why", "405 RESOURCE_LOCKED - why"),
            (
                ReplyCode::PreconditionFailed,
                400,
                "bad_request",
                "why",
                "406 PRECONDITION_FAILED - why",
            ),
            (ReplyCode::InternalError, 500, "internal_server_error", "why", "INTERNAL_ERROR - why"),
        ] {
            for (answer, reason) in
                [(of_topology(refused(code)), topology), (of_messages(refused(code)), messages)]
            {
                assert_eq!(answer.status.as_u16(), status, "{code:?}");
                assert_eq!(answer.body, Some(json!({ "error": error, "reason": reason })));
            }
        }
    }
}
