//! Ends connections.

use hyper::Method;

use crate::ctl::tools::answer::Answer;
use crate::ctl::tools::client::ApiError;
use crate::ctl::tools::failure::Failure;
use crate::ctl::tools::path::path;
use crate::ctl::tools::session::{Session, items, refused};
use crate::ctl::tools::spec::{CommandSpec, Flag, Section::Operations};

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new(
        "close_connection",
        Operations,
        "Closes a connection, by its name (list_connections pid)",
        close_one,
    )
    .takes("<connection> <explanation>")
    .says(|call| {
        format!("Closing connection {}, reason: {}...", call.argument(0), call.argument(1))
    }),
    CommandSpec::new(
        "close_all_connections",
        Operations,
        "Closes the connections of a virtual host, or all",
        close_all,
    )
    .takes("<explanation>")
    .flags(&[
        Flag::switch("global", "Of all virtual hosts"),
        Flag::number("per-connection-delay", "ms", "Wait so long after each"),
        Flag::number("limit", "number", "Close no more than so many"),
    ])
    .says(|call| {
        if call.has("global") {
            format!(
                "Closing all connections to node {}, reason: {}...",
                call.node,
                call.argument(0)
            )
        } else {
            format!(
                "Closing all connections in vhost {}, reason: {}...",
                call.vhost(),
                call.argument(0)
            )
        }
    }),
    CommandSpec::new(
        "close_all_user_connections",
        Operations,
        "Closes the connections of a user",
        close_of_user,
    )
    .takes("<username> <explanation>")
    .says(|call| {
        format!("Closing connections of user {}, reason: {}...", call.argument(0), call.argument(1))
    }),
];

/// One that is gone already is closed.
fn close_one(session: &mut Session<'_>) -> Result<Answer, Failure> {
    close(session, &["connections", session.call.argument(0)], session.call.argument(1))?;
    Ok(Answer::Done)
}

fn close_all(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let call = session.call;
    let segments = ["vhosts", call.vhost(), "connections"];
    let address = if call.has("global") { path(&["connections"]) } else { path(&segments) };
    let open = match session.ask(&Method::GET, &address, None)? {
        Ok(reply) => items(reply.body)?,
        Err(ApiError::Missing(_)) => Vec::new(),
        Err(error) => return Err(refused(error)),
    };
    let most = call.number("limit").filter(|limit| *limit > 0);
    let most = most.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let names: Vec<String> = open
        .iter()
        .filter_map(|item| item["name"].as_str())
        .take(most)
        .map(str::to_owned)
        .collect();
    let mut closed = 0;
    for name in &names {
        if close(session, &["connections", name], call.argument(0))? {
            closed += 1;
        }
        if let Some(pause_ms) = call.number("per-connection-delay") {
            std::thread::sleep(std::time::Duration::from_millis(pause_ms));
        }
    }
    Ok(Answer::Text(format!("Closed {closed} connections")))
}

fn close_of_user(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let (user, why) = (session.call.argument(0), session.call.argument(1));
    close(session, &["connections", "username", user], why)?;
    Ok(Answer::Done)
}

/// Whether there was something to close.
fn close(session: &mut Session<'_>, connection: &[&str], why: &str) -> Result<bool, Failure> {
    match session.close(connection, why)? {
        Ok(_) => Ok(true),
        Err(ApiError::Missing(_)) => Ok(false),
        Err(error) => Err(refused(error)),
    }
}
