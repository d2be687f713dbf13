//! From bytes to a changed broker.

use super::document::Document;
use std::sync::Arc;

use super::plan::{Action, Plan, State, plan};
use super::{DefinitionsError, Fault, Section};
use crate::base::{QueueName, VhostName};
use crate::broker::{Actor, Broker, Cell, Rehearsal, TogetherError};
use crate::store::Change;

/// What an import is to do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ImportOptions {
    /// Into this virtual host; `None` for the whole broker, or what the document says.
    pub vhost: Option<VhostName>,
    /// Only says what it would do. What could not be done is an error all the same.
    pub dry_run: bool,
    /// Deletes what the document does not have, in the lists that it has.
    pub prune: bool,
    /// Who asks for it, for events and the audit.
    pub by: Actor,
}

/// What an import did, or would do.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    /// Step by step.
    pub plan: Plan,
    /// Whether it was done.
    pub done: bool,
    /// What could not be done after all, because somebody else changed the broker at the same time.
    pub problems: Vec<String>,
}

/// Imports a document: all of it, on disk and in force when this returns, or nothing.
///
/// Waits for the disk and works on the whole document: a caller on a thread that must not block gives it
/// to one that may, and is to let it run to its end.
///
/// # Errors
/// [`DefinitionsError`]; then nothing is changed.
pub fn import(
    broker: &Broker,
    bytes: &[u8],
    options: &ImportOptions,
) -> Result<Report, DefinitionsError> {
    let document = Document::parse(bytes, options.vhost.as_ref())?;
    let definitions = broker.definitions();
    if let Some(vhost) = document.scope.as_ref().filter(|name| definitions.vhost(name).is_none()) {
        let text = format!("vhost '{vhost}' not found: create it before you import into it");
        return Err(DefinitionsError::Vhost(text));
    }
    let state = State { definitions, default_queue_type: broker.default_queue_type() };
    let mut plan = plan(&document, &state, options.prune)?;
    count_messages(broker, &mut plan);
    let (changes, places): (Vec<Change>, Vec<String>) = plan.changes().into_iter().unzip();
    if options.dry_run {
        let gone = Rehearsal::on(broker).go_through(&changes);
        gone.map_err(|(number, why)| fault(&places, number, why))?;
        return Ok(Report { plan, done: false, problems: Vec::new() });
    }
    if changes.is_empty() {
        return Ok(Report { plan, done: true, problems: Vec::new() });
    }
    let problems = broker.change_together(&options.by, changes).map_err(|error| match error {
        TogetherError::Refused { number, why } => fault(&places, number, why),
        TogetherError::Store(error) => DefinitionsError::Store(error),
        TogetherError::Ended => DefinitionsError::Vhost(error.to_string()),
    })?;
    let count = |action| plan.count(action);
    let summary = format!(
        "{} added, {} changed, {} deleted",
        count(Action::Add),
        count(Action::Change),
        count(Action::Delete)
    );
    broker.audit_import(&options.by, options.vhost.as_ref(), &summary);
    Ok(Report { plan, done: true, problems })
}

/// What an import into an empty broker would do.
///
/// # Errors
/// [`DefinitionsError`] of what it could not.
pub fn check(bytes: &[u8]) -> Result<Plan, DefinitionsError> {
    let document = Document::parse(bytes, None)?;
    let plan = plan(&document, &State::default(), false)?;
    let (changes, places): (Vec<Change>, Vec<String>) = plan.changes().into_iter().unzip();
    let mut rehearsal = Rehearsal::on_nothing(document.scope.as_ref());
    let gone = rehearsal.go_through(&changes);
    gone.map_err(|(number, why)| fault(&places, number, why))?;
    Ok(plan)
}

/// Whoever deletes queues wants to know what is in them.
fn count_messages(broker: &Broker, plan: &mut Plan) {
    let deleted = plan.steps.iter_mut().filter(|step| step.action == Action::Delete);
    for step in deleted {
        let vhost = match (step.section, &step.vhost) {
            (Section::Queue, Some(vhost)) => vhost.as_str(),
            (Section::Vhost, _) => step.name.as_str(),
            _ => continue,
        };
        let vhost = VhostName::try_from(vhost).ok().and_then(|name| broker.vhost(&name));
        let Some(vhost) = vhost else { continue };
        let cells: Vec<Arc<Cell>> = if step.section == Section::Vhost {
            vhost.cells()
        } else {
            let name = QueueName::try_from(step.name.as_str()).ok();
            name.and_then(|name| vhost.queue_of(&name)).into_iter().collect()
        };
        let reports = cells.iter().map(Cell::report);
        step.messages = reports.map(|report| report.ready + report.unacknowledged).sum();
    }
}

fn fault(places: &[String], number: usize, why: String) -> DefinitionsError {
    let place = places.get(number).cloned().unwrap_or_default();
    Fault::new(place, why).into()
}
