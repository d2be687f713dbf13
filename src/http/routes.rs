//! The table of all resources.

use super::route::Route;
use super::{login, openapi, overview, vhosts, whoami};

/// Each resource's own table. Router and OpenAPI document are made from these and from nothing else.
const TABLES: &[&[Route]] =
    &[login::ROUTES, openapi::ROUTES, overview::ROUTES, vhosts::ROUTES, whoami::ROUTES];

/// Every method of every resource.
pub(super) fn all() -> impl Iterator<Item = &'static Route> {
    TABLES.iter().copied().flatten()
}
