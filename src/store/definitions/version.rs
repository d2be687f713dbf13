//! The version of the format in which definitions are written.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `major.minor`. A newer minor version may only add what an older broker may drop without harm: unknown
/// fields are ignored when read and gone when written again. Everything else is a new major version,
/// which an older broker refuses to open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FormatVersion {
    /// Raised when an older broker must not read what is written.
    pub major: u16,
    /// Raised when something was added.
    pub minor: u16,
}

impl FormatVersion {
    /// What this broker writes.
    pub const CURRENT: Self = Self { major: 1, minor: 2 };

    /// Whether this broker may read it.
    #[must_use]
    pub fn is_understood(self) -> bool {
        self.major == Self::CURRENT.major
    }

    /// Whether only a newer broker may read it.
    #[must_use]
    pub fn is_newer(self) -> bool {
        self.major > Self::CURRENT.major
    }
}

impl fmt::Display for FormatVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for FormatVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('.').and_then(|(major, minor)| {
            Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? })
        });
        parts.ok_or_else(|| format!("'{text}' is no format version"))
    }
}

impl TryFrom<String> for FormatVersion {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<FormatVersion> for String {
    fn from(version: FormatVersion) -> Self {
        version.to_string()
    }
}
