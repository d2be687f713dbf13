//! Users that may come from this machine only.

use super::super::value;
use super::expects::SWITCH;
use super::key::{Key, key};

pub(super) const KEYS: &[Key] = &[
    key(
        "loopback_users.guest",
        Some("true"),
        SWITCH,
        ["loopback_users.guest = false", "The user guest may connect from this machine only."],
        |draft, given| {
            draft.loopback_users.set("guest", given.rank, value::switch(given.value)?);
            Some(())
        },
    ),
    key(
        "loopback_users.*",
        None,
        SWITCH,
        [
            "loopback_users.admin = true",
            "The user of this name may connect from this machine only.",
        ],
        |draft, given| {
            let name = value::name(given.part)?;
            draft.loopback_users.set(name, given.rank, value::switch(given.value)?);
            Some(())
        },
    ),
    key(
        "loopback_users",
        None,
        "none",
        ["loopback_users = none", "Every user may connect from everywhere."],
        |draft, given| (given.value == "none").then(|| draft.loopback_users.set_none(given.rank)),
    ),
];
