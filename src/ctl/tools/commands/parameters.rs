//! Runtime parameters, of a virtual host and of the whole broker.

use serde_json::{Value, json};

use super::policies::{invalid, not_set};
use super::vhosts::there;
use crate::ctl::tools::answer::{Answer, Table};
use crate::ctl::tools::client::ApiError;
use crate::ctl::tools::failure::{Failure, code};
use crate::ctl::tools::session::{Session, refused};
use crate::ctl::tools::spec::Section::{Configuration, Parameters};
use crate::ctl::tools::spec::{Column, ColumnKind, CommandSpec};
use crate::ctl::tools::tool::Tool::{Diagnostics, Rabbitmqctl};

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("set_parameter", Parameters, "Sets a parameter of a virtual host", set)
        .takes("<component> <name> <value>")
        .says(|call| {
            let (component, name) = (call.argument(0), call.argument(1));
            let (value, vhost) = (call.argument(2), call.vhost());
            format!(
                "Setting runtime parameter \"{name}\" for component \"{component}\" to \
                 \"{value}\" in vhost \"{vhost}\" ..."
            )
        }),
    CommandSpec::new("clear_parameter", Parameters, "Removes a parameter of a virtual host", clear)
        .takes("<component> <name>")
        .says(|call| {
            let (component, name, vhost) = (call.argument(0), call.argument(1), call.vhost());
            format!(
                "Clearing runtime parameter \"{name}\" for component \"{component}\" on vhost \
                 \"{vhost}\" ..."
            )
        }),
    CommandSpec::new("list_parameters", Parameters, "Lists the parameters of a virtual host", list)
        .tools(&[Rabbitmqctl, Diagnostics])
        .says(|call| format!("Listing runtime parameters for vhost \"{}\" ...", call.vhost())),
    CommandSpec::new(
        "set_global_parameter",
        Parameters,
        "Sets a parameter of the whole broker",
        set_global,
    )
    .takes("<name> <value>")
    .says(|call| {
        let (name, value) = (call.argument(0), call.argument(1));
        format!("Setting global runtime parameter \"{name}\" to \"{value}\" ...")
    }),
    CommandSpec::new(
        "clear_global_parameter",
        Parameters,
        "Removes a parameter of the whole broker",
        clear_global,
    )
    .takes("<name>")
    .says(|call| format!("Clearing global runtime parameter \"{}\" ...", call.argument(0))),
    CommandSpec::new(
        "list_global_parameters",
        Parameters,
        "Lists the parameters of the whole broker",
        list_global,
    )
    .tools(&[Rabbitmqctl, Diagnostics])
    .says(|_| "Listing global runtime parameters ...".to_owned()),
    CommandSpec::new("set_cluster_name", Configuration, "Names the cluster", set_cluster_name)
        .takes("<name>")
        .says(|call| format!("Setting cluster name to {} ...", call.argument(0))),
];

const COLUMNS: &[Column] =
    &[Column::same("component"), Column::same("name"), Column::same("value").of(ColumnKind::Json)];

fn set(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let call = session.call;
    let (component, vhost, name) = (call.argument(0), call.vhost(), call.argument(1));
    let body = json!({ "value": json_argument(call.argument(2))? });
    match session.put(&["parameters", component, vhost, name], &body)? {
        Ok(_) => Ok(Answer::Done),
        Err(error) => {
            there(session, vhost)?;
            Err(invalid(error))
        }
    }
}

fn clear(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let call = session.call;
    let (component, vhost, name) = (call.argument(0), call.vhost(), call.argument(1));
    let cleared = session.delete(&["parameters", component, vhost, name])?;
    removed(cleared.map(|_| ()))
}

fn list(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let vhost = session.call.vhost();
    there(session, vhost)?;
    // The API lists by component; one virtual host of all components is picked here.
    let all = session.list(&["parameters"])?;
    let inside = |item: &Value| item["vhost"].as_str().is_none_or(|found| found == vhost);
    let found: Vec<Value> = all.into_iter().filter(inside).collect();
    Ok(Answer::Table(Table::of(COLUMNS, &found)))
}

fn set_global(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let name = session.call.argument(0);
    let body = json!({ "name": name, "value": json_argument(session.call.argument(1))? });
    session.put(&["global-parameters", name], &body)?.map_err(invalid)?;
    Ok(Answer::Done)
}

fn clear_global(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let cleared = session.delete(&["global-parameters", session.call.argument(0)])?;
    removed(cleared.map(|_| ()))
}

fn list_global(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let found = session.list(&["global-parameters"])?;
    Ok(Answer::Table(Table::of(&COLUMNS[1..], &found)))
}

fn set_cluster_name(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let body = json!({ "name": session.call.argument(0) });
    session.put(&["cluster-name"], &body)?.map_err(refused)?;
    Ok(Answer::Done)
}

fn removed(result: Result<(), ApiError>) -> Result<Answer, Failure> {
    match result {
        Ok(()) => Ok(Answer::Done),
        Err(ApiError::Missing(_)) => Err(not_set()),
        Err(error) => Err(refused(error)),
    }
}

/// A document on the command line.
pub(super) fn json_argument(text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text)
        .map_err(|_| Failure::told(code::UNAVAILABLE, "JSON decoding error. Reason: badarg"))
}
