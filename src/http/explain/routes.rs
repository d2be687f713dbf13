//! The resources.

use super::{connection, queue};
use crate::http::route::Run::{Later, Now};
use crate::http::route::{Needs, Route};

pub(in crate::http) const ROUTES: &[Route] = &[
    Route::get(
        "/haremq/explain/connection/{connection}",
        Needs::Management,
        "Why a connection does not move",
        Later(connection::one),
    ),
    Route::get(
        "/haremq/explain/queue/{vhost}/{queue}",
        Needs::Management,
        "Why a queue grows, stands or loses messages",
        Now(queue::one),
    ),
];
