//! Virtual hosts.

use serde_json::{Value, json};

use crate::ctl::tools::answer::{Answer, Table, words};
use crate::ctl::tools::client::ApiError;
use crate::ctl::tools::failure::{Failure, code};
use crate::ctl::tools::session::{Session, refused};
use crate::ctl::tools::spec::{Column, ColumnKind, CommandSpec, Flag, Section::Vhosts};
use crate::ctl::tools::tool::Tool::{Diagnostics, Rabbitmqctl};

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("add_vhost", Vhosts, "Makes a virtual host", add_vhost)
        .takes("<vhost>")
        .flags(METADATA)
        .says(|call| format!("Adding vhost \"{}\" ...", call.argument(0))),
    CommandSpec::new(
        "update_vhost_metadata",
        Vhosts,
        "Changes description, tags or default queue type",
        update_vhost,
    )
    .takes("<vhost>")
    .flags(METADATA)
    .says(|call| format!("Updating metadata of vhost \"{}\" ...", call.argument(0))),
    CommandSpec::new(
        "delete_vhost",
        Vhosts,
        "Deletes a virtual host with everything in it",
        delete_vhost,
    )
    .takes("<vhost>")
    .says(|call| format!("Deleting vhost \"{}\" ...", call.argument(0))),
    CommandSpec::new("list_vhosts", Vhosts, "Lists virtual hosts", list_vhosts)
        .lists(COLUMNS, &["name"])
        .tools(&[Rabbitmqctl, Diagnostics])
        .says(|_| "Listing vhosts ...".to_owned()),
    CommandSpec::new(
        "set_vhost_tags",
        Vhosts,
        "Replaces the tags of a virtual host",
        set_vhost_tags,
    )
    .takes("<vhost> [<tag> ...]")
    .says(|call| {
        let tags = call.arguments.get(1..).unwrap_or_default().join(", ");
        format!("Setting tags for virtual host \"{}\" to [{tags}] ...", call.argument(0))
    }),
    CommandSpec::new("restart_vhost", Vhosts, "Restarts a virtual host that failed", restart_vhost)
        .says(|call| {
            let (vhost, node) = (call.vhost(), &call.node);
            format!("Trying to restart vhost '{vhost}' on node '{node}' ...")
        }),
    CommandSpec::new(
        "trace_on",
        Vhosts,
        "Copies every message to the exchange amq.rabbitmq.trace",
        trace_on,
    )
    .says(|call| format!("Starting tracing for vhost \"{}\" ...", call.vhost())),
    CommandSpec::new("trace_off", Vhosts, "Ends trace_on", trace_off)
        .says(|call| format!("Stopping tracing for vhost \"{}\" ...", call.vhost())),
    CommandSpec::new(
        "enable_vhost_deletion_protection",
        Vhosts,
        "Refuses to delete a virtual host",
        protect,
    )
    .also(&["enable_vhost_protection_from_deletion"])
    .takes("<vhost>")
    .says(|call| format!("Protecting virtual host \"{}\" from removal ...", call.argument(0))),
    CommandSpec::new(
        "disable_vhost_deletion_protection",
        Vhosts,
        "Lets a virtual host be deleted again",
        unprotect,
    )
    .also(&["disable_vhost_protection_from_deletion"])
    .takes("<vhost>")
    .says(|call| format!("Removing protection from virtual host \"{}\" ...", call.argument(0))),
];

const METADATA: &[Flag] = &[
    Flag::text("description", "description", "What it is for"),
    Flag::text("tags", "tags", "Tags, parted by commas"),
    Flag::text("default-queue-type", "type", "The type of queues that are declared without one"),
];

const COLUMNS: &[Column] = &[
    Column::same("name"),
    Column::same("description"),
    Column::same("tags").of(ColumnKind::Words),
    Column::same("default_queue_type"),
    Column::same("tracing"),
    Column::same("cluster_state").of(ColumnKind::Arguments),
    Column::same("protected_from_deletion"),
];

fn add_vhost(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let vhost = session.call.argument(0);
    if vhost.is_empty() {
        return Err(Failure::argument("vhost cannot be an empty string"));
    }
    put(session, vhost, &metadata(session))
}

fn update_vhost(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let vhost = session.call.argument(0);
    there(session, vhost)?;
    put(session, vhost, &metadata(session))
}

fn delete_vhost(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let vhost = session.call.argument(0);
    match session.delete(&["vhosts", vhost])? {
        Ok(_) => Ok(Answer::Done),
        Err(ApiError::Missing(_)) => Err(no_vhost(vhost)),
        Err(error) => Err(refused(error)),
    }
}

fn list_vhosts(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let columns = session.call.columns()?;
    let vhosts = session.list(&["vhosts"])?;
    Ok(Answer::Table(Table::of(&columns, &vhosts)))
}

fn set_vhost_tags(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let vhost = session.call.argument(0);
    if !session.is_there(&["vhosts", vhost])? {
        let text = format!("Virtual host \"{vhost}\" does not exist");
        return Err(Failure::told(code::DATA, text));
    }
    let given = session.call.arguments.get(1..).unwrap_or_default();
    let tags: Vec<String> =
        given.iter().flat_map(|word| words(&Value::from(word.as_str()))).collect();
    put(session, vhost, &json!({ "tags": tags }))
}

fn restart_vhost(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let vhost = session.call.vhost();
    there(session, vhost)?;
    let node = &session.call.node;
    Ok(Answer::Text(format!("Vhost '{vhost}' is already running on node '{node}'")))
}

fn trace_on(session: &mut Session<'_>) -> Result<Answer, Failure> {
    trace(session, true, "enabled")
}

fn trace_off(session: &mut Session<'_>) -> Result<Answer, Failure> {
    trace(session, false, "disabled")
}

fn trace(session: &mut Session<'_>, tracing: bool, state: &str) -> Result<Answer, Failure> {
    let vhost = session.call.vhost();
    there(session, vhost)?;
    put(session, vhost, &json!({ "tracing": tracing }))?;
    Ok(Answer::Text(format!("Trace {state} for vhost {vhost}")))
}

fn protect(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let vhost = session.call.argument(0);
    there(session, vhost)?;
    put(session, vhost, &json!({ "protected_from_deletion": true }))
}

fn unprotect(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let vhost = session.call.argument(0);
    there(session, vhost)?;
    put(session, vhost, &json!({ "protected_from_deletion": false }))
}

/// Fields that are not named stay as they are.
fn put(session: &mut Session<'_>, vhost: &str, body: &Value) -> Result<Answer, Failure> {
    session.put(&["vhosts", vhost], body)?.map_err(refused)?;
    Ok(Answer::Done)
}

fn metadata(session: &Session<'_>) -> Value {
    let mut body = serde_json::Map::new();
    for (flag, key) in [
        ("description", "description"),
        ("tags", "tags"),
        ("default-queue-type", "default_queue_type"),
    ] {
        if let Some(value) = session.call.flag(flag) {
            body.insert(key.to_owned(), Value::from(value));
        }
    }
    Value::Object(body)
}

/// Fails when a virtual host does not exist.
pub(super) fn there(session: &mut Session<'_>, vhost: &str) -> Result<(), Failure> {
    if session.is_there(&["vhosts", vhost])? { Ok(()) } else { Err(no_vhost(vhost)) }
}

pub(super) fn no_vhost(vhost: &str) -> Failure {
    Failure::plain(code::DATA, format!("Virtual host '{vhost}' does not exist"))
}
