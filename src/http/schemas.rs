//! What the bodies of requests are, for the OpenAPI document. Pure.
//!
//! Fields stand here as they are asked for; other forms that are understood as well (numbers as texts, tags with
//! commas) do not. Unknown fields are passed over, as by RabbitMQ, so no schema forbids them.

use serde_json::{Map, Value, json};

use super::route::{Method, Route};

/// What a field is.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    /// A name on the wire: at most 255 bytes.
    Name,
    /// A regular expression.
    Pattern,
    Base64,
    Truth,
    /// A text that is not empty.
    Title,
    /// A whole number from this one on.
    From(i64),
    /// The priority of a policy.
    Priority,
    /// A port of the network.
    Port,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// Arguments or headers: texts, numbers, truth values, lists and objects by name.
    Table,
    /// The properties of a message.
    Properties,
    /// What is put in force for a queue or an exchange, by key.
    Definition,
    /// A list of objects that have these fields at least.
    Objects(&'static [&'static str]),
    /// Any JSON value.
    Any,
}

/// A field of a body.
#[derive(Clone, Copy, Debug)]
struct Field {
    name: &'static str,
    kind: Kind,
    is_required: bool,
}

const fn must(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, is_required: true }
}

const fn may(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, is_required: false }
}

/// The body of some requests.
struct Body {
    method: Method,
    paths: &'static [&'static str],
    fields: &'static [Field],
    /// Exactly one of these fields must be there; empty: nothing of the kind.
    one_of: &'static [&'static str],
}

const fn put(paths: &'static [&'static str], fields: &'static [Field]) -> Body {
    Body { method: Method::Put, paths, fields, one_of: &[] }
}

const fn post(paths: &'static [&'static str], fields: &'static [Field]) -> Body {
    Body { method: Method::Post, paths, fields, one_of: &[] }
}

const LOGIN: &[Field] = &[must("username", Kind::Text), must("password", Kind::Text)];

const POLICY: &[Field] = &[
    must("pattern", Kind::Pattern),
    must("definition", Kind::Definition),
    may("priority", Kind::Priority),
    may("apply-to", Kind::Word(APPLY_TO)),
];

const APPLY_TO: &[&str] =
    &["all", "queues", "classic_queues", "quorum_queues", "streams", "exchanges"];

/// Those that need no argument to be declared.
const EXCHANGE_TYPES: &[&str] = &[
    "direct",
    "fanout",
    "topic",
    "headers",
    "x-consistent-hash",
    "x-random",
    "x-local-random",
    "x-modulus-hash",
];

const QUEUE_TYPES: &[&str] = &["classic", "quorum"];

const DEFINITIONS: &[Field] = &[
    may("users", Kind::Objects(&["name"])),
    may("vhosts", Kind::Objects(&["name"])),
    may("permissions", Kind::Objects(&["user", "vhost", "configure", "write", "read"])),
    may("topic_permissions", Kind::Objects(&["user", "vhost", "exchange", "write", "read"])),
    may("parameters", Kind::Objects(&["component", "name", "value"])),
    may("global_parameters", Kind::Objects(&["name", "value"])),
    may("policies", Kind::Objects(&["name", "pattern", "definition"])),
    may("queues", Kind::Objects(&["name"])),
    may("exchanges", Kind::Objects(&["name", "type"])),
    may("bindings", Kind::Objects(&["source", "destination", "destination_type"])),
];

const DEFINITIONS_OF_VHOST: &[Field] = &[
    may("parameters", Kind::Objects(&["component", "name", "value"])),
    may("policies", Kind::Objects(&["name", "pattern", "definition"])),
    may("queues", Kind::Objects(&["name"])),
    may("exchanges", Kind::Objects(&["name", "type"])),
    may("bindings", Kind::Objects(&["source", "destination", "destination_type"])),
];

/// What the body of a message is filtered by.
const FILTER: [Field; 3] =
    [may("header", Kind::Text), may("routing_key", Kind::Text), may("text", Kind::Text)];

const BODIES: &[Body] = &[
    put(
        &["/queues/{vhost}/{queue}"],
        &[
            may("durable", Kind::Truth),
            may("auto_delete", Kind::Truth),
            may("arguments", Kind::Table),
        ],
    ),
    put(
        &["/exchanges/{vhost}/{exchange}"],
        &[
            may("type", Kind::Word(EXCHANGE_TYPES)),
            may("durable", Kind::Truth),
            may("auto_delete", Kind::Truth),
            may("internal", Kind::Truth),
            may("arguments", Kind::Table),
        ],
    ),
    post(
        &["/bindings/{vhost}/e/{source}/q/{queue}", "/bindings/{vhost}/e/{source}/e/{exchange}"],
        &[may("routing_key", Kind::Name), may("arguments", Kind::Table)],
    ),
    post(
        &["/exchanges/{vhost}/{exchange}/publish"],
        &[
            must("properties", Kind::Properties),
            must("routing_key", Kind::Name),
            must("payload", Kind::Text),
            must("payload_encoding", Kind::Word(&["string", "base64"])),
        ],
    ),
    post(
        &["/queues/{vhost}/{queue}/get"],
        &[
            must("count", Kind::From(0)),
            must(
                "ackmode",
                Kind::Word(&[
                    "ack_requeue_true",
                    "ack_requeue_false",
                    "reject_requeue_true",
                    "reject_requeue_false",
                ]),
            ),
            must("encoding", Kind::Word(&["auto", "base64"])),
            may("truncate", Kind::From(0)),
        ],
    ),
    post(
        &["/queues/{vhost}/{queue}/actions"],
        &[must("action", Kind::Word(&["sync", "cancel_sync"]))],
    ),
    put(
        &["/vhosts/{vhost}"],
        &[
            may("description", Kind::Text),
            may("tags", Kind::Texts),
            may("default_queue_type", Kind::Word(QUEUE_TYPES)),
            may("protected_from_deletion", Kind::Truth),
            may("tracing", Kind::Truth),
        ],
    ),
    put(
        &["/users/{user}"],
        &[
            must("tags", Kind::Texts),
            may("password", Kind::Text),
            may("password_hash", Kind::Base64),
            may("hashing_algorithm", Kind::Word(HASHES)),
        ],
    ),
    post(&["/users/bulk-delete"], &[must("users", Kind::Texts)]),
    put(
        &["/permissions/{vhost}/{user}"],
        &[
            must("configure", Kind::Pattern),
            must("write", Kind::Pattern),
            must("read", Kind::Pattern),
        ],
    ),
    put(
        &["/topic-permissions/{vhost}/{user}"],
        &[must("exchange", Kind::Name), must("write", Kind::Pattern), must("read", Kind::Pattern)],
    ),
    put(&["/policies/{vhost}/{name}", "/operator-policies/{vhost}/{name}"], POLICY),
    put(
        &["/vhost-limits/{vhost}/{name}", "/user-limits/{user}/{name}"],
        &[must("value", Kind::From(-1))],
    ),
    put(
        &["/parameters/{component}/{vhost}/{name}", "/global-parameters/{name}"],
        &[must("value", Kind::Any)],
    ),
    put(&["/cluster-name"], &[must("name", Kind::Title)]),
    post(&["/login", "/haremq/authenticate"], LOGIN),
    post(&["/definitions", "/all-configuration"], DEFINITIONS),
    post(&["/definitions/{vhost}"], DEFINITIONS_OF_VHOST),
    post(
        &["/haremq/policies/preview"],
        &[
            must("vhost", Kind::Name),
            may("name", Kind::Name),
            may("operator", Kind::Truth),
            must("pattern", Kind::Pattern),
            may("definition", Kind::Definition),
            may("priority", Kind::Priority),
            may("apply-to", Kind::Word(APPLY_TO)),
        ],
    ),
    post(
        &["/haremq/exchanges/{vhost}/{exchange}/route"],
        &[
            may("routing_key", Kind::Name),
            may("headers", Kind::Table),
            may("properties", Kind::Properties),
        ],
    ),
    Body {
        one_of: &["to_queue", "to_exchange"],
        ..post(
            &["/haremq/queues/{vhost}/{queue}/move"],
            &[
                may("to_queue", Kind::Name),
                may("to_exchange", Kind::Name),
                may("to_routing_key", Kind::Name),
                may("count", Kind::From(0)),
                FILTER[0],
                FILTER[1],
                FILTER[2],
            ],
        )
    },
    // Keys of the configuration, with values as in its file.
    put(&["/haremq/settings"], &[]),
];

const HASHES: &[&str] = &[
    "rabbit_password_hashing_sha256",
    "rabbit_password_hashing_sha512",
    "rabbit_password_hashing_md5",
];

/// The longest name, in bytes.
const NAME_MAX: u64 = 255;

/// The largest whole number that every client of JSON can write.
const NUMBER_MAX: u64 = (1 << 53) - 1;

/// Parts of paths that are no name of anybody's choice.
const PARAMETERS: &[(&str, &str, Kind)] = &[
    ("/vhost-limits/{vhost}/{name}", "name", Kind::Word(&["max-connections", "max-queues"])),
    ("/user-limits/{user}/{name}", "name", Kind::Word(&["max-connections", "max-channels"])),
    (
        "/health/checks/certificate-expiration/{within}/{unit}",
        "unit",
        Kind::Word(&["days", "weeks", "months", "years"]),
    ),
    ("/health/checks/certificate-expiration/{within}/{unit}", "within", Kind::From(1)),
    ("/health/checks/port-listener/{port}", "port", Kind::Port),
];

/// The schema of a part of a path.
pub(super) fn of_parameter(path: &str, name: &str) -> Value {
    let is_of = |(of, part, _): &&(&str, &str, Kind)| *of == path && *part == name;
    PARAMETERS.iter().find(is_of).map_or_else(|| of_kind(Kind::Text), |(.., kind)| of_kind(*kind))
}

/// The schema of the body of a request; an object when nothing is known of it, or none is looked at.
pub(super) fn of(route: &Route) -> Value {
    let is_of = |body: &&Body| body.method == route.method && body.paths.contains(&route.path);
    BODIES.iter().find(is_of).map_or_else(|| json!({ "type": "object" }), schema)
}

/// Whether the body of a request may be left out.
pub(super) fn is_required(route: &Route) -> bool {
    let is_of = |body: &&Body| body.method == route.method && body.paths.contains(&route.path);
    let needed = |body: &Body| body.fields.iter().any(|field| field.is_required);
    BODIES.iter().find(is_of).is_some_and(needed)
}

fn schema(body: &Body) -> Value {
    let fields = body.fields.iter();
    let properties: Map<String, Value> =
        fields.clone().map(|field| (field.name.to_owned(), of_kind(field.kind))).collect();
    let required: Vec<&str> =
        fields.filter(|field| field.is_required).map(|field| field.name).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if !body.one_of.is_empty() {
        let each = body.one_of.iter().map(|name| json!({ "required": [name] }));
        schema["oneOf"] = Value::Array(each.collect());
    }
    schema
}

fn of_kind(kind: Kind) -> Value {
    match kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Title => json!({ "type": "string", "minLength": 1 }),
        Kind::Name => json!({ "type": "string", "maxLength": NAME_MAX }),
        Kind::Pattern => json!({ "type": "string", "format": "regex" }),
        Kind::Base64 => json!({ "type": "string", "contentEncoding": "base64" }),
        Kind::Truth => json!({ "type": "boolean" }),
        Kind::Port => json!({ "type": "integer", "minimum": 0, "maximum": u16::MAX }),
        Kind::Priority => {
            json!({ "type": "integer", "minimum": i32::MIN, "maximum": i32::MAX })
        }
        Kind::From(least) => json!({ "type": "integer", "minimum": least, "maximum": NUMBER_MAX }),
        Kind::Word(words) => json!({ "type": "string", "enum": words }),
        Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Table => table(),
        Kind::Definition => json!({ "type": "object", "minProperties": 1 }),
        Kind::Objects(required) => {
            json!({ "type": "array", "items": { "type": "object", "required": required } })
        }
        Kind::Any => json!({}),
        Kind::Properties => properties(),
    }
}

fn table() -> Value {
    json!({ "type": "object", "additionalProperties": { "$ref": format!("#/components/schemas/{VALUE}") } })
}

/// The name of [`shared`].
pub(super) const VALUE: &str = "value";

/// What may stand in arguments and headers: anything but nothing.
pub(super) fn shared() -> Value {
    let own = format!("#/components/schemas/{VALUE}");
    json!({ "anyOf": [
        { "type": ["string", "boolean", "number"] },
        { "type": "array", "items": { "$ref": own } },
        { "type": "object", "additionalProperties": { "$ref": own } },
    ] })
}

/// The properties of a message.
fn properties() -> Value {
    let name = json!({ "type": "string", "maxLength": NAME_MAX });
    let octet = json!({ "type": "integer", "minimum": 0, "maximum": 255 });
    let mut of: Map<String, Value> = [
        "content_type",
        "content_encoding",
        "correlation_id",
        "reply_to",
        "expiration",
        "message_id",
        "type",
        "user_id",
        "app_id",
        "cluster_id",
    ]
    .into_iter()
    .map(|property| (property.to_owned(), name.clone()))
    .collect();
    of.insert("expiration".to_owned(), json!({ "type": "string", "pattern": "^[0-9]{1,9}$" }));
    of.insert("headers".to_owned(), table());
    of.insert("delivery_mode".to_owned(), octet.clone());
    of.insert("priority".to_owned(), octet);
    of.insert(
        "timestamp".to_owned(),
        json!({ "type": "integer", "minimum": 0, "format": "int64" }),
    );
    json!({ "type": "object", "properties": of })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::routes;
    use super::*;

    /// Requests whose body is looked at by nobody.
    const WITHOUT: &[&str] = &[
        "/vhosts/{vhost}/deletion/protection",
        "/vhosts/{vhost}/start/{node}",
        "/feature-flags/{name}/enable",
        "/rebalance/queues",
    ];

    fn described() -> BTreeSet<(Method, &'static str)> {
        BODIES.iter().flat_map(|body| body.paths.iter().map(|path| (body.method, *path))).collect()
    }

    #[test]
    fn every_body_that_is_looked_at_is_described_once() {
        let described = described();
        let all: usize = BODIES.iter().map(|body| body.paths.len()).sum();
        assert_eq!(described.len(), all, "a request stands here twice");
        let routed = || routes::all().filter(|route| route.method.has_body());
        let routed: BTreeSet<_> = routed().map(|route| (route.method, route.path)).collect();
        let gone: Vec<_> = described.difference(&routed).collect();
        assert!(gone.is_empty(), "there is no such request: {gone:?}");
        let means_nothing = |path: &str| {
            WITHOUT.contains(&path)
                || path.starts_with("/haremq/node/")
                || path.starts_with("/haremq/test/")
        };
        let missing: Vec<_> =
            routed.difference(&described).filter(|(_, path)| !means_nothing(path)).collect();
        assert!(
            missing.is_empty(),
            "say in http/schemas.rs what the bodies of these are: {missing:?}"
        );
    }

    #[test]
    fn parts_of_paths_that_are_described_are_there() {
        for (path, name, _) in PARAMETERS {
            let is_there = routes::all().any(|route| route.path == *path);
            assert!(is_there && path.contains(&format!("{{{name}}}")), "{path} {name}");
        }
        assert_eq!(of_parameter("/queues/{vhost}/{queue}", "queue"), json!({ "type": "string" }));
        assert_eq!(of_parameter(PARAMETERS[4].0, "port")["maximum"], json!(65_535));
    }

    #[test]
    fn a_schema_names_its_fields_and_those_that_must_be_there() {
        let route = |path| {
            let mut all = routes::all();
            all.find(|route| route.path == path && route.method.has_body()).expect("it is there")
        };
        let get = route("/queues/{vhost}/{queue}/get");
        let schema = of(get);
        assert_eq!(schema["required"], json!(["count", "ackmode", "encoding"]));
        assert_eq!(schema["properties"]["encoding"]["enum"], json!(["auto", "base64"]));
        assert!(is_required(get));
        let queue = route("/queues/{vhost}/{queue}");
        assert_eq!(of(queue)["properties"]["durable"], json!({ "type": "boolean" }));
        assert!(!is_required(queue), "a queue without a body is a queue");
        let moving = of(route("/haremq/queues/{vhost}/{queue}/move"));
        assert_eq!(moving["oneOf"][1], json!({ "required": ["to_exchange"] }));
        assert_eq!(of(route("/rebalance/queues")), json!({ "type": "object" }));
    }
}
