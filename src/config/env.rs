//! The environment: `HAREMQ_…` for every key, and the variables of RabbitMQ's image that deployments
//! use.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use super::error::{ConfigError, Warning};
use super::keys::{Key, keys};
use super::load::Given;
use super::nearest::nearest;
use super::source::Source;
use super::value;

/// The variables of the process that concern it.
#[derive(Debug)]
pub(super) struct Environment {
    variables: BTreeMap<String, OsString>,
}

impl Environment {
    pub(super) fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let variables = variables
            .into_iter()
            // A name that is no text is none of ours.
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect();
        Self { variables }
    }

    /// A variable; an empty one is as good as none, as for RabbitMQ.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, ConfigError> {
        match self.variables.get(name) {
            None => Ok(None),
            Some(value) => {
                let text = value.to_str().ok_or_else(|| ConfigError::NotText(name.to_owned()))?;
                Ok(Some(text).filter(|text| !text.is_empty()))
            }
        }
    }

    /// The configuration file and the variable that names it.
    pub(super) fn config_file(&self) -> Result<Option<(&'static str, PathBuf)>, ConfigError> {
        for variable in [CONFIG_FILE, RABBITMQ_CONFIG_FILE] {
            if let Some(path) = self.text(variable)? {
                return Ok(Some((variable, PathBuf::from(path))));
            }
        }
        Ok(None)
    }

    /// `RABBITMQ_NODE_IP_ADDRESS` and `RABBITMQ_NODE_PORT`: one listener, whatever a file says.
    pub(super) fn node_ip(&self) -> Result<Option<IpAddr>, ConfigError> {
        let Some(text) = self.text(NODE_IP)? else { return Ok(None) };
        let ip = text.parse().map_err(|_| wrong(NODE_IP, text, "an IP address"))?;
        Ok(Some(ip))
    }

    /// See [`Self::node_ip`].
    pub(super) fn node_port(&self) -> Result<Option<u16>, ConfigError> {
        let Some(text) = self.text(NODE_PORT)? else { return Ok(None) };
        let port = value::number(text);
        Ok(Some(port.ok_or_else(|| wrong(NODE_PORT, text, "a port from 0 to 65535"))?))
    }

    /// RabbitMQ's variables for the first user, directly or by a file that holds the value (as for a
    /// secret that is mounted), then our own ones, which win.
    pub(super) fn given(&self) -> Result<Vec<Given>, ConfigError> {
        let mut all = Vec::new();
        for (variable, key) in RABBITMQ_VARIABLES {
            let file = format!("{variable}_FILE");
            if let Some(path) = self.text(&file)? {
                let read = fs::read_to_string(path);
                let text = read.map_err(|error| ConfigError::Unreadable {
                    source_name: Source::Environment(file.clone()).to_string(),
                    path: PathBuf::from(path),
                    error,
                })?;
                all.push(Given::environment(&file, key, text.trim_end_matches(['\r', '\n'])));
            }
            if let Some(text) = self.text(variable)? {
                all.push(Given::environment(variable, key, text));
            }
        }
        for name in self.own() {
            if let (Some(key), Some(text)) = (key_of(name), self.text(name)?) {
                all.push(Given::environment(name, &key, text));
            }
        }
        Ok(all)
    }

    /// Variables that begin like ours and are no key.
    pub(super) fn warnings(&self) -> Vec<Warning> {
        let names: Vec<String> = keys()
            .filter(|key| !key.name.ends_with('*'))
            .map(Key::variable)
            .chain([CONFIG_FILE.to_owned()])
            .collect();
        self.own()
            .filter(|name| key_of(name).is_none() && !is_service_link(name))
            .map(|name| {
                let meant = nearest(name, names.iter().map(String::as_str));
                let meant = meant.map(|meant| format!(": did you mean {meant}?"));
                Warning {
                    source: Source::Environment(name.to_owned()),
                    text: format!("no key has this name{}", meant.unwrap_or_default()),
                }
            })
            .collect()
    }

    fn own(&self) -> impl Iterator<Item = &str> {
        let names = self.variables.keys().map(String::as_str);
        names.filter(|name| name.starts_with("HAREMQ_") && *name != CONFIG_FILE)
    }
}

/// The key that a variable of ours sets. What stands for `*` becomes lower case, because variables
/// are written in upper case.
fn key_of(variable: &str) -> Option<String> {
    if let Some(key) = keys().find(|key| key.variable() == variable) {
        return (!key.name.ends_with('*')).then(|| key.name.to_owned());
    }
    keys().find_map(|key| {
        let start = key.name.strip_suffix('*')?;
        let part = variable.strip_prefix(key.variable().strip_suffix('*')?)?;
        (!part.is_empty()).then(|| format!("{start}{}", part.to_lowercase()))
    })
}

/// What Kubernetes sets in every container for a service of the name `haremq`.
fn is_service_link(variable: &str) -> bool {
    variable == "HAREMQ_PORT"
        || variable.starts_with("HAREMQ_PORT_")
        || variable.starts_with("HAREMQ_SERVICE_")
}

fn wrong(variable: &str, value: &str, expected: &str) -> ConfigError {
    ConfigError::Value {
        source_name: Source::Environment(variable.to_owned()).to_string(),
        key: "listeners.tcp.default".to_owned(),
        value: value.to_owned(),
        expected: expected.to_owned(),
    }
}

const CONFIG_FILE: &str = "HAREMQ_CONFIG_FILE";
/// RabbitMQ goes on without the file that this names when it is not there, and so do we.
pub(super) const RABBITMQ_CONFIG_FILE: &str = "RABBITMQ_CONFIG_FILE";
pub(super) const NODE_IP: &str = "RABBITMQ_NODE_IP_ADDRESS";
pub(super) const NODE_PORT: &str = "RABBITMQ_NODE_PORT";

const RABBITMQ_VARIABLES: [(&str, &str); 3] = [
    ("RABBITMQ_DEFAULT_USER", "default_user"),
    ("RABBITMQ_DEFAULT_PASS", "default_pass"),
    ("RABBITMQ_DEFAULT_VHOST", "default_vhost"),
];
