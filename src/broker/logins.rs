//! Who somebody is: the configured backends, asked in their order.
//!
//! The first that says yes lets the user in, and whoever stands beside it for authorisation says from then on what the
//! user may do (rabbitmq: access-control.md, combining backends). Backends elsewhere take their time, so a login is a
//! future; with the broker's own users alone it is ready at once. Failures are counted for all doors together.
//!
//! Invariant A2: somebody is let in only by a backend that was asked with what they showed, and whose user may come from
//! where they are.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use super::{Broker, Client, Refused, refuse};
use crate::access::{
    Asked, Backend, BackendError, FailedLogins, Grant, Identity, Known, Login, LoginError,
    Question, Rights, ShownName, Suspect,
};
use crate::base::{ReplyCode, UserName, VhostName};

/// Who is asked.
#[derive(Clone)]
pub enum Authority {
    /// The users and permissions that the broker keeps.
    Internal,
    /// Somebody else.
    Outside(Arc<dyn Backend>),
}

/// One step of the order.
#[derive(Clone)]
pub struct LoginBackend {
    /// Says who somebody is.
    pub authentication: Authority,
    /// Says what they may do; `None`: the same one.
    pub authorisation: Option<Authority>,
}

/// What became of a login.
#[derive(Debug)]
pub struct LoggedIn {
    /// Who it is.
    pub result: Result<Identity, LoginError>,
    /// How long the answer is to be held back, in ms.
    pub pause_ms: u64,
}

/// What the broker keeps for logins.
#[derive(Default)]
pub(super) struct Logins {
    backends: OnceLock<Vec<LoginBackend>>,
    failed: FailedLogins,
}

/// Without any configuration.
static INTERNAL: [LoginBackend; 1] =
    [LoginBackend { authentication: Authority::Internal, authorisation: None }];

impl Logins {
    fn backends(&self) -> &[LoginBackend] {
        self.backends.get().map_or(&INTERNAL, Vec::as_slice)
    }
}

impl Broker {
    /// Says who is asked about logins, once, before anybody comes.
    pub fn set_login_backends(&self, backends: Vec<LoginBackend>) {
        // A second call is a mistake of the composition root, and the first order stays in force.
        let _ = self.common().logins.backends.set(backends);
    }

    /// Whether somebody else is asked about logins.
    #[must_use]
    pub fn asks_outside(&self) -> bool {
        let is_outside = |authority: &Authority| matches!(authority, Authority::Outside(_));
        self.common().logins.backends().iter().any(|backend| {
            is_outside(&backend.authentication)
                || backend.authorisation.as_ref().is_some_and(is_outside)
        })
    }

    /// Finds out who this is.
    pub async fn log_in(&self, login: Login) -> LoggedIn {
        let (mut found, mut refusals, mut is_guess) = (None, Vec::new(), false);
        for (place, backend) in self.common().logins.backends().iter().enumerate() {
            match self.try_backend(place, backend, &login).await {
                Ok(identity) => {
                    is_guess = true;
                    found = Some(identity);
                    break;
                }
                Err(refused) => {
                    let is_failure = matches!(refused, LoginError::Failed { .. });
                    if is_failure {
                        // Another backend may let them in, and then nobody would hear of it.
                        tracing::error!(error = %refused, "a login backend failed");
                    }
                    is_guess |= !is_failure;
                    refusals.push(refused);
                }
            }
        }
        let result = found.ok_or_else(|| everybody(&login, refusals));
        // Nobody learns anything about a password where nobody could look at it.
        let pause_ms = if is_guess {
            let (now, is_right) = (self.common().clock.now(), result.is_ok());
            self.common().logins.failed.checked(now, login.peer, &login.user, is_right)
        } else {
            0
        };
        LoggedIn { result, pause_ms }
    }

    /// Somebody who is logged in shows a new secret. A backend that keeps none takes any, as RabbitMQ's do.
    ///
    /// # Errors
    /// 530, with RabbitMQ's texts; the reason is logged.
    pub async fn renew(&self, identity: &Identity, secret: Login) -> Result<Identity, Refused> {
        if identity.expires_s.is_none() {
            return Ok(identity.clone());
        }
        let backends = self.common().logins.backends();
        let Some(backend) = backends.get(identity.backend) else { return Ok(identity.clone()) };
        let user = &identity.name;
        match self.try_backend(identity.backend, backend, &secret).await {
            Ok(renewed) if renewed.name == *user => Ok(renewed),
            Ok(renewed) => {
                tracing::error!(user = %user, other = %renewed.name, "a new secret of another user was refused");
                refuse(ReplyCode::NotAllowed, SECRET_REFUSED)
            }
            Err(error @ LoginError::Failed { .. }) => {
                tracing::error!(user = %user, error = %error, "an update of a secret failed");
                refuse(ReplyCode::NotAllowed, "Secret update failed")
            }
            Err(error) => {
                tracing::error!(user = %user, error = %error, "a new secret was refused");
                refuse(ReplyCode::NotAllowed, SECRET_REFUSED)
            }
        }
    }

    async fn try_backend(
        &self,
        place: usize,
        backend: &LoginBackend,
        login: &Login,
    ) -> Result<Identity, LoginError> {
        let first = match &backend.authentication {
            Authority::Internal => Identity::of_user(self.log_in_internally(login)?),
            Authority::Outside(outside) => {
                let known = ask(&**outside, login).await?;
                self.identity(known, login.peer)?
            }
        };
        let identity = match &backend.authorisation {
            None => first,
            // It need only exist: who it is was found out already.
            Some(Authority::Internal) => {
                let is_loopback = login.peer.is_loopback();
                let name = first.name.as_str();
                self.common().accounts.directory(|all| all.recognise(name, is_loopback))?;
                Identity { rights: Rights::OfUser, ..first }
            }
            Some(Authority::Outside(outside)) => {
                let user = first.name.as_str().as_bytes().to_vec();
                let known = ask(&**outside, &Login { user, ..login.clone() }).await?;
                let second = self.identity(known, login.peer)?;
                let tags = first.tags.iter().chain(second.tags.iter()).cloned().collect();
                let expires_s = [first.expires_s, second.expires_s].into_iter().flatten().min();
                Identity { name: first.name, tags, expires_s, ..second }
            }
        };
        Ok(Identity { backend: place, ..identity })
    }

    /// Asks the broker's own users.
    fn log_in_internally(&self, login: &Login) -> Result<UserName, LoginError> {
        let is_loopback = login.peer.is_loopback();
        self.common().accounts.directory(|all| match &login.password {
            Some(password) => all.authenticate(&login.user, password, is_loopback),
            None => match std::str::from_utf8(&login.user) {
                Ok(user) => all.recognise(user, is_loopback),
                Err(_) => Err(LoginError::InvalidCredentials(ShownName::new(&login.user))),
            },
        })
    }

    /// A user that is known elsewhere.
    fn identity(&self, known: Known, peer: IpAddr) -> Result<Identity, LoginError> {
        let Known { name, tags, grant } = known;
        let is_loopback = peer.is_loopback();
        self.common().accounts.directory(|all| all.check_loopback(&name, is_loopback))?;
        let (rights, expires_s) = match grant {
            Grant::Token(token) => (Rights::Token(token.clone()), Some(token.expires_s)),
            Grant::Judge(judge) => {
                let suspect = Suspect { user: name.clone(), tags: tags.clone(), peer };
                let clock = Arc::clone(&self.common().clock);
                (Rights::Asked(Arc::new(Asked::new(judge, suspect, clock))), None)
            }
        };
        Ok(Identity { name, tags: tags.into(), rights, expires_s, backend: 0 })
    }

    /// Whether somebody may enter a virtual host; with a judge, whether it is known that they may.
    #[must_use]
    pub fn may_enter(&self, user: &UserName, rights: &Rights, vhost: &VhostName) -> bool {
        match rights {
            Rights::All => true,
            Rights::OfUser => self.common().accounts.directory(|all| all.vhost_access(user, vhost)),
            Rights::Token(token) => token.scopes.allow_vhost(vhost),
            Rights::Asked(asked) => asked.look(Question::Vhost(vhost.clone())) == Some(true),
        }
    }

    /// The tags of somebody: those that the broker keeps, where it keeps the user, and those that came with the login.
    #[must_use]
    pub fn tags_of(&self, identity: &Identity) -> Vec<String> {
        let mut tags = identity.tags.to_vec();
        if matches!(identity.rights, Rights::OfUser) {
            let own = |user: &Arc<crate::access::User>| user.tags.clone();
            let own = self.common().accounts.directory(|all| all.user(&identity.name).map(own));
            tags.extend(own.unwrap_or_default());
        }
        tags
    }
}

impl Client {
    /// The judge who says what the user may do, where one is asked.
    #[must_use]
    pub fn asked(&self) -> Option<&Arc<Asked>> {
        self.peer.rights.asked()
    }
}

/// Why nobody let them in.
fn everybody(login: &Login, mut refusals: Vec<LoginError>) -> LoginError {
    if refusals.len() > 1 {
        let all: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        return LoginError::Everybody(all.join("; "));
    }
    refusals.pop().unwrap_or_else(|| LoginError::InvalidCredentials(ShownName::new(&login.user)))
}

async fn ask(backend: &dyn Backend, login: &Login) -> Result<Known, LoginError> {
    let user = || ShownName::new(&login.user);
    backend.log_in(login).await.map_err(|error| match error {
        BackendError::Refused(cause) => {
            LoginError::Refused { user: user(), backend: backend.name(), cause }
        }
        BackendError::Failed(cause) => {
            LoginError::Failed { user: user(), backend: backend.name(), cause }
        }
    })
}

const SECRET_REFUSED: &str = "New secret was refused by one of the backends";
