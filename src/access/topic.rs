//! Which routing keys of a topic exchange a user may use (rabbitmq: access-control.md, topic
//! authorisation).

use regex::escape;

use crate::base::{UserName, VhostName};

use super::pattern::{Pattern, PatternError};
use super::permission::Action;

/// The permissions of one user on one topic exchange.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicPermissions {
    write: Pattern,
    read: Pattern,
}

impl TopicPermissions {
    /// Compiles the two patterns. `{username}` and `{vhost}` in them are the user's name and the virtual
    /// host's, taken literally. `{client_id}`, which only protocols with client identifiers know, stays as
    /// it is written, as for RabbitMQ's connections of AMQP 0-9-1.
    ///
    /// # Errors
    /// [`PatternError`] of the first pattern that cannot be used.
    pub fn parse(
        write: &str,
        read: &str,
        user: &UserName,
        vhost: &VhostName,
    ) -> Result<Self, PatternError> {
        let expanded = |pattern: &str| {
            let named = pattern.replace("{username}", &escape(user.as_str()));
            Pattern::parse(&named.replace("{vhost}", &escape(vhost.as_str())))
        };
        Ok(Self { write: expanded(write)?, read: expanded(read)? })
    }

    /// Whether a message may be published with this routing key, or something bound with it. A key that is
    /// no UTF-8 matches nothing; whoever may configure an exchange is not asked for keys.
    #[must_use]
    pub fn allow(&self, action: Action, routing_key: &[u8]) -> bool {
        let pattern = match action {
            Action::Configure => return true,
            Action::Write => &self.write,
            Action::Read => &self.read,
        };
        std::str::from_utf8(routing_key).is_ok_and(|key| pattern.matches(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permissions(write: &str, read: &str) -> TopicPermissions {
        let user = UserName::try_from("a.b").expect("short");
        let vhost = VhostName::try_from("/").expect("short");
        TopicPermissions::parse(write, read, &user, &vhost).expect("good patterns")
    }

    #[test]
    fn each_action_has_its_own_pattern() {
        let own = permissions("^orders\\.", "");
        assert!(own.allow(Action::Write, b"orders.new") && !own.allow(Action::Write, b"bills.new"));
        assert!(!own.allow(Action::Read, b"orders.new") && own.allow(Action::Configure, b"x"));
        assert!(!own.allow(Action::Write, b"orders.\xff"));
    }

    #[test]
    fn names_in_a_pattern_are_taken_literally() {
        let own = permissions("^{username}-{vhost}$", ".*");
        assert!(own.allow(Action::Write, b"a.b-/"));
        assert!(!own.allow(Action::Write, b"axb-/"));
        let own = permissions("^{client_id}-{username}$", "");
        assert!(own.allow(Action::Write, b"{client_id}-a.b"));
        assert!(!own.allow(Action::Write, b"c-a.b"));
    }
}
