//! Virtual hosts come and go while the broker runs.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::Put;
use super::users::everything_in_vhost;
use crate::base::{UserName, VhostName};
use crate::broker::notices::{Actor, Asked, Occurrence};
use crate::broker::policy::QueueType;
use crate::broker::seeds::sow;
use crate::broker::{AccountError, Accounts, Broker, Cell, Envelope, Seeds, Vhost};
use crate::queue::{Command, DeleteCondition};
use crate::store::{self, Change, Done};

/// Why a virtual host is not created or deleted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum VhostError {
    /// There is none of that name.
    #[error("vhost '{0}' not found")]
    NotFound(VhostName),
    /// There are as many as there may be.
    #[error("cannot create vhost '{name}': vhost limit of {most} is reached")]
    TooMany {
        /// The one that was to come.
        name: VhostName,
        /// How many there may be.
        most: usize,
    },
    /// Somebody protected it.
    #[error("vhost '{0}' is protected from deletion: take the protection away first")]
    Protected(VhostName),
    /// Its records cannot be changed.
    #[error(transparent)]
    Account(#[from] AccountError),
}

impl Broker {
    /// Every virtual host, by name.
    #[must_use]
    pub fn all_vhosts(&self) -> Vec<Arc<Vhost>> {
        self.vhosts.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Puts a virtual host, or what is said about one that is there: its contents stay. A new one is given
    /// its seeds, which are stored with it.
    ///
    /// # Errors
    /// [`VhostError::TooMany`].
    pub fn put_vhost(
        &self,
        by: &Actor,
        record: store::Vhost,
        done: Done,
    ) -> Result<Put, VhostError> {
        let most = self.node_limits().max_vhosts;
        self.put_vhost_with(by, record, (most, &self.seeds), done)
    }

    /// As [`Self::put_vhost`] for one that was rehearsed: its seeds are among the changes that come with it.
    pub(super) fn put_rehearsed_vhost(
        &self,
        by: &Actor,
        record: store::Vhost,
        done: Done,
    ) -> Result<Put, VhostError> {
        self.put_vhost_with(by, record, (None, &Seeds::default()), done)
    }

    fn put_vhost_with(
        &self,
        by: &Actor,
        record: store::Vhost,
        rules: (Option<usize>, &Seeds),
        done: Done,
    ) -> Result<Put, VhostError> {
        let (put, vhost) = self.put_vhost_only(by, &record, rules, done)?;
        let new = put == Put::Created;
        if new {
            vhost.tell_exchanges(by);
            vhost.declare_homes();
        }
        vhost.set_tracing(record.tracing);
        let record = Box::new(record);
        self.common().tell_and_audit(by, Occurrence::VhostPut { record, new });
        Ok(put)
    }

    fn put_vhost_only(
        &self,
        by: &Actor,
        record: &store::Vhost,
        (most, seeds): (Option<usize>, &Seeds),
        done: Done,
    ) -> Result<(Put, Arc<Vhost>), VhostError> {
        let mut vhosts = self.vhosts.write().unwrap_or_else(PoisonError::into_inner);
        let known = vhosts.get(&record.name).cloned();
        let put = Put::of(known.is_some());
        let queue_type = record.default_queue_type.as_deref().and_then(QueueType::parse);
        let name = record.name.clone();
        if put == Put::Created
            && let Some(most) = most.filter(|most| vhosts.len() >= *most)
        {
            return Err(VhostError::TooMany { name, most });
        }
        // rabbitmq: firehose.md, it is off after a start.
        let kept = store::Vhost { tracing: false, ..record.clone() };
        let seeded = self.change_accounts_only(by, done, |accounts| {
            let is_there = |user: &UserName| accounts.directory().user(user).is_some();
            let seeded = match put {
                Put::Created => seeds.of(&name, is_there),
                Put::Replaced => Vec::new(),
            };
            let all = [Change::PutVhost(kept)].into_iter().chain(seeded.iter().cloned());
            Ok::<_, AccountError>((all.collect(), seeded))
        })?;
        let vhost = known.unwrap_or_else(|| {
            let vhost = Vhost::new(name, self.shared_common());
            sow(self.common(), &vhost, &seeded);
            vhost
        });
        vhost.default_type.set(queue_type);
        vhosts.insert(vhost.name.clone(), Arc::clone(&vhost));
        Ok((put, vhost))
    }

    /// Deletes a virtual host with everything in it, the permissions for it, and its connections. Stored
    /// as one change: a restart finds it whole or not at all.
    ///
    /// # Errors
    /// [`VhostError`].
    pub fn delete_vhost(&self, by: &Actor, name: &VhostName, done: Done) -> Result<(), VhostError> {
        let vhost = {
            let mut vhosts = self.vhosts.write().unwrap_or_else(PoisonError::into_inner);
            let Some(vhost) = vhosts.get(name).cloned() else {
                return Err(VhostError::NotFound(name.clone()));
            };
            let is_protected = |accounts: &Accounts| {
                accounts.records().vhost(name).is_some_and(|record| record.protected_from_deletion)
            };
            // Nobody changes that while the virtual hosts are locked.
            if self.accounts(is_protected) {
                return Err(VhostError::Protected(name.clone()));
            }
            // From here on nothing comes into it.
            vhost.deleted.store(true, Ordering::SeqCst);
            let deleted = self.change_accounts_only(by, done, |accounts| {
                let mut changes = vhost.forget_everything_stored();
                changes.extend(everything_in_vhost(accounts, name));
                Ok((changes, ()))
            });
            if let Err(error) = deleted {
                vhost.deleted.store(false, Ordering::SeqCst);
                return Err(error);
            }
            vhosts.remove(name);
            vhost
        };
        self.forget_vhost_limits(name);
        let text = format!("vhost '{name}' is deleted");
        self.close_connections_of(|connection| connection.vhost == *name, &text);
        self.empty(by, &vhost);
        self.common().tell_and_audit(by, Occurrence::VhostDeleted(name.clone()));
        Ok(())
    }

    /// Takes everything out of a virtual host that is deleted. The definitions have forgotten it.
    pub(super) fn empty(&self, by: &Actor, vhost: &Vhost) {
        let now = self.common().clock.now();
        vhost.drop_exchanges(by);
        for cell in vhost.cells() {
            if self.common().notices.wants_events() {
                self.common().notices.deleters.asked(cell.info().id, by.clone());
            }
            let command = Command::Delete { condition: DeleteCondition::default(), request: None };
            cell.enqueue(Envelope::Tell(command));
            cell.drive(now);
        }
    }

    /// Changes accounts while the virtual host is there and stays. `change` must not look for virtual
    /// hosts itself.
    ///
    /// # Errors
    /// [`AccountError::NoSuchVhost`] when it is not, and what `change` gives.
    pub(super) fn with_vhost<T>(
        &self,
        name: &VhostName,
        change: impl FnOnce() -> Result<T, AccountError>,
    ) -> Result<T, AccountError> {
        let changed = {
            let vhosts = self.vhosts.read().unwrap_or_else(PoisonError::into_inner);
            if !vhosts.contains_key(name) {
                return Err(AccountError::NoSuchVhost(name.clone()));
            }
            change()?
        };
        self.permissions_changed();
        Ok(changed)
    }
}

impl Vhost {
    /// Drops every exchange with what it remembers and delays. The definitions have forgotten them, and nothing
    /// comes into the virtual host any more, so the one that always stays is counted out as well.
    fn drop_exchanges(&self, by: &Actor) {
        self.change(|table| {
            let names: Vec<_> = table.exchanges().map(|exchange| exchange.name.clone()).collect();
            for name in names.iter().filter(|name| !name.is_empty()) {
                // One that is gone with another one before it is no error.
                if let Ok(removed) = table.delete_exchange(name.as_str(), false) {
                    self.tell_removed(&removed, Some((by, Asked::Exchange(name))));
                    self.histories.forget(&self.common, &removed);
                    self.windows.forget(&removed);
                }
            }
        });
        self.common.limits.exchanges_changed(self.table().exchange_count(), 0);
    }

    /// Its queues.
    #[must_use]
    pub fn cells(&self) -> Vec<Arc<Cell>> {
        self.table().queues().map(|(_, cell)| Arc::clone(cell)).collect()
    }
}
