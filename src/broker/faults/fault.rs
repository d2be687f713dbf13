//! What can be ordered, and whether it makes sense. Pure.

use super::Narrowed;
use crate::base::ReplyCode;
use crate::base::limits::{
    CONFIRM_DELAY_MS_MAX, FAULT_FILTER_BYTES_MAX, FAULT_TEXT_BYTES_MAX, SLOW_DISK_MS_MAX,
};

/// A fault as it is ordered.
///
/// ```
/// use haremq::broker::{Fault, FaultKind};
///
/// let fault = Fault::new(FaultKind::Nack).on_queue("orders").every(3).times(2);
/// assert!(fault.check().is_ok());
/// assert!(Fault::new(FaultKind::Redeliver).check().is_err(), "it needs a queue");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// What it does.
    pub kind: FaultKind,
    /// What it is narrowed to.
    pub only: Narrowed,
    /// It strikes each so many-th occasion; from 1.
    pub every: u64,
    /// How often it strikes at most; `None`: until it is withdrawn.
    pub times: Option<u64>,
}

/// What a fault does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// Confirms come so much later than they would, by the broker's clock.
    ConfirmDelay {
        /// Milliseconds, up to a day.
        ms: u64,
    },
    /// Confirms do not come. The message is in its queues.
    ConfirmDrop,
    /// A publish that wants a confirm is answered with `basic.nack`, and its message is in no queue.
    Nack,
    /// The channel is closed instead.
    ChannelClose {
        /// One that ends a channel.
        code: ReplyCode,
        /// What stands behind the code's name in the reply text.
        text: String,
        /// Instead of what.
        on: On,
    },
    /// The connection is closed.
    ConnectionClose {
        /// Any but 200.
        code: ReplyCode,
        /// What stands behind the code's name in the reply text.
        text: String,
        /// Instead of what; `None`: at once, those that are open.
        on: Option<On>,
    },
    /// The socket is closed without a word.
    Cut {
        /// Instead of what; `None`: at once, those that are open.
        on: Option<On>,
    },
    /// Publishers are held back with `connection.blocked`, as by an alarm.
    Block {
        /// What they are told.
        reason: String,
    },
    /// What consumers of a queue hold goes back to it, at once.
    Redeliver,
    /// A delivery is made twice.
    Duplicate,
    /// The message log waits before each group that it writes, by the machine's clock.
    SlowDisk {
        /// Milliseconds, up to a minute.
        ms: u64,
    },
}

/// An occasion on which something ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum On {
    /// `basic.publish`.
    Publish,
    /// A message is acked, nacked or rejected.
    Ack,
    /// A message goes to a consumer.
    Deliver,
    /// `queue.declare` or `exchange.declare`.
    Declare,
}

/// Why a fault is not taken. It names the field, its value where that helps, and what was expected.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FaultError {
    /// A number outside of what is allowed.
    #[error("'{field}' is {value}: a number from {least} to {most} is expected")]
    Number {
        /// The field.
        field: &'static str,
        /// What it is.
        value: u64,
        /// The least that is allowed.
        least: u64,
        /// The most that is allowed.
        most: u64,
    },
    /// A text that is too long.
    #[error("'{field}' has {bytes} bytes: at most {most} are expected")]
    TooLong {
        /// The field.
        field: &'static str,
        /// Its length.
        bytes: usize,
        /// The most that is allowed.
        most: usize,
    },
    /// Something that must be there is not.
    #[error("'{field}' is missing: {kind} needs it")]
    Missing {
        /// The field.
        field: &'static str,
        /// The kind of fault.
        kind: &'static str,
    },
    /// The fault has no such occasions.
    #[error("'{field}' means nothing for {kind}: leave it out")]
    Meaningless {
        /// The field.
        field: &'static str,
        /// The kind of fault, and what it waits for.
        kind: String,
    },
    /// A code that does not end this.
    #[error("'code' is {code}, which does not end a {what}: one of {allowed} is expected")]
    Code {
        /// The code.
        code: u16,
        /// Channel or connection.
        what: &'static str,
        /// Those that do.
        allowed: String,
    },
    /// A publish is declared under one name.
    #[error("'queue' and 'exchange' are both given: a declare is of one of them")]
    Both,
    /// The broker keeps nothing on disk.
    #[error("slow_disk needs a disk: this broker keeps nothing (--ephemeral)")]
    NoDisk,
    /// There are too many.
    #[error("{0} faults are ordered already, which is the most: withdraw some with DELETE")]
    TooMany(usize),
}

impl On {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Publish, Self::Ack, Self::Deliver, Self::Declare];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Ack => "ack",
            Self::Deliver => "deliver",
            Self::Declare => "declare",
        }
    }
}

impl FaultKind {
    /// As it is written.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ConfirmDelay { .. } => "confirm_delay",
            Self::ConfirmDrop => "confirm_drop",
            Self::Nack => "nack",
            Self::ChannelClose { .. } => "channel_close",
            Self::ConnectionClose { .. } => "connection_close",
            Self::Cut { .. } => "cut",
            Self::Block { .. } => "block",
            Self::Redeliver => "redeliver",
            Self::Duplicate => "duplicate",
            Self::SlowDisk { .. } => "slow_disk",
        }
    }

    /// What it waits for in a session; `None` where it finds its occasions elsewhere.
    #[must_use]
    pub fn on(&self) -> Option<On> {
        match self {
            Self::ConfirmDelay { .. } | Self::ConfirmDrop | Self::Nack => Some(On::Publish),
            Self::ChannelClose { on, .. } => Some(*on),
            Self::ConnectionClose { on, .. } | Self::Cut { on } => *on,
            Self::Duplicate => Some(On::Deliver),
            Self::Block { .. } | Self::Redeliver | Self::SlowDisk { .. } => None,
        }
    }

    /// Whether it strikes the connections that are open when it is ordered, and nothing later.
    pub(super) fn is_for_open_connections(&self) -> bool {
        matches!(self, Self::ConnectionClose { on: None, .. } | Self::Cut { on: None })
    }

    fn check(&self) -> Result<(), FaultError> {
        let (code, text, what, field) = match self {
            Self::ConfirmDelay { ms } => return range("ms", *ms, 0, CONFIRM_DELAY_MS_MAX),
            Self::SlowDisk { ms } => return range("ms", *ms, 0, SLOW_DISK_MS_MAX),
            Self::Block { reason } => {
                return short("reason", reason, FAULT_TEXT_BYTES_MAX);
            }
            Self::ChannelClose { code, text, .. } => (*code, text, "channel", "text"),
            Self::ConnectionClose { code, text, .. } => (*code, text, "connection", "text"),
            Self::ConfirmDrop
            | Self::Nack
            | Self::Cut { .. }
            | Self::Redeliver
            | Self::Duplicate => return Ok(()),
        };
        short(field, text, FAULT_TEXT_BYTES_MAX)?;
        let of_channel = what == "channel";
        if ends(of_channel, code) {
            return Ok(());
        }
        let allowed = ReplyCode::ALL.iter().filter(|code| ends(of_channel, **code));
        let allowed: Vec<String> = allowed.map(|code| code.number().to_string()).collect();
        let (code, allowed) = (code.number(), allowed.join(", "));
        Err(FaultError::Code { code, what, allowed })
    }

    /// Names of what it can be narrowed to.
    fn narrows(&self) -> &'static [&'static str] {
        match (self, self.on()) {
            (_, Some(On::Ack)) => &["vhost", "connection", "queue"],
            (_, Some(_)) => &["vhost", "connection", "exchange", "queue"],
            (Self::Redeliver, None) => &["vhost", "queue"],
            (Self::SlowDisk { .. }, None) => &[],
            (_, None) => &["vhost", "connection"],
        }
    }
}

/// A code ends a channel when it is a soft error; a connection may be given any error.
fn ends(channel: bool, code: ReplyCode) -> bool {
    code != ReplyCode::ReplySuccess && !(channel && code.is_hard())
}

impl From<FaultKind> for Fault {
    fn from(kind: FaultKind) -> Self {
        Self::new(kind)
    }
}

impl Fault {
    /// One that strikes every occasion until it is withdrawn.
    #[must_use]
    pub fn new(kind: FaultKind) -> Self {
        Self { kind, only: Narrowed::default(), every: 1, times: None }
    }

    /// Only in this virtual host.
    #[must_use]
    pub fn in_vhost(mut self, name: impl Into<String>) -> Self {
        self.only.vhost = Some(name.into());
        self
    }

    /// Only of this connection, by RabbitMQ's name of it or by the name that its client gave it.
    #[must_use]
    pub fn of_connection(mut self, name: impl Into<String>) -> Self {
        self.only.connection = Some(name.into());
        self
    }

    /// Only what goes through this exchange, or is declared under its name.
    #[must_use]
    pub fn on_exchange(mut self, name: impl Into<String>) -> Self {
        self.only.exchange = Some(name.into());
        self
    }

    /// Only what goes to this queue, comes from it, or is declared under its name.
    #[must_use]
    pub fn on_queue(mut self, name: impl Into<String>) -> Self {
        self.only.queue = Some(name.into());
        self
    }

    /// Only each so many-th occasion.
    #[must_use]
    pub fn every(mut self, every: u64) -> Self {
        self.every = every;
        self
    }

    /// At most so many times.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Whether it makes sense.
    ///
    /// # Errors
    /// [`FaultError`].
    pub fn check(&self) -> Result<(), FaultError> {
        self.kind.check()?;
        range("every", self.every, 1, u64::MAX)?;
        range("times", self.times.unwrap_or(1), 1, u64::MAX)?;
        let known = self.kind.narrows();
        for (field, text) in self.only.given() {
            if !known.contains(&field) {
                let on = self.kind.on().map_or_else(String::new, |on| format!(" on {}", on.name()));
                let kind = format!("{}{on}", self.kind.name());
                return Err(FaultError::Meaningless { field, kind });
            }
            short(field, text, FAULT_FILTER_BYTES_MAX)?;
        }
        if self.kind == FaultKind::Redeliver && self.only.queue.is_none() {
            return Err(FaultError::Missing { field: "queue", kind: "redeliver" });
        }
        if self.kind.on() == Some(On::Declare)
            && self.only.queue.is_some()
            && self.only.exchange.is_some()
        {
            return Err(FaultError::Both);
        }
        Ok(())
    }
}

fn range(field: &'static str, value: u64, least: u64, most: u64) -> Result<(), FaultError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(FaultError::Number { field, value, least, most })
}

fn short(field: &'static str, text: &str, most: usize) -> Result<(), FaultError> {
    if text.len() <= most {
        return Ok(());
    }
    Err(FaultError::TooLong { field, bytes: text.len(), most })
}
