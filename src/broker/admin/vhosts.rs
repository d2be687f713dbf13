//! Virtual hosts come and go while the broker runs.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::Put;
use super::users::everything_in_vhost;
use crate::base::VhostName;
use crate::broker::policy::QueueType;
use crate::broker::{AccountError, Accounts, Broker, Cell, Envelope, Vhost};
use crate::queue::{Command, DeleteCondition};
use crate::store::{self, Change, Done};

/// Why a virtual host is not created or deleted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum VhostError {
    /// There is none of that name.
    #[error("vhost '{0}' not found")]
    NotFound(VhostName),
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

    /// Puts a virtual host, or what is said about one that is there: its contents stay.
    ///
    /// # Errors
    /// None today; the form is that of the other changes.
    pub fn put_vhost(&self, record: store::Vhost, done: Done) -> Result<Put, AccountError> {
        let mut vhosts = self.vhosts.write().unwrap_or_else(PoisonError::into_inner);
        let put = Put::of(vhosts.contains_key(&record.name));
        let vhost = match vhosts.get(&record.name) {
            Some(vhost) => Arc::clone(vhost),
            None => Vhost::new(record.name.clone(), self.shared_common()),
        };
        let queue_type = record.default_queue_type.as_deref().and_then(QueueType::parse);
        self.change_accounts_only(done, |_| Ok((vec![Change::PutVhost(record)], ())))?;
        vhost.default_type.set(queue_type);
        vhosts.insert(vhost.name.clone(), vhost);
        Ok(put)
    }

    /// Deletes a virtual host with everything in it, the permissions for it, and its connections. Stored
    /// as one change: a restart finds it whole or not at all.
    ///
    /// # Errors
    /// [`VhostError`].
    pub fn delete_vhost(&self, name: &VhostName, done: Done) -> Result<(), VhostError> {
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
            let deleted = self.change_accounts_only(done, |accounts| {
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
        self.empty(&vhost);
        Ok(())
    }

    /// Takes everything out of a virtual host that is deleted. The definitions have forgotten it.
    pub(super) fn empty(&self, vhost: &Vhost) {
        let now = self.common().clock.now();
        vhost.drop_exchanges();
        for cell in vhost.cells() {
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
    /// Drops every exchange with what it remembers and delays. The definitions have forgotten them.
    fn drop_exchanges(&self) {
        self.change(|table| {
            let names: Vec<_> = table.exchanges().map(|exchange| exchange.name.clone()).collect();
            for name in names.iter().filter(|name| !name.is_empty()) {
                // One that is gone with another one before it is no error.
                if let Ok(removed) = table.delete_exchange(name.as_str(), false) {
                    self.histories.forget(&self.common, &removed);
                    self.windows.forget(&removed);
                }
            }
        });
    }

    /// Its queues.
    #[must_use]
    pub fn cells(&self) -> Vec<Arc<Cell>> {
        self.table().queues().map(|(_, cell)| Arc::clone(cell)).collect()
    }
}
