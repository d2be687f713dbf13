//! What somebody who is logged in may do, and who says so.

use std::fmt;
use std::sync::Arc;

use crate::base::UserName;

use super::asked::Asked;
use super::backend::Token;

/// Who says what a user may do.
#[derive(Clone, Default)]
pub enum Rights {
    /// The permissions that the broker keeps.
    #[default]
    OfUser,
    /// A token.
    Token(Token),
    /// A judge who is asked.
    Asked(Arc<Asked>),
    /// Everything is allowed: whoever operates the process, without a user of the broker.
    All,
}

/// Somebody who is logged in.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The user.
    pub name: UserName,
    /// Tags that the broker does not keep.
    pub tags: Arc<[String]>,
    /// What it may do.
    pub rights: Rights,
    /// Until when this holds, in seconds since 1970.
    pub expires_s: Option<u64>,
    /// Which of the configured backends let it in, from 0.
    pub backend: usize,
}

impl Rights {
    /// Whether everything is allowed.
    #[must_use]
    pub fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }

    /// The judge's answers, where one is asked.
    #[must_use]
    pub fn asked(&self) -> Option<&Arc<Asked>> {
        match self {
            Self::Asked(asked) => Some(asked),
            _ => None,
        }
    }
}

impl Identity {
    /// A user that the broker keeps.
    #[must_use]
    pub fn of_user(name: UserName) -> Self {
        let (tags, rights) = (Arc::default(), Rights::OfUser);
        Self { name, tags, rights, expires_s: None, backend: 0 }
    }

    /// Whether it carries a tag that the broker does not keep.
    #[must_use]
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|own| own == tag)
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OfUser => f.write_str("OfUser"),
            Self::Token(token) => token.fmt(f),
            Self::Asked(_) => f.write_str("Asked"),
            Self::All => f.write_str("All"),
        }
    }
}
