//! The command line.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

use super::definitions_args::DefinitionsCommand;
use super::error::ConfigError;
use super::load::Given;
use super::source::Source;

/// What the command line says. Flags that are not given are `None`.
#[derive(Clone, PartialEq, Eq, Debug, Default, clap::Args)]
pub struct Arguments {
    /// Configuration file in RabbitMQ's form (key = value)
    #[arg(long, value_name = "FILE")]
    pub config: Option<String>,
    /// Listen on this address only
    #[arg(long, value_name = "IP")]
    pub bind: Option<IpAddr>,
    /// Listen on this port only; 0 takes any free one
    #[arg(long, value_name = "N")]
    pub port: Option<u16>,
    /// Serve the management API on this port; 0 takes any free one, and so does --port 0 alone
    #[arg(long, value_name = "N")]
    pub management_port: Option<u16>,
    /// Serve metrics for Prometheus on this port; 0 takes any free one
    #[arg(long, value_name = "N")]
    pub prometheus_port: Option<u16>,
    /// Listen with TLS on this port only; 0 takes any free one
    #[arg(long, value_name = "N")]
    pub tls_port: Option<u16>,
    /// Write the port that is listened on to this file, once the broker is ready
    #[arg(long, value_name = "FILE")]
    pub port_file: Option<String>,
    /// Write the ports of all listeners to this file as JSON, once the broker is ready
    #[arg(long, value_name = "FILE")]
    pub ports_file: Option<String>,
    /// Serve the test API: whoever administers the broker may turn its clock and order faults
    #[arg(long)]
    pub test_api: bool,
    /// Stop when the process that started the broker has ended, or the one with this number
    #[arg(
        long,
        value_name = "PID",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub exit_with_parent: Option<String>,
    /// Keep everything in memory: nothing is read from disk, and nothing is left
    #[arg(long, conflicts_with = "data_dir")]
    pub ephemeral: bool,
    /// Folder for messages and definitions
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<String>,
    /// Least serious level that is logged: none, error, warning, info, debug
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
}

#[derive(Debug, clap::Parser)]
#[command(
    name = "haremq",
    // Also where the file has another name, such as that of a tool that it stands in for.
    bin_name = "haremq",
    version,
    about = "An AMQP 0-9-1 message broker that takes RabbitMQ's place",
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true
)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Arguments,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Run the broker; this is what happens without a command
    #[command(after_help = EXAMPLES)]
    Serve(Arguments),
    /// Look into the data folder of a broker that is not running; writes nothing
    #[command(subcommand)]
    Store(StoreCommand),
    /// Show the settings and where they come from, or check a file
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look at a file of definitions without a broker
    #[command(subcommand)]
    Definitions(DefinitionsCommand),
    /// Put load on an AMQP 0-9-1 broker and measure it
    #[command(disable_help_flag = true)]
    Perf {
        /// See haremq perf --help
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

/// What stands behind `perf`, which has a command line of its own; `None` for everything else.
#[must_use]
pub fn perf_arguments(arguments: &[OsString]) -> Option<&[OsString]> {
    match arguments {
        [_, command, rest @ ..] if command == "perf" => Some(rest),
        _ => None,
    }
}

/// What can be done with the data folder of a broker that is not running.
#[derive(Clone, PartialEq, Eq, Debug, clap::Subcommand)]
pub enum StoreCommand {
    /// Read every record; say what is there, what is damaged, and how much each queue holds
    #[command(after_help = CHECK_EXAMPLES)]
    Check {
        /// The data folder: it holds the folders definitions and messages
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Print JSON instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Print the waiting messages of one queue as JSON lines, in order
    #[command(after_help = DUMP_EXAMPLES)]
    Dump {
        /// The data folder: it holds the folders definitions and messages
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// The queue
        #[arg(long, value_name = "NAME")]
        queue: String,
        /// Its virtual host
        #[arg(long, value_name = "NAME", default_value = "/")]
        vhost: String,
    },
}

/// What can be asked about the configuration.
#[derive(Clone, PartialEq, Eq, Debug, clap::Subcommand)]
pub enum ConfigCommand {
    /// Print each key that somebody set, its value, and who set it; passwords are hidden
    #[command(after_help = SHOW_EXAMPLES)]
    Show {
        /// Print the keys that have their default, too
        #[arg(long)]
        effective: bool,
        /// Print JSON instead of a table
        #[arg(long)]
        json: bool,
        /// The flags of the broker.
        #[command(flatten)]
        serve: Arguments,
    },
    /// Read a configuration file and say what is wrong with it; starts nothing
    #[command(after_help = CONFIG_CHECK_EXAMPLES)]
    Check {
        /// The file, or a folder of .conf files
        #[arg(value_name = "FILE")]
        file: String,
    },
}

/// A command that does not run the broker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OtherCommand {
    /// `store`.
    Store(StoreCommand),
    /// `config`.
    Config(ConfigCommand),
    /// `definitions`.
    Definitions(DefinitionsCommand),
}

impl OtherCommand {
    /// Reads a command line that begins with the name of the program; `None` when it runs the broker.
    ///
    /// # Errors
    /// [`ConfigError::Arguments`], also for `--help` and `--version`.
    pub fn parse(arguments: &[OsString]) -> Result<Option<Self>, ConfigError> {
        let line = <CommandLine as clap::Parser>::try_parse_from(arguments)?;
        Ok(match line.command {
            Some(Command::Store(command)) => Some(Self::Store(command)),
            Some(Command::Config(command)) => Some(Self::Config(command)),
            Some(Command::Definitions(command)) => Some(Self::Definitions(command)),
            Some(Command::Serve(_) | Command::Perf { .. }) | None => None,
        })
    }
}

impl Arguments {
    /// Reads a command line that begins with the name of the program and runs the broker.
    ///
    /// # Errors
    /// [`ConfigError::Arguments`], also for `--help`, `--version` and other commands.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, ConfigError> {
        let line = <CommandLine as clap::Parser>::try_parse_from(arguments)?;
        match line.command {
            Some(Command::Serve(arguments)) => Ok(arguments),
            Some(Command::Store(_)) => Err(not_the_broker("store")),
            Some(Command::Config(_)) => Err(not_the_broker("config")),
            Some(Command::Definitions(_)) => Err(not_the_broker("definitions")),
            Some(Command::Perf { .. }) => Err(not_the_broker("perf")),
            None => Ok(line.serve),
        }
    }

    /// The flags that stand for one key each.
    pub(super) fn given(&self) -> Vec<Given> {
        let flag = |key: &str, flag, value: &String| Given {
            key: key.to_owned(),
            value: value.clone(),
            source: Source::Flag(flag),
        };
        let truth = "true".to_owned();
        let ports = [
            (self.management_port, "management.tcp.port", "--management-port"),
            (self.prometheus_port, "prometheus.tcp.port", "--prometheus-port"),
        ];
        let ports =
            ports.map(|(port, key, name)| port.map(|port| flag(key, name, &port.to_string())));
        let ips = ["management.tcp.ip", "management.ssl.ip", "prometheus.tcp.ip"]
            .map(|key| self.bind.map(|ip| flag(key, "--bind", &ip.to_string())));
        [
            self.port_file.as_ref().map(|file| flag("haremq.port_file", "--port-file", file)),
            self.data_dir.as_ref().map(|folder| flag("haremq.data_dir", "--data-dir", folder)),
            self.log_level.as_ref().map(|level| flag("log.console.level", "--log-level", level)),
            self.ephemeral.then(|| flag("haremq.ephemeral", "--ephemeral", &truth)),
            self.test_api.then(|| flag("haremq.test_api", "--test-api", &truth)),
            self.ports_file.as_ref().map(|file| flag("haremq.ports_file", "--ports-file", file)),
            self.exit_with_parent
                .as_ref()
                .map(|whose| flag("haremq.exit_with_parent", "--exit-with-parent", whose)),
        ]
        .into_iter()
        .chain(ports)
        .chain(ips)
        .flatten()
        .collect()
    }
}

fn not_the_broker(command: &str) -> ConfigError {
    let kind = clap::error::ErrorKind::InvalidSubcommand;
    clap::Error::raw(kind, format!("{command} does not run the broker\n")).into()
}

const EXAMPLES: &str = "\
Examples:
  haremq                                          port 5672, data in /var/lib/haremq
  haremq --config /etc/rabbitmq/rabbitmq.conf     with the settings of RabbitMQ
  haremq --ephemeral --port 0 --port-file port    for a test: any free port, nothing on disk
  haremq --bind 127.0.0.1 --log-level debug       for this machine only, and talkative

A running broker is asked with its own words:
  haremq ctl list_queues                          as rabbitmqctl does (haremq ctl help)
  haremq top                                      its queues and connections, again and again

Every setting can also come from the environment: heartbeat is HAREMQ_HEARTBEAT.
A flag wins over the environment, the environment over the file.";

const CHECK_EXAMPLES: &str = "\
Examples:
  haremq store check /var/lib/haremq            a table for people
  haremq store check /var/lib/haremq --json     the same for programs

The exit code is 0 when everything is whole, and 1 when something is damaged or cannot be read.
Stop the broker first, or look at a copy of its folder.";

const SHOW_EXAMPLES: &str = "\
Examples:
  haremq config show                                      what differs from the defaults
  haremq config show --effective --json                   everything, for programs
  haremq config show --config /etc/rabbitmq/rabbitmq.conf --port 0

It takes the flags of the broker and its environment, and starts nothing.
The exit code is 78 when the configuration is wrong.";

const CONFIG_CHECK_EXAMPLES: &str = "\
Examples:
  haremq config check /etc/rabbitmq/rabbitmq.conf

The environment counts, too, as it does for the broker.
The exit code is 0 when the broker would start with the file, also where it would warn, and 78 otherwise.";

const DUMP_EXAMPLES: &str = "\
Examples:
  haremq store dump /var/lib/haremq --queue orders > orders.jsonl
  haremq store dump /var/lib/haremq --queue orders --vhost shop | head -1

A body that is not UTF-8 is written in base64; body_encoding says which it is.
The exit code is 1 when a message could not be read; the others are printed all the same.
Stop the broker first, or look at a copy of its folder.";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, ConfigError> {
        Arguments::parse(line.split(' ').map(OsString::from))
    }

    #[test]
    fn serve_may_be_left_out() {
        let short = parse("haremq --port 0 --ephemeral").expect("a good line");
        let long = parse("haremq serve --port 0 --ephemeral").expect("a good line");
        assert_eq!(short, long);
        assert_eq!(short.port, Some(0));
        assert!(short.ephemeral);
    }

    #[test]
    fn other_commands_are_told_from_the_broker() {
        let parse = |line: &str| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            OtherCommand::parse(&words)
        };
        let show = parse("haremq config show --json --port 1").expect("a good line");
        let serve = Arguments { port: Some(1), ..Arguments::default() };
        let shown = ConfigCommand::Show { effective: false, json: true, serve };
        assert_eq!(show, Some(OtherCommand::Config(shown)));
        assert_eq!(parse("haremq --port 0").expect("a good line"), None);
        let check = parse("haremq store check data --json").expect("a good line");
        let checked = StoreCommand::Check { folder: "data".into(), json: true };
        assert_eq!(check, Some(OtherCommand::Store(checked)));
        let dump = parse("haremq store dump data --queue jobs").expect("a good line");
        let (queue, vhost) = ("jobs".to_owned(), "/".to_owned());
        let dumped = StoreCommand::Dump { folder: "data".into(), queue, vhost };
        assert_eq!(dump, Some(OtherCommand::Store(dumped)));
        for wrong in ["haremq store", "haremq store check", "haremq store dump data"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        for help in ["haremq store check --help", "haremq store dump --help"] {
            let text = parse(help).expect_err("help").to_string();
            assert!(text.contains("Examples:"), "{text}");
        }
    }

    #[test]
    fn a_wrong_line_is_a_usage_error() {
        for line in [
            "haremq --prot 1",
            "haremq --port 70000",
            "haremq --bind localhost",
            "haremq --ephemeral --data-dir x",
            "haremq server",
            "haremq --port 1 serve",
        ] {
            let error = parse(line).expect_err(line);
            assert!(matches!(&error, ConfigError::Arguments(e) if e.exit_code() == 2), "{line}");
        }
    }

    #[test]
    fn help_shows_examples_and_is_no_failure() {
        for line in ["haremq --help", "haremq serve --help"] {
            let error = parse(&line.replacen("haremq", "/usr/bin/other", 1)).expect_err("help");
            let text = error.to_string();
            assert!(text.contains("haremq --ephemeral --port 0"), "{text}");
            assert!(text.contains("Usage: haremq "), "{text}");
            assert!(matches!(&error, ConfigError::Arguments(e) if e.exit_code() == 0));
        }
        let version = parse("haremq --version").expect_err("version").to_string();
        assert_eq!(version.trim(), concat!("haremq ", env!("CARGO_PKG_VERSION")));
    }
}
