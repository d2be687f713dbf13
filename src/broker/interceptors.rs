//! What is written into every message that comes in, when the configuration says so (rabbitmq:
//! message-interceptors.md). Without it a publish is not touched.

use super::{Edit, PropertyEditor};
use crate::base::{Clock, FieldValue, Message};

/// What happens to a value that is there already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Existing {
    /// It stays.
    Kept,
    /// It is overwritten.
    Overwritten,
}

/// The interceptors of incoming messages.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Interceptors {
    /// When a message came in: the property `timestamp` in seconds and the header `timestamp_in_ms`.
    pub timestamp: Option<Existing>,
    /// Which node it came to: the header `x-routed-by`.
    pub routing_node: Option<Existing>,
    /// The name of this node.
    pub node: String,
}

impl Interceptors {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.timestamp.is_none() && self.routing_node.is_none()
    }

    /// The message as it goes on.
    pub(super) fn intercept(
        &self,
        message: &Message,
        clock: &dyn Clock,
        edit: PropertyEditor,
    ) -> Message {
        let mut edits = Vec::new();
        if let Some(existing) = self.timestamp {
            let now_ms = clock.unix_ms();
            edits.push(Edit::SetTimestamp { seconds: now_ms / 1000, existing });
            // Times fit for 292 million years.
            let value = FieldValue::I64(i64::try_from(now_ms).unwrap_or(i64::MAX));
            edits.push(Edit::SetHeader { name: "timestamp_in_ms", value, existing });
        }
        if let Some(existing) = self.routing_node {
            let value = FieldValue::text(&self.node);
            edits.push(Edit::SetHeader { name: "x-routed-by", value, existing });
        }
        message.with_properties(&edit(message.properties(), &edits))
    }
}
