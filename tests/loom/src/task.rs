//! Tasks of the runtime.

/// Lets others go first.
pub async fn yield_now() {
    shuttle::future::yield_now().await;
}
