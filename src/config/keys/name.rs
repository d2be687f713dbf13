//! Names of the node and its cluster.

use super::super::value;
use super::expects::NAME;
use super::key::{Key, key};

pub(super) const KEYS: &[Key] = &[key(
    "cluster_name",
    Some("haremq"),
    NAME,
    ["cluster_name = orders-eu", "The name of the cluster, which clients and pages show."],
    |draft, given| {
        value::name(given.value)?.clone_into(&mut draft.plain.cluster_name);
        Some(())
    },
)];
