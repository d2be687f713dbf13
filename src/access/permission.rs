//! What a user may do in a virtual host: three patterns over the names of resources.

use std::fmt;

use super::pattern::{Pattern, PatternError};

/// The name under which permissions see the default exchange, whose own name is empty.
pub const DEFAULT_EXCHANGE_ALIAS: &str = "amq.default";

/// What is wanted of a queue or an exchange (rabbitmq: access-control.md, "how permissions work").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Action {
    /// Declare and delete.
    Configure,
    /// Put something in: publish, bind as destination.
    Write,
    /// Take something out: consume, get, purge, bind as source.
    Read,
}

impl fmt::Display for Action {
    /// The word of the refusal: `configure access to queue 'q' … refused`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configure => "configure",
            Self::Write => "write",
            Self::Read => "read",
        })
    }
}

/// The permissions of one user in one virtual host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Permissions {
    configure: Pattern,
    write: Pattern,
    read: Pattern,
}

impl Permissions {
    /// Compiles the three patterns.
    ///
    /// # Errors
    /// [`PatternError`] of the first pattern that cannot be used.
    pub fn parse(configure: &str, write: &str, read: &str) -> Result<Self, PatternError> {
        Ok(Self {
            configure: Pattern::parse(configure)?,
            write: Pattern::parse(write)?,
            read: Pattern::parse(read)?,
        })
    }

    /// `.*` three times: everything.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            configure: Pattern::everything(),
            write: Pattern::everything(),
            read: Pattern::everything(),
        }
    }

    /// The pattern of one action, for listing.
    #[must_use]
    pub fn pattern(&self, action: Action) -> &Pattern {
        match action {
            Action::Configure => &self.configure,
            Action::Write => &self.write,
            Action::Read => &self.read,
        }
    }

    /// Whether the action is allowed on the resource of this name; the empty name is the default
    /// exchange.
    #[must_use]
    pub fn allow(&self, action: Action, resource_name: &str) -> bool {
        let name = if resource_name.is_empty() { DEFAULT_EXCHANGE_ALIAS } else { resource_name };
        self.pattern(action).matches(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_action_has_its_own_pattern() {
        let own = Permissions::parse("^mine-", "^(mine-|shared$)", "").expect("good patterns");
        assert!(own.allow(Action::Configure, "mine-1"));
        assert!(!own.allow(Action::Configure, "shared"));
        assert!(own.allow(Action::Write, "shared"));
        assert!(!own.allow(Action::Write, "shared2"));
        assert!(!own.allow(Action::Read, "mine-1"));
    }

    #[test]
    fn the_default_exchange_is_checked_as_amq_default() {
        let own = Permissions::parse("", "^amq\\.default$", "^$").expect("good patterns");
        assert!(own.allow(Action::Write, ""));
        assert!(!own.allow(Action::Read, ""), "the empty name itself is never matched");
    }

    #[test]
    fn everything_allows_every_name() {
        let all = Permissions::everything();
        for action in [Action::Configure, Action::Write, Action::Read] {
            for name in ["", "q", "two\nlines", "订单"] {
                assert!(all.allow(action, name), "{action} {name:?}");
            }
        }
    }
}
