//! Back to the beginning: everything that was ever told to the broker is gone, and what a fresh one begins
//! with is made.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::users::{everything_in_vhost, everything_of_user};
use crate::base::VhostName;
use crate::broker::policy::QueueType;
use crate::broker::seeds::sow;
use crate::broker::{AccountError, Accounts, Actor, Broker, Vhost};
use crate::store::{Change, Done};

impl Broker {
    /// Deletes every virtual host with its queues and messages, every user and every parameter, and makes
    /// `first` in their place: virtual hosts, users and permissions.
    ///
    /// I11: the definitions get all of it as one request, which is handed in while nobody can change
    /// anything, and no later one of what was there before. So a broker that ends at any moment has either
    /// everything of before or `first` and nothing else at its next start. Messages go with the definitions
    /// of their queues: what the log still has for a queue that no definition names is dropped there.
    ///
    /// `done` is told when it is on disk. Connections are closed.
    ///
    /// # Errors
    /// [`AccountError`] of `first`; then nothing is changed.
    pub fn reset(&self, by: &Actor, first: &[Change], done: Done) -> Result<(), AccountError> {
        let old = {
            let mut vhosts = self.vhosts.write().unwrap_or_else(PoisonError::into_inner);
            let close = |closed| {
                vhosts.values().for_each(|vhost| vhost.deleted.store(closed, Ordering::SeqCst));
            };
            close(true);
            let stored = vhosts.values().flat_map(|vhost| vhost.forget_everything_stored());
            let mut changes: Vec<Change> = stored.collect();
            let begun = self.with_seeds(first);
            let reset = self.change_accounts_only(by, done, |accounts| {
                let of_vhosts = vhosts.keys();
                changes.extend(of_vhosts.flat_map(|vhost| everything_in_vhost(accounts, vhost)));
                changes.extend(of_nobody(accounts));
                changes.extend(begun.iter().cloned());
                Ok::<_, AccountError>((changes, ()))
            });
            if let Err(error) = reset {
                close(false);
                return Err(error);
            }
            self.forget_all_limits();
            let fresh = first.iter().filter_map(|change| match change {
                Change::PutVhost(record) => Some(record),
                _ => None,
            });
            let fresh = fresh.map(|record| {
                let vhost = Vhost::new(record.name.clone(), self.shared_common());
                let queue_type = record.default_queue_type.as_deref().and_then(QueueType::parse);
                vhost.default_type.set(queue_type);
                sow(self.common(), &vhost, &of_vhost(&begun, &record.name));
                (record.name.clone(), vhost)
            });
            let fresh = fresh.collect();
            std::mem::replace(&mut *vhosts, fresh)
        };
        self.close_connections("the broker was reset");
        for vhost in old.values() {
            self.empty(by, vhost);
        }
        for vhost in self.all_vhosts() {
            vhost.tell_exchanges(by);
            vhost.declare_homes();
        }
        self.permissions_changed();
        Ok(())
    }
}

impl Broker {
    /// These, and what their virtual hosts are given beside them.
    fn with_seeds(&self, first: &[Change]) -> Vec<Change> {
        let mut all = first.to_vec();
        for change in first {
            let Change::PutVhost(record) = change else { continue };
            let seeds = self.seeds.of(&record.name, |name| {
                all.iter().any(|other| matches!(other, Change::PutUser(user) if user.name == *name))
            });
            all.extend(seeds);
        }
        all
    }
}

/// What of these is in this virtual host and is no account.
fn of_vhost(changes: &[Change], name: &VhostName) -> Vec<Change> {
    let is_of = |change: &&Change| match change {
        Change::PutVhostLimits(record) => record.vhost == *name,
        Change::PutOperatorPolicy(record) => record.0.vhost == *name,
        _ => false,
    };
    changes.iter().filter(is_of).cloned().collect()
}

/// What is in no virtual host.
fn of_nobody(accounts: &Accounts) -> Vec<Change> {
    let records = accounts.records();
    let users = records.users.values();
    let users = users.flat_map(|user| everything_of_user(accounts, &user.name));
    let parameters = records.global_parameters.values();
    let parameters =
        parameters.map(|parameter| Change::DeleteGlobalParameter { name: parameter.name.clone() });
    users.chain(parameters).collect()
}
