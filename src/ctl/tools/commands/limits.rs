//! Limits of virtual hosts and of users.

use serde_json::{Value, json};

use super::users::no_user;
use super::vhosts::there;
use crate::ctl::tools::answer::{Answer, Table};
use crate::ctl::tools::failure::{Failure, code};
use crate::ctl::tools::session::{Session, refused};
use crate::ctl::tools::spec::Section::{Users, Vhosts};
use crate::ctl::tools::spec::{Column, ColumnKind, CommandSpec, Flag};
use crate::ctl::tools::tool::Tool::{Diagnostics, Rabbitmqctl};

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new(
        "set_vhost_limits",
        Vhosts,
        "Sets max-connections and max-queues of a virtual host",
        set_vhost,
    )
    .takes("<definition>")
    .says(|call| {
        let (limits, vhost) = (call.argument(0), call.vhost());
        format!("Setting vhost limits to \"{limits}\" for vhost \"{vhost}\" ...")
    }),
    CommandSpec::new(
        "clear_vhost_limits",
        Vhosts,
        "Takes the limits of a virtual host away",
        clear_vhost,
    )
    .says(|call| format!("Clearing vhost \"{}\" limits ...", call.vhost())),
    CommandSpec::new(
        "list_vhost_limits",
        Vhosts,
        "Shows the limits of a virtual host, or of all",
        list_vhost,
    )
    .flags(&[GLOBAL])
    .tools(&[Rabbitmqctl, Diagnostics])
    .says(|call| {
        if call.has("global") {
            "Listing limits for all vhosts ...".to_owned()
        } else {
            format!("Listing limits for vhost \"{}\" ...", call.vhost())
        }
    }),
    CommandSpec::new(
        "set_user_limits",
        Users,
        "Sets max-connections and max-channels of a user",
        set_user,
    )
    .takes("<username> <definition>")
    .says(|call| {
        let (user, limits) = (call.argument(0), call.argument(1));
        format!("Setting user limits to \"{limits}\" for user \"{user}\" ...")
    }),
    CommandSpec::new(
        "clear_user_limits",
        Users,
        "Takes a limit of a user away, or all",
        clear_user,
    )
    .takes("<username> <limit_or_all>")
    .says(|call| match call.argument(1) {
        "all" => format!("Clearing all limits for user \"{}\" ...", call.argument(0)),
        limit => format!("Clearing \"{limit}\" limit for user \"{}\" ...", call.argument(0)),
    }),
    CommandSpec::new("list_user_limits", Users, "Shows the limits of a user, or of all", list_user)
        .flags(&[GLOBAL, Flag::text("user", "username", "The user (default guest)")])
        .tools(&[Rabbitmqctl, Diagnostics])
        .says(|call| {
            if call.has("global") {
                "Listing limits for all users ...".to_owned()
            } else {
                {
                    format!(
                        "Listing limits for user \"{}\" ...",
                        call.flag("user").unwrap_or(GUEST)
                    )
                }
            }
        }),
];

const GLOBAL: Flag = Flag::switch("global", "Of all");
const GUEST: &str = "guest";

fn set_vhost(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let vhost = session.call.vhost();
    let limits = limits(session.call.argument(0), VHOST_LIMITS, |found| {
        format!("Validation failed\n\nUnrecognised terms {found} in limits\n")
    })?;
    there(session, vhost)?;
    set(session, "vhost-limits", vhost, &limits)
}

fn clear_vhost(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let vhost = session.call.vhost();
    there(session, vhost)?;
    clear(session, "vhost-limits", vhost, VHOST_LIMITS)
}

fn list_vhost(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let vhost = session.call.vhost();
    if session.call.has("global") {
        return list_all(session, "vhost-limits", "vhost");
    }
    there(session, vhost)?;
    one(session, "vhost-limits", vhost, "")
}

fn set_user(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let user = session.call.argument(0);
    let limits = limits(session.call.argument(1), USER_LIMITS, |found| {
        format!("Unrecognised terms {found} in user-limits")
    })?;
    user_there(session, user)?;
    set(session, "user-limits", user, &limits)
}

fn clear_user(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let (user, limit) = (session.call.argument(0), session.call.argument(1));
    user_there(session, user)?;
    if limit == "all" {
        return clear(session, "user-limits", user, USER_LIMITS);
    }
    clear(session, "user-limits", user, &[limit])
}

fn list_user(session: &mut Session<'_>) -> Result<Answer, Failure> {
    if session.call.has("global") {
        return list_all(session, "user-limits", "user");
    }
    let user = session.call.flag("user").unwrap_or(GUEST);
    user_there(session, user)?;
    one(session, "user-limits", user, "{}")
}

/// Reads `{"max-queues": 5}`; every name must be one of the known ones.
fn limits(
    text: &str,
    known: &[&str],
    unknown: impl Fn(String) -> String,
) -> Result<Vec<(String, i64)>, Failure> {
    let Ok(Value::Object(limits)) = serde_json::from_str(text) else {
        let text = "JSON decoding error. Reason: badarg";
        return Err(Failure::told(code::UNAVAILABLE, text));
    };
    let strangers = limits.iter().filter(|(name, _)| !known.contains(&name.as_str()));
    let strangers: Vec<String> =
        strangers.map(|(name, value)| format!("{{<<\"{name}\">>,{value}}}")).collect();
    if !strangers.is_empty() {
        let text = unknown(format!("[{}]", strangers.join(",")));
        return Err(Failure::told(code::UNAVAILABLE, text));
    }
    let read = |(name, value): (String, Value)| {
        let number = value.as_i64().ok_or_else(|| {
            let text = format!(
                "Validation failed

{name} should be a number, actually was {value}
"
            );
            Failure::told(code::UNAVAILABLE, text)
        })?;
        Ok((name, number))
    };
    limits.into_iter().map(read).collect()
}

fn set(
    session: &mut Session<'_>,
    kind: &str,
    owner: &str,
    limits: &[(String, i64)],
) -> Result<Answer, Failure> {
    for (name, value) in limits {
        session.put(&[kind, owner, name], &json!({ "value": value }))?.map_err(refused)?;
    }
    Ok(Answer::Done)
}

fn clear(
    session: &mut Session<'_>,
    kind: &str,
    owner: &str,
    names: &[&str],
) -> Result<Answer, Failure> {
    use crate::ctl::tools::client::ApiError;
    for name in names {
        match session.delete(&[kind, owner, name])? {
            // What is not there is cleared.
            Ok(_) | Err(ApiError::Missing(_)) => {}
            Err(error) => return Err(refused(error)),
        }
    }
    Ok(Answer::Done)
}

fn list_all(session: &mut Session<'_>, kind: &str, owner: &'static str) -> Result<Answer, Failure> {
    let found = session.list(&[kind])?;
    let columns = [Column::same(owner), Column::new("limits", "value").of(ColumnKind::Json)];
    Ok(Answer::Table(Table::of(&columns, &found)))
}

/// The limits of one owner as a document on one line; `none` when there are none.
fn one(session: &mut Session<'_>, kind: &str, owner: &str, none: &str) -> Result<Answer, Failure> {
    let found = session.list(&[kind, owner])?;
    let limits = found.first().and_then(|entry| entry.get("value"));
    let text = limits.map_or_else(|| none.to_owned(), Value::to_string);
    let document = json!({ "node": session.call.node, "result": "ok", "value": text });
    Ok(Answer::Document { document, text })
}

fn user_there(session: &mut Session<'_>, user: &str) -> Result<(), Failure> {
    if session.is_there(&["users", user])? { Ok(()) } else { Err(no_user(user)) }
}

const VHOST_LIMITS: &[&str] = &["max-connections", "max-queues"];
const USER_LIMITS: &[&str] = &["max-channels", "max-connections"];
