//! The command line of `haremq perf`.

use std::ffi::OsString;
use std::path::PathBuf;

use super::PerfError;

#[derive(Debug, clap::Parser)]
#[command(
    name = "haremq perf",
    bin_name = "haremq perf",
    about = "Put load on an AMQP 0-9-1 broker and measure it",
    after_help = EXAMPLES
)]
struct CommandLine {
    #[command(subcommand)]
    mode: Mode,
}

/// What is measured.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Mode {
    /// Messages per second through producers, queues and consumers
    #[command(after_help = THROUGHPUT_EXAMPLES)]
    Throughput(Throughput),
    /// How long messages are on their way at a steady rate
    #[command(after_help = LATENCY_EXAMPLES)]
    Latency(Latency),
    /// Fill a queue, hold it, drain it
    #[command(after_help = BACKLOG_EXAMPLES)]
    Backlog(Backlog),
    /// Many idle connections with a channel each
    #[command(after_help = CONNECTIONS_EXAMPLES)]
    Connections(Connections),
    /// Connections, channels, queues or bindings that come and go
    #[command(after_help = CHURN_EXAMPLES)]
    Churn(Churn),
    /// What the disk gives without a broker: writes with fdatasync
    #[command(after_help = DISK_EXAMPLES)]
    Disk(Disk),
}

/// The command line of `haremq perf`, to describe it elsewhere.
#[must_use]
pub fn command_line() -> clap::Command {
    <CommandLine as clap::CommandFactory>::command().name("perf")
}

/// Reads what stands behind `perf`.
pub(super) fn parse(arguments: &[OsString]) -> Result<Mode, clap::Error> {
    let name = OsString::from("haremq perf");
    let line = std::iter::once(&name).chain(arguments);
    <CommandLine as clap::Parser>::try_parse_from(line).map(|line| line.mode)
}

/// Options of every mode.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Broker and report")]
pub(super) struct Common {
    /// The broker: amqp://user:password@host:port/vhost
    #[arg(long, value_name = "URI", default_value = "amqp://guest:guest@127.0.0.1:5672/%2f")]
    pub(super) uri: String,
    /// The broker's process on this machine: shows its CPU per message and its memory
    #[arg(long, value_name = "PID")]
    pub(super) pid: Option<u32>,
    /// Seconds between two looks (live line, chart, samples in JSON)
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = seconds)]
    pub(super) interval: f64,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub(super) json: bool,
    /// Draw rate and latency over time
    #[arg(long, value_name = "FILE.svg")]
    pub(super) chart: Option<PathBuf>,
}

/// Options of messages and queues.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Messages and queues")]
pub(super) struct Messages {
    /// Bytes of a message's body; below 8 there is no latency
    #[arg(long, short = 's', value_name = "BYTES", default_value_t = 16)]
    pub(super) size: usize,
    /// Messages survive a restart of the broker (implies --durable)
    #[arg(long)]
    pub(super) persistent: bool,
    /// Queues and the exchange survive a restart of the broker
    #[arg(long)]
    pub(super) durable: bool,
    /// An argument of the queues, x-max-length=1000 for instance; may be given more than once
    #[arg(
        long = "argument",
        alias = "queue-args",
        value_name = "KEY=VALUE",
        value_delimiter = ','
    )]
    pub(super) arguments: Vec<String>,
    /// The queues are called NAME-1, NAME-2 and so on
    #[arg(
        long = "queue-pattern",
        visible_alias = "name",
        value_name = "NAME",
        default_value = "haremq-perf"
    )]
    pub(super) name: String,
    /// Leave the queues and the exchange that this run made
    #[arg(long)]
    pub(super) keep: bool,
}

impl Messages {
    /// Whether queues survive a restart.
    pub(super) fn is_durable(&self) -> bool {
        self.durable || self.persistent
    }

    /// For a mode that writes a number into each body.
    pub(super) fn need_first_word(&self) -> Result<(), PerfError> {
        if self.size >= 8 {
            return Ok(());
        }
        let size = self.size;
        Err(PerfError::Option(format!(
            "--size {size}: expected at least 8, the bytes of the number that each message carries"
        )))
    }
}

/// `throughput`.
#[derive(Debug, clap::Args)]
pub(super) struct Throughput {
    /// Publishing connections; 0 to consume only
    #[arg(long, short = 'x', value_name = "N", default_value_t = 1)]
    pub(super) producers: usize,
    /// Consuming connections; 0 to publish only
    #[arg(long, short = 'y', value_name = "N", default_value_t = 1)]
    pub(super) consumers: usize,
    /// Queues; connections are spread over them, and over connections they are
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) queues: usize,
    /// Seconds; 0 until Ctrl-C [default: 10, or no end with --messages]
    #[arg(long, short = 'z', value_name = "S", value_parser = zero_or_seconds)]
    pub(super) duration: Option<f64>,
    /// Messages in all; ends when they have been delivered and acked
    #[arg(long, short = 'C', value_name = "N")]
    pub(super) messages: Option<u64>,
    /// Messages per second of each producer; 0 is as fast as it goes
    #[arg(long, short = 'r', value_name = "N", default_value_t = 0.0, value_parser = rate)]
    pub(super) rate: f64,
    /// Publisher confirms, with at most so many unconfirmed messages per producer
    #[arg(long, short = 'c', value_name = "WINDOW", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) confirm: Option<u64>,
    /// Ask for messages back that reach no queue
    #[arg(long)]
    pub(super) mandatory: bool,
    /// Deliveries need no ack
    #[arg(long, short = 'a', conflicts_with = "ack_every")]
    pub(super) auto_ack: bool,
    /// One ack for so many deliveries
    #[arg(long, short = 'A', visible_alias = "multi-ack-every", value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) ack_every: u64,
    /// Unacked deliveries per consumer; 0 is no limit
    #[arg(long, short = 'q', visible_alias = "qos", value_name = "N", default_value_t = 0)]
    pub(super) prefetch: u16,
    /// Publish through an exchange of this kind instead of the default exchange
    #[arg(long, short = 't', value_name = "KIND", default_value = "default")]
    pub(super) exchange: ExchangeKind,
    /// Bindings in all, spread over the queues; messages go to them in turn [default: one per queue]
    #[arg(long, value_name = "N")]
    pub(super) bindings: Option<usize>,
    #[command(flatten)]
    pub(super) of: Messages,
    #[command(flatten)]
    pub(super) common: Common,
}

/// `latency`.
#[derive(Debug, clap::Args)]
pub(super) struct Latency {
    /// Messages per second in all
    #[arg(long, short = 'r', value_name = "N", default_value_t = 5000.0, value_parser = rate_above_zero)]
    pub(super) rate: f64,
    /// Seconds
    #[arg(long, short = 'z', value_name = "S", default_value_t = 10.0, value_parser = seconds)]
    pub(super) duration: f64,
    /// Publisher confirms, with at most so many unconfirmed messages
    #[arg(long, short = 'c', value_name = "WINDOW", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) confirm: Option<u64>,
    /// Deliveries need no ack
    #[arg(long, short = 'a')]
    pub(super) auto_ack: bool,
    /// Unacked deliveries; 0 is no limit
    #[arg(long, short = 'q', visible_alias = "qos", value_name = "N", default_value_t = 0)]
    pub(super) prefetch: u16,
    #[command(flatten)]
    pub(super) of: Messages,
    #[command(flatten)]
    pub(super) common: Common,
}

/// `backlog`.
#[derive(Debug, clap::Args)]
pub(super) struct Backlog {
    /// Messages in all
    #[arg(long, short = 'C', value_name = "N", default_value_t = 1_000_000)]
    pub(super) messages: u64,
    /// Messages are forgotten when the broker restarts, and so is the queue
    #[arg(long, conflicts_with_all = ["persistent", "durable"])]
    pub(super) transient: bool,
    /// Unconfirmed messages at most
    #[arg(long, short = 'c', value_name = "WINDOW", default_value_t = 1000,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) confirm: u64,
    /// Seconds between filling and draining
    #[arg(long, value_name = "S", default_value_t = 3.0, value_parser = zero_or_seconds)]
    pub(super) hold: f64,
    /// Unacked deliveries; 0 is no limit
    #[arg(long, short = 'q', visible_alias = "qos", value_name = "N", default_value_t = 1000)]
    pub(super) prefetch: u16,
    /// One ack for so many deliveries
    #[arg(long, short = 'A', visible_alias = "multi-ack-every", value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) ack_every: u64,
    #[command(flatten)]
    pub(super) of: Messages,
    #[command(flatten)]
    pub(super) common: Common,
}

/// `connections`.
#[derive(Debug, clap::Args)]
pub(super) struct Connections {
    /// Connections in all
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: u64,
    /// Connections that are opened at the same time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(super) parallel: u64,
    /// Seconds for which all of them stay open
    #[arg(long, value_name = "S", default_value_t = 3.0, value_parser = zero_or_seconds)]
    pub(super) hold: f64,
    #[command(flatten)]
    pub(super) common: Common,
}

/// `churn`.
#[derive(Debug, clap::Args)]
pub(super) struct Churn {
    /// What comes and goes
    #[arg(long, value_name = "WHAT", default_value = "connections")]
    pub(super) what: What,
    /// Clients at the same time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(super) parallel: u64,
    /// Seconds
    #[arg(long, short = 'z', value_name = "S", default_value_t = 10.0, value_parser = seconds)]
    pub(super) duration: f64,
    /// Queues survive a restart of the broker
    #[arg(long)]
    pub(super) durable: bool,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What comes and goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(super) enum What {
    /// Connect, log in, open a channel, close
    Connections,
    /// Open and close
    Channels,
    /// Declare, bind to amq.direct, delete
    Queues,
    /// Bind to amq.direct and unbind
    Bindings,
}

/// `disk`.
#[derive(Debug, clap::Args)]
pub(super) struct Disk {
    /// Where the file is written; on the disk of the broker's data folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(super) dir: PathBuf,
    /// Bytes of a message
    #[arg(long, short = 's', value_name = "BYTES", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..=16_777_216))]
    pub(super) size: u64,
    /// Messages of one write and fdatasync: the confirm window of all publishers together
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(super) batch: u64,
    /// Seconds
    #[arg(long, short = 'z', value_name = "S", default_value_t = 10.0, value_parser = seconds)]
    pub(super) duration: f64,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub(super) json: bool,
}

/// What stands between producers and queues.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(super) enum ExchangeKind {
    /// The default exchange: the routing key is the queue
    Default,
    /// One routing key per binding
    Direct,
    /// Every queue gets every message
    Fanout,
    /// One pattern per binding
    Topic,
    /// One header value per binding
    Headers,
}

fn seconds(text: &str) -> Result<f64, String> {
    number(text, "a number of seconds from 0.01 to 1000000", |n| (0.01..=1e6).contains(&n))
}

fn zero_or_seconds(text: &str) -> Result<f64, String> {
    let wanted = "a number of seconds from 0.01 to 1000000, or 0";
    number(text, wanted, |n| n == 0.0 || (0.01..=1e6).contains(&n))
}

fn rate_above_zero(text: &str) -> Result<f64, String> {
    let wanted = "messages per second from 0.001 to 100000000";
    number(text, wanted, |n| (0.001..=1e8).contains(&n))
}

fn rate(text: &str) -> Result<f64, String> {
    let wanted = "messages per second from 0.001 to 100000000, or 0";
    number(text, wanted, |n| n == 0.0 || (0.001..=1e8).contains(&n))
}

fn number(text: &str, wanted: &str, is_good: impl Fn(f64) -> bool) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if is_good(number) => Ok(number),
        _ => Err(format!("expected {wanted}")),
    }
}

const EXAMPLES: &str = "\
Examples:
  haremq perf throughput                        1 producer, 1 queue, 1 consumer, 10 s
  haremq perf throughput --help                 what can be chosen
  haremq perf latency --rate 5000 --auto-ack    percentiles at a steady rate
  haremq perf backlog --messages 1000000        fill, hold and drain one queue

The exit code is 0 when everything went well, 1 when the broker refused something or messages are
missing, and 64 when the command line is wrong. Ctrl-C ends a run early and shows what was measured.";

const THROUGHPUT_EXAMPLES: &str = "\
Examples:
  haremq perf throughput --auto-ack --duration 5
  haremq perf throughput --persistent --size 1024 --confirm 1000 --prefetch 1000
  haremq perf throughput --producers 8 --consumers 8 --queues 8 --json
  haremq perf throughput --exchange topic --bindings 1000 --size 100 --auto-ack
  haremq perf throughput --consumers 0 --argument x-max-length=1000
  haremq perf throughput --messages 1000000 --pid $(pidof haremq) --chart run.svg";

const LATENCY_EXAMPLES: &str = "\
Examples:
  haremq perf latency --auto-ack
  haremq perf latency --rate 20000 --size 1024 --persistent --confirm 1000 --chart latency.svg

Each message carries the moment at which it was due, so a broker that holds the publisher up is
measured with what it held up. The run ends when all messages have come back.";

const BACKLOG_EXAMPLES: &str = "\
Examples:
  haremq perf backlog --messages 1000000 --size 100 --pid $(pidof haremq)
  haremq perf backlog --transient --confirm 10000 --ack-every 100 --hold 0

Messages are persistent and confirmed. The exit code is 1 when they do not come back complete and in
order.";

const CONNECTIONS_EXAMPLES: &str = "\
Examples:
  haremq perf connections --count 10000 --pid $(pidof haremq)

One address of a broker takes about 28,000 connections from one machine, as many as it has free ports.";

const CHURN_EXAMPLES: &str = "\
Examples:
  haremq perf churn --what connections --parallel 4
  haremq perf churn --what queues --parallel 1 --durable";

const DISK_EXAMPLES: &str = "\
Examples:
  haremq perf disk --dir /var/lib/haremq --size 1024 --batch 1000

No broker can confirm more persistent messages per second than this, with as many in flight.";
