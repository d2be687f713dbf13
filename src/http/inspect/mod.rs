//! Looks into queues and exchanges for the management pages: peek, what is held, move, where a message would go,
//! where settings come from, what a policy would match.

mod moving;
mod peek;
mod preview;
mod request;
mod route;
mod settings;
mod shown;
mod tail;
mod unacked;

pub(super) use moving::ROUTES as MOVE_ROUTES;
pub(super) use peek::ROUTES as PEEK_ROUTES;
pub(super) use preview::ROUTES as PREVIEW_ROUTES;
pub(super) use route::ROUTES as ROUTE_ROUTES;
pub(super) use settings::ROUTES as SETTINGS_ROUTES;
pub(in crate::http) use shown::shown;
pub(super) use tail::ROUTES as TAIL_ROUTES;
pub(super) use unacked::ROUTES as UNACKED_ROUTES;
