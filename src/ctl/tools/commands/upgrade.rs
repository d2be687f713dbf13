//! `rabbitmq-upgrade`: what an orchestrator calls before it stops a node.

use super::nodes::node_action;
use crate::ctl::tools::answer::Answer;
use crate::ctl::tools::failure::Failure;
use crate::ctl::tools::session::Session;
use crate::ctl::tools::spec::{CommandSpec, Section::Nodes};
use crate::ctl::tools::tool::Tool;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new(
        "await_online_quorum_plus_one",
        Nodes,
        "Waits until quorum queues live on without this node; there is one node",
        await_quorum,
    )
    .tools(&[Tool::Upgrade])
    .says(|_| "Will wait for a quorum + 1 of nodes to be online for all quorum queues and streams...".to_owned()),
    CommandSpec::new("drain", Nodes, "Closes the connections and takes no others", drain)
        .tools(&[Tool::Upgrade])
        .says(|call| {
            format!("Will put node {} into maintenance mode. The node will no longer serve any client traffic!", call.node)
        }),
    CommandSpec::new("revive", Nodes, "Ends drain", revive)
        .tools(&[Tool::Upgrade])
        .says(|call| format!("Will put node {} back into regular operating mode...", call.node)),
];

fn await_quorum(session: &mut Session<'_>) -> Result<Answer, Failure> {
    session.expect(&["overview"])?;
    Ok(Answer::Done)
}

fn drain(session: &mut Session<'_>) -> Result<Answer, Failure> {
    node_action(session, "stop_app")
}

fn revive(session: &mut Session<'_>) -> Result<Answer, Failure> {
    node_action(session, "start_app")
}
