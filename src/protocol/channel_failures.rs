//! Channels that were closed for an error: a client often does not say so, and somebody asks later why nothing
//! comes.

use std::collections::VecDeque;

use crate::base::limits::CHANNEL_FAILURES_KEPT;
use crate::base::{ChannelId, Millis};
use crate::wire::Close;

/// A channel that was closed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChannelFailure {
    /// Its number.
    pub channel: ChannelId,
    /// When.
    pub at: Millis,
    /// What the client was told: `404 NOT_FOUND - no queue 'x' in vhost '/'`.
    pub reason: String,
}

/// The last few of a connection.
#[derive(Debug, Default)]
pub(super) struct ChannelFailures(VecDeque<ChannelFailure>);

impl ChannelFailures {
    pub(super) fn note(&mut self, channel: ChannelId, at: Millis, close: &Close) {
        if self.0.len() == CHANNEL_FAILURES_KEPT {
            self.0.pop_front();
        }
        let text = String::from_utf8_lossy(close.reply_text.as_bytes());
        let reason = format!("{} {text}", close.reply_code);
        self.0.push_back(ChannelFailure { channel, at, reason });
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &ChannelFailure> {
        self.0.iter()
    }
}
