//! Which configuration files are read, and in which order.
//!
//! A file of ours that is named is the only one. Else RabbitMQ's places hold: its main file, and after it
//! every file of its `conf.d` in the order of their names (rabbitmq: configure.md).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::args::Arguments;
use super::env::Environment;
use super::error::{ConfigError, Warning};
use super::plugins_file;
use super::source::Source;

/// A file that was read.
#[derive(Debug)]
pub(super) struct Text {
    pub path: PathBuf,
    pub text: String,
}

/// Reads the files that hold the settings.
pub(super) fn read(
    arguments: &Arguments,
    environment: &Environment,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Text>, ConfigError> {
    let ours = match &arguments.config {
        Some(path) => Some((Source::Flag("--config"), PathBuf::from(path))),
        None => environment.named(CONFIG_FILE)?,
    };
    if let Some((source, path)) = ours {
        return here(&source, paths(&path));
    }
    let mut texts = main_file(environment, warnings)?;
    let (source, more) = match environment.named(RABBITMQ_CONFIG_FILES)? {
        Some(named) => named,
        None => (Source::Default, environment.folder()?.join("conf.d")),
    };
    let more = match paths(&more) {
        // Nobody asked for it.
        Err((_, error)) if source == Source::Default && is_missing(&error) => Ok(Vec::new()),
        Err((path, error)) if is_missing(&error) => {
            let text = format!("there is no file {}", path.display());
            warnings.push(Warning { source: source.clone(), text });
            Ok(Vec::new())
        }
        found => found,
    };
    texts.extend(here(&source, more)?);
    advanced(environment, warnings)?;
    warnings.extend(plugins_file::warnings(environment)?);
    Ok(texts)
}

/// RabbitMQ goes on without its main file when it is not there, and so do we.
fn main_file(
    environment: &Environment,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Text>, ConfigError> {
    let named = environment.named(RABBITMQ_CONFIG_FILE)?;
    let (source, path) = match named {
        Some((source, path)) => {
            let path = if path.exists() { path } else { with_ending(path) };
            (source, path)
        }
        None => (Source::Default, environment.folder()?.join("rabbitmq.conf")),
    };
    match fs::read_to_string(&path) {
        Ok(text) => Ok(vec![Text { path, text }]),
        Err(error) if is_missing(&error) => {
            if source != Source::Default {
                let text = format!("there is no file {}", path.display());
                warnings.push(Warning { source, text });
            }
            Ok(Vec::new())
        }
        Err(error) => Err(unreadable(&source, path, error)),
    }
}

/// A file of Erlang terms, which people keep beside the other one.
fn advanced(environment: &Environment, warnings: &mut Vec<Warning>) -> Result<(), ConfigError> {
    let (source, path) = match environment.named(RABBITMQ_ADVANCED_CONFIG_FILE)? {
        Some(named) => named,
        None => (Source::Default, environment.folder()?.join("advanced.config")),
    };
    if path.exists() || with_ending_of(&path, ".config").exists() {
        let text = format!(
            "{} holds Erlang terms and is not read: write its settings as keys into rabbitmq.conf",
            path.display()
        );
        warnings.push(Warning { source, text });
    }
    Ok(())
}

/// A file, the `.conf` files of a folder, or those that match a `*` in the last part of the path.
fn paths(path: &Path) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let last = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let (folder, before, after) = match last.split_once('*') {
        Some((before, after)) => (path.parent().unwrap_or(Path::new(".")), before, after),
        None if path.is_dir() => (path, "", ".conf"),
        None => {
            // Whether it is there is found out by reading it, unless nobody insists on it.
            let found = fs::metadata(path).map(|_| vec![path.to_owned()]);
            return found.map_err(|error| (path.to_owned(), error));
        }
    };
    let failed = |error| (folder.to_owned(), error);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let matches = name.strip_prefix(before).is_some_and(|rest| rest.ends_with(after));
        // A hidden file is the backup of an editor, or what Kubernetes keeps its files in.
        if matches && !name.starts_with('.') && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn here(
    source: &Source,
    paths: Result<Vec<PathBuf>, (PathBuf, io::Error)>,
) -> Result<Vec<Text>, ConfigError> {
    let paths = paths.map_err(|(path, error)| unreadable(source, path, error))?;
    let read = |path: PathBuf| match fs::read_to_string(&path) {
        Ok(text) => Ok(Text { path, text }),
        Err(error) => Err(unreadable(source, path, error)),
    };
    paths.into_iter().map(read).collect()
}

fn unreadable(source: &Source, path: PathBuf, error: io::Error) -> ConfigError {
    ConfigError::Unreadable { source_name: source.to_string(), path, error }
}

fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

/// RabbitMQ's variable may name its file without the ending.
fn with_ending(path: PathBuf) -> PathBuf {
    let with_ending = with_ending_of(&path, ".conf");
    if with_ending.exists() { with_ending } else { path }
}

fn with_ending_of(path: &Path, ending: &str) -> PathBuf {
    let mut with_ending = path.as_os_str().to_owned();
    with_ending.push(ending);
    PathBuf::from(with_ending)
}

pub(super) const CONFIG_FILE: &str = "HAREMQ_CONFIG_FILE";
const RABBITMQ_CONFIG_FILE: &str = "RABBITMQ_CONFIG_FILE";
const RABBITMQ_CONFIG_FILES: &str = "RABBITMQ_CONFIG_FILES";
const RABBITMQ_ADVANCED_CONFIG_FILE: &str = "RABBITMQ_ADVANCED_CONFIG_FILE";
