//! The policies of a virtual host at work: who changes them, and who hears of it.
//!
//! Everything that is in force is worked out when a thing is declared and again when the policies
//! change, never when it is used. [`Cell::apply_effective`] and [`Vhost::apply_effective`] are the places
//! where a change arrives.
//!
//! That nothing keeps old settings: policies are changed one at a time, and a change first swaps the set
//! and then visits everything in the table. A declaration reads the set while it holds the table's write
//! lock (exchanges) or once more after it has added the queue (queues): so it either sees the new set or
//! is in the table when the change looks through it.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::notices::{Actor, Occurrence, audit};
use super::policy::{ExchangeEffective, Policy, PolicyKind, PolicySet, QueueEffective};
use super::{Cell, Vhost, keeping, records};
use crate::base::{ExchangeName, PolicyName, QueueName, VhostName};
use crate::routing::Table;
use crate::store::{self, Change, Done};

/// See the module.
#[derive(Default)]
pub(super) struct Policies {
    current: RwLock<Arc<PolicySet>>,
    /// Held for a whole change.
    changing: Mutex<()>,
}

impl Policies {
    /// The set of this moment.
    pub(super) fn current(&self) -> Arc<PolicySet> {
        // The set is swapped as a whole: a panic leaves the old one or the new one.
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn swap(&self, set: PolicySet) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
    }
}

impl Vhost {
    /// The policies.
    #[must_use]
    pub fn policies(&self) -> Arc<PolicySet> {
        self.policies.current()
    }

    /// Puts a policy in the place of the one of its name; it is in force when this returns. `done` says
    /// when it is on disk.
    pub fn put_policy(&self, by: &Actor, kind: PolicyKind, policy: Policy, done: Done) {
        let ignored: Vec<_> = policy.definition.without_effect().collect();
        if !ignored.is_empty() {
            tracing::warn!(
                vhost = %self.name,
                policy = %policy.name,
                keys = ignored.join(", "),
                "the policy is set, and these keys have no effect in this version"
            );
        }
        let change = records::put_policy(&self.name, kind, &policy);
        self.change_policies(by, |set| set.put(kind, policy), vec![change], done);
    }

    /// Takes a policy away. Says whether it was there; if not, `done` is told at once.
    pub fn delete_policy(
        &self,
        by: &Actor,
        kind: PolicyKind,
        name: &PolicyName,
        done: Done,
    ) -> bool {
        let found = self.policies().get(kind, name).is_some();
        let (vhost, name) = (self.name.clone(), name.clone());
        let change = match kind {
            PolicyKind::User => Change::DeletePolicy { vhost, name: name.clone() },
            PolicyKind::Operator => Change::DeleteOperatorPolicy { vhost, name: name.clone() },
        };
        let remove = |set: &mut PolicySet| {
            set.remove(kind, &name);
        };
        self.change_policies(by, remove, if found { vec![change] } else { Vec::new() }, done);
        found
    }

    /// Policies of the definitions, before there is anything that they are for but the predeclared
    /// exchanges.
    pub(super) fn recover_policies(&self, policies: Vec<(PolicyKind, Policy)>) {
        let mut set = PolicySet::default();
        for (kind, policy) in policies {
            set.put(kind, policy);
        }
        self.policies.swap(set);
        self.change(|table| self.apply_to_exchanges(table));
    }

    /// What is in force for a queue now.
    pub(super) fn queue_effective(&self, cell: &Cell) -> QueueEffective {
        let info = cell.info();
        QueueEffective::new(&self.policies(), info.name.as_str(), &info.arguments)
    }

    /// Brings an exchange of the table up to date with the policies. Called under the table's write lock.
    pub(super) fn apply_effective(&self, table: &mut Table<Arc<Cell>>, name: &str) {
        let Some(exchange) = table.exchange(name) else { return };
        let effective = ExchangeEffective::new(&self.policies(), name, &exchange.arguments);
        table.set_policy_alternate(name, effective.alternate_by_policy().cloned());
    }

    fn apply_to_exchanges(&self, table: &mut Table<Arc<Cell>>) {
        let names: Vec<ExchangeName> = table.exchanges().map(|x| x.name.clone()).collect();
        // The default exchange finds queues by their names and has no policy.
        for name in names.iter().filter(|name| !name.is_empty()) {
            self.apply_effective(table, name.as_str());
        }
    }

    /// A queue, for whoever administers the virtual host.
    #[must_use]
    pub fn queue_of(&self, name: &QueueName) -> Option<Arc<Cell>> {
        self.table().queue(name.as_str()).cloned()
    }

    /// What is in force for an exchange now; `None` when there is no such exchange.
    #[must_use]
    pub fn exchange_effective(&self, name: &ExchangeName) -> Option<ExchangeEffective> {
        let name = name.as_str();
        let table = self.table();
        let exchange = table.exchange(name)?;
        Some(ExchangeEffective::new(&self.policies(), name, &exchange.arguments))
    }

    /// What the definitions have of the policies, to be taken away.
    pub(super) fn policies_stored(&self) -> Vec<Change> {
        let policies = self.policies();
        let of = |kind| policies.iter(kind).map(|policy| policy.name.clone()).collect::<Vec<_>>();
        let users = of(PolicyKind::User).into_iter();
        let users = users.map(|name| Change::DeletePolicy { vhost: self.name.clone(), name });
        let operators = of(PolicyKind::Operator)
            .into_iter()
            .map(|name| Change::DeleteOperatorPolicy { vhost: self.name.clone(), name });
        users.chain(operators).collect()
    }

    pub(super) fn change_policies(
        &self,
        by: &Actor,
        change: impl FnOnce(&mut PolicySet),
        changes: Vec<Change>,
        done: Done,
    ) {
        let told = policy_changes(&changes);
        self.swap_policies(by, change, (changes, &told), done);
        for what in &told {
            audit(by, what);
        }
    }

    fn swap_policies(
        &self,
        by: &Actor,
        change: impl FnOnce(&mut PolicySet),
        (changes, told): (Vec<Change>, &[Occurrence]),
        done: Done,
    ) {
        let _one_at_a_time = self.policies.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut set = PolicySet::clone(&self.policies());
        change(&mut set);
        keeping::keep_and_tell(&self.common, changes, done);
        self.policies.swap(set);
        for what in told {
            self.common.tell(by, || what.clone());
        }
        let cells: Vec<Arc<Cell>> = self.change(|table| {
            self.apply_to_exchanges(table);
            table.queues().map(|(_, cell)| Arc::clone(cell)).collect()
        });
        for cell in cells {
            cell.apply_effective(|| self.queue_effective(&cell));
        }
    }
}

/// What changes of policies come to.
fn policy_changes(changes: &[Change]) -> Vec<Occurrence> {
    let cleared = |kind, vhost: &VhostName, name: &PolicyName| {
        Some(Occurrence::PolicyCleared { kind, vhost: vhost.clone(), name: name.clone() })
    };
    let set = |kind, record: &store::Policy| {
        Some(Occurrence::PolicySet { kind, record: Box::new(record.clone()) })
    };
    let told = changes.iter().filter_map(|change| match change {
        Change::PutPolicy(record) => set(PolicyKind::User, record),
        Change::PutOperatorPolicy(record) => set(PolicyKind::Operator, &record.0),
        Change::DeletePolicy { vhost, name } => cleared(PolicyKind::User, vhost, name),
        Change::DeleteOperatorPolicy { vhost, name } => cleared(PolicyKind::Operator, vhost, name),
        _ => None,
    });
    told.collect()
}
