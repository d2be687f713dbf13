//! Why a run has no figures.

use std::io;
use std::path::PathBuf;

use super::UriError;
use super::scanner::ScanError;
use crate::base::NameError;
use crate::wire::{Close, MethodId, WireError};

/// Shown as one line on standard error.
#[derive(Debug, thiserror::Error)]
pub enum PerfError {
    /// The URI is none.
    #[error("--uri: {0}")]
    Uri(#[from] UriError),
    /// An option does not go with another, or its value is out of bounds.
    #[error("{0}")]
    Option(String),
    /// A name is too long.
    #[error("{0}")]
    Name(#[from] NameError),
    /// Nobody listens there, or the name means nothing.
    #[error("cannot connect to {place}: {error}; is a broker running there? --uri says where")]
    Connect {
        /// Host and port.
        place: String,
        /// As the system says.
        error: io::Error,
    },
    /// The socket failed or was closed without a word.
    #[error("the broker closed the connection without a reason, while {doing}: {error}")]
    Lost {
        /// Half a sentence.
        doing: &'static str,
        /// As the system says.
        error: io::Error,
    },
    /// An answer did not come.
    #[error("no answer from the broker within {seconds} s, while {doing}")]
    Silent {
        /// How long it was waited for.
        seconds: u64,
        /// Half a sentence.
        doing: &'static str,
    },
    /// `connection.close` or `channel.close`.
    #[error("the broker closed the {what}: {code} {text}{method}")]
    Closed {
        /// Connection or channel.
        what: &'static str,
        /// The reply code.
        code: u16,
        /// The reply text.
        text: String,
        /// The method that failed in brackets, if the broker says one.
        method: String,
    },
    /// `basic.cancel` from the broker: the queue is gone, for instance.
    #[error("the broker cancelled consumer '{0}': was its queue deleted?")]
    Cancelled(String),
    /// The broker speaks, but not as the specification says.
    #[error("the broker sent {0}, which was not expected here")]
    Unexpected(String),
    /// Its methods cannot be read.
    #[error("the broker sent what cannot be read: {0}")]
    Wire(#[from] WireError),
    /// Its frames cannot be read.
    #[error("the broker sent what cannot be read: {0}")]
    Frames(#[from] ScanError),
    /// Messages came back in another order, twice, or not at all.
    #[error("{0}")]
    Order(String),
    /// The broker's process cannot be watched.
    #[error("--pid {pid}: cannot read {}: {error}", path.display())]
    Process {
        /// Its number.
        pid: u32,
        /// Which file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The chart cannot be drawn.
    #[error("cannot draw the chart: {0}")]
    Chart(String),
    /// The system refuses something.
    #[error("{doing}: {error}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// Why not.
        error: io::Error,
    },
}

impl PerfError {
    /// What a `close` says.
    pub(super) fn closed(what: &'static str, close: &Close) -> Self {
        let method = match close.failed {
            MethodId { class: 0, method: 0 } => String::new(),
            id => id.name().map(|name| format!(" (after {name})")).unwrap_or_default(),
        };
        let text = close.reply_text.to_text().into_owned();
        Self::Closed { what, code: close.reply_code, text, method }
    }
}
