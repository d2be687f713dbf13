//! Puts the sources together: default, then file, then environment, then flag, then what the running broker
//! was asked for; the later one wins.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::args::Arguments;
use super::draft::{Assignment, Draft};
use super::env::{Environment, NODE_IP, NODE_PORT};
use super::error::{ConfigError, Warning};
use super::file;
use super::files;
use super::keys::{Key, keys};
use super::known::{self, Standing};
use super::machine::{host_name, machine_memory_bytes};
use super::nearest::nearest;
use super::settings::{ListenAddress, Settings};
use super::source::{EffectiveValue, Source};

/// What the sources say together.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// What is to be logged once the log is set up.
    pub warnings: Vec<Warning>,
    /// The value of each key in force and where it comes from.
    pub values: BTreeMap<String, EffectiveValue>,
    /// The files that were read, in order.
    pub files: Vec<PathBuf>,
}

/// One value of one source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Given {
    pub key: String,
    pub value: String,
    pub source: Source,
}

/// Reads the command line, which begins with the name of the program, the file that it or the
/// environment names, and the environment.
///
/// # Errors
/// [`ConfigError`] for the first thing that is wrong, and for `--help` and `--version`; let
/// [`ConfigError::report`] say it.
pub fn load(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Loaded, ConfigError> {
    load_for(&Arguments::parse(arguments)?, environment)
}

/// As [`load`], for a command line that was read already.
///
/// # Errors
/// [`ConfigError`] for the first thing that is wrong.
pub fn load_for(
    arguments: &Arguments,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Loaded, ConfigError> {
    load_asked(arguments, environment, &[])
}

/// As [`load_for`], with keys and values that the running broker was asked for, which win.
///
/// # Errors
/// [`ConfigError`] for the first thing that is wrong; [`ConfigError::NotLive`] and
/// [`ConfigError::Unknown`] for a key that cannot be asked for.
pub fn load_asked(
    arguments: &Arguments,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    asked: &[(String, String)],
) -> Result<Loaded, ConfigError> {
    let mut environment = Environment::new(environment);
    let mut merge = Merge::new()?;
    environment.read_file(&mut merge.warnings)?;
    merge.standard_variables(&environment)?;
    merge.files(arguments, &environment)?;
    merge.environment(&environment)?;
    merge.flags(arguments)?;
    merge.asked(asked)?;
    Ok(merge.finish())
}

/// Keys and values that a program gives and that stand above the defaults, and what the running broker was asked
/// for, which wins. No file is read, and the environment is not looked at.
///
/// # Errors
/// [`ConfigError`] for the first thing that is wrong, as [`load_asked`].
pub fn load_given(
    given: &[(String, String)],
    asked: &[(String, String)],
) -> Result<Loaded, ConfigError> {
    let mut merge = Merge::new()?;
    for (key, value) in given {
        merge.apply(Given { key: key.clone(), value: value.clone(), source: Source::Program })?;
    }
    merge.asked(asked)?;
    Ok(merge.finish())
}

impl Merge {
    fn asked(&mut self, asked: &[(String, String)]) -> Result<(), ConfigError> {
        for (key, value) in asked {
            match Key::find(key) {
                Some((found, _)) if found.live => {}
                Some(_) => return Err(ConfigError::NotLive(key.clone())),
                None => return Err(ConfigError::Unknown(key.clone())),
            }
            self.apply(Given { key: key.clone(), value: value.clone(), source: Source::Request })?;
        }
        Ok(())
    }
}

impl Loaded {
    /// The error for a value that turned out to be wrong only when it was used, such as a pattern
    /// that does not compile, with the place where it was set.
    #[must_use]
    pub fn refuse(&self, key: &str, expected: impl Into<String>) -> ConfigError {
        let found = self.values.get(key);
        ConfigError::Value {
            source_name: found.map_or(Source::Default.to_string(), |v| v.source.to_string()),
            key: key.to_owned(),
            value: found.map_or_else(String::new, |found| found.value.clone()),
            expected: expected.into(),
        }
    }
}

/// The sources so far.
struct Merge {
    draft: Draft,
    warnings: Vec<Warning>,
    values: BTreeMap<String, EffectiveValue>,
    files: Vec<PathBuf>,
}

impl Merge {
    fn new() -> Result<Self, ConfigError> {
        let draft = Draft::new();
        let (warnings, files) = (Vec::new(), Vec::new());
        let mut merge = Self { draft, warnings, values: BTreeMap::new(), files };
        for key in keys() {
            if let Some(default) = key.default {
                merge.apply(Given {
                    key: key.name.to_owned(),
                    value: default.to_owned(),
                    source: Source::Default,
                })?;
            }
        }
        Ok(merge)
    }

    fn files(
        &mut self,
        arguments: &Arguments,
        environment: &Environment,
    ) -> Result<(), ConfigError> {
        for files::Text { path, text } in files::read(arguments, environment, &mut self.warnings)? {
            self.text(&path, &text, environment)?;
            self.files.push(path);
        }
        Ok(())
    }

    fn text(
        &mut self,
        path: &Path,
        text: &str,
        environment: &Environment,
    ) -> Result<(), ConfigError> {
        let lines = file::parse(text)
            .map_err(|error| ConfigError::Syntax { path: path.to_owned(), error })?;
        for line in lines {
            let source = Source::File { path: path.to_owned(), line: line.number };
            let value = interpolate(&line.value, environment)?.map_err(|variable| {
                let secret = Key::find(&line.key).is_some_and(|(key, _)| key.secret);
                ConfigError::Value {
                    source_name: source.to_string(),
                    key: line.key.clone(),
                    value: if secret { HIDDEN.to_owned() } else { line.value.clone() },
                    expected: format!("the environment variable {variable} to be set"),
                }
            })?;
            self.apply(Given { key: line.key, value, source })?;
        }
        Ok(())
    }

    fn environment(&mut self, environment: &Environment) -> Result<(), ConfigError> {
        let (ip, port) = (environment.node_ip()?, environment.node_port()?);
        let variable = if port.is_some() { NODE_PORT } else { NODE_IP };
        self.listen_only(ip, port, &environment.source(variable));
        for given in environment.given_by_rabbitmq()?.into_iter().chain(environment.given_by_us()?)
        {
            self.apply(given)?;
        }
        self.warnings.extend(environment.warnings_for_rabbitmq()?);
        self.warnings.extend(environment.warnings());
        Ok(())
    }

    /// Variables that many programs share: whatever is said to this one counts for more.
    fn standard_variables(&mut self, environment: &Environment) -> Result<(), ConfigError> {
        for given in environment.given_by_opentelemetry()? {
            self.apply(given)?;
        }
        Ok(())
    }

    fn flags(&mut self, arguments: &Arguments) -> Result<(), ConfigError> {
        let flag = if arguments.port.is_some() { "--port" } else { "--bind" };
        self.listen_only(arguments.bind, arguments.port, &Source::Flag(flag));
        self.listen_with_tls(arguments);
        for given in arguments.given() {
            self.apply(given)?;
        }
        Ok(())
    }

    /// One listener and no other when an address or a port is asked for; what is not asked for stays
    /// as it is for the default listener.
    fn listen_only(&mut self, ip: Option<IpAddr>, port: Option<u16>, source: &Source) {
        if ip.is_none() && port.is_none() {
            return;
        }
        let before = self.draft.default_listener();
        let address = ListenAddress {
            ip: ip.or(before.and_then(|address| address.ip)),
            port: port.or(before.map(|address| address.port)).unwrap_or(AMQP_PORT),
        };
        self.draft.listen_only(address, source.rank());
        self.values.retain(|key, _| !key.starts_with("listeners.tcp"));
        let value = EffectiveValue { value: address.to_string(), source: source.clone() };
        self.values.insert(DEFAULT_LISTENER_KEY.to_owned(), value);
    }

    /// `--tls-port` means this listener with TLS and no other; `--bind` holds for every one.
    fn listen_with_tls(&mut self, arguments: &Arguments) {
        if let Some(port) = arguments.tls_port {
            let source = Source::Flag("--tls-port");
            let address = ListenAddress { ip: arguments.bind, port };
            self.draft.transport.listen_only(address, source.rank());
            self.values.retain(|key, _| !key.starts_with("listeners.ssl"));
            let value = EffectiveValue { value: address.to_string(), source };
            self.values.insert("listeners.ssl.default".to_owned(), value);
        } else if let Some(ip) = arguments.bind {
            self.draft.transport.bind_all(ip);
        }
    }

    fn apply(&mut self, given: Given) -> Result<(), ConfigError> {
        let Given { key: name, value, source } = given;
        let Some((key, part)) = Key::find(&name) else {
            self.mention(&name, &value, source);
            return Ok(());
        };
        let assignment = Assignment { value: &value, part: &part, rank: source.rank() };
        let taken = (key.set)(&mut self.draft, assignment);
        let value = if key.secret { HIDDEN.to_owned() } else { value };
        if taken.is_none() {
            let (source_name, expected) = (source.to_string(), key.expects.to_owned());
            return Err(ConfigError::Value { source_name, key: name, value, expected });
        }
        self.values.insert(name, EffectiveValue { value, source });
        Ok(())
    }

    /// A key that sets nothing.
    fn mention(&mut self, name: &str, value: &str, source: Source) {
        let text = match known::standing(name, value) {
            Some(Standing::Needless) => return,
            Some(Standing::NotYet) => {
                format!("'{name}' is a known key of RabbitMQ that has no effect yet")
            }
            Some(Standing::Obsolete) => {
                format!("'{name}' is an obsolete key of RabbitMQ without effect: remove it")
            }
            Some(Standing::Instead(other)) => format!("'{name}' has no effect: use '{other}'"),
            None => {
                let names = keys().map(|key| key.name).chain(known::names());
                match nearest(name, names) {
                    Some(meant) => format!("unknown key '{name}': did you mean '{meant}'?"),
                    None => format!("unknown key '{name}'"),
                }
            }
        };
        self.warnings.push(Warning { source, text });
    }

    /// Keys that are set to something else than their default, and that nobody looks at yet.
    fn mention_unused(&mut self) {
        for (name, EffectiveValue { value, source }) in &self.values {
            let Some((key, _)) = Key::find(name) else { continue };
            let Some(why) = key.without_effect else { continue };
            // The address of one listener more is not what `--bind` is given for.
            let asked_for = *source != Source::Default && *source != Source::Flag("--bind");
            if asked_for && key.default != Some(value) {
                let text = format!("'{name}' has no effect: {why}");
                self.warnings.push(Warning { source: source.clone(), text });
            }
        }
    }

    fn machine_bytes(&mut self) -> u64 {
        machine_memory_bytes().unwrap_or_else(|| {
            let text = "the system does not say how much memory there is: 1 GiB is assumed";
            self.warnings.push(Warning { source: Source::Default, text: text.to_owned() });
            MACHINE_BYTES_ASSUMED
        })
    }

    fn finish(mut self) -> Loaded {
        let machine_bytes = self.machine_bytes();
        let others = self.values.iter().any(|(key, value)| {
            key.starts_with("listeners.tcp.") && value.source != Source::Default
        });
        if others {
            // The built-in listener has given way.
            self.values.retain(|key, value| {
                key != DEFAULT_LISTENER_KEY || value.source != Source::Default
            });
        }
        self.mention_unused();
        let mut settings = self.draft.finish(machine_bytes);
        if settings.node_name.is_empty() {
            settings.node_name = format!("rabbit@{}", host_name());
        }
        let Self { warnings, values, files, .. } = self;
        // Who takes any port for AMQP runs more than one broker here, and the second one finds 15672 taken.
        let takes_any = settings.listeners.first().is_some_and(|address| address.port == 0);
        for (key, listener) in [
            (MANAGEMENT_PORT_KEY, &mut settings.management.listener),
            (METRICS_PORT_KEY, &mut settings.prometheus.listener),
        ] {
            let chosen = values.get(key).map(|value| &value.source);
            if chosen == Some(&Source::Default)
                && takes_any
                && let Some(listener) = listener
            {
                listener.port = 0;
            }
        }
        // As for RabbitMQ: who asks for HTTPS and says nothing of HTTP does not want it.
        let asked_for = |key| {
            let source = values.get(key).map(|value| &value.source);
            source.is_some_and(|source| !BUILT_IN.contains(source))
        };
        if settings.management.tls.is_some()
            && ![MANAGEMENT_PORT_KEY, "management.tcp.ip"].into_iter().any(asked_for)
        {
            settings.management.listener = None;
        }
        Loaded { settings, warnings, values, files }
    }
}

/// Puts the values of environment variables in for `$(NAME)`, as RabbitMQ does. The inner error names
/// a variable that is not set.
fn interpolate(
    value: &str,
    environment: &Environment,
) -> Result<Result<String, String>, ConfigError> {
    let mut done = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("$(") {
        done.push_str(before);
        rest = after;
        match after.split_once(')').filter(|(name, _)| is_variable(name)) {
            Some((name, after)) => {
                let Some(text) = environment.text(name)? else { return Ok(Err(name.to_owned())) };
                done.push_str(text);
                rest = after;
            }
            // A regular expression may hold the two characters as well.
            None => done.push_str("$("),
        }
    }
    done.push_str(rest);
    Ok(Ok(done))
}

fn is_variable(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(word) && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// Where a listener comes from that nobody asked for by itself.
const BUILT_IN: &[Source] = &[Source::Default, Source::Flag("--bind")];

const HIDDEN: &str = "[hidden]";
const MANAGEMENT_PORT_KEY: &str = "management.tcp.port";
const METRICS_PORT_KEY: &str = "prometheus.tcp.port";
const DEFAULT_LISTENER_KEY: &str = "listeners.tcp.default";
const AMQP_PORT: u16 = 5672;

/// What RabbitMQ assumes where it cannot find out.
const MACHINE_BYTES_ASSUMED: u64 = 1 << 30;
