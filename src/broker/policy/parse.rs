//! A policy, parsed once.

use std::fmt;

use super::definition::{Definition, PolicyKind};
use super::pattern::NamePattern;
use super::settings::QueueType;
use super::text;
use crate::base::{FieldTable, FieldValue, PolicyName};

/// What a policy is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ApplyTo {
    /// Queues and exchanges.
    All,
    /// Queues of every type.
    Queues,
    /// Queues of the type classic.
    ClassicQueues,
    /// Queues of the type quorum.
    QuorumQueues,
    /// Streams, of which there are none here.
    Streams,
    /// Exchanges.
    Exchanges,
}

impl ApplyTo {
    /// The value of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "all" => Self::All,
            "queues" => Self::Queues,
            "classic_queues" => Self::ClassicQueues,
            "quorum_queues" => Self::QuorumQueues,
            "streams" => Self::Streams,
            "exchanges" => Self::Exchanges,
            _ => return None,
        })
    }

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Queues => "queues",
            Self::ClassicQueues => "classic_queues",
            Self::QuorumQueues => "quorum_queues",
            Self::Streams => "streams",
            Self::Exchanges => "exchanges",
        }
    }

    /// Whether it is for queues of this type.
    #[must_use]
    pub fn queues_of(self, queue_type: QueueType) -> bool {
        match self {
            Self::All | Self::Queues => true,
            Self::ClassicQueues => queue_type == QueueType::Classic,
            Self::QuorumQueues => queue_type == QueueType::Quorum,
            Self::Streams | Self::Exchanges => false,
        }
    }

    /// Whether it is for exchanges.
    #[must_use]
    pub fn exchanges(self) -> bool {
        matches!(self, Self::All | Self::Exchanges)
    }
}

/// A checked policy.
#[derive(Clone, PartialEq, Debug)]
pub struct Policy {
    /// Unique among those of its kind in its virtual host.
    pub name: PolicyName,
    /// Which names.
    pub pattern: NamePattern,
    /// Which things.
    pub apply_to: ApplyTo,
    /// Of several that match the highest counts.
    pub priority: i64,
    /// The settings.
    pub definition: Definition,
}

/// Why a policy is refused. Its text is what RabbitMQ's command line and HTTP API answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyError {
    lines: Vec<String>,
}

impl PolicyError {
    /// One line for each thing that is wrong.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Validation failed\n\n")?;
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl std::error::Error for PolicyError {}

/// The keys of a policy's value.
const PRIORITY: &str = "priority";
const PATTERN: &str = "pattern";
const APPLY_TO: &str = "apply-to";
const DEFINITION: &str = "definition";

impl Policy {
    /// Checks what somebody wants to be a policy: a table of `pattern`, `definition`, `priority` (0 when
    /// it is not there) and `apply-to` (`all` when it is not there).
    ///
    /// # Errors
    /// [`PolicyError`] with everything that is wrong with it.
    pub fn parse(
        kind: PolicyKind,
        name: PolicyName,
        value: &FieldTable,
    ) -> Result<Self, PolicyError> {
        let mut lines = Vec::new();
        let get = |key: &str| value.get(key.as_bytes());
        let priority = or_note(get(PRIORITY).map_or(Ok(0), priority), &mut lines);
        let pattern = required(PATTERN, &name, get(PATTERN)).and_then(pattern);
        let pattern = or_note(pattern, &mut lines);
        let apply_to = or_note(get(APPLY_TO).map_or(Ok(ApplyTo::All), apply_to), &mut lines);
        let definition = required(DEFINITION, &name, get(DEFINITION))
            .and_then(|value| Definition::parse(kind, value));
        let definition = or_note(definition, &mut lines);
        let known = [PRIORITY, PATTERN, APPLY_TO, DEFINITION].map(str::as_bytes);
        let others = value.iter().map(|(key, value)| (key.as_bytes(), value));
        let others: Vec<_> = others.filter(|(key, _)| !known.contains(key)).collect();
        if !others.is_empty() {
            let others = text::settings(others.into_iter());
            lines.push(format!("Unrecognised terms {others} in {name}"));
        }
        // rabbitmq: what is wrong is told from the last to the first.
        lines.reverse();
        match (lines.is_empty(), priority, pattern, apply_to, definition) {
            (true, Some(priority), Some(pattern), Some(apply_to), Some(definition)) => {
                Ok(Self { name, pattern, apply_to, priority, definition })
            }
            _ => Err(PolicyError { lines }),
        }
    }

    /// What [`Self::parse`] gives this policy from.
    #[must_use]
    pub fn to_table(&self) -> FieldTable {
        let definition = FieldValue::Table(self.definition.settings().clone());
        Self::table(self.pattern.as_str(), self.apply_to.as_str(), self.priority, definition)
    }

    /// The value of a policy, unchecked.
    #[must_use]
    pub fn table(
        pattern: &str,
        apply_to: &str,
        priority: i64,
        definition: FieldValue,
    ) -> FieldTable {
        let entries = [
            (PATTERN, FieldValue::text(pattern)),
            (APPLY_TO, FieldValue::text(apply_to)),
            (PRIORITY, FieldValue::I64(priority)),
            (DEFINITION, definition),
        ];
        let short = |(key, value): (&str, _)| Some((key.try_into().ok()?, value));
        entries.into_iter().filter_map(short).collect()
    }
}

fn or_note<T>(result: Result<T, String>, lines: &mut Vec<String>) -> Option<T> {
    result.map_err(|line| lines.push(line)).ok()
}

fn required<'a>(
    key: &str,
    name: &PolicyName,
    value: Option<&'a FieldValue>,
) -> Result<&'a FieldValue, String> {
    value.ok_or_else(|| format!("Key \"{key}\" not found in {name}"))
}

fn priority(value: &FieldValue) -> Result<i64, String> {
    let number = value.as_integer().and_then(|number| i64::try_from(number).ok());
    number
        .ok_or_else(|| format!("{PRIORITY} should be a number, actually was {}", text::term(value)))
}

fn pattern(value: &FieldValue) -> Result<NamePattern, String> {
    let Some(pattern) = value.as_text() else {
        return Err(format!("{PATTERN} should be a binary but was {}", text::term(value)));
    };
    NamePattern::parse(pattern)
        .map_err(|error| format!("{PATTERN} should be regular expression but is invalid: {error}"))
}

fn apply_to(value: &FieldValue) -> Result<ApplyTo, String> {
    let text = value.as_text();
    text.and_then(ApplyTo::parse).ok_or_else(|| {
        let shown = text.map_or_else(|| text::term(value), str::to_owned);
        format!(
            "{APPLY_TO} '{shown}' unrecognised; should be one of: 'queues', 'classic_queues',  \
             'quorum_queues', 'streams', 'exchanges', or 'all'"
        )
    })
}
