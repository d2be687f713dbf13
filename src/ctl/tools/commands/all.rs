//! The rows of all files.

use super::{
    connections, definitions, explain, health, help, limits, listing, log, nodes, parameters,
    permissions, plugins, policies, queues, status, top, upgrade, users, vhosts,
};
use crate::ctl::tools::spec::CommandSpec;

/// Every row, file by file.
pub(in crate::ctl::tools) const ALL: &[&[CommandSpec]] = &[
    help::COMMANDS,
    nodes::COMMANDS,
    users::COMMANDS,
    permissions::COMMANDS,
    health::COMMANDS,
    status::COMMANDS,
    listing::COMMANDS,
    log::COMMANDS,
    parameters::COMMANDS,
    policies::COMMANDS,
    vhosts::COMMANDS,
    limits::COMMANDS,
    definitions::COMMANDS,
    connections::COMMANDS,
    explain::COMMANDS,
    queues::COMMANDS,
    top::COMMANDS,
    plugins::COMMANDS,
    upgrade::COMMANDS,
];
