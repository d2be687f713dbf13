//! Virtual hosts for one test each: made with a user of their own, and deleted with it.

use std::sync::mpsc::{Receiver, channel};

use crate::access::{PasswordError, User};
use crate::base::{NameError, UserName, VhostName};
use crate::broker::{AccountError, Actor, Broker, user_record};
use crate::store::{self, Done, StoreError};

use super::VhostError;

/// A tag of users that go with a virtual host; its name stands behind it.
const GOES_WITH: &str = "haremq-test-vhost:";

/// What users of passing virtual hosts may see of the management API: what is in their virtual host.
const MANAGEMENT: &str = "management";

/// A virtual host and the user that was made with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PassingVhost {
    /// The virtual host.
    pub name: VhostName,
    /// Who may do everything in it.
    pub user: UserName,
    /// The password of the user.
    pub password: String,
}

/// Why it is not there, or not gone.
#[derive(Debug, thiserror::Error)]
pub enum PassingVhostError {
    /// A name is taken.
    #[error("{what} '{name}' is there already: choose another name, or none for a random one")]
    Exists {
        /// What it is the name of.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A virtual host that cannot be made or deleted.
    #[error(transparent)]
    Vhost(#[from] VhostError),
    /// A user that cannot be made or deleted.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// A password that cannot be kept.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// A name that is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The disk does not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no random number for a name or a password.
    #[error("no random numbers: {0}")]
    Random(getrandom::Error),
    /// The store ended before it answered.
    #[error("the store of definitions has ended")]
    Ended,
}

impl Broker {
    /// Makes a virtual host and a user with all permissions in it and the tag `management`, under random names
    /// unless some are given. Waits for the disk.
    ///
    /// # Errors
    /// [`PassingVhostError`]; what was made until then is deleted again.
    pub fn make_passing_vhost(
        &self,
        by: &Actor,
        name: Option<VhostName>,
        user: Option<UserName>,
    ) -> Result<PassingVhost, PassingVhostError> {
        let name = match name {
            Some(name) => name,
            None => VhostName::try_from(&*random("test")?)?,
        };
        let user = match user {
            Some(user) => user,
            None => UserName::try_from(&*random("test")?)?,
        };
        let password = random("pass")?;
        let taken = |what, name: &str| PassingVhostError::Exists { what, name: name.to_owned() };
        if self.vhost(&name).is_some() {
            return Err(taken("vhost", name.as_str()));
        }
        if self.accounts(|accounts| accounts.directory().user(&user).is_some()) {
            return Err(taken("user", user.as_str()));
        }
        let made = PassingVhost { name, user, password };
        self.furnish(by, &made).inspect_err(|_| {
            // Why it was not made is the error to tell.
            let _ = self.delete_passing_vhost(by, &made.name);
        })?;
        Ok(made)
    }

    fn furnish(&self, by: &Actor, made: &PassingVhost) -> Result<(), PassingVhostError> {
        let PassingVhost { name, user, password } = made;
        let (done, stored) = answered();
        self.put_vhost(by, store::Vhost::new(name.clone()), done)?;
        wait(&stored)?;
        let tags = vec![MANAGEMENT.to_owned(), format!("{GOES_WITH}{name}")];
        let record = User::with_password(user.clone(), password.as_bytes(), tags)?;
        let (done, stored) = answered();
        self.put_user(by, user_record(&record), done)?;
        wait(&stored)?;
        self.let_into(by, user.clone(), name.clone())
    }

    /// Lets a user do everything in a virtual host. Waits for the disk.
    ///
    /// # Errors
    /// [`PassingVhostError`].
    pub fn let_into(
        &self,
        by: &Actor,
        user: UserName,
        vhost: VhostName,
    ) -> Result<(), PassingVhostError> {
        let [configure, write, read] = [(); 3].map(|()| ".*".to_owned());
        let (done, stored) = answered();
        self.put_permission(by, store::Permission { user, vhost, configure, write, read }, done)?;
        wait(&stored)
    }

    /// Deletes a virtual host with everything in it and the users that were made with it; their connections are
    /// closed. Waits for the disk.
    ///
    /// # Errors
    /// [`PassingVhostError`]; the users are deleted all the same.
    pub fn delete_passing_vhost(
        &self,
        by: &Actor,
        name: &VhostName,
    ) -> Result<(), PassingVhostError> {
        let tag = format!("{GOES_WITH}{name}");
        let users: Vec<UserName> = self.accounts(|accounts| {
            let all = accounts.records().users.values();
            all.filter(|user| user.tags.contains(&tag)).map(|user| user.name.clone()).collect()
        });
        let (done, stored) = answered();
        let deleted = self.delete_vhost(by, name, done);
        for user in users {
            let (done, stored) = answered();
            self.delete_user(by, &user, done)?;
            wait(&stored)?;
        }
        deleted?;
        wait(&stored)
    }
}

fn random(before: &str) -> Result<String, PassingVhostError> {
    let number = getrandom::u64().map_err(PassingVhostError::Random)?;
    Ok(format!("{before}-{number:016x}"))
}

fn answered() -> (Done, Receiver<Result<(), StoreError>>) {
    let (tell, told) = channel();
    // Nobody hears it when the caller's thread is gone.
    (Box::new(move |result| drop(tell.send(result))), told)
}

fn wait(stored: &Receiver<Result<(), StoreError>>) -> Result<(), PassingVhostError> {
    stored.recv().map_err(|_| PassingVhostError::Ended)??;
    Ok(())
}
