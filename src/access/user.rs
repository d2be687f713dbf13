//! A user as it is stored.

use crate::base::UserName;

use super::password::{PasswordError, PasswordHash};

/// A user: a name, how to recognise it, and what it is besides.
#[derive(Clone, Debug)]
pub struct User {
    /// The name.
    pub name: UserName,
    /// The hash of the password; `None` for a user that cannot log in with one.
    pub password: Option<PasswordHash>,
    /// `administrator`, `monitoring`, `policymaker`, `management`, `impersonator`, or tags of the
    /// operator's own. They say nothing about queues and exchanges, only about management.
    pub tags: Vec<String>,
}

impl User {
    /// A user with this password under a fresh salt.
    ///
    /// # Errors
    /// [`PasswordError::NoRandomness`] when the system gives no random salt.
    pub fn with_password(
        name: UserName,
        password: &[u8],
        tags: Vec<String>,
    ) -> Result<Self, PasswordError> {
        Ok(Self { name, password: Some(PasswordHash::new(password)?), tags })
    }

    /// Whether the user carries this tag.
    #[must_use]
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|own| own == tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_holds_neither_password_nor_hash() {
        let name = UserName::try_from("alice").expect("a short name");
        let user = User::with_password(name, b"wonderland", vec!["management".to_owned()])
            .expect("the system has random numbers");
        let shown = format!("{user:?}");
        assert!(shown.contains("alice") && shown.contains("[hidden]"), "{shown}");
        assert!(!shown.contains("wonderland"), "{shown}");
        assert!(user.has_tag("management") && !user.has_tag("administrator"));
    }
}
