//! What is known about a key: its name, its default, what it expects, what it means, and where it goes.

use super::super::draft::{Assignment, Draft};
use super::groups::keys;

/// A key of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The dotted name; one part of it may be `*`, which stands for any name.
    pub name: &'static str,
    /// The default as it would be written; `None` when there is none.
    pub default: Option<&'static str>,
    /// What a value must be, as the end of a sentence that begins with "expected".
    pub expects: &'static str,
    /// A whole line.
    pub example: &'static str,
    /// One line that says what the key means.
    pub doc: &'static str,
    /// Whether the value is hidden wherever it would be shown.
    pub secret: bool,
    /// Whether a change of the file is taken over by SIGHUP; the others need a restart.
    pub live: bool,
    /// Why the value changes nothing yet, as a sentence without its full stop; said when somebody sets
    /// it, and in the documentation.
    pub without_effect: Option<&'static str>,
    /// Checks the value and puts it where it belongs; `None` when it is not what is expected.
    pub(in crate::config) set: fn(&mut Draft, Assignment<'_>) -> Option<()>,
}

impl Key {
    /// A key whose value is never shown.
    pub(super) const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    /// A key that SIGHUP takes over.
    pub(super) const fn live(self) -> Self {
        Self { live: true, ..self }
    }

    /// A key of a part of the broker that is not there yet: it is checked and carried, and nobody looks.
    pub(super) const fn without_effect(self, why: &'static str) -> Self {
        Self { without_effect: Some(why), ..self }
    }

    /// Whether a part of the name stands for any name.
    #[must_use]
    pub fn is_pattern(&self) -> bool {
        self.name.contains('*')
    }

    /// The key that a dotted name belongs to, and the part that stands for its `*`.
    #[must_use]
    pub fn find(name: &str) -> Option<(&'static Self, String)> {
        if let Some(exact) = keys().find(|key| key.name == name) {
            return Some((exact, String::new()));
        }
        // A dot that belongs to a part is no boundary.
        let name = name.replace("\\.", "\0");
        keys().find_map(|key| {
            let (before, after) = key.name.split_once('*')?;
            let part = name.strip_prefix(before)?.strip_suffix(after)?;
            let one_part = !part.is_empty() && !part.contains('.');
            one_part.then(|| (key, part.replace('\0', ".")))
        })
    }

    /// The environment variable of the key: `HAREMQ_`, then the name in upper case with `_` for each
    /// dot, without a leading `haremq.`.
    #[must_use]
    pub fn variable(&self) -> String {
        let name = self.name.strip_prefix("haremq.").unwrap_or(self.name);
        format!("HAREMQ_{}", name.replace('.', "_").to_uppercase())
    }
}

/// What most keys have: no secret, and an example that is found by its name.
pub(super) const fn key(
    name: &'static str,
    default: Option<&'static str>,
    expects: &'static str,
    [example, doc]: [&'static str; 2],
    set: fn(&mut Draft, Assignment<'_>) -> Option<()>,
) -> Key {
    Key {
        name,
        default,
        expects,
        example,
        doc,
        secret: false,
        live: false,
        without_effect: None,
        set,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_variables_are_unique() {
        let names: BTreeSet<_> = keys().map(|key| key.name).collect();
        let variables: BTreeSet<_> = keys().map(Key::variable).collect();
        assert_eq!((names.len(), variables.len()), (keys().count(), keys().count()));
        assert!(variables.contains("HAREMQ_LOG_CONSOLE_LEVEL"));
        assert!(variables.contains("HAREMQ_DATA_DIR"));
    }

    #[test]
    fn an_exact_name_goes_before_a_pattern_and_a_pattern_takes_one_part() {
        let found = |name| Key::find(name).map(|(key, part)| (key.name, part));
        assert_eq!(found("heartbeat"), Some(("heartbeat", String::new())));
        assert_eq!(found("loopback_users.guest"), Some(("loopback_users.guest", String::new())));
        assert_eq!(found("loopback_users.eve"), Some(("loopback_users.*", "eve".to_owned())));
        assert_eq!(found(r"loopback_users.a\.b"), Some(("loopback_users.*", "a.b".to_owned())));
        for name in ["loopback_users.", "loopback_users.a.b", "heartbeat.x", "", "*"] {
            assert_eq!(found(name), None, "{name}");
        }
    }

    #[test]
    fn every_example_is_a_line_of_its_key_with_a_good_value() {
        for key in keys() {
            let lines = crate::config::parse(key.example).expect(key.name);
            let (found, part) = Key::find(&lines[0].key).expect(key.name);
            assert_eq!(found.name, key.name);
            let value = lines[0].value.as_str();
            assert_ne!(key.default, Some(value), "{}: the example shows the default", key.name);
            let given = Assignment { value, part: &part, rank: crate::config::source::Rank::File };
            assert_eq!((key.set)(&mut Draft::new(), given), Some(()), "{}", key.name);
        }
    }
}
