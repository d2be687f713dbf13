//! Which policies are in force for a thing.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::definition::PolicyKind;
use super::parse::Policy;
use super::settings::QueueType;
use crate::base::PolicyName;

/// The policies of one virtual host. A copy is cheap as long as there are few.
#[derive(Clone, Debug, Default)]
pub struct PolicySet {
    user: BTreeMap<PolicyName, Arc<Policy>>,
    operator: BTreeMap<PolicyName, Arc<Policy>>,
}

/// A thing that policies are for.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// A queue of this name and type.
    Queue(&'a str, QueueType),
    /// An exchange of this name.
    Exchange(&'a str),
}

/// The two policies in force.
#[derive(Clone, Debug, Default)]
pub struct Matched {
    /// The users'.
    pub policy: Option<Arc<Policy>>,
    /// The operator's.
    pub operator_policy: Option<Arc<Policy>>,
}

impl PolicySet {
    /// Puts a policy in the place of the one of its name.
    pub fn put(&mut self, kind: PolicyKind, policy: Policy) {
        self.list_mut(kind).insert(policy.name.clone(), Arc::new(policy));
    }

    /// Takes a policy away; whether it was there.
    pub fn remove(&mut self, kind: PolicyKind, name: &PolicyName) -> bool {
        self.list_mut(kind).remove(name).is_some()
    }

    /// A policy.
    #[must_use]
    pub fn get(&self, kind: PolicyKind, name: &PolicyName) -> Option<&Arc<Policy>> {
        self.list(kind).get(name)
    }

    /// All policies of a kind in the order of their names.
    pub fn iter(&self, kind: PolicyKind) -> impl Iterator<Item = &Arc<Policy>> {
        self.list(kind).values()
    }

    /// Whether there are none at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.user.is_empty() && self.operator.is_empty()
    }

    /// The policies in force for a thing.
    #[must_use]
    pub fn matching(&self, subject: Subject<'_>) -> Matched {
        Matched {
            policy: highest(&self.user, subject),
            operator_policy: highest(&self.operator, subject),
        }
    }

    fn list(&self, kind: PolicyKind) -> &BTreeMap<PolicyName, Arc<Policy>> {
        match kind {
            PolicyKind::User => &self.user,
            PolicyKind::Operator => &self.operator,
        }
    }

    fn list_mut(&mut self, kind: PolicyKind) -> &mut BTreeMap<PolicyName, Arc<Policy>> {
        match kind {
            PolicyKind::User => &mut self.user,
            PolicyKind::Operator => &mut self.operator,
        }
    }
}

fn highest(
    policies: &BTreeMap<PolicyName, Arc<Policy>>,
    subject: Subject<'_>,
) -> Option<Arc<Policy>> {
    let mut best: Option<&Arc<Policy>> = None;
    for policy in policies.values().filter(|policy| is_for(policy, subject)) {
        // Only a higher one takes the place: of equal ones the first by name stays.
        if best.is_none_or(|best| policy.priority > best.priority) {
            best = Some(policy);
        }
    }
    best.cloned()
}

fn is_for(policy: &Policy, subject: Subject<'_>) -> bool {
    match subject {
        Subject::Queue(name, queue_type) => {
            policy.apply_to.queues_of(queue_type)
                && policy.definition.suits(queue_type)
                && policy.pattern.matches(name)
        }
        Subject::Exchange(name) => policy.apply_to.exchanges() && policy.pattern.matches(name),
    }
}
