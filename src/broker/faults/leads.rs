//! Where a publish would go, for faults that are narrowed to a queue.

use crate::base::{Message, QueueName};
use crate::broker::Client;
use crate::broker::facts::{MessageFacts, Numbers};
use crate::broker::sender_selected::{Selected, may_select};
use crate::routing::Routed;

impl Client {
    /// The queues that a message would go to; none when its exchange is not there. Nothing is published, and
    /// exchanges that look for duplicates do not look. Of exchanges that pick at random it is a guess.
    #[must_use]
    pub fn leads_to(&self, message: &Message) -> Vec<QueueName> {
        let common = &*self.vhost.common;
        let selected = if may_select(message) {
            let headers = (common.parse_headers)(message.properties());
            // What is wrong with them is told to the publish itself.
            Selected::read(&headers).map_or_else(|_| Vec::new(), |selected| selected.keys)
        } else {
            Vec::new()
        };
        let keys = std::iter::once(message.routing_key());
        let keys: Vec<&[u8]> = keys.chain(selected.iter().map(|key| &**key)).collect();
        let mut numbers = Numbers::default();
        let mut facts = MessageFacts { common, message, numbers: &mut numbers, windows: None };
        let mut routed = Routed::default();
        let table = self.vhost.table();
        if table.route_keys(message.exchange(), &keys, &mut facts, &mut routed).is_err() {
            return Vec::new();
        }
        let (now, later) = routed.now_and_later();
        now.iter().chain(later).map(|cell| cell.info().name.clone()).collect()
    }
}
