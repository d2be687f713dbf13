//! Policies and the overrides of operators.

use serde_json::{Value, json};

use super::parameters::json_argument;
use super::vhosts::there;
use crate::ctl::tools::answer::{Answer, Table};
use crate::ctl::tools::call::Call;
use crate::ctl::tools::client::ApiError;
use crate::ctl::tools::failure::{Failure, code};
use crate::ctl::tools::session::{Session, refused};
use crate::ctl::tools::spec::{Column, ColumnKind, CommandSpec, Flag, Section::Policies};
use crate::ctl::tools::tool::Tool::{Diagnostics, Rabbitmqctl};

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("set_policy", Policies, "Makes a policy, or changes it", set_policy)
        .takes("<name> <pattern> <definition>")
        .flags(FLAGS)
        .says(|call| setting("policy", call)),
    CommandSpec::new("clear_policy", Policies, "Removes a policy", clear_policy)
        .takes("<name>")
        .says(|call| {
            format!("Clearing policy \"{}\" on vhost \"{}\" ...", call.argument(0), call.vhost())
        }),
    CommandSpec::new(
        "list_policies",
        Policies,
        "Lists the policies of a virtual host",
        list_policies,
    )
    .tools(&[Rabbitmqctl, Diagnostics])
    .says(|call| format!("Listing policies for vhost \"{}\" ...", call.vhost())),
    CommandSpec::new(
        "set_operator_policy",
        Policies,
        "Makes a policy of the operator, which others cannot exceed",
        set_operator_policy,
    )
    .takes("<name> <pattern> <definition>")
    .flags(FLAGS)
    .says(|call| setting("operator policy override", call)),
    CommandSpec::new(
        "clear_operator_policy",
        Policies,
        "Removes a policy of the operator",
        clear_operator_policy,
    )
    .takes("<name>")
    .says(|call| {
        let (name, vhost) = (call.argument(0), call.vhost());
        format!("Clearing operator policy \"{name}\" on vhost \"{vhost}\" ...")
    }),
    CommandSpec::new(
        "list_operator_policies",
        Policies,
        "Lists the operator's policies of a virtual host",
        list_operator_policies,
    )
    .tools(&[Rabbitmqctl, Diagnostics])
    .says(|call| format!("Listing operator policy overrides for vhost \"{}\" ...", call.vhost())),
];

const FLAGS: &[Flag] = &[
    Flag::text("priority", "priority", "The one with the highest number is in force (default 0)"),
    Flag::text(
        "apply-to",
        "what",
        "all, queues, classic_queues, quorum_queues, streams or exchanges",
    ),
];

const COLUMNS: &[Column] = &[
    Column::same("vhost"),
    Column::same("name"),
    Column::same("pattern"),
    Column::same("apply-to"),
    Column::same("definition").of(ColumnKind::Json),
    Column::same("priority"),
];

fn setting(what: &str, call: &Call) -> String {
    let (name, pattern, definition) = (call.argument(0), call.argument(1), call.argument(2));
    let priority = call.flag("priority").unwrap_or("0");
    let vhost = call.vhost();
    format!(
        "Setting {what} \"{name}\" for pattern \"{pattern}\" to \"{definition}\" with priority \
         \"{priority}\" for vhost \"{vhost}\" ..."
    )
}

fn set_policy(session: &mut Session<'_>) -> Result<Answer, Failure> {
    set(session, "policies")
}

fn set_operator_policy(session: &mut Session<'_>) -> Result<Answer, Failure> {
    set(session, "operator-policies")
}

fn clear_policy(session: &mut Session<'_>) -> Result<Answer, Failure> {
    clear(session, "policies")
}

fn clear_operator_policy(session: &mut Session<'_>) -> Result<Answer, Failure> {
    clear(session, "operator-policies")
}

fn list_policies(session: &mut Session<'_>) -> Result<Answer, Failure> {
    list(session, "policies")
}

fn list_operator_policies(session: &mut Session<'_>) -> Result<Answer, Failure> {
    list(session, "operator-policies")
}

fn set(session: &mut Session<'_>, kind: &str) -> Result<Answer, Failure> {
    let call = session.call;
    let (vhost, name) = (call.vhost(), call.argument(0));
    let definition = json_argument(call.argument(2))?;
    let priority = call.flag("priority").unwrap_or("0");
    let Ok(priority) = priority.parse::<i64>() else {
        let reason = format!("priority '{priority}' should be a whole number");
        return Err(Failure::argument(reason));
    };
    let body = json!({
        "pattern": call.argument(1),
        "definition": definition,
        "priority": priority,
        "apply-to": call.flag("apply-to").unwrap_or("all"),
    });
    match session.put(&[kind, vhost, name], &body)? {
        Ok(_) => Ok(Answer::Done),
        Err(error) => {
            there(session, vhost)?;
            Err(invalid(error))
        }
    }
}

fn clear(session: &mut Session<'_>, kind: &str) -> Result<Answer, Failure> {
    let (vhost, name) = (session.call.vhost(), session.call.argument(0));
    match session.delete(&[kind, vhost, name])? {
        Ok(_) => Ok(Answer::Done),
        Err(ApiError::Missing(_)) => {
            there(session, vhost)?;
            Err(not_set())
        }
        Err(error) => Err(refused(error)),
    }
}

fn list(session: &mut Session<'_>, kind: &str) -> Result<Answer, Failure> {
    let vhost = session.call.vhost();
    there(session, vhost)?;
    let found: Vec<Value> = session.list(&[kind, vhost])?;
    Ok(Answer::Table(Table::of(COLUMNS, &found)))
}

/// What the broker found wrong with a value.
pub(super) fn invalid(error: ApiError) -> Failure {
    match error {
        ApiError::Refused { status: 400, reason, .. }
            if !reason.starts_with("Validation failed") =>
        {
            Failure::told(code::UNAVAILABLE, format!("Validation failed\n\n{reason}\n"))
        }
        other => refused(other),
    }
}

pub(super) fn not_set() -> Failure {
    Failure::told(code::UNAVAILABLE, "Parameter does not exist")
}
