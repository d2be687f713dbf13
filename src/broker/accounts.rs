//! Users, what they may do, and everything else that is told to the whole broker or to a virtual host
//! and is neither an exchange, a queue, a binding nor a policy: kept as the records that the definitions
//! have, with a [`Directory`] made of them that answers logins and permissions.
//!
//! Invariant A1: the directory is what the records say. Both change in one step, under one lock.

use std::sync::{PoisonError, RwLock};

use crate::access::{
    Directory, HashAlgorithm, PasswordError, PasswordHash, PatternError, Permissions,
    TopicPermissions, User,
};
use crate::base::{UserName, VhostName};
use crate::store::{self, Change, Definitions};

/// Why a change of users and permissions is not made. The text is for whoever asked for it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AccountError {
    /// There is no such user.
    #[error("no such user '{0}'")]
    NoSuchUser(UserName),
    /// There is no such virtual host.
    #[error("vhost '{0}' not found")]
    NoSuchVhost(VhostName),
    /// A hash that cannot be used.
    #[error("user '{user}': {cause}")]
    Password {
        /// Whose.
        user: UserName,
        /// Why.
        cause: PasswordError,
    },
    /// A regular expression that cannot be used.
    #[error("permissions of user '{user}' in vhost '{vhost}': {cause}")]
    Pattern {
        /// Whose.
        user: UserName,
        /// Where.
        vhost: VhostName,
        /// Why.
        cause: PatternError,
    },
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    records: Definitions,
    directory: Directory,
}

/// A change that is known to be good, and what it comes to.
enum Checked {
    User(User),
    Permissions(Permissions),
    Topics(TopicPermissions),
    Nothing,
}

impl Accounts {
    /// What the definitions say; their exchanges, queues, bindings and policies are left out.
    ///
    /// # Errors
    /// [`AccountError`] of the first record that cannot be used.
    pub fn new(mut definitions: Definitions) -> Result<Self, AccountError> {
        definitions.exchanges.clear();
        definitions.queues.clear();
        definitions.bindings.clear();
        definitions.policies.clear();
        definitions.operator_policies.clear();
        let mut accounts = Self { records: definitions, directory: Directory::new() };
        let Definitions { users, permissions, topic_permissions, .. } = accounts.records.clone();
        let users = users.into_values().map(Change::PutUser);
        let permissions = permissions.into_values().map(Change::PutPermission);
        let topics = topic_permissions.into_values().map(Change::PutTopicPermission);
        for change in users.chain(permissions).chain(topics) {
            accounts.apply(change)?;
        }
        Ok(accounts)
    }

    /// One user without tags who may do everything in one virtual host.
    ///
    /// # Errors
    /// [`AccountError::Password`] when the system gives no random salt.
    pub fn open_to(
        name: UserName,
        password: &[u8],
        vhost: VhostName,
    ) -> Result<Self, AccountError> {
        let user = User::with_password(name.clone(), password, Vec::new());
        let user = user.map_err(|cause| AccountError::Password { user: name.clone(), cause })?;
        let mut accounts = Self::default();
        accounts.apply(Change::PutUser(user_record(&user)))?;
        let [configure, write, read] = [(); 3].map(|()| ".*".to_owned());
        let everything = store::Permission { user: name, vhost, configure, write, read };
        accounts.apply(Change::PutPermission(everything))?;
        Ok(accounts)
    }

    /// The records.
    #[must_use]
    pub fn records(&self) -> &Definitions {
        &self.records
    }

    /// Who may do what.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// These users, and no others, may connect from this machine only.
    pub fn restrict_to_loopback(&mut self, users: impl IntoIterator<Item = UserName>) {
        self.directory.restrict_to_loopback(users);
    }

    /// Carries a change out; one of something else changes nothing. Whoever deletes a user or a virtual
    /// host lists everything that goes with it.
    ///
    /// # Errors
    /// [`AccountError`]; then nothing is changed.
    pub fn apply(&mut self, change: Change) -> Result<(), AccountError> {
        let checked = self.check(&change)?;
        let directory = &mut self.directory;
        match (&change, checked) {
            (Change::PutUser(_), Checked::User(user)) => directory.put_user(user),
            (Change::PutPermission(record), Checked::Permissions(permissions)) => directory
                .set_permissions(&record.user, record.vhost.clone(), permissions)
                .map_err(|_| AccountError::NoSuchUser(record.user.clone()))?,
            (Change::PutTopicPermission(record), Checked::Topics(topics)) => directory
                .set_topic_permissions(
                    &record.user,
                    record.vhost.clone(),
                    record.exchange.clone(),
                    topics,
                )
                .map_err(|_| AccountError::NoSuchUser(record.user.clone()))?,
            (Change::DeleteUser { name }, _) => _ = directory.remove_user(name),
            (Change::DeletePermission { user, vhost }, _) => {
                directory.clear_permissions(user, vhost);
            }
            (Change::DeleteTopicPermission { user, vhost, exchange }, _) => {
                directory.clear_topic_permissions(user, vhost, Some(exchange));
            }
            (Change::DeleteVhost { name }, _) => directory.remove_vhost(name),
            _ => {}
        }
        if is_kept(&change) {
            self.records.apply(change);
        }
        Ok(())
    }

    /// Whether all of these can be made, one after the other, without a look at what comes of those before:
    /// then no copy of all users is needed to try them on.
    ///
    /// # Errors
    /// [`AccountError`] of a change that cannot be made.
    fn are_sure(&self, changes: &[Change]) -> Result<bool, AccountError> {
        match changes {
            [change] => self.check(change).map(|_| true),
            changes => Ok(changes.iter().all(only_takes_away)),
        }
    }

    fn check(&self, change: &Change) -> Result<Checked, AccountError> {
        Ok(match change {
            Change::PutUser(record) => Checked::User(user(record)?),
            Change::PutPermission(record) => {
                self.check_user(&record.user)?;
                let permissions =
                    Permissions::parse(&record.configure, &record.write, &record.read);
                let bad = bad_pattern(&record.user, &record.vhost);
                Checked::Permissions(permissions.map_err(bad)?)
            }
            Change::PutTopicPermission(record) => {
                self.check_user(&record.user)?;
                let store::TopicPermission { user, vhost, write, read, .. } = record;
                let topics = TopicPermissions::parse(write, read, user, vhost);
                Checked::Topics(topics.map_err(bad_pattern(user, vhost))?)
            }
            _ => Checked::Nothing,
        })
    }

    fn check_user(&self, name: &UserName) -> Result<(), AccountError> {
        match self.directory.user(name) {
            Some(_) => Ok(()),
            None => Err(AccountError::NoSuchUser(name.clone())),
        }
    }
}

/// Whether the change is of a record that is kept here.
fn is_kept(change: &Change) -> bool {
    !matches!(
        change,
        Change::PutExchange(_)
            | Change::DeleteExchange { .. }
            | Change::PutQueue(_)
            | Change::DeleteQueue { .. }
            | Change::PutBinding(_)
            | Change::DeleteBinding(_)
            | Change::PutPolicy(_)
            | Change::DeletePolicy { .. }
            | Change::PutOperatorPolicy(_)
            | Change::DeleteOperatorPolicy { .. }
    )
}

/// Whether the change takes a user or something of one away, which always can be done.
fn only_takes_away(change: &Change) -> bool {
    matches!(
        change,
        Change::DeleteUser { .. }
            | Change::DeletePermission { .. }
            | Change::DeleteTopicPermission { .. }
            | Change::DeleteUserLimits { .. }
    )
}

fn bad_pattern(user: &UserName, vhost: &VhostName) -> impl Fn(PatternError) -> AccountError {
    move |cause| AccountError::Pattern { user: user.clone(), vhost: vhost.clone(), cause }
}

/// A user as the definitions keep it.
#[must_use]
pub fn user_record(user: &User) -> store::User {
    let algorithm = user.password.map_or_else(HashAlgorithm::default, |hash| hash.algorithm());
    store::User {
        name: user.name.clone(),
        password_hash: user.password.map(|hash| hash.to_base64()),
        hashing_algorithm: algorithm.as_str().to_owned(),
        tags: user.tags.clone(),
    }
}

/// A record as a user that can log in.
fn user(record: &store::User) -> Result<User, AccountError> {
    let bad = |cause| AccountError::Password { user: record.name.clone(), cause };
    let algorithm = HashAlgorithm::parse(&record.hashing_algorithm).map_err(bad)?;
    let hash = record.password_hash.as_deref();
    // rabbitmq: passwords.md, an empty hash is a user who cannot log in with a password.
    let hash = hash.filter(|hash| !hash.is_empty());
    let password = hash.map(|hash| PasswordHash::parse(algorithm, hash)).transpose();
    let tags = record.tags.clone();
    Ok(User { name: record.name.clone(), password: password.map_err(bad)?, tags })
}

/// The accounts of a running broker.
pub(super) struct SharedAccounts(RwLock<Accounts>);

impl SharedAccounts {
    pub(super) fn new(accounts: Accounts) -> Self {
        Self(RwLock::new(accounts))
    }

    /// Looks at them. A leaf lock: `look` locks nothing.
    pub(super) fn read<T>(&self, look: impl FnOnce(&Accounts) -> T) -> T {
        // `change` swaps them as a whole.
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// As [`Self::read`], for a question about permissions.
    pub(super) fn directory<T>(&self, look: impl FnOnce(&Directory) -> T) -> T {
        self.read(|accounts| look(accounts.directory()))
    }

    /// Changes them as a whole or not at all. `keep` is called with the changes before anybody sees them
    /// and while nobody else can change anything, so that the disk has them in the same order.
    ///
    /// # Errors
    /// [`AccountError`] of the first change that cannot be made, and whatever `prepare` gives.
    pub(super) fn change<T, E: From<AccountError>>(
        &self,
        prepare: impl FnOnce(&Accounts) -> Result<(Vec<Change>, T), E>,
        keep: impl FnOnce(Vec<Change>),
    ) -> Result<T, E> {
        let mut accounts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let (changes, result) = prepare(&accounts)?;
        if accounts.are_sure(&changes)? {
            keep(changes.clone());
            for change in changes {
                accounts.apply(change)?;
            }
            return Ok(result);
        }
        let mut new = accounts.clone();
        for change in &changes {
            new.apply(change.clone())?;
        }
        keep(changes);
        *accounts = new;
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::RecordKey;

    fn name(text: &str) -> UserName {
        UserName::try_from(text).expect("short")
    }

    fn put_user(text: &str, algorithm: &str) -> Change {
        Change::PutUser(store::User {
            name: name(text),
            password_hash: None,
            hashing_algorithm: algorithm.to_owned(),
            tags: vec!["monitoring".to_owned()],
        })
    }

    fn put_permission(user: &str, configure: &str) -> Change {
        Change::PutPermission(store::Permission {
            user: name(user),
            vhost: VhostName::try_from("/").expect("short"),
            configure: configure.to_owned(),
            write: ".*".to_owned(),
            read: ".*".to_owned(),
        })
    }

    const SHA256: &str = "rabbit_password_hashing_sha256";

    #[test]
    fn what_the_records_say_is_what_the_directory_answers() {
        let mut accounts = Accounts::default();
        accounts.apply(put_user("ann", SHA256)).expect("good");
        accounts.apply(put_permission("ann", "^own")).expect("good");
        let again = Accounts::new(accounts.records().clone()).expect("they were good before");
        for accounts in [&accounts, &again] {
            let vhost = VhostName::try_from("/").expect("short");
            let of_ann = accounts.directory().permissions(&name("ann"), &vhost).expect("set");
            assert!(of_ann.allow(crate::access::Action::Configure, "own-1"));
            assert!(!of_ann.allow(crate::access::Action::Configure, "other"));
            assert_eq!(accounts.records().permissions.len(), 1);
        }
        let delete = Change::DeleteUser { name: name("ann") };
        accounts.apply(delete).expect("good");
        assert!(accounts.directory().user(&name("ann")).is_none());
    }

    /// What it takes away is listed by what the user has, and nobody else is copied or looked at.
    #[test]
    fn a_user_goes_without_a_copy_of_all_others() {
        let shared = SharedAccounts::new(Accounts::default());
        let put = |changes: Vec<Change>| {
            let put: Result<(), AccountError> = shared.change(|_| Ok((changes, ())), |_| ());
            put.expect("good");
        };
        let users = ["bob", "zed"].map(|name| put_user(name, SHA256));
        put(users.into());
        put(vec![put_permission("zed", "^z"), put_permission("bob", "^b")]);
        let place = |who: &str| {
            shared
                .read(|all| std::ptr::from_ref(&all.records().users[&RecordKey::user(&name(who))]))
        };
        let bob_before = place("bob");
        let vhost = VhostName::try_from("/").expect("short");
        let going = vec![
            Change::DeletePermission { user: name("zed"), vhost: vhost.clone() },
            Change::DeleteUserLimits { user: name("zed") },
            Change::DeleteUser { name: name("zed") },
        ];
        put(going);
        let again = put_permission("bob", "^c");
        put(vec![again]);
        shared.read(|accounts| {
            assert_eq!(
                (accounts.records().users.len(), accounts.records().permissions.len()),
                (1, 1)
            );
            assert!(accounts.directory().user(&name("zed")).is_none());
            let of_bob = accounts.directory().permissions(&name("bob"), &vhost).expect("set");
            assert!(of_bob.allow(crate::access::Action::Configure, "c"));
        });
        assert_eq!(place("bob"), bob_before, "the record is where it was: it is no copy");
    }

    #[test]
    fn a_change_that_cannot_be_made_changes_nothing_and_says_why() {
        let shared = SharedAccounts::new(Accounts::default());
        let refused = |changes: Vec<Change>| {
            let kept = &mut false;
            let changed: Result<(), AccountError> =
                shared.change(|_| Ok((changes, ())), |_| *kept = true);
            assert!(!*kept, "it reaches no disk");
            assert!(shared.read(|accounts| accounts.records().users.is_empty()));
            changed.expect_err("refused").to_string()
        };
        assert_eq!(
            refused(vec![put_user("ann", SHA256), put_permission("bob", ".*")]),
            "no such user 'bob'"
        );
        let text = refused(vec![put_user("ann", SHA256), put_permission("ann", "(")]);
        assert!(text.starts_with("permissions of user 'ann' in vhost '/': "), "{text}");
        let text = refused(vec![put_user("ann", "md5")]);
        assert!(text.starts_with("user 'ann': unknown hashing algorithm 'md5'"), "{text}");
    }
}
