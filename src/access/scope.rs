//! What the scopes of a token let somebody do (rabbitmq: oauth2.md, scope-to-permission translation).
//!
//! A scope is `ACTION:VHOST/NAME` or `ACTION:VHOST/NAME/ROUTING_KEY`. Each part is percent-encoded, with `+` for a
//! space, and `*` stands for anything. What is no scope of this form gives nothing.

use crate::base::VhostName;

use super::permission::{Action, DEFAULT_EXCHANGE_ALIAS};

/// All scopes of one token.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scopes(Vec<Scope>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Scope {
    action: Action,
    vhost: Wildcard,
    name: Wildcard,
    routing_key: Option<Wildcard>,
}

/// Literal parts with anything between them.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Wildcard {
    first: Vec<u8>,
    /// What follows each `*`.
    others: Vec<Vec<u8>>,
}

impl Scopes {
    /// The scopes among these words, without the prefix of the resource server; others, tags too, are left out.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        Self(words.into_iter().filter_map(Scope::parse).collect())
    }

    /// Whether any of them is of this virtual host.
    #[must_use]
    pub fn allow_vhost(&self, vhost: &VhostName) -> bool {
        self.0.iter().any(|scope| scope.vhost.matches(vhost.as_str().as_bytes()))
    }

    /// Whether something may be done to the resource of this name; the empty name is the default exchange.
    #[must_use]
    pub fn allow(&self, vhost: &VhostName, action: Action, name: &str) -> bool {
        let name = if name.is_empty() { DEFAULT_EXCHANGE_ALIAS } else { name };
        self.0.iter().any(|scope| scope.covers(vhost, action, name))
    }

    /// Whether a routing key of a topic exchange may be used: only a scope that names routing keys says so, as for
    /// RabbitMQ.
    #[must_use]
    pub fn allow_topic(
        &self,
        vhost: &VhostName,
        action: Action,
        exchange: &str,
        routing_key: &[u8],
    ) -> bool {
        self.0.iter().any(|scope| {
            let keys = scope.routing_key.as_ref();
            keys.is_some_and(|keys| keys.matches(routing_key))
                && scope.covers(vhost, action, exchange)
        })
    }
}

impl Scope {
    fn parse(word: &str) -> Option<Self> {
        let (action, rest) = word.split_once(':')?;
        let action = match action {
            "configure" => Action::Configure,
            "write" => Action::Write,
            "read" => Action::Read,
            _ => return None,
        };
        let mut parts = rest.split('/');
        let vhost = Wildcard::parse(parts.next()?)?;
        let name = Wildcard::parse(parts.next()?)?;
        let routing_key = match parts.next() {
            None => None,
            Some(keys) => Some(Wildcard::parse(keys)?),
        };
        parts.next().is_none().then_some(Self { action, vhost, name, routing_key })
    }

    fn covers(&self, vhost: &VhostName, action: Action, name: &str) -> bool {
        self.action == action
            && self.vhost.matches(vhost.as_str().as_bytes())
            && self.name.matches(name.as_bytes())
    }
}

impl Wildcard {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('*').map(decoded);
        let first = parts.next()??;
        Some(Self { first, others: parts.collect::<Option<_>>()? })
    }

    fn matches(&self, subject: &[u8]) -> bool {
        let Some((last, between)) = self.others.split_last() else { return subject == self.first };
        let Some(rest) = subject.strip_prefix(&self.first[..]) else { return false };
        let Some(mut rest) = rest.strip_suffix(&last[..]) else { return false };
        for part in between {
            // The earliest place leaves the most for the parts behind it.
            let Some(at) = find(rest, part) else { return false };
            rest = &rest[at + part.len()..];
        }
        true
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() {
        return Some(0);
    }
    text.windows(part.len()).position(|window| window == part)
}

/// The bytes behind a percent-encoded part; `None` when it is badly encoded.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => digit(bytes.next()?)? << 4 | digit(bytes.next()?)?,
            b'+' => b' ',
            other => other,
        });
    }
    Some(decoded)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vhost(text: &str) -> VhostName {
        VhostName::try_from(text).expect("short")
    }

    fn matches(subject: &str, pattern: &str) -> bool {
        Wildcard::parse(pattern).is_some_and(|pattern| pattern.matches(subject.as_bytes()))
    }

    /// The cases of RabbitMQ's own suite for its wildcards, and some that a RabbitMQ 3.10 was asked.
    #[test]
    fn wildcards_match_what_rabbitmqs_match() {
        for (subject, pattern) in [
            ("foo", "foo"),
            (
                "string with / special % characters",
                "string%20with%20%2F%20special%20%25%20characters",
            ),
            ("pattern with  plus  spaces", "pattern+with++plus++spaces"),
            ("case with * special / characters", "case+with+%2a+special+%2f+characters"),
            (
                "wildcard * and anything else is matched by wildcard",
                "wildcard * is matched by wildcard",
            ),
            ("pattern with  spaces", "pattern with  spaces"),
            ("foo", "*oo"),
            ("foo", "*foo"),
            ("foo", "*"),
            ("foo", "**"),
            ("", "*"),
            ("", ""),
            ("line * with * special * characters", "*special+%2A+characters"),
            ("foo", "fo*"),
            ("foo", "foo*"),
            ("line * with * special * characters", "line+%2a*"),
            ("str*ing", "*str*ing*"),
            ("some long string", "some*long*string"),
            ("some long string", "*+*+*"),
            ("some long string", "s*e*str*"),
            ("aXa", "a*a"),
            ("abab", "ab*ab"),
            ("订单", "订*"),
        ] {
            assert!(matches(subject, pattern), "{subject} {pattern}");
        }
        for (subject, pattern) in [
            ("casesensitive", "CaseSensitive"),
            ("foo", "fo"),
            ("foo", "fooo"),
            ("string with unescaped % character", "string with unescaped % character"),
            ("wildcard * and anything is not matched", "wildcard+%2a+is+not+matched"),
            ("foo", "*r"),
            ("foo", "*foobar"),
            ("foo", "b*"),
            ("foo", "barfoo*"),
            ("some string", "*+*+*"),
            ("some long string", "some*other*string"),
            ("some long string", "s*z*str*"),
            ("string", "*some*string*"),
            ("%zz", "%zz"),
            ("a", "a*a"),
            ("aba", "ab*ba"),
        ] {
            assert!(!matches(subject, pattern), "{subject} {pattern}");
        }
    }

    #[test]
    fn a_scope_gives_its_action_and_no_other() {
        let all = [Action::Configure, Action::Write, Action::Read];
        for action in all {
            for scope in [format!("{action}:*/*"), format!("{action}:*/*/*")] {
                let scopes = Scopes::parse([scope.as_str()]);
                for (host, name) in
                    [("/", "foo"), ("foo/bar", "*/*"), ("*", ""), ("юникод", "юникод")]
                {
                    assert!(scopes.allow_vhost(&vhost(host)));
                    for asked in all {
                        assert_eq!(
                            scopes.allow(&vhost(host), asked, name),
                            asked == action,
                            "{scope}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_scope_gives_its_virtual_host_and_names_and_no_others() {
        let scopes = Scopes::parse(["read:foo%2Fbar%2F%2A%2F/bar%2A%2Fbaz", "tag:management"]);
        let own = vhost("foo/bar/*/");
        assert!(scopes.allow_vhost(&own) && !scopes.allow_vhost(&vhost("foo/bar/x/")));
        assert!(scopes.allow(&own, Action::Read, "bar*/baz"));
        assert!(!scopes.allow(&own, Action::Read, "barx/baz"));
        assert!(!scopes.allow(&vhost("/"), Action::Read, "bar*/baz"));
        let default = Scopes::parse(["write:%2F/amq.default"]);
        assert!(default.allow(&vhost("/"), Action::Write, ""));
    }

    #[test]
    fn only_a_scope_with_routing_keys_opens_those_of_a_topic_exchange() {
        let may = |scope: &str| {
            Scopes::parse([scope]).allow_topic(&vhost("v"), Action::Write, "e", b"a.b")
        };
        assert!(may("write:v/e/a.*") && may("write:*/*/*"));
        assert!(!may("write:v/e/b.*") && !may("write:v/x/a.*") && !may("write:x/e/*"));
        assert!(!may("read:v/e/*") && !may("write:v/e") && !may("write:*/*"));
    }

    #[test]
    fn what_is_no_scope_gives_nothing() {
        for word in
            ["", "read", "read:", "read:v", "write:a/b/c/d", "admin:*/*", "READ:*/*", "read:%zz/*"]
        {
            assert_eq!(Scopes::parse([word]), Scopes::default(), "{word}");
        }
    }
}
