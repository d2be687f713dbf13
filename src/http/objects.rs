//! The resources of what messages go through, from connections to queues.

use super::route::Route;
use super::{
    bindings, channels, connections, consumers, exchanges, messages, queue_changes, queues,
};

/// Their tables.
pub(super) const TABLES: &[&[Route]] = &[
    bindings::ROUTES,
    channels::ROUTES,
    connections::ROUTES,
    consumers::ROUTES,
    exchanges::ROUTES,
    messages::ROUTES,
    queue_changes::ROUTES,
    queues::ROUTES,
];
