//! What a new virtual host is given.

use super::super::draft::{Assignment, Draft};
use super::super::parts::{SeedOperatorPolicy, SeedUser, SeedVhostLimits};
use super::super::value;
use super::expects::{PASSWORD, password};
use super::key::{Key, key};

const REGEX: &str = "a regular expression, or '' for nothing";
const VHOSTS: &str = "a regular expression";
const COUNT: &str = "a number of at least 1";
const MOST: &str = "a number from 0 on, or -1 for no limit";
const TIME: &str = "a time of at least 1ms, such as 60000 (milliseconds) or 1m";
const BYTES: &str = "bytes of at least 1, such as 1073741824 or 1GiB";

pub(super) const KEYS: &[Key] = &[
    key(
        "default_users.*.vhost_pattern",
        None,
        VHOSTS,
        [
            "default_users.ops.vhost_pattern = ^eu-",
            "Which new virtual hosts get this user; all without it.",
        ],
        |draft, given| user(draft, given, |user, text| user.vhost_pattern = Some(text)),
    ),
    key(
        "default_users.*.password",
        None,
        PASSWORD,
        ["default_users.ops.password = 'kept#secret'", "The password of this user."],
        |draft, given| {
            let password = password(given.value)?;
            user(draft, given, |user, _| user.password = Some(password))
        },
    )
    .secret(),
    key(
        "default_users.*.tags",
        None,
        "tags with commas between them",
        ["default_users.ops.tags = monitoring, management", "The tags of this user."],
        |draft, given| {
            let tags = given.value.split(',').map(|tag| Some(value::name(tag.trim())?.to_owned()));
            let tags = tags.collect::<Option<Vec<_>>>()?;
            user(draft, given, |user, _| user.tags = tags)
        },
    ),
    key(
        "default_users.*.configure",
        None,
        REGEX,
        ["default_users.ops.configure = ^ops", "Names that this user may declare and delete."],
        |draft, given| user(draft, given, |user, text| user.configure = Some(text)),
    ),
    key(
        "default_users.*.read",
        None,
        REGEX,
        ["default_users.ops.read = .*", "Names that this user may take from."],
        |draft, given| user(draft, given, |user, text| user.read = Some(text)),
    ),
    key(
        "default_users.*.write",
        None,
        REGEX,
        ["default_users.ops.write = .*", "Names that this user may publish to."],
        |draft, given| user(draft, given, |user, text| user.write = Some(text)),
    ),
    key(
        "default_policies.operator.*.vhost_pattern",
        None,
        VHOSTS,
        [
            "default_policies.operator.cap.vhost_pattern = ^eu-",
            "Which new virtual hosts get this operator policy; all without it.",
        ],
        |draft, given| policy(draft, given, |policy, text| policy.vhost_pattern = Some(text)),
    ),
    key(
        "default_policies.operator.*.queue_pattern",
        None,
        "a regular expression",
        [
            "default_policies.operator.cap.queue_pattern = ^transient",
            "Which queues it is for; all without it.",
        ],
        |draft, given| policy(draft, given, |policy, text| policy.queue_pattern = Some(text)),
    ),
    key(
        "default_policies.operator.*.apply_to",
        None,
        "all, queues, classic_queues, quorum_queues or streams",
        [
            "default_policies.operator.cap.apply_to = quorum_queues",
            "Which kinds of queues it is for; all without it.",
        ],
        |draft, given| {
            let known = ["all", "queues", "classic_queues", "quorum_queues", "streams"];
            let kind = known.into_iter().find(|known| *known == given.value)?;
            policy(draft, given, |policy, _| policy.apply_to = Some(kind))
        },
    ),
    key(
        "default_policies.operator.*.expires",
        None,
        TIME,
        [
            "default_policies.operator.cap.expires = 1h",
            "Queues that are unused for so long are deleted.",
        ],
        |draft, given| define(draft, given, "expires", value::duration_ms(given.value, 1)),
    ),
    key(
        "default_policies.operator.*.message_ttl",
        None,
        TIME,
        [
            "default_policies.operator.cap.message_ttl = 1d",
            "Messages that wait for so long are dropped.",
        ],
        |draft, given| define(draft, given, "message-ttl", value::duration_ms(given.value, 1)),
    ),
    key(
        "default_policies.operator.*.max_length",
        None,
        COUNT,
        ["default_policies.operator.cap.max_length = 100000", "Messages of a queue."],
        |draft, given| define(draft, given, "max-length", value::number(given.value)),
    ),
    key(
        "default_policies.operator.*.max_length_bytes",
        None,
        BYTES,
        ["default_policies.operator.cap.max_length_bytes = 1GiB", "Message bytes of a queue."],
        |draft, given| define(draft, given, "max-length-bytes", value::bytes(given.value)),
    ),
    key(
        "default_policies.operator.*.delivery_limit",
        None,
        COUNT,
        [
            "default_policies.operator.cap.delivery_limit = 5",
            "How often a message of a quorum queue may come back.",
        ],
        |draft, given| define(draft, given, "delivery-limit", value::number(given.value)),
    ),
    key(
        "default_limits.vhosts.*.pattern",
        None,
        VHOSTS,
        [
            "default_limits.vhosts.1.pattern = ^eu-",
            "Which new virtual hosts get these limits; all without it. Of several the first counts.",
        ],
        |draft, given| {
            limits(draft, given).pattern = Some(given.value.to_owned());
            Some(())
        },
    ),
    key(
        "default_limits.vhosts.*.max_connections",
        None,
        MOST,
        ["default_limits.vhosts.1.max_connections = 100", "Open connections of a virtual host."],
        |draft, given| set_most(&mut limits(draft, given).max_connections, given.value),
    ),
    key(
        "default_limits.vhosts.*.max_queues",
        None,
        MOST,
        ["default_limits.vhosts.1.max_queues = 1000", "Queues of a virtual host."],
        |draft, given| set_most(&mut limits(draft, given).max_queues, given.value),
    ),
];

fn user(
    draft: &mut Draft,
    given: Assignment<'_>,
    set: impl FnOnce(&mut SeedUser, String),
) -> Option<()> {
    let name = value::name(given.part)?.to_owned();
    set(draft.plain.seeds.users.entry(name).or_default(), given.value.to_owned());
    Some(())
}

fn policy(
    draft: &mut Draft,
    given: Assignment<'_>,
    set: impl FnOnce(&mut SeedOperatorPolicy, String),
) -> Option<()> {
    let name = value::name(given.part)?.to_owned();
    set(draft.plain.seeds.operator_policies.entry(name).or_default(), given.value.to_owned());
    Some(())
}

fn define(
    draft: &mut Draft,
    given: Assignment<'_>,
    key: &'static str,
    value: Option<u64>,
) -> Option<()> {
    let value = value.filter(|value| *value > 0)?;
    policy(draft, given, |policy, _| _ = policy.definition.insert(key, value))
}

fn limits<'a>(draft: &'a mut Draft, given: Assignment<'_>) -> &'a mut SeedVhostLimits {
    draft.plain.seeds.vhost_limits.entry(given.part.to_owned()).or_default()
}

/// RabbitMQ writes -1 for no limit.
fn set_most(place: &mut Option<u64>, text: &str) -> Option<()> {
    *place = if text == "-1" { None } else { Some(value::number(text)?) };
    Some(())
}
