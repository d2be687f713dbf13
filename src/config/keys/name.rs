//! Names of the node and its cluster.

use super::super::value;
use super::expects::NAME;
use super::key::{Key, key};

pub(super) const KEYS: &[Key] = &[
    key(
        "haremq.node_name",
        Some("auto"),
        "a name of 1 to 255 bytes without control characters, or auto",
        [
            "haremq.node_name = rabbit@orders-1",
            "The name of this node; auto is rabbit@ and the name of the machine.",
        ],
        |draft, given| {
            let name = value::name(given.value)?;
            let name = if name == "auto" { "" } else { name };
            name.clone_into(&mut draft.plain.node_name);
            Some(())
        },
    ),
    key(
        "cluster_name",
        Some("haremq"),
        NAME,
        ["cluster_name = orders-eu", "The name of the cluster, which clients and pages show."],
        |draft, given| {
            value::name(given.value)?.clone_into(&mut draft.plain.cluster_name);
            Some(())
        },
    ),
];
