//! What can be told of a connection and its channels, for the management pages and the log.

use crate::base::{ChannelCounts, ChannelId, Counted, HolderId};

use super::channel::{Channel, Mode};

/// Who ended a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Initiator {
    /// The peer: it sent `connection.close`, or its socket is gone.
    Client,
    /// This side: an error, a time-out, or the broker's will.
    Server,
}

/// What `connection.tune-ok` agreed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Negotiated {
    /// The largest frame; 0 for no limit.
    pub frame_max: u32,
    /// How many channels may be open; 0 for no limit.
    pub channel_max: u16,
    /// The heartbeat in seconds; 0 for none.
    pub heartbeat_s: u16,
}

/// What can be told of one open channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChannelInfo {
    /// Its number.
    pub channel: ChannelId,
    /// This opening of it.
    pub holder: HolderId,
    /// Consumers.
    pub consumers: usize,
    /// Of `basic.qos`, per consumer; 0 for no limit.
    pub prefetch: u16,
    /// Deliveries that wait for the client's word.
    pub unacknowledged: usize,
    /// Publishes that wait for a confirm.
    pub unconfirmed: usize,
    /// Publishes that wait for a commit.
    pub uncommitted: usize,
    /// Settlements that wait for a commit.
    pub acks_uncommitted: usize,
    /// What becomes of publishes.
    pub mode: ChannelMode,
    /// What it did.
    pub counts: ChannelCounts,
}

/// What becomes of the publishes of a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChannelMode {
    /// They go out, and nobody waits.
    Plain,
    /// They are confirmed.
    Confirm,
    /// They wait for a commit.
    Transaction,
}

impl ChannelInfo {
    pub(super) fn new(channel: &Channel) -> Self {
        let (mode, unconfirmed, uncommitted, acks_uncommitted) = match &channel.mode {
            Mode::Plain => (ChannelMode::Plain, 0, 0, 0),
            Mode::Confirm(confirms) => (ChannelMode::Confirm, confirms.len(), 0, 0),
            Mode::Transaction { held, confirms } => {
                let publishes = held.publishes();
                (ChannelMode::Transaction, confirms.len(), publishes, held.len() - publishes)
            }
        };
        let levels = channel.counters.levels();
        debug_assert_eq!(levels.unacked, channel.ledger.len() as u64, "what it counts is so");
        debug_assert!(
            mode != ChannelMode::Confirm || levels.unconfirmed == unconfirmed as u64,
            "what it counts is so"
        );
        Self {
            channel: channel.id,
            holder: channel.holder,
            consumers: channel.consumers.len(),
            prefetch: channel.prefetch,
            unacknowledged: channel.ledger.len(),
            unconfirmed,
            uncommitted,
            acks_uncommitted,
            mode,
            counts: channel.counters.counts(),
        }
    }
}
