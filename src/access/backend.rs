//! Who answers which question about a user, when it is not the broker itself.
//!
//! A [`Backend`] says who somebody is, and with it how the questions about what they may do are answered: by the
//! broker's own permissions, by what a token says, or by a [`Judge`] that is asked each of them. The broker owns the
//! order in which backends are tried; the layer `auth` implements them. Nothing here waits: what takes time is a future
//! that somebody else runs.

use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use crate::base::{UserName, VhostName};

use super::permission::Action;
use super::scope::Scopes;

/// An answer that takes its time.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What somebody shows to come in. Never shown.
#[derive(Clone)]
pub struct Login {
    /// The name, as it was sent.
    pub user: Vec<u8>,
    /// The password, or a token; `None` when the name is vouched for, by a certificate for instance.
    pub password: Option<Vec<u8>>,
    /// Where they are.
    pub peer: IpAddr,
}

/// A user that a backend knows.
#[derive(Clone, Debug)]
pub struct Known {
    /// The name, which a token may say better than the login.
    pub name: UserName,
    /// The tags.
    pub tags: Vec<String>,
    /// What they may do.
    pub grant: Grant,
}

/// How a backend answers questions about a user that it knows.
#[derive(Clone)]
pub enum Grant {
    /// Once and for all.
    Token(Token),
    /// One by one.
    Judge(Arc<dyn Judge>),
}

/// What a token says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Token {
    /// What may be done.
    pub scopes: Arc<Scopes>,
    /// Until when, in seconds since 1970.
    pub expires_s: u64,
}

/// Why a backend lets somebody not in. The text is for the log, and holds no secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BackendError {
    /// It says no.
    #[error("{0}")]
    Refused(String),
    /// It cannot say.
    #[error("{0}")]
    Failed(String),
}

/// Finds out who somebody is.
pub trait Backend: Send + Sync {
    /// Its name in the configuration.
    fn name(&self) -> &'static str;

    /// Who shows this.
    fn log_in<'a>(&'a self, login: &'a Login) -> Answer<'a, Result<Known, BackendError>>;
}

/// Answers questions about what somebody may do.
pub trait Judge: Send + Sync {
    /// Whether it is allowed. Who cannot find out says no, and logs why.
    fn judge<'a>(&'a self, suspect: &'a Suspect, question: &'a Question) -> Answer<'a, Verdict>;
}

/// Whom a question is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Suspect {
    /// The user.
    pub user: UserName,
    /// Its tags.
    pub tags: Vec<String>,
    /// Where it is.
    pub peer: IpAddr,
}

/// What somebody wants to do.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Question {
    /// Enter a virtual host.
    Vhost(VhostName),
    /// Do something to a queue or an exchange.
    Resource {
        /// Where.
        vhost: VhostName,
        /// Which.
        kind: ResourceKind,
        /// Its name; the default exchange is `amq.default`.
        name: String,
        /// What.
        action: Action,
    },
    /// Use a routing key of a topic exchange.
    Topic {
        /// Where.
        vhost: VhostName,
        /// Which exchange.
        exchange: String,
        /// The key.
        routing_key: Vec<u8>,
        /// What for.
        action: Action,
    },
}

/// A kind of thing that permissions are about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ResourceKind {
    /// An exchange.
    Exchange,
    /// A queue.
    Queue,
}

/// The answer of a [`Judge`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// Whether it is allowed.
    pub is_allowed: bool,
    /// Whether it was found out; else it is a no for want of an answer.
    pub is_sure: bool,
    /// For how long this may be taken for true, in ms; 0: this once.
    pub good_for_ms: u64,
}

impl ResourceKind {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exchange => "exchange",
            Self::Queue => "queue",
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login([hidden])")
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(token) => token.fmt(f),
            Self::Judge(_) => f.write_str("Judge"),
        }
    }
}
