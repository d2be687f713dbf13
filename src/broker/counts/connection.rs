//! What went over a connection, and the channels that count.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::sync::Arc;

use super::super::Broker;
use super::{ExchangeCounts, QueueNumbers, Sums};
use crate::base::{
    ChannelCounters, ChannelCounts, ChannelId, ChannelLevels, ConnectionId, Counted, Counter,
    HolderId, SizeCounts, VhostName,
};

/// Counted by the connection's session.
#[derive(Debug, Default)]
pub struct ConnectionCounters {
    /// Bytes that came in.
    pub received_bytes: Counter,
    /// Reads that brought something.
    pub reads: Counter,
    /// Bytes that went out.
    pub sent_bytes: Counter,
    /// Writes that took something.
    pub writes: Counter,
}

/// The numbers of [`ConnectionCounters`] at one moment, or the sums of several.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "as the counters")]
pub struct ConnectionCounts {
    pub received_bytes: u64,
    pub reads: u64,
    pub sent_bytes: u64,
    pub writes: u64,
}

impl Counted for ConnectionCounters {
    type Counts = ConnectionCounts;

    fn counts(&self) -> ConnectionCounts {
        ConnectionCounts {
            received_bytes: self.received_bytes.get(),
            reads: self.reads.get(),
            sent_bytes: self.sent_bytes.get(),
            writes: self.writes.get(),
        }
    }
}

impl AddAssign for ConnectionCounts {
    fn add_assign(&mut self, other: Self) {
        self.received_bytes += other.received_bytes;
        self.reads += other.reads;
        self.sent_bytes += other.sent_bytes;
        self.writes += other.writes;
    }
}

/// A channel that counts.
#[derive(Debug)]
pub struct OpenChannel {
    /// Its connection.
    pub connection: ConnectionId,
    /// Its number.
    pub channel: ChannelId,
    /// This opening of it.
    pub holder: HolderId,
    /// What it counts.
    pub counters: Arc<ChannelCounters>,
}

/// What channels did, and how large what they published was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ChannelTotals {
    /// What they did.
    pub counts: ChannelCounts,
    /// The sizes of what they published.
    pub sizes: SizeCounts,
    /// How they stand. Means something in sums over open channels only: one that ended leaves its last ones behind.
    pub levels: ChannelLevels,
}

impl Counted for OpenChannel {
    type Counts = ChannelTotals;

    fn counts(&self) -> ChannelTotals {
        let (counts, sizes) = (self.counters.counts(), self.counters.sizes());
        ChannelTotals { counts, sizes, levels: self.counters.levels() }
    }
}

impl AddAssign for ChannelTotals {
    fn add_assign(&mut self, other: Self) {
        self.counts += other.counts;
        self.sizes += other.sizes;
        self.levels += other.levels;
    }
}

impl Broker {
    /// What channels did, by virtual host. Costs a look at each open channel.
    #[must_use]
    pub fn channel_sums(&self) -> Sums<VhostName, ChannelTotals> {
        self.common().channel_tally.sums()
    }

    /// The channels that count, with their virtual hosts.
    #[must_use]
    pub fn counting_channels(&self) -> Vec<(VhostName, Arc<OpenChannel>)> {
        self.common().channel_tally.live()
    }

    /// What went over connections, by virtual host. Costs a look at each of them.
    #[must_use]
    pub fn connection_sums(&self) -> Sums<VhostName, ConnectionCounts> {
        self.common().connection_tally.sums()
    }

    /// What went through exchanges, by virtual host.
    #[must_use]
    pub fn exchange_sums(&self) -> Sums<VhostName, ExchangeCounts> {
        self.common().exchange_tally.sums()
    }

    /// What went through queues and is in them, by type of queue. Costs a look at the numbers of each queue, and
    /// waits for none of them.
    #[must_use]
    pub fn queue_sums(&self) -> Sums<&'static str, QueueNumbers> {
        self.common().queue_tally.sums()
    }

    /// What went over each open connection.
    #[must_use]
    pub fn connection_counts(&self) -> BTreeMap<ConnectionId, ConnectionCounts> {
        self.common().connections.counts()
    }
}
