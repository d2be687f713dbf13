//! Why a queue or a connection does not move.

use serde_json::Value;

use crate::ctl::tools::answer::{Answer, Table};
use crate::ctl::tools::call::Call;
use crate::ctl::tools::client::ApiError;
use crate::ctl::tools::failure::{Failure, code};
use crate::ctl::tools::format::Form;
use crate::ctl::tools::session::{Session, refused};
use crate::ctl::tools::spec::Section::Monitoring;
use crate::ctl::tools::spec::{Column, CommandSpec};
use crate::ctl::tools::tool::Tool::{Diagnostics, Rabbitmqctl};

pub(super) const COMMANDS: &[CommandSpec] = &[CommandSpec::new(
    "explain",
    Monitoring,
    "Says why a queue or a connection does not move, since when, and what would change it",
    explain,
)
.takes("<queue|connection> <name>")
.checks(|call| Kind::of(call).map(|_| ()))
.tools(&[Rabbitmqctl, Diagnostics])
.says(|call| match Kind::of(call) {
    Ok(Kind::Queue) => {
        format!("Explaining queue '{}' in vhost '{}' ...", call.argument(1), call.vhost())
    }
    _ => format!("Explaining connection '{}' ...", call.argument(1)),
})];

const COLUMNS: &[Column] = &[
    Column::same("severity"),
    Column::same("name"),
    Column::same("since"),
    Column::same("cause"),
    Column::same("fix"),
];

/// What is explained.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Queue,
    Connection,
}

impl Kind {
    fn of(call: &Call) -> Result<Self, Failure> {
        match call.argument(0) {
            "queue" => Ok(Self::Queue),
            "connection" => Ok(Self::Connection),
            other => Err(Failure::argument(format!(
                "'{other}' cannot be explained: queue or connection is expected"
            ))),
        }
    }
}

fn explain(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let (kind, name, vhost) =
        (Kind::of(session.call)?, session.call.argument(1), session.call.vhost());
    let found = match kind {
        Kind::Queue => session.get(&["haremq", "explain", "queue", vhost, name])?,
        Kind::Connection => session.get(&["haremq", "explain", "connection", name])?,
    };
    let document = match found {
        Ok(document) => document,
        Err(ApiError::Missing(_)) => {
            let text = match kind {
                Kind::Queue => format!("there is no queue '{name}' in vhost '{vhost}'"),
                Kind::Connection => format!(
                    "there is no connection '{name}': list_connections name shows the names"
                ),
            };
            return Err(Failure::told(code::UNAVAILABLE, text));
        }
        Err(error) => return Err(refused(error)),
    };
    if session.call.form == Form::Json {
        let text = document["summary"].as_str().unwrap_or_default().to_owned();
        return Ok(Answer::Document { document, text });
    }
    let findings = document["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    if findings.is_empty() {
        return Ok(Answer::Text(document["summary"].as_str().unwrap_or_default().to_owned()));
    }
    let rows: Vec<Value> = findings.to_vec();
    Ok(Answer::Table(Table::of(COLUMNS, &rows)))
}
