//! Why a queue or a connection does not move: the facts are gathered here, and `explain` finds out.

mod answering;
mod connection;
mod faults;
mod queue;
mod routes;

pub(super) use routes::ROUTES;
