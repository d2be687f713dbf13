//! The table of all resources.

use super::route::Route;
use super::{
    definitions, features, health, limits, log, login, node_actions, nodes, openapi, overview,
    parameters, permissions, policies, settings, stubs, topic_permissions, users, vhosts, whoami,
};
use super::{explain, inspect, objects, test_api};

/// Each resource's own table. Router and OpenAPI document are made from these and from nothing else.
const TABLES: &[&[Route]] = &[
    definitions::ROUTES,
    explain::ROUTES,
    features::ROUTES,
    health::ROUTES,
    inspect::MOVE_ROUTES,
    inspect::PEEK_ROUTES,
    inspect::PREVIEW_ROUTES,
    inspect::ROUTE_ROUTES,
    inspect::SETTINGS_ROUTES,
    inspect::TAIL_ROUTES,
    inspect::UNACKED_ROUTES,
    limits::ROUTES,
    log::ROUTES,
    login::ROUTES,
    node_actions::ROUTES,
    nodes::ROUTES,
    openapi::ROUTES,
    overview::ROUTES,
    parameters::ROUTES,
    permissions::ROUTES,
    policies::ROUTES,
    settings::ROUTES,
    stubs::ROUTES,
    topic_permissions::ROUTES,
    users::ROUTES,
    vhosts::ROUTES,
    whoami::ROUTES,
];

/// Every method of every resource.
pub(super) fn all() -> impl Iterator<Item = &'static Route> {
    TABLES.iter().chain(objects::TABLES).chain(test_api::TABLES).copied().flatten()
}
