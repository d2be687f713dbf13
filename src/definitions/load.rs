//! Definitions that are loaded at the start.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::import::{ImportOptions, Report, import};
use super::parse_objects::IMPORTED_HASH;
use super::plan::Action;
use super::{DefinitionsError, LoadError};
use crate::base::limits::DEFINITIONS_BYTES_MAX;
use crate::base::{FieldValue, ParameterName};
use crate::broker::{Actor, Broker};
use crate::store;

/// Imports a file, or every `*.json` of a folder in the order of their names, each as a whole. With
/// `skip_if_unchanged` nothing is done when they are what was loaded last. Waits for the disk.
///
/// # Errors
/// [`LoadError`] of the first file that cannot be loaded; those before it are loaded.
pub fn load(broker: &Broker, path: &Path, skip_if_unchanged: bool) -> Result<(), LoadError> {
    let files = files(path).map_err(|error| read_error(path, error))?;
    if files.is_empty() {
        tracing::warn!(path = %path.display(), "there are no definitions to load: the folder has no *.json");
        return Ok(());
    }
    let mut documents = Vec::new();
    for file in files {
        let bytes = read(&file).map_err(|error| read_error(&file, error))?;
        documents.push((file, bytes));
    }
    let hash = hash(documents.iter().map(|(_, bytes)| bytes.as_slice()));
    if skip_if_unchanged && last_hash(broker).as_deref() == Some(hash.as_str()) {
        tracing::info!(path = %path.display(), "the definitions are those that were loaded last: skipped");
        return Ok(());
    }
    let options = ImportOptions { by: Actor::configuration(), ..ImportOptions::default() };
    for (file, bytes) in documents {
        let report = import(broker, &bytes, &options);
        let report = report.map_err(|error| LoadError::Import { path: file.clone(), error })?;
        say(&file, &report);
    }
    if skip_if_unchanged {
        remember(broker, &hash);
    }
    Ok(())
}

fn read_error(path: &Path, error: io::Error) -> LoadError {
    LoadError::Read { path: path.to_path_buf(), error }
}

fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "json") && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// One byte more than an import takes, so that it can say that there are too many.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(DEFINITIONS_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn hash<'a>(documents: impl Iterator<Item = &'a [u8]>) -> String {
    let mut all = Sha256::new();
    for document in documents {
        all.update((document.len() as u64).to_le_bytes());
        all.update(document);
    }
    STANDARD.encode(all.finalize())
}

fn last_hash(broker: &Broker) -> Option<String> {
    broker.accounts(|accounts| {
        let mut all = accounts.records().global_parameters.values();
        let found = all.find(|parameter| parameter.name.as_str() == IMPORTED_HASH)?;
        found.value.as_text().map(str::to_owned)
    })
}

fn remember(broker: &Broker, hash: &str) {
    let Ok(name) = ParameterName::try_from(IMPORTED_HASH) else { return };
    let parameter = store::GlobalParameter { name, value: FieldValue::text(hash) };
    let put = broker.put_global_parameter(
        &Actor::internal(),
        parameter,
        Box::new(|stored| {
            if let Err(error) = stored {
                tracing::warn!(error = %error, "the hash of the definitions was not stored; they are loaded again at the next start");
            }
        }),
    );
    if let Err(error) = put {
        tracing::warn!(error = %error, "the hash of the definitions was not kept");
    }
}

/// What was made and what not.
fn say(file: &Path, report: &Report) {
    let plan = &report.plan;
    for warning in &plan.warnings {
        tracing::warn!(path = %file.display(), "{warning}");
    }
    for step in plan.steps.iter().filter(|step| step.action == Action::Keep) {
        let fields: Vec<&str> = step.differences.iter().map(|one| one.field.as_str()).collect();
        tracing::warn!(
            path = %file.display(),
            differs = fields.join(", "),
            "{} stays as it is, the definitions say something else", step.title()
        );
    }
    for problem in &report.problems {
        tracing::error!(path = %file.display(), "{problem}");
    }
    tracing::info!(
        path = %file.display(),
        added = plan.count(Action::Add),
        changed = plan.count(Action::Change),
        kept = plan.count(Action::Keep),
        same = plan.count(Action::Same),
        "definitions loaded"
    );
}

/// Reads a file for a check without a broker.
///
/// # Errors
/// [`LoadError`].
pub fn check_file(file: &Path) -> Result<super::Plan, LoadError> {
    let bytes = read(file).map_err(|error| read_error(file, error))?;
    let checked = super::check(&bytes);
    checked.map_err(|error: DefinitionsError| LoadError::Import { path: file.to_path_buf(), error })
}
