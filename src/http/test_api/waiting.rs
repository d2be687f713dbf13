//! Work that waits for the disk or looks at much, on a thread that may.

use axum::http::StatusCode;

use crate::http::error::ApiError;

/// Does it. It goes on to its end when nobody waits any more.
///
/// # Errors
/// As the work, and 500 when it broke an invariant.
pub(super) async fn waiting<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        tracing::error!(error = %error, "a request of the test API broke an invariant");
        let (status, reason) = (StatusCode::INTERNAL_SERVER_ERROR, "see the log of the broker");
        Err(ApiError::new(status, "internal_server_error", reason))
    })
}
