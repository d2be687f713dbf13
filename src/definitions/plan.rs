//! What an import would change: a function of the document and the definitions that are there.
//!
//! The rules are RabbitMQ's. Users, permissions, virtual hosts, parameters and policies of the document
//! take the place of those that are there; an exchange or queue that is there stays as it is, and the plan
//! says in what it differs. Nothing is deleted unless that is asked for, and then only in lists that the
//! document has.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::document::{Document, DocumentPassword, Placed, QueueSpec, UserPatch, VhostPatch};
use super::object::{Identity, Thing, all};
use super::parse_objects::IMPORTED_HASH;
use super::{Fault, Section};
use crate::access::{HashAlgorithm, PasswordHash, User};
use crate::base::VhostName;
use crate::broker::policy::QueueType;
use crate::broker::{user_record, with_default_type};
use crate::store::{self, Change, Definitions};

/// What the plan is compared with.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The broker's definitions.
    pub definitions: Definitions,
    /// The type of queues that are declared without one, where a virtual host says nothing about it.
    pub default_queue_type: Option<QueueType>,
}

/// What happens to a thing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Action {
    /// It is made.
    Add,
    /// It becomes what the document says.
    Change,
    /// It is not what the document says, and stays as it is.
    Keep,
    /// It is what the document says.
    Same,
    /// It is not in the document, and goes.
    Delete,
}

/// A field that is different. Hashes of passwords are not shown.
#[derive(Clone, PartialEq, Debug)]
pub struct Difference {
    /// Such as `arguments.x-max-length`.
    pub field: String,
    /// As it is.
    pub before: Option<Value>,
    /// As the document says.
    pub after: Option<Value>,
}

/// What happens to one thing.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    /// What happens.
    pub action: Action,
    /// What kind of thing.
    pub section: Section,
    /// Which.
    pub name: String,
    /// In which virtual host, when it is in one.
    pub vhost: Option<String>,
    /// Where it stands in the document; `None` for what is not in it.
    pub place: Option<String>,
    /// In what it differs.
    pub differences: Vec<Difference>,
    /// Messages that go with it, as far as the planner was told.
    pub messages: u64,
    /// What is done.
    pub(super) change: Option<Change>,
}

/// See the module.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Plan {
    /// By kind, then by name.
    pub steps: Vec<Step>,
    /// What was passed over, and where.
    pub warnings: Vec<String>,
}

impl Plan {
    /// How often something happens.
    #[must_use]
    pub fn count(&self, action: Action) -> usize {
        self.steps.iter().filter(|step| step.action == action).count()
    }

    /// Whether the broker is already what the document says, and what is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(|step| step.change.is_none())
    }

    /// The changes in the order in which they can be made, each with its place in the document.
    pub(super) fn changes(&self) -> Vec<(Change, String)> {
        let done = |step: &Step| {
            let place = step.place.clone();
            Some((step.change.clone()?, place.unwrap_or_else(|| step.title())))
        };
        let deleted = self.steps.iter().rev().filter(|step| step.action == Action::Delete);
        let put = self.steps.iter().filter(|step| step.action != Action::Delete);
        deleted.chain(put).filter_map(done).collect()
    }

    fn sort(&mut self) {
        self.steps
            .sort_by(|a, b| (a.section, &a.vhost, &a.name).cmp(&(b.section, &b.vhost, &b.name)));
    }
}

/// Compares. `prune` also deletes what the document does not have.
///
/// # Errors
/// [`Fault`] when the document says two different things about one.
pub fn plan(document: &Document, state: &State, prune: bool) -> Result<Plan, Fault> {
    let there: BTreeMap<Identity, (Thing, Change)> = all(&state.definitions)
        .into_iter()
        .filter_map(|change| Thing::of(&change).map(|thing| (thing, change)))
        .map(|(thing, change)| (thing.identity.clone(), (thing, change)))
        .collect();
    let mut planner = Planner { there, wanted: BTreeMap::new(), plan: Plan::default(), prune };
    planner.plan.warnings.clone_from(&document.warnings);
    let mut defaults = BTreeMap::new();
    for Placed { place, value } in &document.vhosts {
        let record = merged_vhost(value, &state.definitions);
        defaults.insert(record.name.clone(), default_type(&record));
        planner.want(place, Change::PutVhost(record))?;
    }
    let users = state.definitions.users.values();
    let users: BTreeMap<_, _> = users.map(|user| (&user.name, user)).collect();
    for Placed { place, value } in &document.users {
        let found = users.get(&value.name).map(|user| (*user).clone());
        let record = planner.user(place, value, found)?;
        planner.want(place, Change::PutUser(record))?;
    }
    for Placed { place, value } in &document.others {
        match value {
            Change::DeleteUserLimits { .. } | Change::DeleteVhostLimits { .. } => {
                planner.want_no_limits(place, value);
            }
            change => planner.want(place, change.clone())?,
        }
    }
    for Placed { place, value } in &document.queues {
        let vhost = &value.record.vhost;
        let here = || state.definitions.vhost(vhost).and_then(default_type);
        let default = defaults.get(vhost).copied().unwrap_or_else(here);
        planner.queue(place, value, default.or(state.default_queue_type))?;
    }
    if prune {
        planner.prune(document);
    }
    planner.plan.sort();
    Ok(planner.plan)
}

struct Planner {
    there: BTreeMap<Identity, (Thing, Change)>,
    /// Where it stands.
    wanted: BTreeMap<Identity, (String, Thing)>,
    plan: Plan,
    prune: bool,
}

impl Planner {
    fn want(&mut self, place: &str, change: Change) -> Result<(), Fault> {
        let Some(thing) = Thing::of(&change) else { return Ok(()) };
        if !self.is_new(place, &thing)? {
            return Ok(());
        }
        let (action, differences) = match self.there.get(&thing.identity) {
            None => (Action::Add, Vec::new()),
            Some((before, _)) => {
                let differences = differences(&before.object, &thing.object);
                let stays = matches!(thing.identity.section, Section::Exchange | Section::Queue);
                match (differences.is_empty(), stays) {
                    (true, _) => (Action::Same, differences),
                    (false, true) => (Action::Keep, differences),
                    (false, false) => (Action::Change, differences),
                }
            }
        };
        let change = matches!(action, Action::Add | Action::Change).then_some(change);
        self.step(action, &thing, Some(place.to_owned()), differences, change);
        Ok(())
    }

    /// Whether nothing of this identity was there before in the document.
    fn is_new(&mut self, place: &str, thing: &Thing) -> Result<bool, Fault> {
        let Some((first, same)) = self.wanted.get(&thing.identity) else {
            self.wanted.insert(thing.identity.clone(), (place.to_owned(), thing.clone()));
            return Ok(true);
        };
        if same.object == thing.object {
            // The limits of a virtual host stand in two lists of one export.
            if thing.identity.section != Section::VhostLimits {
                self.plan.warnings.push(format!("{place}: the same stands in {first}"));
            }
            return Ok(false);
        }
        let section = thing.identity.section.as_str();
        let text = format!("{first} says something else about the same {section}: take one away");
        Err(Fault::new(place, text))
    }

    fn queue(
        &mut self,
        place: &str,
        spec: &QueueSpec,
        default: Option<QueueType>,
    ) -> Result<(), Fault> {
        if spec.typed {
            return self.want(place, Change::PutQueue(spec.record.clone()));
        }
        // A document that does not say the type does not care of which the queue is that is there.
        let plain = Change::PutQueue(spec.record.clone());
        let there = Thing::of(&plain).and_then(|thing| self.there.get(&thing.identity));
        let default = match there.map(|(_, there)| there) {
            Some(Change::PutQueue(there)) => there
                .arguments
                .get(b"x-queue-type")
                .and_then(|name| QueueType::parse(name.as_text()?)),
            _ => default,
        };
        self.want(place, Change::PutQueue(with_default_type(default, &spec.record)))
    }

    fn want_no_limits(&mut self, place: &str, change: &Change) {
        let section_and_names = match change {
            Change::DeleteUserLimits { user } => (Section::UserLimits, user.to_string()),
            Change::DeleteVhostLimits { vhost } => (Section::VhostLimits, vhost.to_string()),
            _ => return,
        };
        let (section, name) = section_and_names;
        let identity = Identity { section, names: vec![name] };
        if let Some((thing, _)) = self.there.get(&identity).cloned() {
            self.wanted.entry(identity).or_insert_with(|| (place.to_owned(), thing.clone()));
            let (place, change) = (Some(place.to_owned()), Some(change.clone()));
            self.step(Action::Delete, &thing, place, Vec::new(), change);
        }
    }

    fn user(
        &mut self,
        place: &str,
        patch: &UserPatch,
        found: Option<store::User>,
    ) -> Result<store::User, Fault> {
        let tags = patch.tags.clone();
        let tags =
            tags.or_else(|| found.as_ref().map(|user| user.tags.clone())).unwrap_or_default();
        let hash = match (&patch.password, found) {
            (DocumentPassword::Hash(hash), _) => hash.clone(),
            (DocumentPassword::Unsaid, Some(found)) => {
                return Ok(store::User { tags, ..found });
            }
            (DocumentPassword::Unsaid, None) => {
                self.plan.warnings.push(format!(
                    "{place}: the user has neither password nor password_hash and cannot log in with one"
                ));
                None
            }
            (DocumentPassword::Plain(password), found) => {
                if let Some(found) = found.filter(|found| is_password(found, password)) {
                    return Ok(store::User { tags, ..found });
                }
                let user = User::with_password(patch.name.clone(), password.as_bytes(), tags);
                let user = user.map_err(|error| Fault::new(place, error.to_string()))?;
                return Ok(user_record(&user));
            }
        };
        let (name, hashing_algorithm) = (patch.name.clone(), patch.hashing_algorithm.clone());
        Ok(store::User { name, password_hash: hash, hashing_algorithm, tags })
    }

    fn prune(&mut self, document: &Document) {
        debug_assert!(self.prune, "nothing is deleted unless it is asked for");
        let scope = document.scope.as_ref().map(VhostName::as_str);
        let goes = |identity: &Identity, thing: &Thing| {
            document.sections.contains(&identity.section)
                && !self.wanted.contains_key(identity)
                && (scope.is_none() || thing.vhost.as_deref() == scope)
                && !is_internal(identity)
        };
        let gone: Vec<(Thing, Change)> = self
            .there
            .iter()
            .filter(|(identity, (thing, _))| goes(identity, thing))
            .map(|(_, gone)| gone.clone())
            .collect();
        let names = |section| {
            let of = gone.iter().filter(move |(thing, _)| thing.identity.section == section);
            of.map(|(thing, _)| thing.name.clone()).collect::<BTreeSet<_>>()
        };
        let (vhosts, users) = (names(Section::Vhost), names(Section::User));
        for (thing, change) in gone {
            // What is in a virtual host goes with it, and what a user may do with the user.
            let goes_along = thing.vhost.as_ref().is_some_and(|vhost| vhosts.contains(vhost))
                || thing.user.as_ref().is_some_and(|user| users.contains(user));
            if !goes_along {
                let delete = deletion(change);
                self.step(Action::Delete, &thing, None, Vec::new(), delete);
            }
        }
    }

    fn step(
        &mut self,
        action: Action,
        thing: &Thing,
        place: Option<String>,
        differences: Vec<Difference>,
        change: Option<Change>,
    ) {
        let (section, name) = (thing.identity.section, thing.name.clone());
        let vhost = thing.vhost.clone();
        let messages = 0;
        let step = Step { action, section, name, vhost, place, differences, messages, change };
        self.plan.steps.push(step);
    }
}

/// Notes of the broker, which no document has.
fn is_internal(identity: &Identity) -> bool {
    let name = identity.names.first().map_or("", String::as_str);
    identity.section == Section::GlobalParameter
        && (name == IMPORTED_HASH || name == "cluster_name" || name.starts_with("internal"))
}

fn default_type(vhost: &store::Vhost) -> Option<QueueType> {
    vhost.default_queue_type.as_deref().and_then(QueueType::parse)
}

fn merged_vhost(patch: &VhostPatch, there: &Definitions) -> store::Vhost {
    let before = there.vhost(&patch.name).cloned();
    let mut record = before.unwrap_or_else(|| store::Vhost::new(patch.name.clone()));
    if let Some(description) = &patch.description {
        record.description.clone_from(description);
    }
    if let Some(tags) = &patch.tags {
        record.tags.clone_from(tags);
    }
    if let Some(queue_type) = &patch.default_queue_type {
        record.default_queue_type = Some(queue_type.clone());
    }
    if let Some(protected) = patch.protected_from_deletion {
        record.protected_from_deletion = protected;
    }
    if let Some(tracing) = patch.tracing {
        record.tracing = tracing;
    }
    record
}

fn is_password(user: &store::User, password: &str) -> bool {
    let algorithm = HashAlgorithm::parse(&user.hashing_algorithm).ok();
    let hash = algorithm.zip(user.password_hash.as_deref());
    let hash = hash.and_then(|(algorithm, hash)| PasswordHash::parse(algorithm, hash).ok());
    hash.is_some_and(|hash| hash.matches(password.as_bytes()))
}

/// What takes away what a change put.
fn deletion(change: Change) -> Option<Change> {
    Some(match change {
        Change::PutVhost(record) => Change::DeleteVhost { name: record.name },
        Change::PutUser(record) => Change::DeleteUser { name: record.name },
        Change::PutUserLimits(record) => Change::DeleteUserLimits { user: record.user },
        Change::PutPermission(store::Permission { user, vhost, .. }) => {
            Change::DeletePermission { user, vhost }
        }
        Change::PutTopicPermission(store::TopicPermission { user, vhost, exchange, .. }) => {
            Change::DeleteTopicPermission { user, vhost, exchange }
        }
        Change::PutVhostLimits(record) => Change::DeleteVhostLimits { vhost: record.vhost },
        Change::PutParameter(store::Parameter { vhost, component, name, .. }) => {
            Change::DeleteParameter { vhost, component, name }
        }
        Change::PutGlobalParameter(record) => Change::DeleteGlobalParameter { name: record.name },
        Change::PutPolicy(store::Policy { vhost, name, .. }) => {
            Change::DeletePolicy { vhost, name }
        }
        Change::PutOperatorPolicy(store::OperatorPolicy(store::Policy { vhost, name, .. })) => {
            Change::DeleteOperatorPolicy { vhost, name }
        }
        Change::PutExchange(store::Exchange { vhost, name, .. }) => {
            Change::DeleteExchange { vhost, name }
        }
        Change::PutQueue(store::Queue { vhost, name, .. }) => Change::DeleteQueue { vhost, name },
        Change::PutBinding(record) => Change::DeleteBinding(record),
        _ => return None,
    })
}

/// The fields that are different, from the top to what is no object any more.
fn differences(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", before, after, &mut found);
    // RabbitMQ's own exports have these twice.
    let twice = |field: &str| field.starts_with("metadata.") || field == "type";
    let is_more = |found: &[Difference]| found.iter().any(|one| !twice(&one.field));
    if is_more(&found) {
        found.retain(|one| !one.field.starts_with("metadata."));
    }
    for one in found.iter_mut().filter(|one| one.field == "password_hash") {
        one.before = one.before.take().map(|_| "[hidden]".into());
        one.after = one.after.take().map(|_| "[hidden]".into());
    }
    found
}

fn compare(
    place: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    found: &mut Vec<Difference>,
) {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for key in keys {
        let field = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
        match (before.get(key), after.get(key)) {
            (Some(Value::Object(before)), Some(Value::Object(after))) => {
                compare(&field, before, after, found);
            }
            (before, after) if before == after || is_plain_type(&field, before, after) => {}
            (Some(before), Some(after)) if key == "tags" && sorted(before) == sorted(after) => {}
            (before, after) => {
                let (before, after) = (before.cloned(), after.cloned());
                found.push(Difference { field, before, after });
            }
        }
    }
}

/// The order of tags says nothing.
fn sorted(tags: &Value) -> Vec<&str> {
    let tags = tags.as_array().into_iter().flatten();
    let mut tags: Vec<&str> = tags.filter_map(Value::as_str).collect();
    tags.sort_unstable();
    tags
}

/// A queue that says nothing about its type is a classic one.
fn is_plain_type(field: &str, before: Option<&Value>, after: Option<&Value>) -> bool {
    let ((Some(only), None) | (None, Some(only))) = (before, after) else { return false };
    field == "arguments.x-queue-type" && only == "classic"
}

impl Step {
    /// It, as an error names it.
    #[must_use]
    pub fn title(&self) -> String {
        let Self { section, name, vhost, .. } = self;
        match vhost {
            Some(vhost) => format!("{} '{name}' in vhost '{vhost}'", section.as_str()),
            None => format!("{} '{name}'", section.as_str()),
        }
    }
}
