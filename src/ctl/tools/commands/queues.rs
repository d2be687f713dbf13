//! What is done to one queue.

use hyper::Method;
use serde_json::Value;

use crate::ctl::tools::answer::Answer;
use crate::ctl::tools::client::ApiError;
use crate::ctl::tools::failure::{Failure, code};
use crate::ctl::tools::path::path;
use crate::ctl::tools::session::{Session, refused};
use crate::ctl::tools::spec::Section::Queues;
use crate::ctl::tools::spec::{CommandSpec, Flag};
use crate::ctl::tools::tool::Tool;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("purge_queue", Queues, "Removes the messages of a queue that wait", purge)
        .takes("<queue>")
        .says(|call| {
            format!("Purging queue '{}' in vhost '{}' ...", call.argument(0), call.vhost())
        }),
    CommandSpec::new("delete_queue", Queues, "Deletes a queue", delete)
        .takes("<queue>")
        .flags(&[
            Flag::switch("if-empty", "Only when it holds no message").short('e'),
            Flag::switch("if-unused", "Only when it has no consumer").short('u'),
        ])
        .says(|call| {
            let (queue, vhost) = (call.argument(0), call.vhost());
            let conditions: Vec<&str> =
                [("if-empty", "if queue is empty "), ("if-unused", "if queue is unused ")]
                    .into_iter()
                    .filter_map(|(flag, text)| call.has(flag).then_some(text))
                    .collect();
            format!("Deleting queue '{queue}' on vhost '{vhost}' {}...", conditions.join("and "))
        }),
    CommandSpec::new("quorum_status", Queues, "Shows who holds a quorum queue", quorum_status)
        .takes("<queue>")
        .tools(&[Tool::Queues, Tool::Diagnostics])
        .says(|call| {
            format!("Status of quorum queue {} on node {} ...", call.argument(0), call.node)
        }),
    CommandSpec::new(
        "rebalance",
        Queues,
        "Spreads queues over nodes; there is one node",
        rebalance,
    )
    .takes("<type>")
    .flags(&[
        Flag::text("vhost-pattern", "pattern", "Virtual hosts to look at"),
        Flag::text("queue-pattern", "pattern", "Queues to look at"),
    ])
    .tools(&[Tool::Queues])
    .says(|call| match call.argument(0) {
        "all" => "Re-balancing leaders of all queues...".to_owned(),
        kind => format!("Re-balancing leaders of {kind} queues..."),
    }),
];

fn purge(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let (vhost, queue) = (session.call.vhost(), session.call.argument(0));
    match session.delete(&["queues", vhost, queue, "contents"])? {
        Ok(_) => Ok(Answer::Done),
        Err(ApiError::Missing(_)) => Err(Failure::told(code::UNAVAILABLE, "not_found")),
        Err(error) => Err(refused(error)),
    }
}

fn delete(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let call = session.call;
    let (vhost, queue) = (call.vhost(), call.argument(0));
    let no_queue = || Failure::told(code::USAGE, "Queue not found");
    let before = match session.get(&["queues", vhost, queue])? {
        Ok(before) => before,
        Err(ApiError::Missing(_)) => return Err(no_queue()),
        Err(error) => return Err(refused(error)),
    };
    let conditions: Vec<&str> = [("if-empty", "if-empty=true"), ("if-unused", "if-unused=true")]
        .into_iter()
        .filter_map(|(flag, condition)| call.has(flag).then_some(condition))
        .collect();
    let mut address = path(&["queues", vhost, queue]);
    if !conditions.is_empty() {
        address.push('?');
        address.push_str(&conditions.join("&"));
    }
    match session.ask(&Method::DELETE, &address, None)? {
        Ok(_) => {
            let ready = before["messages_ready"].as_u64().unwrap_or(0);
            let text = format!("Queue was successfully deleted with {ready} ready messages");
            Ok(Answer::Text(text))
        }
        Err(ApiError::Missing(_)) => Err(no_queue()),
        Err(ApiError::Refused { reason, .. }) if reason.contains("in use") => {
            Err(Failure::told(code::USAGE, "Queue is in use"))
        }
        Err(ApiError::Refused { reason, .. }) if reason.contains("not empty") => {
            Err(Failure::told(code::USAGE, "Queue is not empty"))
        }
        Err(error) => Err(refused(error)),
    }
}

fn quorum_status(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let (vhost, queue) = (session.call.vhost(), session.call.argument(0));
    let found = match session.get(&["queues", vhost, queue])? {
        Ok(found) => found,
        Err(ApiError::Missing(_)) => return Err(Failure::told(code::UNAVAILABLE, "not_found")),
        Err(error) => return Err(refused(error)),
    };
    if found["type"].as_str() != Some("quorum") {
        let text = "Cannot get quorum status of a classic queue";
        return Err(Failure::told(code::UNAVAILABLE, text));
    }
    let node = found["node"].as_str().unwrap_or(&session.call.node).to_owned();
    let text = format!("Node Name: {node}\nRaft State: leader");
    let document = serde_json::json!([{ "Node Name": node, "Raft State": "leader" }]);
    Ok(Answer::Document { document, text })
}

fn rebalance(session: &mut Session<'_>) -> Result<Answer, Failure> {
    match session.call.argument(0) {
        "all" | "classic" | "quorum" | "stream" => {}
        kind => {
            let reason = format!("type should be all, classic, quorum or stream, not {kind}");
            return Err(Failure::argument(reason));
        }
    }
    session.expect(&["overview"])?;
    let document = Value::Array(Vec::new());
    Ok(Answer::Document { document, text: "[]".to_owned() })
}
