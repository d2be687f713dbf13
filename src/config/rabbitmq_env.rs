//! The environment variables of RabbitMQ and its image, in terms of keys.

use super::env::Environment;
use super::erlang_args;
use super::error::{ConfigError, Warning};
use super::load::Given;

impl Environment {
    /// What RabbitMQ's variables set, in the order in which it counts: a variable goes before a file that
    /// holds its value, as for a secret that is mounted.
    pub(super) fn given_by_rabbitmq(&self) -> Result<Vec<Given>, ConfigError> {
        let mut all = Vec::new();
        for (variable, key) in SECRETS {
            all.extend(self.in_file(&format!("{variable}_FILE"), key)?);
        }
        for (variable, key) in SECRETS.iter().chain(KEYS) {
            if let Some(text) = self.text(variable)? {
                all.push(self.given(variable, key, text));
            }
        }
        all.extend(self.data_folder()?);
        match self.text(LOGS)? {
            Some(console) if console.starts_with('-') => {
                all.push(self.given(LOGS, "log.file", "false"));
                all.push(self.given(LOGS, "log.console", "true"));
            }
            Some(text) => match NO_FILES.iter().find(|(name, _)| text.starts_with(name)) {
                Some((_, key)) => all.push(self.given(LOGS, key, "true")),
                None => all.push(self.given(LOGS, "log.file", text)),
            },
            None => {}
        }
        if let Some(text) = self.text(LOG)? {
            all.extend(text.split(',').filter_map(|word| self.level(word.trim())));
        }
        Ok(all)
    }

    /// `RABBITMQ_MNESIA_DIR`, or a folder of the node's name in `RABBITMQ_MNESIA_BASE`.
    fn data_folder(&self) -> Result<Option<Given>, ConfigError> {
        const KEY: &str = "haremq.data_dir";
        if let Some(folder) = self.text("RABBITMQ_MNESIA_DIR")? {
            return Ok(Some(self.given("RABBITMQ_MNESIA_DIR", KEY, folder)));
        }
        let Some(base) = self.text("RABBITMQ_MNESIA_BASE")? else { return Ok(None) };
        // Without a name it must not depend on the machine's: containers change theirs.
        let node = self.text("RABBITMQ_NODENAME")?.unwrap_or("haremq");
        let folder = format!("{}/{node}", base.trim_end_matches('/'));
        Ok(Some(self.given("RABBITMQ_MNESIA_BASE", KEY, &folder)))
    }

    /// One word of `RABBITMQ_LOG`: a level, a level of one category, or colours, which the terminal
    /// decides.
    fn level(&self, word: &str) -> Option<Given> {
        match word.split_once('=') {
            Some((category, level)) => {
                Some(self.given(LOG, &format!("log.{category}.level"), level))
            }
            None if word.is_empty() || word.starts_with(['+', '-']) => None,
            None => Some(self.given(LOG, "log.console.level", word)),
        }
    }

    /// Variables that do nothing here and that somebody may rely on.
    pub(super) fn warnings_for_rabbitmq(&self) -> Result<Vec<Warning>, ConfigError> {
        let mut all = Vec::new();
        for (variable, advice) in WITHOUT_EFFECT {
            if self.text(variable)?.is_some() {
                let text = format!("has no effect: {advice}");
                all.push(Warning { source: self.source(variable), text });
            }
        }
        for variable in ERLANG_ARGUMENTS {
            if let Some(text) = self.text(variable)? {
                let source = self.source(variable);
                let warning = |text| Warning { source: source.clone(), text };
                all.extend(erlang_args::warnings(text).into_iter().map(warning));
            }
        }
        Ok(all)
    }
}

/// Also with `_FILE`.
const SECRETS: &[(&str, &str)] = &[
    ("RABBITMQ_DEFAULT_USER", "default_user"),
    ("RABBITMQ_DEFAULT_PASS", "default_pass"),
    ("RABBITMQ_DEFAULT_VHOST", "default_vhost"),
];

const KEYS: &[(&str, &str)] = &[
    ("RABBITMQ_NODENAME", "haremq.node_name"),
    ("RABBITMQ_LOG_BASE", "log.dir"),
    ("RABBITMQ_PID_FILE", "haremq.pid_file"),
];

const LOGS: &str = "RABBITMQ_LOGS";

/// What `RABBITMQ_LOGS` may name instead of a file, and the keys that say the same.
const NO_FILES: [(&str, &str); 3] =
    [("exchange:", "log.exchange"), ("journald:", "log.journald"), ("syslog:", "log.syslog")];

const LOG: &str = "RABBITMQ_LOG";

const ERLANG_ARGUMENTS: [&str; 3] = [
    "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
    "RABBITMQ_SERVER_ERL_ARGS",
    "RABBITMQ_SERVER_START_ARGS",
];

const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("RABBITMQ_HIPE_COMPILE", "remove it"),
    ("RABBITMQ_MANAGEMENT_SSL_CACERTFILE", "use the key 'management.ssl.cacertfile'"),
    ("RABBITMQ_MANAGEMENT_SSL_CERTFILE", "use the key 'management.ssl.certfile'"),
    ("RABBITMQ_MANAGEMENT_SSL_KEYFILE", "use the key 'management.ssl.keyfile'"),
    ("RABBITMQ_SSL_CACERTFILE", "use the key 'ssl_options.cacertfile'"),
    ("RABBITMQ_SSL_CERTFILE", "use the key 'ssl_options.certfile'"),
    ("RABBITMQ_SSL_DEPTH", "use the key 'ssl_options.depth'"),
    ("RABBITMQ_SSL_FAIL_IF_NO_PEER_CERT", "use the key 'ssl_options.fail_if_no_peer_cert'"),
    ("RABBITMQ_SSL_KEYFILE", "use the key 'ssl_options.keyfile'"),
    ("RABBITMQ_SSL_VERIFY", "use the key 'ssl_options.verify'"),
    ("RABBITMQ_VM_MEMORY_HIGH_WATERMARK", "use the key 'vm_memory_high_watermark.relative'"),
];
