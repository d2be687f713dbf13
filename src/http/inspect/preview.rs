//! What a policy would be in force for, before it is set.

use serde_json::{Map, Value, json};

use crate::base::limits::PREVIEW_NAMES_MAX;
use crate::base::{FieldTable, PolicyName};
use crate::broker::policy::{Policy, PolicyKind, PolicySet, Subject};
use crate::http::answer::Answer;
use crate::http::call::{Call, parse_name};
use crate::http::error::ApiError;
use crate::http::fields;
use crate::http::model::table_from_json;
use crate::http::route::Run::Now;
use crate::http::route::{Needs, Route};

pub(in crate::http) const ROUTES: &[Route] = &[Route::post(
    "/haremq/policies/preview",
    Needs::Management,
    "Which queues and exchanges a policy would match, and for which it would be in force",
    Now(preview),
)];

/// The name of a policy that has none yet: behind every name that somebody would give.
const UNNAMED: &str = "\u{10ffff}";

/// Keys of a policy.
const KEYS: [&str; 4] = ["pattern", "definition", "priority", "apply-to"];

/// The names of one kind.
#[derive(Default)]
struct Names {
    listed: Vec<Value>,
    total: usize,
    in_force: usize,
}

impl Names {
    fn add(&mut self, name: &str, wins: bool, other: Option<&PolicyName>) {
        self.total += 1;
        self.in_force += usize::from(wins);
        if self.listed.len() < PREVIEW_NAMES_MAX {
            self.listed.push(
                json!({ "name": name, "in_force": wins, "instead": other.map(PolicyName::as_str) }),
            );
        }
    }
}

fn preview(call: &Call) -> Result<Answer, ApiError> {
    let mut body = call.object()?;
    let vhost = fields::required_text(&body, "vhost")?;
    let vhost = call.broker().vhost(&parse_name("vhost", &vhost)?);
    let vhost = vhost.ok_or_else(ApiError::vhost_not_found)?;
    if !call.may_see(vhost.name()) {
        return Err(ApiError::not_authorised("User not authorised to access virtual host"));
    }
    let kind = match fields::truth(&body, "operator")? {
        Some(true) => PolicyKind::Operator,
        _ => PolicyKind::User,
    };
    let name = fields::text(&body, "name")?.filter(|name| !name.is_empty());
    let name: PolicyName = parse_name("name", name.as_deref().unwrap_or(UNNAMED))?;
    let priority = fields::integer(&body, "priority")?;
    body.retain(|key, value| KEYS.contains(&key.as_str()) && !value.is_null());
    if let Some(number) = priority {
        body.insert("priority".to_owned(), Value::from(number));
    }
    let has_none = body.get("definition").and_then(Value::as_object).is_none_or(Map::is_empty);
    if has_none {
        // Something that queues of every type know.
        body.insert("definition".to_owned(), json!({ "max-length": 1 }));
    }
    let table: FieldTable = table_from_json(Some(&Value::Object(body)))
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    let policy = Policy::parse(kind, name.clone(), &table);
    let policy = policy.map_err(|error| ApiError::bad_request(error.to_string()))?;
    let (mut only, mut all) = (PolicySet::default(), (*vhost.policies()).clone());
    only.put(kind, policy.clone());
    all.put(kind, policy);
    let look = |subject: Subject<'_>, shown: &str, names: &mut Names| {
        if winner(&only, kind, subject).is_none() {
            return;
        }
        let winner = winner(&all, kind, subject);
        let wins = winner.as_ref() == Some(&name);
        names.add(shown, wins, winner.as_ref().filter(|_| !wins));
    };
    let (mut queues, mut exchanges) = (Names::default(), Names::default());
    let mut cells = vhost.list_queues();
    cells.sort_by(|a, b| a.info().name.cmp(&b.info().name));
    for cell in cells {
        let name = cell.info().name.as_str();
        look(Subject::Queue(name, cell.effective().queue_type), name, &mut queues);
    }
    let mut found = vhost.list_exchanges();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    // The default exchange has no policy.
    for exchange in found.iter().filter(|exchange| !exchange.name.is_empty()) {
        let name = exchange.name.as_str();
        look(Subject::Exchange(name), name, &mut exchanges);
    }
    let part = |names: Names| json!({ "total": names.total, "in_force": names.in_force, "names": names.listed });
    Ok(Answer::object(json!({
        "vhost": vhost.name().as_str(),
        "queues": part(queues),
        "exchanges": part(exchanges),
    })))
}

/// The policy of this kind that is in force.
fn winner(set: &PolicySet, kind: PolicyKind, subject: Subject<'_>) -> Option<PolicyName> {
    let matched = set.matching(subject);
    let policy = match kind {
        PolicyKind::User => matched.policy,
        PolicyKind::Operator => matched.operator_policy,
    };
    policy.map(|policy| policy.name.clone())
}
