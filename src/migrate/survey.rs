//! Which queues of the source are moved, and why not the others. A function of what its management API says.

use serde_json::Value;

use super::args::Options;
use super::claim::SIDE_PREFIX;

/// A queue that is moved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Candidate {
    pub(super) vhost: String,
    pub(super) name: String,
    /// It delivers on its own time and counts deliveries: a quorum queue.
    pub(super) is_replicated: bool,
    /// Of its messages, when the source says it.
    pub(super) average_bytes: Option<u64>,
    /// As the source said, some seconds late.
    pub(super) messages: u64,
    pub(super) consumers: u64,
}

/// A queue that is not moved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Skipped {
    pub(super) vhost: String,
    pub(super) name: String,
    pub(super) messages: u64,
    pub(super) why: &'static str,
}

/// What becomes of one queue; `None` when nobody asked for it.
pub(super) fn decide(queue: &Value, options: &Options) -> Option<Result<Candidate, Skipped>> {
    let text = |key: &str| queue[key].as_str().unwrap_or_default().to_owned();
    let (vhost, name) = (text("vhost"), text("name"));
    if options.queue.as_ref().is_some_and(|wanted| !wanted.is_match(&name))
        || name.starts_with(SIDE_PREFIX)
    {
        return None;
    }
    let number = |key: &str| queue[key].as_u64().unwrap_or(0);
    let messages = number("messages");
    let is = |key: &str| queue[key] == true;
    let kind = queue["type"].as_str().or(queue["arguments"]["x-queue-type"].as_str());
    let why = if kind == Some("stream") {
        Some("a stream: its messages are not taken out by reading, and the target has no streams")
    } else if is("exclusive") || queue["owner_pid_details"]["name"].is_string() {
        Some("exclusive: it belongs to a connection and goes with it")
    } else if is("auto_delete") {
        Some("auto-delete: it goes with its consumers, which make it again where they connect")
    } else if queue["durable"] == false {
        Some("not durable: it does not survive its broker, and is made again by who uses it")
    } else {
        None
    };
    if let Some(why) = why {
        return Some(Err(Skipped { vhost, name, messages, why }));
    }
    let bytes = queue["message_bytes"].as_u64().filter(|bytes| *bytes > 0);
    Some(Ok(Candidate {
        vhost,
        name,
        is_replicated: kind == Some("quorum"),
        average_bytes: bytes.filter(|_| messages > 0).map(|bytes| bytes / messages),
        messages,
        consumers: number("consumers"),
    }))
}

/// Whether a queue of the target refuses messages when it is full.
pub(super) fn may_refuse(queue: &Value) -> bool {
    let refuses = |value: &Value| value.as_str().is_some_and(|text| text.starts_with("reject"));
    refuses(&queue["arguments"]["x-overflow"])
        || refuses(&queue["effective_policy_definition"]["overflow"])
}

/// After how many ms a queue goes when nobody uses it, if it does.
pub(super) fn expires_ms(queue: &Value) -> Option<u64> {
    let of_policy = queue["effective_policy_definition"]["expires"].as_u64();
    queue["arguments"]["x-expires"].as_u64().into_iter().chain(of_policy).min()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use serde_json::json;

    use super::*;
    use crate::migrate::args::parse;

    fn options(line: &str) -> Options {
        parse(&line.split(' ').map(OsString::from).collect::<Vec<_>>()).expect("a good line")
    }

    fn queue(name: &str, more: &Value) -> Value {
        let mut queue = json!({"name": name, "vhost": "/", "durable": true, "auto_delete": false,
            "exclusive": false, "type": "classic", "arguments": {}, "messages": 10});
        for (key, value) in more.as_object().expect("an object") {
            queue[key] = value.clone();
        }
        queue
    }

    #[test]
    fn durable_queues_are_moved_and_the_others_are_said() {
        let options = options("--from http://box");
        let moved = |more| decide(&queue("q", &more), &options).expect("asked for");
        let candidate = moved(json!({"message_bytes": 100, "consumers": 2})).expect("moved");
        assert_eq!((candidate.average_bytes, candidate.consumers), (Some(10), 2));
        assert!(moved(json!({"type": "quorum"})).expect("moved").is_replicated);
        for (more, part) in [
            (json!({"type": "stream"}), "stream"),
            (json!({"exclusive": true}), "exclusive"),
            (json!({"auto_delete": true}), "auto-delete"),
            (json!({"durable": false}), "not durable"),
        ] {
            let skipped = moved(more).expect_err(part);
            assert!(skipped.why.contains(part), "{skipped:?}");
        }
    }

    #[test]
    fn only_what_was_asked_for_is_looked_at() {
        let options = options("--from http://box --queue ^orders");
        assert!(decide(&queue("orders.eu", &json!({})), &options).is_some());
        assert!(decide(&queue("old-orders", &json!({})), &options).is_none());
        let all = super::tests::options("--from http://box");
        assert!(decide(&queue("haremq.migrate.0011", &json!({})), &all).is_none());
    }

    #[test]
    fn what_may_refuse_or_vanish_is_known_by_arguments_and_policies() {
        assert!(!may_refuse(&queue("q", &json!({}))));
        assert!(may_refuse(&queue(
            "q",
            &json!({"arguments": {"x-overflow": "reject-publish-dlx"}})
        )));
        let policy =
            json!({"effective_policy_definition": {"overflow": "reject-publish", "expires": 5}});
        assert!(may_refuse(&queue("q", &policy)));
        assert_eq!(expires_ms(&queue("q", &policy)), Some(5));
        assert_eq!(expires_ms(&queue("q", &json!({"arguments": {"x-expires": 7}}))), Some(7));
        assert_eq!(expires_ms(&queue("q", &json!({}))), None);
    }
}
