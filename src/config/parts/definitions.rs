//! Definitions that are loaded at the start.

use std::path::PathBuf;

/// What is loaded at the start.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DefinitionsSettings {
    /// A file of definitions in JSON, or a folder of such files. `load_definitions`,
    /// `management.load_definitions`, `definitions.local.path`.
    pub path: Option<PathBuf>,
    /// A file that is as it was when it was loaded last is passed over.
    /// `definitions.skip_if_unchanged`.
    pub skip_if_unchanged: bool,
}
