//! The user, virtual host and permissions that an empty broker is given.

use crate::base::{UserName, VhostName};

use super::super::value;
use super::expects::{NAME, PASSWORD, SWITCH, password};
use super::key::{Key, key};

const REGEX: &str = "a regular expression, or '' for nothing";

pub(super) const KEYS: &[Key] = &[
    key(
        "default_user",
        Some("guest"),
        NAME,
        ["default_user = admin", "The user that a new broker is given."],
        |draft, given| {
            let name = value::name(given.value)?;
            draft.plain.default_user.name = UserName::parse(name.as_bytes()).ok()?;
            Some(())
        },
    ),
    key(
        "default_pass",
        Some("guest"),
        PASSWORD,
        [
            "default_pass = 'kept#secret'",
            "The password of that user; one that holds a # stands in single quotes.",
        ],
        |draft, given| {
            draft.plain.default_user.password = password(given.value)?;
            Some(())
        },
    )
    .secret(),
    key(
        "default_vhost",
        Some("/"),
        NAME,
        ["default_vhost = /orders", "The virtual host that a broker without any is given."],
        |draft, given| {
            let name = value::name(given.value)?;
            draft.plain.default_user.vhost = VhostName::parse(name.as_bytes()).ok()?;
            Some(())
        },
    ),
    key(
        "default_permissions.configure",
        Some(".*"),
        REGEX,
        [
            "default_permissions.configure = ^orders",
            "Names that the default user may declare and delete.",
        ],
        |draft, given| {
            given.value.clone_into(&mut draft.plain.default_user.configure);
            Some(())
        },
    ),
    key(
        "default_permissions.read",
        Some(".*"),
        REGEX,
        ["default_permissions.read = ^orders", "Names that the default user may take from."],
        |draft, given| {
            given.value.clone_into(&mut draft.plain.default_user.read);
            Some(())
        },
    ),
    key(
        "default_permissions.write",
        Some(".*"),
        REGEX,
        ["default_permissions.write = ^orders", "Names that the default user may publish to."],
        |draft, given| {
            given.value.clone_into(&mut draft.plain.default_user.write);
            Some(())
        },
    ),
    key(
        "default_user_tags.administrator",
        Some("true"),
        SWITCH,
        ["default_user_tags.administrator = false", "The default user administers the broker."],
        |draft, given| {
            draft.tags.set("administrator", given.rank, value::switch(given.value)?);
            Some(())
        },
    ),
    key(
        "default_user_tags.*",
        None,
        SWITCH,
        [
            "default_user_tags.monitoring = true",
            "Another tag of the default user; the built-in one gives way to it.",
        ],
        |draft, given| {
            draft.tags.set(value::name(given.part)?, given.rank, value::switch(given.value)?);
            Some(())
        },
    ),
];
