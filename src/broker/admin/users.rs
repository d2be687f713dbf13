//! Users, their permissions and their topic permissions.

use std::cell::OnceCell;

use crate::base::{ExchangeName, UserName, VhostName};
use crate::broker::notices::{Actor, audit, occurrences_of};
use crate::broker::{AccountError, Accounts, Broker, keeping};
use crate::routing::Table;
use crate::store::{self, Change, Done};

/// Whether something new came, or took the place of something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Put {
    /// It was not there.
    Created,
    /// It was there.
    Replaced,
}

impl Put {
    /// Of something that was there, or not.
    #[must_use]
    pub fn of(was_there: bool) -> Self {
        if was_there { Self::Replaced } else { Self::Created }
    }
}

impl Broker {
    /// Looks at users, permissions, parameters and limits as they are now. `look` must be short: logins
    /// wait for it.
    pub fn accounts<T>(&self, look: impl FnOnce(&Accounts) -> T) -> T {
        self.common().accounts.read(look)
    }

    /// Puts a user in the place of the one of its name; its permissions stay.
    ///
    /// # Errors
    /// [`AccountError::Password`].
    pub fn put_user(&self, by: &Actor, user: store::User, done: Done) -> Result<Put, AccountError> {
        self.change_accounts(by, done, |accounts| {
            let put = Put::of(accounts.directory().user(&user.name).is_some());
            Ok((vec![Change::PutUser(user)], put))
        })
    }

    /// Deletes a user with its permissions and limits, and closes its connections.
    ///
    /// # Errors
    /// [`AccountError::NoSuchUser`].
    pub fn delete_user(&self, by: &Actor, name: &UserName, done: Done) -> Result<(), AccountError> {
        self.change_accounts(by, done, |accounts| {
            if accounts.directory().user(name).is_none() {
                return Err(AccountError::NoSuchUser(name.clone()));
            }
            Ok((everything_of_user(accounts, name), ()))
        })?;
        self.forget_user_limits(name);
        let text = format!("user '{name}' is deleted");
        self.close_connections_of(|connection| connection.user == *name, &text);
        Ok(())
    }

    /// Sets what a user may do in a virtual host.
    ///
    /// # Errors
    /// [`AccountError::NoSuchUser`], [`AccountError::NoSuchVhost`], [`AccountError::Pattern`].
    pub fn put_permission(
        &self,
        by: &Actor,
        permission: store::Permission,
        done: Done,
    ) -> Result<Put, AccountError> {
        self.with_vhost(&permission.vhost.clone(), || {
            self.change_accounts_only(by, done, |accounts| {
                let directory = accounts.directory();
                let before = directory.permissions(&permission.user, &permission.vhost);
                let put = Put::of(before.is_some());
                Ok((vec![Change::PutPermission(permission)], put))
            })
        })
    }

    /// Takes a user's permissions in a virtual host away, so that it cannot enter any more; whether there
    /// were any. Connections that are there stay, and may do nothing.
    ///
    /// # Errors
    /// [`AccountError::NoSuchUser`].
    pub fn delete_permission(
        &self,
        by: &Actor,
        user: &UserName,
        vhost: &VhostName,
        done: Done,
    ) -> Result<bool, AccountError> {
        self.change_accounts(by, done, |accounts| {
            if accounts.directory().user(user).is_none() {
                return Err(AccountError::NoSuchUser(user.clone()));
            }
            let was_there = accounts.directory().permissions(user, vhost).is_some();
            let change = Change::DeletePermission { user: user.clone(), vhost: vhost.clone() };
            Ok((if was_there { vec![change] } else { Vec::new() }, was_there))
        })
    }

    /// Sets which routing keys of a topic exchange a user may use.
    ///
    /// # Errors
    /// [`AccountError::NoSuchUser`], [`AccountError::NoSuchVhost`], [`AccountError::Pattern`].
    pub fn put_topic_permission(
        &self,
        by: &Actor,
        permission: store::TopicPermission,
        done: Done,
    ) -> Result<Put, AccountError> {
        self.with_vhost(&permission.vhost.clone(), || {
            self.change_accounts_only(by, done, |accounts| {
                let store::TopicPermission { user, vhost, exchange, .. } = &permission;
                let before = accounts.directory().topic_permissions(user, vhost, exchange.as_str());
                let put = Put::of(before.is_some());
                Ok((vec![Change::PutTopicPermission(permission)], put))
            })
        })
    }

    /// Takes a user's topic permissions of one exchange, or of all of a virtual host, away; whether there
    /// were any.
    ///
    /// # Errors
    /// [`AccountError::NoSuchUser`].
    pub fn delete_topic_permissions(
        &self,
        by: &Actor,
        user: &UserName,
        vhost: &VhostName,
        exchange: Option<&ExchangeName>,
        done: Done,
    ) -> Result<bool, AccountError> {
        self.change_accounts(by, done, |accounts| {
            if accounts.directory().user(user).is_none() {
                return Err(AccountError::NoSuchUser(user.clone()));
            }
            let changes: Vec<_> = topic_permissions(accounts)
                .filter(|record| record.user == *user && record.vhost == *vhost)
                .filter(|record| exchange.is_none_or(|exchange| *exchange == record.exchange))
                .map(delete_topic_permission)
                .collect();
            let were_there = !changes.is_empty();
            Ok((changes, were_there))
        })
    }

    /// Changes users, permissions, parameters as a whole or not at all. Whoever was found to be allowed
    /// something is asked again.
    pub(super) fn change_accounts<T, E: From<AccountError>>(
        &self,
        by: &Actor,
        done: Done,
        prepare: impl FnOnce(&Accounts) -> Result<(Vec<Change>, T), E>,
    ) -> Result<T, E> {
        let result = self.change_accounts_only(by, done, prepare)?;
        self.permissions_changed();
        Ok(result)
    }

    /// As [`Self::change_accounts`], for a caller that holds the virtual hosts and calls
    /// [`Self::permissions_changed`] itself.
    pub(super) fn change_accounts_only<T, E: From<AccountError>>(
        &self,
        by: &Actor,
        done: Done,
        prepare: impl FnOnce(&Accounts) -> Result<(Vec<Change>, T), E>,
    ) -> Result<T, E> {
        let common = self.common();
        let told = OnceCell::new();
        let prepare_and_note = |accounts: &Accounts| {
            let (changes, result): (Vec<Change>, T) = prepare(accounts)?;
            // Nobody set it before.
            let _ = told.set(occurrences_of(accounts, &changes));
            Ok::<_, E>((changes, result))
        };
        let keep = |changes| {
            told.get().into_iter().flatten().for_each(|what| common.tell(by, || what.clone()));
            keeping::keep_and_tell(common, changes, done);
        };
        let result = common.accounts.change(prepare_and_note, keep)?;
        told.get().into_iter().flatten().for_each(|what| audit(by, what));
        Ok(result)
    }

    /// Publishers that were found to be allowed something ask again.
    pub(super) fn permissions_changed(&self) {
        for vhost in self.all_vhosts() {
            vhost.change(Table::touch);
        }
    }
}

fn topic_permissions(accounts: &Accounts) -> impl Iterator<Item = &store::TopicPermission> {
    accounts.records().topic_permissions.values()
}

fn delete_topic_permission(record: &store::TopicPermission) -> Change {
    let store::TopicPermission { user, vhost, exchange, .. } = record.clone();
    Change::DeleteTopicPermission { user, vhost, exchange }
}

/// What goes with a user.
pub(super) fn everything_of_user(accounts: &Accounts, name: &UserName) -> Vec<Change> {
    let (directory, user) = (accounts.directory(), || name.clone());
    let permissions = directory.permitted_in(name);
    let permissions =
        permissions.map(|vhost| Change::DeletePermission { user: user(), vhost: vhost.clone() });
    let topics = directory.topics_of(name).map(|(vhost, exchange)| {
        let (vhost, exchange) = (vhost.clone(), exchange.clone());
        Change::DeleteTopicPermission { user: user(), vhost, exchange }
    });
    let limits = Change::DeleteUserLimits { user: user() };
    permissions.chain(topics).chain([limits, Change::DeleteUser { name: name.clone() }]).collect()
}

/// Users and permissions that end with a virtual host.
pub(super) fn everything_in_vhost(accounts: &Accounts, name: &VhostName) -> Vec<Change> {
    let permissions = accounts.records().permissions.values();
    let permissions = permissions.filter(|record| record.vhost == *name).map(|record| {
        Change::DeletePermission { user: record.user.clone(), vhost: record.vhost.clone() }
    });
    let topics = topic_permissions(accounts).filter(|record| record.vhost == *name);
    let parameters = accounts.records().parameters.values();
    let parameters = parameters.filter(|record| record.vhost == *name).map(|record| {
        let store::Parameter { vhost, component, name, .. } = record.clone();
        Change::DeleteParameter { vhost, component, name }
    });
    let limits = Change::DeleteVhostLimits { vhost: name.clone() };
    permissions
        .chain(topics.map(delete_topic_permission))
        .chain(parameters)
        .chain([limits, Change::DeleteVhost { name: name.clone() }])
        .collect()
}
