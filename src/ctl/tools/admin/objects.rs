//! What can be declared and deleted: paths of the API, and what goes into a request.

use std::collections::BTreeMap;

use hyper::Method;
use serde_json::{Map, Value};

use super::command_line::pairs;
use crate::ctl::tools::path::path;

/// A kind of thing.
struct Kind {
    name: &'static str,
    /// Segments of its path; `:vhost` is the virtual host of the call, other words behind a `:` are arguments.
    path: &'static [&'static str],
    /// Arguments without which it cannot be declared.
    needed: &'static [&'static str],
    /// Others, with what stands for them when they are left out; `None`: nothing.
    optional: &'static [(&'static str, Option<&'static str>)],
}

const KINDS: &[Kind] = &[
    Kind {
        name: "exchange",
        path: &["exchanges", ":vhost", ":name"],
        needed: &["name", "type"],
        optional: &[
            ("auto_delete", Some("false")),
            ("durable", Some("true")),
            ("internal", Some("false")),
            ("arguments", Some("{}")),
        ],
    },
    Kind {
        name: "queue",
        path: &["queues", ":vhost", ":name"],
        needed: &["name"],
        optional: &[
            ("auto_delete", Some("false")),
            ("durable", Some("true")),
            ("arguments", Some("{}")),
            ("queue_type", None),
            ("node", None),
        ],
    },
    Kind {
        name: "binding",
        path: &["bindings", ":vhost", "e", ":source", ":destination_letter", ":destination"],
        needed: &["source", "destination"],
        optional: &[
            ("destination_type", Some("queue")),
            ("routing_key", Some("")),
            ("arguments", Some("{}")),
        ],
    },
    Kind {
        name: "vhost",
        path: &["vhosts", ":name"],
        needed: &["name"],
        optional: &[("tracing", None)],
    },
    Kind {
        name: "user",
        path: &["users", ":name"],
        needed: &["name", "tags"],
        optional: &[("password", None), ("password_hash", None), ("hashing_algorithm", None)],
    },
    Kind {
        name: "permission",
        // Its own argument, as in RabbitMQ's program: --vhost says nothing here.
        path: &["permissions", ":vhost", ":user"],
        needed: &["vhost", "user", "configure", "write", "read"],
        optional: &[],
    },
    Kind {
        name: "parameter",
        path: &["parameters", ":component", ":vhost", ":name"],
        needed: &["component", "name", "value"],
        optional: &[],
    },
    Kind {
        name: "policy",
        path: &["policies", ":vhost", ":name"],
        needed: &["name", "pattern", "definition"],
        optional: &[("priority", Some("0")), ("apply-to", None)],
    },
    Kind {
        name: "operator_policy",
        path: &["operator-policies", ":vhost", ":name"],
        needed: &["name", "pattern", "definition"],
        optional: &[("priority", Some("0")), ("apply-to", None)],
    },
    Kind {
        name: "vhost_limit",
        path: &["vhost-limits", ":vhost", ":name"],
        needed: &["name", "value"],
        optional: &[],
    },
];

/// A request.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Value>,
}

/// The request that declares a kind with `key=value` arguments.
///
/// # Errors
/// With what is wrong.
pub(super) fn declare(kind: &str, words: &[String], vhost: &str) -> Result<Request, String> {
    let kind = kind_of(kind)?;
    let given = pairs(words)?;
    for name in kind.needed {
        if !given.contains_key(name) {
            return Err(format!("mandatory argument \"{name}\" required"));
        }
    }
    let optional = || kind.optional.iter().map(|(name, _)| name);
    for name in given.keys() {
        let is_known = kind.needed.contains(name) || optional().any(|other| other == name);
        // RabbitMQ's program lets another virtual host stand here, too.
        if !is_known && *name != "vhost" {
            return Err(format!("unknown argument \"{name}\" for {}", kind.name));
        }
    }
    let mut all: BTreeMap<&str, &str> =
        kind.optional.iter().filter_map(|(name, value)| Some((*name, (*value)?))).collect();
    all.extend(given);
    let mut body = Map::new();
    for (name, value) in &all {
        if !["vhost", "name", "source", "destination", "destination_type", "queue_type"]
            .contains(name)
        {
            body.insert((*name).to_owned(), json_of(name, value)?);
        }
    }
    if let (Some(wanted), Some(Value::Object(arguments))) =
        (all.get("queue_type"), body.get_mut("arguments"))
    {
        arguments.insert("x-queue-type".to_owned(), Value::from(*wanted));
    }
    let method = if kind.name == "binding" { Method::POST } else { Method::PUT };
    Ok(Request { method, path: path_of(kind.path, &all, vhost)?, body: Some(Value::Object(body)) })
}

/// The request that deletes one.
///
/// # Errors
/// With what is wrong.
pub(super) fn delete(kind: &str, words: &[String], vhost: &str) -> Result<Request, String> {
    let kind = kind_of(kind)?;
    let mut given = pairs(words)?;
    let mut segments = kind.path.to_vec();
    if kind.name == "binding" {
        given.entry("destination_type").or_insert("queue");
        segments.push(":properties_key");
    }
    Ok(Request { method: Method::DELETE, path: path_of(&segments, &given, vhost)?, body: None })
}

fn kind_of(name: &str) -> Result<&'static Kind, String> {
    let known = || KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ");
    let found = KINDS.iter().find(|kind| kind.name == name);
    found.ok_or_else(|| {
        format!("{name} is nothing that can be declared or deleted: expected {}", known())
    })
}

fn path_of(segments: &[&str], given: &BTreeMap<&str, &str>, vhost: &str) -> Result<String, String> {
    let mut filled = Vec::new();
    for segment in segments {
        filled.push(match segment.strip_prefix(':') {
            None => segment,
            Some("vhost") => given.get("vhost").unwrap_or(&vhost),
            Some("destination_letter") => {
                if given.get("destination_type") == Some(&"exchange") {
                    "e"
                } else {
                    "q"
                }
            }
            Some(name) => {
                given.get(name).ok_or_else(|| format!("mandatory argument \"{name}\" required"))?
            }
        });
    }
    Ok(path(&filled))
}

fn json_of(name: &str, value: &str) -> Result<Value, String> {
    let wrong = |expected: &str| format!("argument \"{name}\" is \"{value}\": expected {expected}");
    match name {
        "auto_delete" | "durable" | "internal" | "tracing" => match value.to_lowercase().as_str() {
            "true" => Ok(Value::from(true)),
            "false" => Ok(Value::from(false)),
            _ => Err(wrong("true or false")),
        },
        "arguments" | "definition" | "value" => {
            serde_json::from_str(value).map_err(|error| wrong(&format!("JSON ({error})")))
        }
        "priority" => value.parse::<i64>().map(Value::from).map_err(|_| wrong("a whole number")),
        _ => Ok(Value::from(value)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn what_is_left_out_is_as_in_rabbitmqs_program() {
        let queue = declare("queue", &words("name=a/b queue_type=quorum"), "/").expect("a queue");
        assert_eq!((queue.method, queue.path.as_str()), (Method::PUT, "/api/queues/%2F/a%2Fb"));
        let arguments = json!({ "x-queue-type": "quorum" });
        let body = json!({ "auto_delete": false, "durable": true, "arguments": arguments });
        assert_eq!(queue.body, Some(body));
        let line = words("source=e destination=f destination_type=exchange routing_key=k");
        let binding = declare("binding", &line, "shop").expect("a binding");
        assert_eq!(binding.path, "/api/bindings/shop/e/e/e/f");
        assert_eq!(binding.body, Some(json!({ "routing_key": "k", "arguments": {} })));
        let permission = words("vhost=shop user=app configure=.* write= read=.*");
        let permission = declare("permission", &permission, "/").expect("a permission");
        assert_eq!(permission.path, "/api/permissions/shop/app");
        assert_eq!(
            permission.body,
            Some(json!({ "user": "app", "configure": ".*", "write": "", "read": ".*" }))
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (kind, line, part) in [
            ("queue", "durable=true", "mandatory argument \"name\" required"),
            ("queue", "name=a durable=maybe", "\"durable\" is \"maybe\""),
            ("queue", "name=a colour=red", "unknown argument \"colour\""),
            ("policy", "name=a pattern=. definition={", "JSON"),
            ("shovel", "name=a", "shovel is nothing that"),
            ("exchange", "name", "must be in the format name=value"),
        ] {
            let reason = declare(kind, &words(line), "/").expect_err(line);
            assert!(reason.contains(part), "{line}: {reason}");
        }
        let reason = delete("binding", &words("source=a destination=b"), "/").expect_err("no key");
        assert!(reason.contains("properties_key"), "{reason}");
    }
}
