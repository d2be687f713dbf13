//! The pattern of a policy.
//!
//! RabbitMQ's engine is PCRE; this one runs in linear time and knows less. Look-aheads are understood at
//! the very start (`^(?!amq\.).*`, the usual one); other look-around, back references, atomic groups and
//! recursion are refused when the policy is put. `\d`, `\w` and `\s` know all of Unicode here and ASCII
//! only there, and `$` matches at the end of a name only, not also before a line feed at its end.

use crate::access::{Pattern, PatternError};

/// A regular expression on names, which may match anywhere in a name. Other than the pattern of a
/// permission the empty one matches every name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamePattern {
    text: String,
    /// `None` for the empty one.
    pattern: Option<Pattern>,
}

impl NamePattern {
    /// Compiles it.
    ///
    /// # Errors
    /// [`PatternError`] when it is too long, too large, or no regular expression of this engine.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let pattern = if text.is_empty() { None } else { Some(Pattern::parse(text)?) };
        Ok(Self { text: text.to_owned(), pattern })
    }

    /// Whether the name matches.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.pattern.as_ref().is_none_or(|pattern| pattern.matches(name))
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}
