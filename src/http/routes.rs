//! The table of all resources.

use super::route::Route;
use super::objects;
use super::{
    limits, login, openapi, overview, parameters, permissions, policies, topic_permissions, users,
    vhosts, whoami,
};

/// Each resource's own table. Router and OpenAPI document are made from these and from nothing else.
const TABLES: &[&[Route]] = &[
    limits::ROUTES,
    login::ROUTES,
    openapi::ROUTES,
    overview::ROUTES,
    parameters::ROUTES,
    permissions::ROUTES,
    policies::ROUTES,
    topic_permissions::ROUTES,
    users::ROUTES,
    vhosts::ROUTES,
    whoami::ROUTES,
];

/// Every method of every resource.
pub(super) fn all() -> impl Iterator<Item = &'static Route> {
    TABLES.iter().chain(objects::TABLES).copied().flatten()
}
