//! Sleeps for all queues: one task that drives those whose moment has come.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use crate::broker::Broker;

/// Runs until it is dropped.
pub async fn run_timers(broker: Arc<Broker>) {
    loop {
        if broker.due(broker.clock().now()) {
            tokio::task::yield_now().await;
            continue;
        }
        let deadline = broker.next_deadline();
        let earlier = poll_fn(|context| broker.poll_earlier_deadline(deadline, context));
        match deadline {
            None => earlier.await,
            Some(at) => match broker.clock().real_ms_until(at) {
                // It stands: nothing is due before somebody turns it, but for what a turn has made due since.
                None if at > broker.clock().now() => earlier.await,
                None => tokio::task::yield_now().await,
                // Either way there is something to look at.
                Some(ms) => {
                    let _ = tokio::time::timeout(Duration::from_millis(ms), earlier).await;
                }
            },
        }
    }
}
