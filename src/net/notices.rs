//! Publishes what the broker tells of itself: one task, so that it keeps its order.

use std::future::poll_fn;
use std::sync::Arc;

use crate::broker::Broker;

/// Runs until it is dropped.
pub async fn run_notices(broker: Arc<Broker>) {
    loop {
        poll_fn(|context| broker.poll_notices(context)).await;
        while broker.publish_notices() {
            tokio::task::yield_now().await;
        }
    }
}
