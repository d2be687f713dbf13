//! What was found out.

use crate::base::Millis;

/// A cause, and what goes with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// For programs: words with hyphens, which stay from version to version.
    pub name: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What is the case, for people, with figures.
    pub cause: String,
    /// Since when, where that is known.
    pub since: Option<Millis>,
    /// What would change it.
    pub fix: String,
}

/// How much a finding matters. The higher ones come first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// Nothing moves, or something is lost.
    Critical,
    /// Something is slower or longer than it should be.
    Warning,
    /// So it is; nothing is wrong.
    Info,
}

impl Severity {
    /// `critical`, `warning` or `info`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

impl Finding {
    pub(super) fn new(
        severity: Severity,
        name: &'static str,
        cause: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { name, severity, cause: cause.into(), since: None, fix: fix.into() }
    }

    pub(super) fn critical(
        name: &'static str,
        cause: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Critical, name, cause, fix)
    }

    pub(super) fn warning(
        name: &'static str,
        cause: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Warning, name, cause, fix)
    }

    pub(super) fn info(
        name: &'static str,
        cause: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Info, name, cause, fix)
    }

    pub(super) fn since(mut self, since: impl Into<Option<Millis>>) -> Self {
        self.since = since.into();
        self
    }
}

/// What matters most comes first; of equals, what was found first.
pub(super) fn sorted(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| finding.severity);
    findings
}
