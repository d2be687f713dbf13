//! What users may do in virtual hosts.

use serde_json::{Value, json};

use super::users::no_user;
use super::vhosts::no_vhost;
use crate::ctl::tools::answer::{Answer, Table};
use crate::ctl::tools::client::ApiError;
use crate::ctl::tools::failure::{Failure, code};
use crate::ctl::tools::session::{Session, items, refused};
use crate::ctl::tools::spec::{Column, CommandSpec, Section::Access};
use crate::ctl::tools::tool::Tool::{Diagnostics, Rabbitmqctl};

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("set_permissions", Access, "Sets what a user may do in a virtual host", set)
        .takes("<username> <configure> <write> <read>")
        .says(|call| {
            let (user, vhost) = (call.argument(0), call.vhost());
            format!("Setting permissions for user \"{user}\" in vhost \"{vhost}\" ...")
        }),
    CommandSpec::new("clear_permissions", Access, "Takes a user's rights in a virtual host away", clear)
        .takes("<username>")
        .says(|call| {
            let (user, vhost) = (call.argument(0), call.vhost());
            format!("Clearing permissions for user \"{user}\" in vhost \"{vhost}\" ...")
        }),
    CommandSpec::new("list_permissions", Access, "Lists the rights in a virtual host", list)
        .tools(READERS)
        .says(|call| format!("Listing permissions for vhost \"{}\" ...", call.vhost())),
    CommandSpec::new("list_user_permissions", Access, "Lists the rights of a user", list_of_user)
        .takes("<username>")
        .tools(READERS)
        .says(|call| format!("Listing permissions for user \"{}\" ...", call.argument(0))),
    CommandSpec::new("set_topic_permissions", Access, "Sets the routing keys of a topic exchange that a user may use", set_topic)
        .takes("<username> <exchange> <write> <read>")
        .says(|call| {
            let (user, exchange, vhost) = (call.argument(0), call.argument(1), call.vhost());
            format!(
                "Setting topic permissions on \"{exchange}\" for user \"{user}\" in vhost \"{vhost}\" ..."
            )
        }),
    CommandSpec::new("clear_topic_permissions", Access, "Takes a user's topic rights away, of one exchange or of all", clear_topic)
        .takes("<username> [<exchange>]")
        .says(|call| {
            let (user, vhost) = (call.argument(0), call.vhost());
            let on = call.arguments.get(1).map(|exchange| format!(" on \"{exchange}\""));
            let on = on.unwrap_or_default();
            format!("Clearing topic permissions{on} for user \"{user}\" in vhost \"{vhost}\" ...")
        }),
    CommandSpec::new("list_topic_permissions", Access, "Lists the topic rights in a virtual host", list_topic)
        .tools(READERS)
        .says(|call| format!("Listing topic permissions for vhost \"{}\" ...", call.vhost())),
    CommandSpec::new("list_user_topic_permissions", Access, "Lists the topic rights of a user", list_topic_of_user)
        .takes("<username>")
        .tools(READERS)
        .says(|call| format!("Listing topic permissions for user \"{}\" ...", call.argument(0))),
];

const READERS: &[crate::ctl::tools::tool::Tool] = &[Rabbitmqctl, Diagnostics];

const USER: Column = Column::same("user");
const VHOST: Column = Column::same("vhost");
const EXCHANGE: Column = Column::same("exchange");
const CONFIGURE: Column = Column::same("configure");
const WRITE: Column = Column::same("write");
const READ: Column = Column::same("read");

fn set(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let call = session.call;
    let (vhost, user) = (call.vhost(), call.argument(0));
    let (configure, write, read) = (call.argument(1), call.argument(2), call.argument(3));
    let body = json!({ "configure": configure, "write": write, "read": read });
    let set = session.put(&["permissions", vhost, user], &body)?;
    done(session, set.map(|_| ()), vhost, user)
}

fn clear(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let (vhost, user) = (session.call.vhost(), session.call.argument(0));
    let cleared = session.delete(&["permissions", vhost, user])?;
    cleared_if_there(session, cleared.map(|_| ()), vhost, user)
}

fn list(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let found = of_vhost(session, "permissions")?;
    Ok(Answer::Table(Table::of(&[USER, CONFIGURE, WRITE, READ], &found)))
}

fn list_of_user(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let found = of_user(session, "permissions")?;
    Ok(Answer::Table(Table::of(&[VHOST, CONFIGURE, WRITE, READ], &found)))
}

fn set_topic(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let call = session.call;
    let (vhost, user) = (call.vhost(), call.argument(0));
    let (exchange, write, read) = (call.argument(1), call.argument(2), call.argument(3));
    let body = json!({ "exchange": exchange, "write": write, "read": read });
    let set = session.put(&["topic-permissions", vhost, user], &body)?;
    done(session, set.map(|_| ()), vhost, user)
}

fn clear_topic(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let call = session.call;
    let (vhost, user) = (call.vhost(), call.argument(0));
    let mut path = vec!["topic-permissions", vhost, user];
    path.extend(call.arguments.get(1).map(String::as_str));
    let cleared = session.delete(&path)?;
    cleared_if_there(session, cleared.map(|_| ()), vhost, user)
}

fn list_topic(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let found = of_vhost(session, "topic-permissions")?;
    Ok(Answer::Table(Table::of(&[USER, EXCHANGE, WRITE, READ], &found)))
}

fn list_topic_of_user(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let found = of_user(session, "topic-permissions")?;
    let columns = [VHOST, EXCHANGE, WRITE, READ];
    Ok(Answer::Table(Table::of(&columns, &found).without_header()))
}

/// When it was refused: what is missing is found out and named.
fn done(
    session: &mut Session<'_>,
    result: Result<(), ApiError>,
    vhost: &str,
    user: &str,
) -> Result<Answer, Failure> {
    let Err(error) = result else { return Ok(Answer::Done) };
    missing(session, vhost, user)?;
    Err(refused(error))
}

/// What is not there is cleared.
fn cleared_if_there(
    session: &mut Session<'_>,
    result: Result<(), ApiError>,
    vhost: &str,
    user: &str,
) -> Result<Answer, Failure> {
    match result {
        Err(ApiError::Missing(_)) => missing(session, vhost, user).map(|()| Answer::Done),
        other => done(session, other, vhost, user),
    }
}

fn missing(session: &mut Session<'_>, vhost: &str, user: &str) -> Result<(), Failure> {
    if !session.is_there(&["vhosts", vhost])? {
        let text = format!("Virtual host {vhost} does not exist");
        return Err(Failure::told(code::UNAVAILABLE, text));
    }
    if !session.is_there(&["users", user])? {
        return Err(Failure::told(code::NO_USER, format!("User {user} does not exist")));
    }
    Ok(())
}

fn of_vhost(session: &mut Session<'_>, kind: &str) -> Result<Vec<Value>, Failure> {
    let vhost = session.call.vhost();
    match session.get(&["vhosts", vhost, kind])? {
        Ok(found) => items(found),
        Err(ApiError::Missing(_)) => Err(no_vhost(vhost)),
        Err(error) => Err(refused(error)),
    }
}

fn of_user(session: &mut Session<'_>, kind: &str) -> Result<Vec<Value>, Failure> {
    let user = session.call.argument(0);
    match session.get(&["users", user, kind])? {
        Ok(found) => items(found),
        Err(ApiError::Missing(_)) => Err(no_user(user)),
        Err(error) => Err(refused(error)),
    }
}
