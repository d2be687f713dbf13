//! Definitions of the source, made fit for the target. What is left out is said.

use serde_json::{Value, json};

/// Takes out of a document what the target has nothing for, or must keep as it has it; what was taken out.
/// `user` is who logs in at the target: with another password this command would lock itself out.
pub(super) fn fit(document: &mut Value, user: &str) -> Vec<String> {
    let mut notes = Vec::new();
    let streams = names_of_streams(document);
    retain(document, "queues", |queue| {
        let is_kept = !is_stream(queue);
        if !is_kept {
            let (vhost, name) = (&queue["vhost"], &queue["name"]);
            notes.push(format!("stream {name} in {vhost} is left out: the target has no streams"));
        }
        is_kept
    });
    retain(document, "bindings", |binding| {
        let to = (&binding["vhost"], &binding["destination"]);
        binding["destination_type"] != "queue"
            || !streams.iter().any(|(vhost, name)| (vhost, name) == to)
    });
    for section in ["policies", "operator_policies"] {
        retain(document, section, |policy| {
            let is_kept = policy["apply-to"] != "streams";
            if !is_kept {
                notes.push(format!("policy {} is left out: it is for streams", policy["name"]));
            }
            is_kept
        });
    }
    retain(document, "users", |found| {
        let name = &found["name"];
        if *name == user {
            notes.push(format!(
                "user {name} stays as the target has it: this command logs in with it"
            ));
            return false;
        }
        let hash = found["hashing_algorithm"].as_str().unwrap_or(SHA256);
        let is_kept = found["password_hash"] == "" || [SHA256, SHA512].contains(&hash);
        if !is_kept {
            notes.push(format!(
                "user {name} is left out: its password is hashed with {hash}; give it a new one at the target"
            ));
        }
        is_kept
    });
    retain(document, "permissions", |permission| permission["user"] != user);
    retain(document, "global_parameters", |parameter| {
        let name = parameter["name"].as_str().unwrap_or_default();
        name != "cluster_name" && !name.starts_with("internal")
    });
    for vhost in document.get_mut("vhosts").and_then(Value::as_array_mut).into_iter().flatten() {
        for place in ["/default_queue_type", "/metadata/default_queue_type"] {
            if let Some(kind) = vhost.pointer_mut(place).filter(|kind| *kind == "stream") {
                *kind = json!("undefined");
            }
        }
    }
    notes
}

/// How many things of each kind a document has, for people.
pub(super) fn counts(document: &Value) -> Vec<(&'static str, usize)> {
    KINDS
        .iter()
        .map(|kind| (*kind, document[*kind].as_array().map_or(0, Vec::len)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

fn retain(document: &mut Value, section: &str, keep: impl FnMut(&Value) -> bool) {
    if let Some(items) = document.get_mut(section).and_then(Value::as_array_mut) {
        items.retain(keep);
    }
}

fn is_stream(queue: &Value) -> bool {
    queue["arguments"]["x-queue-type"] == "stream" || queue["type"] == "stream"
}

fn names_of_streams(document: &Value) -> Vec<(Value, Value)> {
    let queues = document["queues"].as_array().map(Vec::as_slice).unwrap_or_default();
    let streams = queues.iter().filter(|queue| is_stream(queue));
    streams.map(|queue| (queue["vhost"].clone(), queue["name"].clone())).collect()
}

const SHA256: &str = "rabbit_password_hashing_sha256";
const SHA512: &str = "rabbit_password_hashing_sha512";

const KINDS: [&str; 10] = [
    "vhosts",
    "users",
    "permissions",
    "topic_permissions",
    "parameters",
    "global_parameters",
    "policies",
    "exchanges",
    "queues",
    "bindings",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_and_what_hangs_on_them_are_left_out_and_said() {
        let mut document = json!({
            "queues": [
                {"name": "q", "vhost": "/", "arguments": {}},
                {"name": "s", "vhost": "/", "arguments": {"x-queue-type": "stream"}},
                {"name": "s", "vhost": "v", "arguments": {}},
            ],
            "bindings": [
                {"source": "e", "vhost": "/", "destination": "s", "destination_type": "queue"},
                {"source": "e", "vhost": "/", "destination": "s", "destination_type": "exchange"},
                {"source": "e", "vhost": "v", "destination": "s", "destination_type": "queue"},
            ],
            "policies": [{"name": "p", "apply-to": "streams"}, {"name": "r", "apply-to": "queues"}],
            "vhosts": [{"name": "/", "default_queue_type": "stream"}, {"name": "v"}],
        });
        let notes = fit(&mut document, "me");
        assert_eq!(notes.len(), 2, "{notes:?}");
        let wanted = [("vhosts", 2), ("policies", 1), ("queues", 2), ("bindings", 2)];
        assert_eq!(counts(&document), wanted);
        assert_eq!(document["vhosts"][0]["default_queue_type"], "undefined");
        assert_eq!(document["vhosts"][1], json!({"name": "v"}));
    }

    #[test]
    fn the_user_of_this_command_and_hashes_of_old_are_left_out_and_said() {
        let mut document = json!({
            "users": [
                {"name": "me", "password_hash": "x", "hashing_algorithm": SHA256},
                {"name": "anna", "password_hash": "x", "hashing_algorithm": SHA512},
                {"name": "old", "password_hash": "x", "hashing_algorithm": "rabbit_password_hashing_md5"},
                {"name": "locked", "password_hash": "", "hashing_algorithm": "rabbit_password_hashing_md5"},
            ],
            "permissions": [{"user": "me", "vhost": "/"}, {"user": "anna", "vhost": "/"}],
            "global_parameters": [{"name": "cluster_name"}, {"name": "internal_x"}, {"name": "mine"}],
        });
        let notes = fit(&mut document, "me");
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert_eq!(counts(&document), [("users", 2), ("permissions", 1), ("global_parameters", 1)]);
    }
}
