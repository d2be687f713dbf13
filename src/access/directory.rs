//! All users and what each may do in each virtual host.
//!
//! A plain value: whoever shares it puts it behind a lock or swaps whole copies; the permissions in it
//! are shared between copies.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::base::{ExchangeName, UserName, VhostName};

use super::password::PasswordHash;
use super::permission::{Action, Permissions};
use super::topic::TopicPermissions;
use super::user::User;

/// Users, permissions, and the users that may come from this machine only.
#[derive(Clone, Debug)]
pub struct Directory {
    users: BTreeMap<UserName, Entry>,
    loopback_only: BTreeSet<UserName>,
    /// Compared when there is no such user, so that an answer takes as long as for one who exists.
    decoy: PasswordHash,
}

#[derive(Clone, Debug)]
struct Entry {
    user: Arc<User>,
    permissions: BTreeMap<VhostName, Arc<Permissions>>,
    topics: BTreeMap<(VhostName, ExchangeName), Arc<TopicPermissions>>,
}

/// Why a login is refused. The text is for the log: it tells more than a stranger may know.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LoginError {
    /// No such user, or not the password. The two are one case on purpose.
    #[error("user '{0}' - invalid credentials")]
    InvalidCredentials(ShownName),
    /// The empty password, which would let anybody in who knows a name (rabbitmq: passwords.md,
    /// "blank passwords").
    #[error("user '{0}' attempted to log in with a blank password, which is prohibited")]
    BlankPassword(ShownName),
    /// The right password from the wrong place.
    #[error("user '{0}' can only connect via localhost")]
    LoopbackOnly(ShownName),
    /// A backend says no.
    #[error("user '{user}' - refused by backend {backend}: {cause}")]
    Refused {
        /// Who.
        user: ShownName,
        /// Its name in the configuration.
        backend: &'static str,
        /// Why.
        cause: String,
    },
    /// Everybody who was asked says no.
    #[error("{0}")]
    Everybody(String),
    /// A backend cannot say: nobody knows whether the login is right.
    #[error("user '{user}' - backend {backend} failed: {cause}")]
    Failed {
        /// Who.
        user: ShownName,
        /// Its name in the configuration.
        backend: &'static str,
        /// Why.
        cause: String,
    },
}

/// A user name as a peer sent it, made harmless for a log line: cut, one line, valid text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShownName(String);

/// Why a change of the directory is not made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DirectoryError {
    /// There is no such user.
    #[error("no such user '{0}'")]
    NoSuchUser(UserName),
}

impl Directory {
    /// Nobody in it, nobody restricted.
    #[must_use]
    pub fn new() -> Self {
        // The salt is no secret and the decoy's answer is thrown away.
        let decoy = PasswordHash::with_salt(*b"hare", b"nobody has this password");
        Self { users: BTreeMap::new(), loopback_only: BTreeSet::new(), decoy }
    }

    /// Adds a user, or replaces its password and tags and keeps its permissions.
    pub fn put_user(&mut self, user: User) {
        let name = user.name.clone();
        let user = Arc::new(user);
        match self.users.get_mut(&name) {
            Some(entry) => entry.user = user,
            None => {
                self.users.insert(
                    name,
                    Entry { user, permissions: BTreeMap::new(), topics: BTreeMap::new() },
                );
            }
        }
    }

    /// Removes a user and its permissions; whether it was there.
    pub fn remove_user(&mut self, name: &UserName) -> bool {
        self.users.remove(name).is_some()
    }

    /// Where a user has permissions. Costs what the user has.
    pub fn permitted_in(&self, name: &UserName) -> impl Iterator<Item = &VhostName> {
        self.users.get(name).into_iter().flat_map(|entry| entry.permissions.keys())
    }

    /// For which exchanges a user has topic permissions. Costs what the user has.
    pub fn topics_of(&self, name: &UserName) -> impl Iterator<Item = &(VhostName, ExchangeName)> {
        self.users.get(name).into_iter().flat_map(|entry| entry.topics.keys())
    }

    /// A user.
    #[must_use]
    pub fn user(&self, name: &UserName) -> Option<&Arc<User>> {
        self.users.get(name).map(|entry| &entry.user)
    }

    /// All users in the order of their names.
    pub fn users(&self) -> impl Iterator<Item = &Arc<User>> {
        self.users.values().map(|entry| &entry.user)
    }

    /// Sets what a user may do in a virtual host.
    ///
    /// # Errors
    /// [`DirectoryError::NoSuchUser`].
    pub fn set_permissions(
        &mut self,
        user: &UserName,
        vhost: VhostName,
        permissions: Permissions,
    ) -> Result<(), DirectoryError> {
        let entry = self.users.get_mut(user);
        let entry = entry.ok_or_else(|| DirectoryError::NoSuchUser(user.clone()))?;
        entry.permissions.insert(vhost, Arc::new(permissions));
        Ok(())
    }

    /// Takes a user's permissions in a virtual host away; whether there were any.
    pub fn clear_permissions(&mut self, user: &UserName, vhost: &VhostName) -> bool {
        let entry = self.users.get_mut(user);
        entry.is_some_and(|entry| entry.permissions.remove(vhost).is_some())
    }

    /// Sets which routing keys of a topic exchange a user may use.
    ///
    /// # Errors
    /// [`DirectoryError::NoSuchUser`].
    pub fn set_topic_permissions(
        &mut self,
        user: &UserName,
        vhost: VhostName,
        exchange: ExchangeName,
        permissions: TopicPermissions,
    ) -> Result<(), DirectoryError> {
        let entry = self.users.get_mut(user);
        let entry = entry.ok_or_else(|| DirectoryError::NoSuchUser(user.clone()))?;
        entry.topics.insert((vhost, exchange), Arc::new(permissions));
        Ok(())
    }

    /// Takes a user's topic permissions of one exchange, or of all of a virtual host, away; whether there
    /// were any.
    pub fn clear_topic_permissions(
        &mut self,
        user: &UserName,
        vhost: &VhostName,
        exchange: Option<&ExchangeName>,
    ) -> bool {
        let Some(entry) = self.users.get_mut(user) else { return false };
        let before = entry.topics.len();
        entry.topics.retain(|(of_vhost, of_exchange), _| {
            of_vhost != vhost || exchange.is_some_and(|exchange| exchange != of_exchange)
        });
        entry.topics.len() < before
    }

    /// Which routing keys of an exchange a user may use; `None` when nobody said anything, which is every
    /// one.
    #[must_use]
    pub fn topic_permissions(
        &self,
        user: &UserName,
        vhost: &VhostName,
        exchange: &str,
    ) -> Option<&Arc<TopicPermissions>> {
        let topics = &self.users.get(user)?.topics;
        // Nearly nobody has any, and the key of the map is made of copies.
        if topics.is_empty() {
            return None;
        }
        topics.get(&(vhost.clone(), ExchangeName::try_from(exchange).ok()?))
    }

    /// Forgets every permission in a virtual host that is deleted.
    pub fn remove_vhost(&mut self, vhost: &VhostName) {
        for entry in self.users.values_mut() {
            entry.permissions.remove(vhost);
            entry.topics.retain(|(of_vhost, _), _| of_vhost != vhost);
        }
    }

    /// What a user may do in a virtual host; `None` when it may not even enter. A connection keeps
    /// this and asks it, rather than looking the user up again for each method.
    #[must_use]
    pub fn permissions(&self, user: &UserName, vhost: &VhostName) -> Option<&Arc<Permissions>> {
        self.users.get(user)?.permissions.get(vhost)
    }

    /// The virtual hosts of a user with its permissions there.
    pub fn permissions_of(
        &self,
        user: &UserName,
    ) -> impl Iterator<Item = (&VhostName, &Arc<Permissions>)> {
        self.users.get(user).into_iter().flat_map(|entry| &entry.permissions)
    }

    /// These users, and no others, may connect from this machine only. They need not exist yet.
    pub fn restrict_to_loopback(&mut self, users: impl IntoIterator<Item = UserName>) {
        self.loopback_only = users.into_iter().collect();
    }

    /// Checks name and password as a client sent them.
    ///
    /// # Errors
    /// [`LoginError`]. A stranger who does not know the password is told nothing by the kind of the
    /// error nor by the time it takes.
    pub fn authenticate(
        &self,
        user: &[u8],
        password: &[u8],
        peer_is_loopback: bool,
    ) -> Result<UserName, LoginError> {
        let shown = || ShownName::new(user);
        if password.is_empty() {
            return Err(LoginError::BlankPassword(shown()));
        }
        let found = UserName::parse(user).ok().and_then(|name| self.users.get_key_value(&name));
        let hash = found.and_then(|(_, entry)| entry.user.password.as_ref());
        let matches = hash.unwrap_or(&self.decoy).compare(password);
        match (found, hash) {
            (Some((name, _)), Some(_)) if bool::from(matches) => {
                if self.loopback_only.contains(name) && !peer_is_loopback {
                    return Err(LoginError::LoopbackOnly(shown()));
                }
                Ok(name.clone())
            }
            _ => Err(LoginError::InvalidCredentials(shown())),
        }
    }

    /// Finds the user that somebody else vouches for, a client certificate for instance: no password is
    /// asked for.
    ///
    /// # Errors
    /// [`LoginError`], as of [`Self::authenticate`].
    pub fn recognise(&self, user: &str, peer_is_loopback: bool) -> Result<UserName, LoginError> {
        let shown = || ShownName::new(user.as_bytes());
        let found = UserName::try_from(user).ok().filter(|name| self.users.contains_key(name));
        let name = found.ok_or_else(|| LoginError::InvalidCredentials(shown()))?;
        if self.loopback_only.contains(&name) && !peer_is_loopback {
            return Err(LoginError::LoopbackOnly(shown()));
        }
        Ok(name)
    }

    /// Whether a user who is known elsewhere may come from there.
    ///
    /// # Errors
    /// [`LoginError::LoopbackOnly`].
    pub fn check_loopback(
        &self,
        name: &UserName,
        peer_is_loopback: bool,
    ) -> Result<(), LoginError> {
        if self.loopback_only.contains(name) && !peer_is_loopback {
            return Err(LoginError::LoopbackOnly(ShownName::new(name.as_str().as_bytes())));
        }
        Ok(())
    }

    /// Whether a user may enter a virtual host: whether it has an entry there, even an empty one.
    #[must_use]
    pub fn vhost_access(&self, user: &UserName, vhost: &VhostName) -> bool {
        self.permissions(user, vhost).is_some()
    }

    /// Whether a user may do something to the resource of this name; the empty name is the default
    /// exchange.
    #[must_use]
    pub fn check(
        &self,
        user: &UserName,
        vhost: &VhostName,
        action: Action,
        resource_name: &str,
    ) -> bool {
        self.permissions(user, vhost).is_some_and(|own| own.allow(action, resource_name))
    }
}

impl Default for Directory {
    fn default() -> Self {
        Self::new()
    }
}

impl ShownName {
    /// Of what a peer sent.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let cut = bytes.get(..SHOWN_BYTES_MAX).unwrap_or(bytes);
        let mut shown = String::with_capacity(cut.len());
        for character in String::from_utf8_lossy(cut).chars() {
            if character.is_control() {
                shown.extend(character.escape_default());
            } else {
                shown.push(character);
            }
        }
        Self(shown)
    }
}

impl fmt::Display for ShownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name is 255 bytes at most; a peer may send more.
const SHOWN_BYTES_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> UserName {
        UserName::try_from(text).expect("a short name")
    }

    fn vhost(text: &str) -> VhostName {
        VhostName::try_from(text).expect("a short name")
    }

    /// `guest`/`guest` with everything in `/`, restricted to this machine; `app`/`pw` without any
    /// permission; `cert` without a password.
    fn directory() -> Directory {
        let mut directory = Directory::new();
        for (user, password) in [("guest", "guest"), ("app", "pw")] {
            let user = User::with_password(name(user), password.as_bytes(), Vec::new());
            directory.put_user(user.expect("random numbers"));
        }
        directory.put_user(User { name: name("cert"), password: None, tags: Vec::new() });
        directory
            .set_permissions(&name("guest"), vhost("/"), Permissions::everything())
            .expect("guest is there");
        directory.restrict_to_loopback([name("guest")]);
        directory
    }

    fn refusal(user: &[u8], password: &[u8]) -> String {
        let refused = directory().authenticate(user, password, false);
        refused.expect_err("a refused login").to_string()
    }

    #[test]
    fn the_right_password_lets_a_user_in() {
        assert_eq!(directory().authenticate(b"app", b"pw", false), Ok(name("app")));
        assert_eq!(directory().authenticate(b"guest", b"guest", true), Ok(name("guest")));
    }

    #[test]
    fn a_loopback_user_is_refused_from_elsewhere_only_with_the_right_password() {
        assert_eq!(refusal(b"guest", b"guest"), "user 'guest' can only connect via localhost");
        assert_eq!(refusal(b"guest", b"guess"), "user 'guest' - invalid credentials");
        let mut open = directory();
        open.restrict_to_loopback([]);
        assert_eq!(open.authenticate(b"guest", b"guest", false), Ok(name("guest")));
    }

    #[test]
    fn an_unknown_user_and_a_wrong_password_are_told_the_same() {
        assert_eq!(refusal(b"app", b"no"), "user 'app' - invalid credentials");
        assert_eq!(refusal(b"nobody", b"no"), "user 'nobody' - invalid credentials");
        assert_eq!(refusal(b"nobody", b"nobody has this password"), refusal(b"nobody", b"no"));
        assert_eq!(refusal(b"cert", b"nobody has this password"), refusal(b"cert", b"no"));
    }

    #[test]
    fn the_blank_password_never_lets_anybody_in() {
        let mut directory = directory();
        let blank = User::with_password(name("blank"), b"", Vec::new()).expect("random numbers");
        directory.put_user(blank);
        let refused = directory.authenticate(b"blank", b"", true).expect_err("blank");
        assert!(matches!(refused, LoginError::BlankPassword(_)), "{refused}");
    }

    #[test]
    fn a_user_that_a_certificate_names_needs_no_password_and_must_exist() {
        let mut directory = directory();
        assert_eq!(directory.recognise("app", false), Ok(name("app")));
        let refused = directory.recognise("nobody", true).expect_err("no such user");
        assert_eq!(refused.to_string(), "user 'nobody' - invalid credentials");
        assert!(directory.recognise(&"x".repeat(300), true).is_err());
        directory.restrict_to_loopback([name("app")]);
        assert_eq!(directory.recognise("app", true), Ok(name("app")));
        let refused = directory.recognise("app", false).expect_err("from elsewhere");
        assert!(matches!(refused, LoginError::LoopbackOnly(_)), "{refused}");
    }

    #[test]
    fn a_name_in_a_refusal_cannot_forge_a_log_line() {
        let text = refusal(b"eve\n2026 info all is well\x1b[2J\xff", b"no");
        assert!(!text.contains(['\n', '\x1b']), "{text}");
        assert!(refusal(&[b'x'; 9000], b"no").len() < 300);
    }

    #[test]
    fn a_user_enters_only_virtual_hosts_where_it_has_an_entry() {
        let mut directory = directory();
        assert!(directory.vhost_access(&name("guest"), &vhost("/")));
        assert!(!directory.vhost_access(&name("guest"), &vhost("other")));
        assert!(!directory.vhost_access(&name("app"), &vhost("/")));
        let nothing = Permissions::parse("", "", "").expect("good patterns");
        directory.set_permissions(&name("app"), vhost("/"), nothing).expect("app is there");
        assert!(directory.vhost_access(&name("app"), &vhost("/")));
        assert!(!directory.check(&name("app"), &vhost("/"), Action::Read, "q"));
        directory.remove_vhost(&vhost("/"));
        assert!(!directory.vhost_access(&name("guest"), &vhost("/")));
    }

    #[test]
    fn a_check_follows_the_patterns_of_user_and_virtual_host() {
        let mut directory = directory();
        let own = Permissions::parse("", "^amq\\.default$", "^app-").expect("good patterns");
        directory.set_permissions(&name("app"), vhost("/"), own).expect("app is there");
        let check = |action, resource| directory.check(&name("app"), &vhost("/"), action, resource);
        assert!(check(Action::Read, "app-1") && !check(Action::Read, "other"));
        assert!(check(Action::Write, "") && !check(Action::Write, "app-1"));
        assert!(!check(Action::Configure, "app-1"));
        assert!(!directory.check(&name("nobody"), &vhost("/"), Action::Read, "app-1"));
    }

    #[test]
    fn a_new_password_keeps_the_permissions_and_a_removed_user_loses_them() {
        let mut directory = directory();
        let guest = User::with_password(name("guest"), b"new", Vec::new()).expect("random numbers");
        directory.put_user(guest.clone());
        assert!(directory.vhost_access(&name("guest"), &vhost("/")));
        assert!(directory.remove_user(&name("guest")) && !directory.remove_user(&name("guest")));
        directory.put_user(guest);
        assert!(!directory.vhost_access(&name("guest"), &vhost("/")));
        assert_eq!(
            directory.set_permissions(&name("x"), vhost("/"), Permissions::everything()),
            Err(DirectoryError::NoSuchUser(name("x")))
        );
    }
}
