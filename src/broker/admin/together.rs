//! Many changes as one: all of them or none.
//!
//! They are rehearsed, given to the disk as one request, and made when the disk has them. So a broker
//! that ends in between has all of them at its next start, and one whose disk refuses has none, neither
//! there nor at work. What comes into the way after the rehearsal (somebody else deletes the virtual host
//! meanwhile) wins and is said.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::channel;

use super::rehearsal::{Rehearsal, declare};
use crate::base::VhostName;
use crate::broker::default_type::of_default_type;
use crate::broker::notices::{Actor, Asked, Occurrence};
use crate::broker::policy::{PolicyKind, QueueEffective, QueueType};
use crate::broker::unique::FromLog;
use crate::broker::{
    AccountError, Broker, Cell, Envelope, QueueInfo, UserLimits, Vhost, VhostLimits, keeping,
    limits, records,
};
use crate::queue::{Command, DeleteCondition};
use crate::routing::{self, Table};
use crate::store::{self, Change, Done, QueueNumber, StoreError};

/// Why none of the changes was made.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TogetherError {
    /// One of them cannot be made.
    #[error("{why}")]
    Refused {
        /// Its number, from 0.
        number: usize,
        /// Why.
        why: String,
    },
    /// The disk does not take them.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store ended before it answered.
    #[error("the store of definitions ended before it stored the changes")]
    Ended,
}

impl Broker {
    /// Makes all of these changes, in the order: what is deleted, then virtual hosts, users and what they
    /// may do, limits, policies, exchanges, queues, bindings. The queue numbers of the records are given
    /// here. An exchange or queue that is there stays as it is.
    ///
    /// Waits for the disk: a caller that must not block asks a thread of its own. Returns what could not
    /// be made after all, because somebody else changed the broker meanwhile.
    ///
    /// # Errors
    /// [`TogetherError`]; then nothing is changed.
    pub fn change_together(
        &self,
        by: &Actor,
        mut changes: Vec<Change>,
    ) -> Result<Vec<String>, TogetherError> {
        for change in &mut changes {
            if let Change::PutQueue(queue) = change {
                queue.number = self.common().next_queue_number(queue.durable).0;
            }
        }
        let mut rehearsal = Rehearsal::on(self);
        let gone = rehearsal.go_through(&changes);
        gone.map_err(|(number, why)| TogetherError::Refused { number, why })?;
        let (told, hears) = channel();
        let done: Done = Box::new(move |result| {
            // Nobody hears it when the caller's thread is gone.
            let _ = told.send(result);
        });
        let (stored, mut all) = rehearsal.into_stored();
        keeping::keep_and_tell(self.common(), stored, done);
        hears.recv().map_err(|_| TogetherError::Ended)??;
        // What was asked for goes over what new virtual hosts are given.
        all.extend(changes);
        Ok(self.make(by, all))
    }

    fn make(&self, by: &Actor, changes: Vec<Change>) -> Vec<String> {
        // Whoever asked for all of it writes the line of the audit.
        let by = &by.in_parts();
        let mut problems = Vec::new();
        let mut sorted = Sorted::default();
        for change in changes {
            sorted.add(change);
        }
        for change in sorted.hosts_and_users {
            self.make_one(by, change, &mut problems);
        }
        self.make_accounts(by, sorted.accounts, &mut problems);
        for change in sorted.limits {
            self.make_limits(by, change);
        }
        for (name, objects) in sorted.vhosts {
            match self.vhost(&name) {
                Some(vhost) => vhost.make(by, &objects, &mut problems),
                None => problems.push(format!("vhost '{name}' not found")),
            }
        }
        problems
    }

    fn make_one(&self, by: &Actor, change: Change, problems: &mut Vec<String>) {
        match change {
            Change::PutVhost(record) => {
                let put = self.put_rehearsed_vhost(by, record, said());
                problems.extend(put.err().map(|error| error.to_string()));
            }
            Change::DeleteVhost { name } => {
                let gone = self.delete_vhost(by, &name, said());
                problems.extend(gone.err().map(|error| error.to_string()));
            }
            Change::DeleteUser { name } => {
                let gone = self.delete_user(by, &name, said());
                problems.extend(gone.err().map(|error| error.to_string()));
            }
            _ => {}
        }
    }

    fn make_accounts(&self, by: &Actor, changes: Vec<Change>, problems: &mut Vec<String>) {
        let all = |changes: Vec<Change>| {
            self.change_accounts::<(), AccountError>(by, said(), |_| Ok((changes, ())))
        };
        if changes.is_empty() || all(changes.clone()).is_ok() {
            return;
        }
        // Somebody took one of them the ground away: the others are made all the same.
        for change in changes {
            problems.extend(all(vec![change]).err().map(|error| error.to_string()));
        }
    }

    fn make_limits(&self, by: &Actor, change: Change) {
        match change {
            Change::PutVhostLimits(store::VhostLimits { vhost, max_connections, max_queues }) => {
                let max_connections = limits::limit(max_connections);
                let max_queues = limits::limit(max_queues);
                self.set_vhost_limits(
                    by,
                    vhost,
                    VhostLimits { max_connections, max_queues },
                    said(),
                );
            }
            Change::DeleteVhostLimits { vhost } => {
                self.set_vhost_limits(by, vhost, VhostLimits::default(), said());
            }
            Change::PutUserLimits(store::UserLimits { user, max_connections, max_channels }) => {
                let max_connections = limits::limit(max_connections);
                let max_channels = limits::limit(max_channels);
                self.set_user_limits(
                    by,
                    user,
                    UserLimits { max_connections, max_channels },
                    said(),
                );
            }
            Change::DeleteUserLimits { user } => {
                self.set_user_limits(by, user, UserLimits::default(), said());
            }
            _ => {}
        }
    }
}

/// The record of a queue whose type nobody said, with the default one when it may be of that type.
#[must_use]
pub fn with_default_type(default: Option<QueueType>, record: &store::Queue) -> store::Queue {
    let arguments = of_default_type(default, &declare(record)).into_owned().arguments;
    store::Queue { arguments, ..record.clone() }
}

/// Changes by who makes them.
#[derive(Default)]
struct Sorted {
    hosts_and_users: Vec<Change>,
    accounts: Vec<Change>,
    limits: Vec<Change>,
    vhosts: BTreeMap<VhostName, Vec<Change>>,
}

impl Sorted {
    fn add(&mut self, change: Change) {
        let vhost = match &change {
            Change::PutVhost(_) | Change::DeleteVhost { .. } | Change::DeleteUser { .. } => {
                return self.hosts_and_users.push(change);
            }
            Change::PutUser(_)
            | Change::PutPermission(_)
            | Change::DeletePermission { .. }
            | Change::PutTopicPermission(_)
            | Change::DeleteTopicPermission { .. }
            | Change::PutParameter(_)
            | Change::DeleteParameter { .. }
            | Change::PutGlobalParameter(_)
            | Change::DeleteGlobalParameter { .. } => return self.accounts.push(change),
            Change::PutVhostLimits(_)
            | Change::DeleteVhostLimits { .. }
            | Change::PutUserLimits(_)
            | Change::DeleteUserLimits { .. } => return self.limits.push(change),
            Change::PutPolicy(record)
            | Change::PutOperatorPolicy(store::OperatorPolicy(record)) => &record.vhost,
            Change::PutExchange(record) => &record.vhost,
            Change::PutQueue(record) => &record.vhost,
            Change::PutBinding(record) | Change::DeleteBinding(record) => &record.vhost,
            Change::DeleteBindingsOf(of) => &of.vhost,
            Change::DeletePolicy { vhost, .. }
            | Change::DeleteOperatorPolicy { vhost, .. }
            | Change::DeleteExchange { vhost, .. }
            | Change::DeleteQueue { vhost, .. } => vhost,
        };
        self.vhosts.entry(vhost.clone()).or_default().push(change);
    }
}

impl Vhost {
    fn make(self: &Arc<Self>, by: &Actor, changes: &[Change], problems: &mut Vec<String>) {
        self.make_policies(by, changes);
        let policies = self.policies();
        let mut cells = Vec::new();
        for change in changes {
            match change {
                Change::DeleteQueue { name, .. } => {
                    self.queue_of(name).iter().for_each(delete);
                }
                Change::PutQueue(record) => {
                    let cell = self.new_cell(record);
                    cells.push(cell);
                }
                _ => {}
            }
        }
        let mut new = cells.iter();
        self.change(|table| {
            if let Err(refused) = self.check_alive() {
                return problems.push(refused.text);
            }
            let mut stored = Vec::new();
            for change in changes {
                let cell = if matches!(change, Change::PutQueue(_)) { new.next() } else { None };
                if let Err(why) = self.make_in(by, table, change, cell, &mut stored) {
                    problems.push(why);
                }
            }
            // The disk has it; whoever changed something in between is not to have the last word there
            // and not here.
            keeping::keep_and_tell(&self.common, stored, said());
        });
        if !Arc::ptr_eq(&policies, &self.policies()) {
            for cell in cells {
                cell.apply_effective(|| self.queue_effective(&cell));
            }
        }
    }

    fn make_policies(&self, by: &Actor, changes: &[Change]) {
        let ours = |change: &&Change| {
            matches!(
                change,
                Change::PutPolicy(_)
                    | Change::PutOperatorPolicy(_)
                    | Change::DeletePolicy { .. }
                    | Change::DeleteOperatorPolicy { .. }
            )
        };
        let changes: Vec<Change> = changes.iter().filter(ours).cloned().collect();
        if changes.is_empty() {
            return;
        }
        let all = changes.clone();
        self.change_policies(
            by,
            |set| {
                for change in all {
                    let (kind, record) = match change {
                        Change::PutPolicy(record) => (PolicyKind::User, record),
                        Change::PutOperatorPolicy(record) => (PolicyKind::Operator, record.0),
                        Change::DeletePolicy { name, .. } => {
                            set.remove(PolicyKind::User, &name);
                            continue;
                        }
                        Change::DeleteOperatorPolicy { name, .. } => {
                            set.remove(PolicyKind::Operator, &name);
                            continue;
                        }
                        _ => continue,
                    };
                    // The rehearsal read it.
                    if let Ok(policy) = records::to_policy(kind, &record) {
                        set.put(kind, policy);
                    }
                }
            },
            changes,
            said(),
        );
    }

    fn new_cell(self: &Arc<Self>, record: &store::Queue) -> Arc<Cell> {
        let info = QueueInfo {
            id: self.common.next_queue_id(),
            name: record.name.clone(),
            durable: record.durable,
            exclusive: None,
            auto_delete: record.auto_delete,
            arguments: record.arguments.clone(),
            number: QueueNumber(record.number),
            delays: None,
        };
        let effective =
            QueueEffective::new(&self.policies(), record.name.as_str(), &record.arguments);
        Cell::new(
            info,
            effective,
            Arc::downgrade(self),
            Arc::clone(&self.common),
            FromLog::default(),
        )
    }

    /// One change of the table; what the disk must hear of it goes to `stored`.
    fn make_in(
        self: &Arc<Self>,
        by: &Actor,
        table: &mut Table<Arc<Cell>>,
        change: &Change,
        cell: Option<&Arc<Cell>>,
        stored: &mut Vec<Change>,
    ) -> Result<(), String> {
        let removed = match (change, cell) {
            (Change::PutExchange(record), _) => {
                let exchange = records::to_exchange(record).map_err(|error| error.to_string())?;
                let name = record.name.as_str();
                let was_there = table.exchange(name).is_some();
                let declared = self.declare_in(table, exchange);
                if was_there {
                    // Somebody else's stands here now, so the disk is to have that. What it remembers of
                    // duplicates is the price of this coincidence: it gets a new number at the next start.
                    let (theirs, delays) = (table.exchange(name), table.delay_queue(name));
                    let delays = delays.map(|cell| &**cell);
                    let put = theirs
                        .map(|theirs| keeping::put_exchange(&self.name, theirs, None, delays));
                    let (vhost, name) = (self.name.clone(), record.name.clone());
                    stored.push(Change::DeleteExchange { vhost, name });
                    stored.extend(put.into_iter().flatten());
                } else if let Some(exchange) = table.exchange(name) {
                    self.tell_exchange(by, exchange);
                }
                stored.extend(declared.map_err(|error| error.to_string())?);
                return Ok(());
            }
            (Change::PutQueue(record), Some(cell)) => {
                if table.add_queue(record.name.clone(), Arc::clone(cell)) {
                    self.common.limits.queue_added();
                    let (vhost, queue) = (&self.name, cell.info());
                    self.common.tell(by, || Occurrence::QueueCreated {
                        vhost: vhost.clone(),
                        queue: Box::new(queue.clone()),
                    });
                } else {
                    // Somebody else's stands here now, so the disk is to have that, with its number.
                    let (vhost, name) = (self.name.clone(), record.name.clone());
                    stored.push(Change::DeleteQueue { vhost, name });
                }
                let there = table.queue(record.name.as_str());
                let put = there.map(|there| keeping::put_queue(&self.name, there.info()));
                stored.extend(put.into_iter().flatten());
                return Ok(());
            }
            (Change::PutBinding(record), _) => {
                let binding = records::to_binding(record).map_err(|error| error.to_string())?;
                let put = keeping::put_binding(&self.name, table, &binding);
                let told = Box::new(binding.clone());
                let bound = table.bind(binding).map_err(|error| error.to_string())?;
                if bound == routing::Change::Added {
                    let vhost = self.name.clone();
                    self.common.tell(by, || Occurrence::BindingCreated { vhost, binding: told });
                    stored.extend(put);
                }
                return Ok(());
            }
            (Change::DeleteBinding(record), _) => {
                let binding = records::to_binding(record).map_err(|error| error.to_string())?;
                table.unbind(&binding)
            }
            (Change::DeleteExchange { name, .. }, _) => table.delete_exchange(name.as_str(), false),
            _ => return Ok(()),
        };
        let removed = removed.map_err(|error| error.to_string())?;
        let asked = match change {
            Change::DeleteExchange { name, .. } => Some((by, Asked::Exchange(name))),
            _ => None,
        };
        self.tell_removed(&removed, asked);
        self.histories.forget(&self.common, &removed);
        self.windows.forget(&removed);
        stored.extend(keeping::delete(&self.name, &removed, None));
        Ok(())
    }
}

fn delete(cell: &Arc<Cell>) {
    let command = Command::Delete { condition: DeleteCondition::default(), request: None };
    cell.enqueue(Envelope::Tell(command));
    cell.drive(cell.common().clock.now());
}

/// Somebody who only says that something was not stored.
fn said() -> Done {
    Box::new(|result| {
        if let Err(error) = result {
            tracing::error!(error = %error, "a change of definitions was not stored");
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{FieldTable, QueueName};
    use crate::broker::{BrokerStorage, broker_over};
    use crate::store::{MemoryLog, MemoryMetadata};

    fn site() -> (Arc<Broker>, BrokerStorage) {
        let (metadata, log) = (Arc::new(MemoryMetadata::new()), Arc::new(MemoryLog::new()));
        let storage = BrokerStorage { metadata, log };
        (broker_over(&storage), storage)
    }

    fn slash() -> VhostName {
        VhostName::try_from("/").expect("short")
    }

    fn q(durable: bool, number: u64) -> Change {
        Change::PutQueue(store::Queue {
            vhost: slash(),
            name: QueueName::try_from("q").expect("short"),
            durable,
            auto_delete: false,
            arguments: FieldTable::EMPTY,
            number,
        })
    }

    fn numbers(storage: &BrokerStorage) -> Vec<u64> {
        storage.metadata.load().queues.values().map(|queue| queue.number).collect()
    }

    /// The moment after the disk took an import: somebody else declared the queue in between.
    fn meets(durable: bool) -> (Arc<Cell>, BrokerStorage) {
        let (broker, storage) = site();
        broker.change_together(&Actor::internal(), vec![q(durable, 0)]).expect("good");
        let ours = vec![q(true, 77)];
        storage.metadata.apply(ours.clone(), said());
        assert_eq!(numbers(&storage), [77]);
        assert_eq!(broker.make(&Actor::internal(), ours), Vec::<String>::new());
        let vhost = broker.vhost(&slash()).expect("it is there");
        (vhost.queue_of(&QueueName::try_from("q").expect("short")).expect("theirs"), storage)
    }

    #[test]
    fn a_queue_that_somebody_declared_meanwhile_keeps_its_number_on_disk() {
        let (theirs, storage) = meets(true);
        assert_ne!(theirs.info().number, QueueNumber(77));
        assert_eq!(numbers(&storage), [theirs.info().number.0]);
    }

    #[test]
    fn a_queue_that_somebody_declared_to_pass_is_not_there_after_a_restart() {
        let (theirs, storage) = meets(false);
        assert!(!theirs.info().is_stored());
        assert_eq!(numbers(&storage), Vec::<u64>::new());
    }

    #[test]
    fn a_virtual_host_that_is_gone_meanwhile_is_said() {
        let (broker, _) = site();
        broker.delete_vhost(&Actor::internal(), &slash(), said()).expect("deleted");
        assert_eq!(broker.make(&Actor::internal(), vec![q(true, 1)]), ["vhost '/' not found"]);
        let refused =
            broker.change_together(&Actor::internal(), vec![q(true, 0)]).expect_err("it is gone");
        assert_eq!(refused.to_string(), "vhost '/' not found");
    }
}
