//! The settings of a policy: which keys there are and which values are good.

use super::settings::{DeadLetterStrategy, DelayedRetryKind, Overflow, QueueType};
use super::text;
use crate::base::{FieldTable, FieldValue};

/// Whose policy it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum PolicyKind {
    /// A user's, with the tag `policymaker`.
    User,
    /// The operator's, which bounds those.
    Operator,
}

/// The checked settings of a policy. In the order of the keys, each once.
#[derive(Clone, PartialEq, Debug)]
pub struct Definition(FieldTable);

/// A key that policies may set.
struct Key {
    name: &'static str,
    rule: Rule,
    /// RabbitMQ's words behind a bad value.
    complaint: &'static str,
    whose: Whose,
    queues: Queues,
    effect: Effect,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Users,
    Everybodys,
}

/// Which types of queues know the key (rabbitmq: the `unsupported_policies` of each type).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Queues {
    All,
    ClassicOnly,
    QuorumOnly,
    /// Only streams know it, or only one type that is not here.
    None,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Has,
    /// Known, checked and kept, and nothing here follows from it.
    None,
}

enum Rule {
    Text,
    /// An integer from this on.
    From(i128),
    /// An integer between the two, inclusively.
    Between(i128, i128),
    OneOf(&'static [&'static str]),
    Accepted(fn(&str) -> bool),
    /// `7D`, `90s`: a number and one of `Y M D h m s`.
    MaxAge,
}

const fn key(name: &'static str, rule: Rule, complaint: &'static str) -> Key {
    let (whose, queues, effect) = (Whose::Users, Queues::All, Effect::Has);
    Key { name, rule, complaint, whose, queues, effect }
}

impl Key {
    const fn operators_too(mut self) -> Self {
        self.whose = Whose::Everybodys;
        self
    }

    const fn only(mut self, queues: Queues) -> Self {
        self.queues = queues;
        self
    }

    const fn ignored(mut self) -> Self {
        self.effect = Effect::None;
        self
    }

    fn check(&self, value: &FieldValue) -> Result<(), String> {
        let good = match self.rule {
            Rule::Text => value.as_text().is_some(),
            Rule::From(least) => value.as_integer().is_some_and(|n| n >= least),
            Rule::Between(least, most) => {
                value.as_integer().is_some_and(|n| (least..=most).contains(&n))
            }
            Rule::OneOf(words) => value.as_text().is_some_and(|text| words.contains(&text)),
            Rule::Accepted(accepts) => value.as_text().is_some_and(accepts),
            Rule::MaxAge => value.as_text().is_some_and(is_max_age),
        };
        if good { Ok(()) } else { Err(format!("{} {}", text::term(value), self.complaint)) }
    }
}

/// In the order of their names.
const KEYS: &[Key] = &[
    key("alternate-exchange", Rule::Text, "is not a valid alternate exchange name"),
    key(
        "consumer-disconnected-timeout",
        Rule::From(0),
        "is not a valid consumer disconnected timeout",
    )
    .only(Queues::QuorumOnly)
    .ignored(),
    key("consumer-timeout", Rule::From(0), "is not a valid consumer timeout"),
    key("dead-letter-exchange", Rule::Text, "is not a valid dead letter exchange name"),
    key("dead-letter-routing-key", Rule::Text, "is not a valid dead letter routing key"),
    key(
        "dead-letter-strategy",
        Rule::Accepted(|text| DeadLetterStrategy::parse(text).is_some()),
        "is not a valid dead letter strategy",
    )
    .only(Queues::QuorumOnly),
    key("delayed-retry-max", Rule::From(0), "is not a valid delayed retry max value"),
    key("delayed-retry-min", Rule::From(0), "is not a valid delayed retry min value"),
    key(
        "delayed-retry-type",
        Rule::Accepted(|text| DelayedRetryKind::parse(text).is_some()),
        "is not a valid delayed retry type value",
    ),
    key("delivery-limit", Rule::From(-1), "is not a valid delivery limit")
        .operators_too()
        .only(Queues::QuorumOnly),
    key("expires", Rule::From(1), "is not a valid queue expiry").operators_too(),
    key("federation-upstream", Rule::Text, "is not a valid federation upstream name").ignored(),
    key("federation-upstream-set", Rule::Text, "is not a valid federation upstream set name")
        .ignored(),
    key("initial-cluster-size", Rule::From(0), "is not a valid cluster size")
        .only(Queues::None)
        .ignored(),
    key("max-age", Rule::MaxAge, "is not a valid max age").only(Queues::None).ignored(),
    key("max-in-memory-bytes", Rule::From(0), "is not a valid maximum memory in bytes")
        .operators_too()
        .only(Queues::QuorumOnly)
        .ignored(),
    key("max-in-memory-length", Rule::From(0), "is not a valid maximum memory in bytes")
        .operators_too()
        .only(Queues::QuorumOnly)
        .ignored(),
    key("max-length", Rule::From(0), "is not a valid maximum length").operators_too(),
    key("max-length-bytes", Rule::From(0), "is not a valid maximum length in bytes")
        .operators_too(),
    key("message-ttl", Rule::From(0), "is not a valid message TTL").operators_too(),
    key(
        "overflow",
        Rule::Accepted(|text| Overflow::parse(text).is_some()),
        "is not a valid overflow value",
    )
    .operators_too(),
    key(
        "queue-leader-locator",
        Rule::OneOf(&["client-local", "balanced", "random", "least-leaders"]),
        "is not a valid queue leader locator value",
    )
    .ignored(),
    key(
        "queue-master-locator",
        Rule::OneOf(&["min-masters", "client-local", "random"]),
        "invalid queue-master-locator value",
    )
    .only(Queues::ClassicOnly)
    .ignored(),
    key("queue-mode", Rule::OneOf(&["default", "lazy"]), "is not a valid queue-mode value")
        .only(Queues::ClassicOnly)
        .ignored(),
    key("queue-version", Rule::Between(1, 2), "is not a valid queue-version value")
        .only(Queues::ClassicOnly)
        .ignored(),
    key(
        "stream-filter-size-bytes",
        Rule::Between(16, 255),
        "is not a valid filter size. Valid range is 16-255",
    )
    .only(Queues::None)
    .ignored(),
    key("stream-max-segment-size-bytes", Rule::From(0), "is not a valid segment size")
        .only(Queues::None)
        .ignored(),
    key("target-group-size", Rule::From(1), "is not a valid qq target count value")
        .operators_too()
        .only(Queues::QuorumOnly)
        .ignored(),
];

fn is_max_age(text: &str) -> bool {
    let number = text.strip_suffix(['Y', 'M', 'D', 'h', 'm', 's']);
    number.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

fn find(name: &[u8], kind: PolicyKind) -> Option<&'static Key> {
    let found = KEYS.iter().find(|key| key.name.as_bytes() == name)?;
    (kind == PolicyKind::User || found.whose == Whose::Everybodys).then_some(found)
}

impl Definition {
    /// Checks keys and values. The error is RabbitMQ's line: of several bad values the first by key is
    /// named; unknown keys are named, all of them, when every known one is good.
    pub(super) fn parse(kind: PolicyKind, value: &FieldValue) -> Result<Self, String> {
        let FieldValue::Table(table) = value else {
            return Err(format!("definition must be a dictionary: {}", text::term(value)));
        };
        if table.is_empty() {
            return Err("no policy provided".to_owned());
        }
        let mut settings: Vec<_> = table.iter().collect();
        settings.sort_by_key(|(name, _)| *name);
        for pair in settings.windows(2) {
            if pair[0].0 == pair[1].0 {
                let twice = FieldValue::LongString(pair[0].0.as_bytes().to_vec().into());
                return Err(format!("[{}] duplicate keys not allowed", text::term(&twice)));
            }
        }
        let mut unknown = Vec::new();
        for (name, value) in &settings {
            match find(name.as_bytes(), kind) {
                Some(key) => key.check(value)?,
                None => unknown.push((name.as_bytes(), *value)),
            }
        }
        if !unknown.is_empty() {
            let unknown = text::settings(unknown.into_iter());
            return Err(format!("{unknown} are not recognised policy settings"));
        }
        let settings = settings.into_iter().map(|(name, value)| (name.clone(), value.clone()));
        Ok(Self(settings.collect()))
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &FieldTable {
        &self.0
    }

    /// A number; `None` when it is not set.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i128> {
        self.0.get(name.as_bytes())?.as_integer()
    }

    /// A text; `None` when it is not set.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name.as_bytes())?.as_text()
    }

    /// Whether a queue of this type knows every key.
    #[must_use]
    pub fn suits(&self, queue_type: QueueType) -> bool {
        self.keys().all(|key| match key.queues {
            Queues::All => true,
            Queues::ClassicOnly => queue_type == QueueType::Classic,
            Queues::QuorumOnly => queue_type == QueueType::Quorum,
            Queues::None => false,
        })
    }

    /// The keys from which nothing follows in this version, for the log.
    pub fn without_effect(&self) -> impl Iterator<Item = &'static str> {
        self.keys().filter(|key| key.effect == Effect::None).map(|key| key.name)
    }

    fn keys(&self) -> impl Iterator<Item = &'static Key> {
        self.0.iter().filter_map(|(name, _)| find(name.as_bytes(), PolicyKind::User))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_are_in_order_and_each_stands_once() {
        assert!(KEYS.is_sorted_by(|a, b| a.name < b.name));
    }
}
