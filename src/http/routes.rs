//! The table of all resources.

use super::objects;
use super::route::Route;
use super::{
    definitions, features, health, limits, login, node_actions, nodes, openapi, overview,
    parameters, permissions, policies, settings, stubs, topic_permissions, users, vhosts, whoami,
};

/// Each resource's own table. Router and OpenAPI document are made from these and from nothing else.
const TABLES: &[&[Route]] = &[
    definitions::ROUTES,
    features::ROUTES,
    health::ROUTES,
    limits::ROUTES,
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
    TABLES.iter().chain(objects::TABLES).copied().flatten()
}
