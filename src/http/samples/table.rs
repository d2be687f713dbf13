//! What is sampled of each kind of thing, and RabbitMQ's names of it. Pure.

use crate::broker::{
    ChannelCounts, ChurnCounts, ConnectionCounts, ExchangeCounts, QueueNumbers, Traffic,
};

/// A number of a sample.
pub(in crate::http) struct Named<S> {
    pub(in crate::http) name: &'static str,
    /// The same with `_details` behind it.
    pub(in crate::http) details: &'static str,
    pub(in crate::http) number: fn(&S) -> u64,
    /// Whether it goes down as well; what only counts up and is lower than before has begun anew.
    pub(in crate::http) level: bool,
}

impl<S> Named<S> {
    /// How fast it grew, by the second; 0 within one millisecond.
    #[expect(clippy::cast_precision_loss, reason = "a rate for people; 2^53 is exact enough")]
    pub(in crate::http) fn per_second(&self, first: u64, last: u64, elapsed_ms: u64) -> f64 {
        if elapsed_ms == 0 || (last < first && !self.level) {
            return 0.0;
        }
        let change = last.abs_diff(first) as f64 * 1000.0 / elapsed_ms as f64;
        if last < first { -change } else { change }
    }
}

macro_rules! number {
    (level $name:literal, $number:expr) => {
        Named { name: $name, details: concat!($name, "_details"), number: $number, level: true }
    };
    ($name:literal, $number:expr) => {
        Named { name: $name, details: concat!($name, "_details"), number: $number, level: false }
    };
}
#[cfg(test)]
pub(super) use number;

/// A queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::http) struct QueueSample {
    pub(in crate::http) traffic: Traffic,
    pub(in crate::http) ready: u64,
    pub(in crate::http) unacknowledged: u64,
    pub(in crate::http) consumers: u64,
}

impl From<QueueNumbers> for QueueSample {
    fn from(numbers: QueueNumbers) -> Self {
        Self {
            traffic: numbers.traffic,
            ready: numbers.levels.ready,
            unacknowledged: numbers.levels.unacknowledged,
            consumers: numbers.levels.consumers,
        }
    }
}

/// A virtual host, or all of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::http) struct VhostSample {
    pub(in crate::http) channels: ChannelCounts,
    pub(in crate::http) connections: ConnectionCounts,
    pub(in crate::http) ready: u64,
    pub(in crate::http) unacknowledged: u64,
    pub(in crate::http) queues: u64,
    pub(in crate::http) consumers: u64,
}

impl std::ops::AddAssign for VhostSample {
    fn add_assign(&mut self, other: Self) {
        self.channels += other.channels;
        self.connections += other.connections;
        self.ready += other.ready;
        self.unacknowledged += other.unacknowledged;
        self.queues += other.queues;
        self.consumers += other.consumers;
    }
}

/// The process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::http) struct NodeSample {
    pub(in crate::http) memory_bytes: u64,
    pub(in crate::http) files: u64,
    pub(in crate::http) sockets: u64,
    pub(in crate::http) threads: u64,
    pub(in crate::http) disk_free_bytes: u64,
    pub(in crate::http) context_switches: u64,
    pub(in crate::http) churn: ChurnCounts,
}

/// `message_stats` of a queue.
pub(in crate::http) const QUEUE: &[Named<QueueSample>] = &[
    number!("publish", |s| s.traffic.publish),
    number!("deliver", |s| s.traffic.deliver),
    number!("deliver_no_ack", |s| s.traffic.deliver_no_ack),
    number!("deliver_get", |s| s.traffic.deliver_get()),
    number!("get", |s| s.traffic.get),
    number!("get_no_ack", |s| s.traffic.get_no_ack),
    number!("get_empty", |s| s.traffic.get_empty),
    number!("redeliver", |s| s.traffic.redeliver),
    number!("ack", |s| s.traffic.ack),
];

/// What is in a queue.
pub(in crate::http) const QUEUE_LEVELS: &[Named<QueueSample>] = &[
    number!(level "messages", |s| s.ready + s.unacknowledged),
    number!(level "messages_ready", |s| s.ready),
    number!(level "messages_unacknowledged", |s| s.unacknowledged),
];

/// `message_stats` of a channel.
pub(in crate::http) const CHANNEL: &[Named<ChannelCounts>] = &[
    number!("publish", |s| s.publish),
    number!("confirm", |s| s.confirm),
    number!("return_unroutable", |s| s.return_unroutable),
    number!("drop_unroutable", |s| s.drop_unroutable),
    number!("deliver", |s| s.deliver),
    number!("deliver_no_ack", |s| s.deliver_no_ack),
    number!("deliver_get", |s| s.deliver_get()),
    number!("get", |s| s.get),
    number!("get_no_ack", |s| s.get_no_ack),
    number!("get_empty", |s| s.get_empty),
    number!("redeliver", |s| s.redeliver),
    number!("ack", |s| s.ack),
];

/// `message_stats` of a virtual host and of everything.
pub(in crate::http) const VHOST: &[Named<VhostSample>] = &[
    number!("publish", |s| s.channels.publish),
    number!("confirm", |s| s.channels.confirm),
    number!("return_unroutable", |s| s.channels.return_unroutable),
    number!("drop_unroutable", |s| s.channels.drop_unroutable),
    number!("deliver", |s| s.channels.deliver),
    number!("deliver_no_ack", |s| s.channels.deliver_no_ack),
    number!("deliver_get", |s| s.channels.deliver_get()),
    number!("get", |s| s.channels.get),
    number!("get_no_ack", |s| s.channels.get_no_ack),
    number!("get_empty", |s| s.channels.get_empty),
    number!("redeliver", |s| s.channels.redeliver),
    number!("ack", |s| s.channels.ack),
];

/// `queue_totals`, and the same numbers of a virtual host.
pub(in crate::http) const VHOST_LEVELS: &[Named<VhostSample>] = &[
    number!(level "messages", |s| s.ready + s.unacknowledged),
    number!(level "messages_ready", |s| s.ready),
    number!(level "messages_unacknowledged", |s| s.unacknowledged),
];

/// Bytes of the connections of a virtual host.
pub(in crate::http) const VHOST_OCTETS: &[Named<VhostSample>] = &[
    number!("recv_oct", |s| s.connections.received_bytes),
    number!("send_oct", |s| s.connections.sent_bytes),
];

/// `message_stats` of an exchange.
pub(in crate::http) const EXCHANGE: &[Named<ExchangeCounts>] =
    &[number!("publish_in", |s| s.publish_in), number!("publish_out", |s| s.publish_out)];

/// What went over a connection.
pub(in crate::http) const CONNECTION: &[Named<ConnectionCounts>] = &[
    number!("recv_oct", |s| s.received_bytes),
    number!("recv_cnt", |s| s.reads),
    number!("send_oct", |s| s.sent_bytes),
    number!("send_cnt", |s| s.writes),
];

/// What comes and goes.
pub(in crate::http) const CHURN: &[Named<NodeSample>] = &[
    number!("connection_created", |s| s.churn.connections_opened),
    number!("connection_closed", |s| s.churn.connections_closed),
    number!("channel_created", |s| s.churn.channels_opened),
    number!("channel_closed", |s| s.churn.channels_closed),
    number!("queue_declared", |s| s.churn.queues_declared),
    number!("queue_created", |s| s.churn.queues_created),
    number!("queue_deleted", |s| s.churn.queues_deleted),
];

/// The process.
pub(in crate::http) const NODE: &[Named<NodeSample>] = &[
    number!(level "mem_used", |s| s.memory_bytes),
    number!(level "fd_used", |s| s.files),
    number!(level "sockets_used", |s| s.sockets),
    number!(level "proc_used", |s| s.threads),
    number!(level "disk_free", |s| s.disk_free_bytes),
    number!("context_switches", |s| s.context_switches),
];
