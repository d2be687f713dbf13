//! The environment: `HAREMQ_…` for every key, and RabbitMQ's file of variables.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use super::env_file;
use super::error::{ConfigError, Warning};
use super::files::CONFIG_FILE;
use super::keys::{Key, keys};
use super::load::Given;
use super::nearest::nearest;
use super::source::Source;
use super::value;

/// The variables of the process that concern it, and those of RabbitMQ's file of variables.
#[derive(Debug)]
pub(super) struct Environment {
    variables: BTreeMap<String, Variable>,
}

#[derive(Debug)]
struct Variable {
    value: OsString,
    /// Where it stands, when that is a file.
    place: Option<String>,
}

impl Environment {
    pub(super) fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let variables = variables
            .into_iter()
            // A name that is no text is none of ours.
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .map(|(name, value)| (name, Variable { value, place: None }))
            .collect();
        Self { variables }
    }

    /// A variable; an empty one is as good as none, as for RabbitMQ.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, ConfigError> {
        match self.variables.get(name) {
            None => Ok(None),
            Some(Variable { value, .. }) => {
                let text = value.to_str().ok_or_else(|| ConfigError::NotText(name.to_owned()))?;
                Ok(Some(text).filter(|text| !text.is_empty()))
            }
        }
    }

    /// What a message about a variable begins with.
    pub(super) fn source(&self, name: &str) -> Source {
        let place = self.variables.get(name).and_then(|variable| variable.place.as_ref());
        Source::Environment(match place {
            Some(place) => format!("{name} in {place}"),
            None => name.to_owned(),
        })
    }

    /// A path that a variable names.
    pub(super) fn named(&self, variable: &str) -> Result<Option<(Source, PathBuf)>, ConfigError> {
        let path = self.text(variable)?;
        Ok(path.map(|path| (self.source(variable), PathBuf::from(path))))
    }

    /// The folder where RabbitMQ's files are looked for.
    pub(super) fn folder(&self) -> Result<PathBuf, ConfigError> {
        Ok(PathBuf::from(self.text(CONFIG_FOLDER)?.unwrap_or("/etc/rabbitmq")))
    }

    /// Takes the variables of RabbitMQ's file of variables in; those of the process win.
    pub(super) fn read_file(&mut self, warnings: &mut Vec<Warning>) -> Result<(), ConfigError> {
        let (source, path) = match self.named(CONF_ENV_FILE)? {
            Some(named) => named,
            None => (Source::Default, self.folder()?.join("rabbitmq-env.conf")),
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if source != Source::Default {
                    let text = format!("there is no file {}", path.display());
                    warnings.push(Warning { source, text });
                }
                return Ok(());
            }
            Err(error) => {
                let source_name = source.to_string();
                return Err(ConfigError::Unreadable { source_name, path, error });
            }
        };
        let (assigned, passed_over) = env_file::parse(&text);
        for (line, reason) in passed_over {
            let source = Source::File { path: path.clone(), line };
            warnings.push(Warning { source, text: format!("this line is passed over: {reason}") });
        }
        for env_file::Assigned { line, name, value } in assigned {
            let place = format!("{}:{line}", path.display());
            let variable = Variable { value: value.into(), place: Some(place) };
            let of_process = self.variables.get(&name).is_some_and(|other| other.place.is_none());
            if !of_process {
                self.variables.insert(name, variable);
            }
        }
        Ok(())
    }

    /// `RABBITMQ_NODE_IP_ADDRESS` and `RABBITMQ_NODE_PORT`: one listener, whatever a file says.
    pub(super) fn node_ip(&self) -> Result<Option<IpAddr>, ConfigError> {
        let Some(text) = self.text(NODE_IP)? else { return Ok(None) };
        let ip = text.parse().map_err(|_| self.wrong(NODE_IP, text, "an IP address"))?;
        Ok(Some(ip))
    }

    /// See [`Self::node_ip`].
    pub(super) fn node_port(&self) -> Result<Option<u16>, ConfigError> {
        let Some(text) = self.text(NODE_PORT)? else { return Ok(None) };
        let port = value::number(text);
        Ok(Some(port.ok_or_else(|| self.wrong(NODE_PORT, text, "a port from 0 to 65535"))?))
    }

    pub(super) fn given(&self, variable: &str, key: &str, value: &str) -> Given {
        let (key, value) = (key.to_owned(), value.to_owned());
        Given { key, value, source: self.source(variable) }
    }

    /// The value of a key that stands in a file that a variable names, without the end of its last line.
    pub(super) fn in_file(&self, variable: &str, key: &str) -> Result<Option<Given>, ConfigError> {
        let Some((source, path)) = self.named(variable)? else { return Ok(None) };
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(self.given(variable, key, text.trim_end_matches(['\r', '\n'])))),
            Err(error) => {
                let source_name = source.to_string();
                Err(ConfigError::Unreadable { source_name, path, error })
            }
        }
    }

    /// What our own variables set, which wins over RabbitMQ's. A secret may also come from a file.
    pub(super) fn given_by_us(&self) -> Result<Vec<Given>, ConfigError> {
        let mut all = Vec::new();
        for name in self.own() {
            if let Some(key) = secret_of_file(name) {
                all.extend(self.in_file(name, &key)?);
            }
        }
        for name in self.own() {
            if let (Some(key), Some(text)) = (key_of(name), self.text(name)?) {
                all.push(self.given(name, &key, text));
            }
        }
        Ok(all)
    }

    /// Variables that begin like ours and are no key.
    pub(super) fn warnings(&self) -> Vec<Warning> {
        let names: Vec<String> = keys()
            .filter(|key| !key.is_pattern())
            .map(Key::variable)
            .chain([CONFIG_FILE.to_owned(), CONFIG_FOLDER.to_owned()])
            .collect();
        let unknown = |name: &str| {
            key_of(name).is_none() && secret_of_file(name).is_none() && !is_service_link(name)
        };
        self.own()
            .filter(|name| unknown(name))
            .map(|name| {
                let meant = nearest(name, names.iter().map(String::as_str));
                let meant = meant.map(|meant| format!(": did you mean {meant}?"));
                Warning {
                    source: self.source(name),
                    text: format!("no key has this name{}", meant.unwrap_or_default()),
                }
            })
            .collect()
    }

    fn own(&self) -> impl Iterator<Item = &str> {
        let names = self.variables.keys().map(String::as_str);
        names.filter(|name| {
            name.starts_with("HAREMQ_")
                && !name.starts_with(MIGRATION)
                && ![CONFIG_FILE, CONFIG_FOLDER, TOOLS_URL, PROGRAM].contains(name)
        })
    }

    fn wrong(&self, variable: &str, value: &str, expected: &str) -> ConfigError {
        ConfigError::Value {
            source_name: self.source(variable).to_string(),
            key: "listeners.tcp.default".to_owned(),
            value: value.to_owned(),
            expected: expected.to_owned(),
        }
    }
}

/// The key that a variable of ours sets. What stands for `*` becomes lower case, because variables
/// are written in upper case.
fn key_of(variable: &str) -> Option<String> {
    if let Some(key) = keys().find(|key| key.variable() == variable) {
        return (!key.is_pattern()).then(|| key.name.to_owned());
    }
    let matches = keys().filter_map(|key| {
        let pattern = key.variable();
        let (before, after) = pattern.split_once('*')?;
        let part = variable.strip_prefix(before)?.strip_suffix(after)?;
        let name = || (pattern.len(), key.name.replace('*', &part.to_lowercase()));
        (!part.is_empty()).then(name)
    });
    // The name that says more is meant: `A_1_B` is `a.1.b` where there are `a.*` and `a.*.b`.
    matches.max_by_key(|(length, _)| *length).map(|(_, name)| name)
}

/// The secret key, or the user beside it, whose value a variable names the file of.
fn secret_of_file(variable: &str) -> Option<String> {
    let name = key_of(variable.strip_suffix("_FILE")?)?;
    let (key, _) = Key::find(&name)?;
    (key.secret || key.name == "default_user").then_some(name)
}

/// What Kubernetes sets in every container for a service of the name `haremq`.
fn is_service_link(variable: &str) -> bool {
    variable == "HAREMQ_PORT"
        || variable.starts_with("HAREMQ_PORT_")
        || variable.starts_with("HAREMQ_SERVICE_")
}

/// Where the command line tools find a broker (`docs/cli.md`). A shell that has it starts brokers, too.
const TOOLS_URL: &str = "HAREMQ_URL";

/// Which program the Python package starts (`python/README.md`); the program inherits it.
const PROGRAM: &str = "HAREMQ_BIN";

/// Passwords of `haremq migrate` (`docs/from-rabbitmq.md`).
const MIGRATION: &str = "HAREMQ_MIGRATE_";

pub(super) const CONFIG_FOLDER: &str = "HAREMQ_CONFIG_FOLDER";
const CONF_ENV_FILE: &str = "RABBITMQ_CONF_ENV_FILE";
pub(super) const NODE_IP: &str = "RABBITMQ_NODE_IP_ADDRESS";
pub(super) const NODE_PORT: &str = "RABBITMQ_NODE_PORT";
