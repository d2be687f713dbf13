//! The command line of `haremq migrate`.

use std::ffi::OsString;
use std::path::PathBuf;

use regex::Regex;

#[derive(Debug, clap::Parser)]
#[command(
    name = "haremq migrate",
    bin_name = "haremq migrate",
    about = "Copy definitions and move messages from a running RabbitMQ to a running HareMQ",
    after_help = EXAMPLES
)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line, one field each")]
pub(super) struct Options {
    /// Management API of the source, with the login of an administrator
    #[arg(long, value_name = "URL")]
    pub(super) from: String,
    /// AMQP of the source [default: host and login of --from, the port that the source names]
    #[arg(long, value_name = "URI")]
    pub(super) from_amqp: Option<String>,
    /// Management API of the target, a HareMQ
    #[arg(long, value_name = "URL", default_value = "http://guest:guest@127.0.0.1:15672")]
    pub(super) to: String,
    /// AMQP of the target [default: host and login of --to, the port that the target names]
    #[arg(long, value_name = "URI")]
    pub(super) to_amqp: Option<String>,
    /// Only this virtual host; may be given more than once [default: all]
    #[arg(long, value_name = "NAME")]
    pub(super) vhost: Vec<String>,
    /// Move the messages of queues whose name matches, and of no other
    #[arg(long, value_name = "REGEX")]
    pub(super) queue: Option<Regex>,
    /// Copy the definitions and no messages
    #[arg(long, conflicts_with = "messages_only")]
    pub(super) definitions_only: bool,
    /// Move the messages; the definitions are there already
    #[arg(long)]
    pub(super) messages_only: bool,
    /// Where the run is written down, and read from when it goes on
    #[arg(long, value_name = "FILE", default_value = "haremq-migrate.json")]
    pub(super) state: PathBuf,
    /// Messages that are on their way at most, for each queue
    #[arg(long, value_name = "N", default_value_t = 1000,
          value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(super) batch: u16,
    /// Queues that are moved at a time
    #[arg(long, value_name = "N", default_value_t = 4,
          value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) parallel: u16,
    /// Say what would be done, and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Do not ask before messages are taken from the source
    #[arg(long, short = 'y')]
    pub(super) yes: bool,
    /// Print one JSON document instead of tables
    #[arg(long)]
    pub(super) json: bool,
    /// Authorities, in PEM, for https:// addresses [default: those of the system]
    #[arg(long, value_name = "FILE")]
    pub(super) tls_ca_cert_file: Option<PathBuf>,
    /// Take whoever answers at an https:// address; for tests only
    #[arg(long)]
    pub(super) insecure: bool,
}

/// The command line of `haremq migrate`, to describe it elsewhere.
#[must_use]
pub fn command_line() -> clap::Command {
    <Options as clap::CommandFactory>::command().name("migrate")
}

/// Reads what stands behind `migrate`.
pub(super) fn parse(arguments: &[OsString]) -> Result<Options, clap::Error> {
    let name = OsString::from("haremq migrate");
    let line = std::iter::once(&name).chain(arguments);
    <Options as clap::Parser>::try_parse_from(line)
}

const EXAMPLES: &str = "\
Examples:
  haremq migrate --from http://admin:secret@rabbit:15672 --dry-run
      what would be copied and moved, to the HareMQ on this machine
  haremq migrate --from http://admin:secret@rabbit:15672 --definitions-only
      first step side by side: virtual hosts, users, exchanges, queues, bindings, policies
  haremq migrate --from http://admin@rabbit:15672 --to http://admin@hare:15672 --yes
      everything; passwords are taken from HAREMQ_MIGRATE_FROM_PASSWORD and
      HAREMQ_MIGRATE_TO_PASSWORD, or asked for
  haremq migrate --from http://admin:secret@rabbit:15672 --vhost shop --queue '^orders'
      the messages of some queues

A run that was interrupted goes on when the same command is given again.
Exit codes: 0 done, 1 messages are left or the check at the end failed, 64 wrong command line,
65 the state file belongs to another run, 69 a broker does not answer or refuses, 130 interrupted.";

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Options, clap::Error> {
        parse(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn only_the_source_must_be_named() {
        let options = parsed("--from http://rabbit").expect("a good line");
        assert_eq!(options.to, "http://guest:guest@127.0.0.1:15672");
        assert_eq!(options.state, PathBuf::from("haremq-migrate.json"));
        assert_eq!((options.batch, options.parallel), (1000, 4));
    }

    #[test]
    fn a_wrong_line_is_refused() {
        for line in [
            "",
            "--from http://rabbit --queue (",
            "--from http://rabbit --batch 0",
            "--from http://rabbit --definitions-only --messages-only",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
        let help = parsed("--help").expect_err("help").to_string();
        assert!(help.contains("HAREMQ_MIGRATE_FROM_PASSWORD") && help.contains("Examples:"));
    }
}
