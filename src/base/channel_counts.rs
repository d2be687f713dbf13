//! What a channel has done, in RabbitMQ's categories.

use std::ops::AddAssign;

use super::{Counted, Counter};

/// The counters of one channel. Its session writes, the management reads.
#[derive(Debug)]
pub struct ChannelCounters {
    /// Publishes that were taken, by the size of their bodies.
    sizes: [Counter; SIZE_BOUNDS.len() + 1],
    /// Bytes of these bodies.
    body_bytes: Counter,
    /// How many there were when the channel began to confirm; the end of numbers when it does not.
    pub confirms_from: Counter,
    /// Publishes that were confirmed.
    pub confirm: Counter,
    /// Mandatory publishes that were returned.
    pub return_unroutable: Counter,
    /// Other publishes that reached no queue.
    pub drop_unroutable: Counter,
    /// Deliveries that are to be settled.
    pub deliver: Counter,
    /// Deliveries that are not.
    pub deliver_no_ack: Counter,
    /// Fetched messages that are to be settled.
    pub get: Counter,
    /// Fetched messages that are not.
    pub get_no_ack: Counter,
    /// Fetches that found nothing.
    pub get_empty: Counter,
    /// Messages that were handed out before.
    pub redeliver: Counter,
    /// Messages that were acknowledged.
    pub ack: Counter,
    /// Messages that were given back or thrown away: nacks, rejects, recovers.
    pub unacked_returned: Counter,
    /// Publishes that were refused instead of confirmed.
    pub nack: Counter,
    /// How it stands, where what it did does not say it.
    pub levels: LevelCounters,
}

/// How a channel stands. Set when it changes.
#[derive(Debug, Default)]
pub struct LevelCounters {
    /// Consumers.
    pub consumers: Counter,
    /// Publishes that wait for a commit.
    pub uncommitted: Counter,
    /// Settlements that wait for a commit.
    pub acks_uncommitted: Counter,
    /// Of `basic.qos`, for each consumer; 0: no limit.
    pub prefetch: Counter,
    /// The same for all of them together.
    pub global_prefetch: Counter,
}

impl Default for ChannelCounters {
    fn default() -> Self {
        let counters = Self {
            sizes: Default::default(),
            body_bytes: Counter::default(),
            confirms_from: Counter::default(),
            confirm: Counter::default(),
            return_unroutable: Counter::default(),
            drop_unroutable: Counter::default(),
            deliver: Counter::default(),
            deliver_no_ack: Counter::default(),
            get: Counter::default(),
            get_no_ack: Counter::default(),
            get_empty: Counter::default(),
            redeliver: Counter::default(),
            ack: Counter::default(),
            unacked_returned: Counter::default(),
            nack: Counter::default(),
            levels: LevelCounters::default(),
        };
        counters.confirms_from.set(u64::MAX);
        counters
    }
}

/// Up to how many bytes the body of a message is of each size; behind the last there is one more
/// (rabbitmq: `rabbit_msg_size_metrics`).
pub const SIZE_BOUNDS: [u64; 8] =
    [100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 50_000_000, 100_000_000];

impl ChannelCounters {
    /// A publish with a body of so many bytes was taken.
    #[inline]
    pub fn published(&self, body_bytes: u64) {
        let size =
            if body_bytes <= SIZE_BOUNDS[0] { &self.sizes[0] } else { self.size(body_bytes) };
        size.add(1);
        self.body_bytes.add(body_bytes);
    }

    fn size(&self, body_bytes: u64) -> &Counter {
        &self.sizes[SIZE_BOUNDS.partition_point(|bound| *bound < body_bytes)]
    }

    /// Publishes that were taken.
    #[must_use]
    pub fn publishes(&self) -> u64 {
        self.sizes.iter().map(Counter::get).sum()
    }

    /// The same by their sizes.
    #[must_use]
    pub fn sizes(&self) -> SizeCounts {
        let messages = std::array::from_fn(|size| self.sizes[size].get());
        SizeCounts { messages, bytes: self.body_bytes.get() }
    }
}

/// How large published bodies were.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SizeCounts {
    /// How many there were of each size; see [`SIZE_BOUNDS`].
    pub messages: [u64; SIZE_BOUNDS.len() + 1],
    /// Bytes of all of them.
    pub bytes: u64,
}

impl AddAssign for SizeCounts {
    fn add_assign(&mut self, other: Self) {
        for (sum, more) in self.messages.iter_mut().zip(other.messages) {
            *sum += more;
        }
        self.bytes += other.bytes;
    }
}

/// The numbers of [`ChannelCounters`] at one moment, or the sums of several.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "as the counters")]
pub struct ChannelCounts {
    pub publish: u64,
    /// Publishes of `publish` that somebody waits for a confirm of.
    pub publish_to_confirm: u64,
    pub confirm: u64,
    pub return_unroutable: u64,
    pub drop_unroutable: u64,
    pub deliver: u64,
    pub deliver_no_ack: u64,
    pub get: u64,
    pub get_no_ack: u64,
    pub get_empty: u64,
    pub redeliver: u64,
    pub ack: u64,
    /// Channels among those summed up that have published.
    pub publishers: u64,
}

/// The numbers of [`LevelCounters`], and what follows from what a channel did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "as the counters")]
pub struct ChannelLevels {
    pub consumers: u64,
    /// Deliveries that wait for the client's word; those it has given and not committed are not among them.
    pub unacked: u64,
    pub unconfirmed: u64,
    pub uncommitted: u64,
    pub acks_uncommitted: u64,
    pub prefetch: u64,
    pub global_prefetch: u64,
}

impl ChannelCounts {
    /// Everything that was handed out.
    #[must_use]
    pub fn deliver_get(&self) -> u64 {
        self.deliver + self.deliver_no_ack + self.get + self.get_no_ack
    }
}

impl Counted for ChannelCounters {
    type Counts = ChannelCounts;

    fn counts(&self) -> ChannelCounts {
        let publish = self.publishes();
        ChannelCounts {
            publish,
            publish_to_confirm: publish.saturating_sub(self.confirms_from.get()),
            confirm: self.confirm.get(),
            return_unroutable: self.return_unroutable.get(),
            drop_unroutable: self.drop_unroutable.get(),
            deliver: self.deliver.get(),
            deliver_no_ack: self.deliver_no_ack.get(),
            get: self.get.get(),
            get_no_ack: self.get_no_ack.get(),
            get_empty: self.get_empty.get(),
            redeliver: self.redeliver.get(),
            ack: self.ack.get(),
            publishers: u64::from(publish > 0),
        }
    }
}

impl ChannelCounters {
    /// How it stands. Read while it may change, so never below zero, and right when nothing changes.
    #[must_use]
    pub fn levels(&self) -> ChannelLevels {
        let answered =
            self.confirms_from.get().saturating_add(self.confirm.get() + self.nack.get());
        let acks_uncommitted = self.levels.acks_uncommitted.get();
        let settled = self.ack.get() + self.unacked_returned.get() + acks_uncommitted;
        ChannelLevels {
            consumers: self.levels.consumers.get(),
            unacked: (self.deliver.get() + self.get.get()).saturating_sub(settled),
            unconfirmed: self.publishes().saturating_sub(answered),
            uncommitted: self.levels.uncommitted.get(),
            acks_uncommitted,
            prefetch: self.levels.prefetch.get(),
            global_prefetch: self.levels.global_prefetch.get(),
        }
    }
}

impl AddAssign for ChannelCounts {
    fn add_assign(&mut self, other: Self) {
        self.publish += other.publish;
        self.publish_to_confirm += other.publish_to_confirm;
        self.confirm += other.confirm;
        self.return_unroutable += other.return_unroutable;
        self.drop_unroutable += other.drop_unroutable;
        self.deliver += other.deliver;
        self.deliver_no_ack += other.deliver_no_ack;
        self.get += other.get;
        self.get_no_ack += other.get_no_ack;
        self.get_empty += other.get_empty;
        self.redeliver += other.redeliver;
        self.ack += other.ack;
        self.publishers += other.publishers;
    }
}

impl AddAssign for ChannelLevels {
    fn add_assign(&mut self, other: Self) {
        self.consumers += other.consumers;
        self.unacked += other.unacked;
        self.unconfirmed += other.unconfirmed;
        self.uncommitted += other.uncommitted;
        self.acks_uncommitted += other.acks_uncommitted;
        self.prefetch += other.prefetch;
        self.global_prefetch += other.global_prefetch;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publish_counts_once_at_its_size() {
        let counters = ChannelCounters::default();
        for bytes in [0, 100, 101, 1_000, 50_000_000, 50_000_001, 100_000_000, 100_000_001] {
            counters.published(bytes);
        }
        let sizes = counters.sizes();
        assert_eq!(sizes.messages, [2, 2, 0, 0, 0, 0, 1, 2, 1]);
        assert_eq!(sizes.bytes, 300_001_203);
        assert_eq!((counters.publishes(), counters.counts().publish_to_confirm), (8, 0));
    }
}
