//! What a connection says of itself to those who administer the broker.

use crate::base::{Counted, UserName};
use crate::broker::{ChannelReport, ConnectionInfo, ConnectionReport, Vhost};
use crate::protocol::{ChannelInfo, ChannelMode, Mechanism};

use super::Conversation;

impl Conversation {
    /// Who it is, now that its virtual host is open.
    pub(super) fn info(&self, vhost: &Vhost, user: &UserName) -> ConnectionInfo {
        let negotiated = self.connection.negotiated();
        ConnectionInfo {
            id: self.id,
            peer: self.caller.address.socket_address(),
            local: self.caller.local,
            user: user.clone(),
            vhost: vhost.name().clone(),
            mechanism: self.mechanism.map_or("", Mechanism::name).to_owned(),
            client_properties: self.connection.client_properties().clone(),
            connected_at_ms: self.broker.clock().unix_ms(),
            frame_max: negotiated.map_or(0, |negotiated| negotiated.frame_max),
            channel_max: negotiated.map_or(0, |negotiated| negotiated.channel_max),
            heartbeat_s: negotiated.map_or(0, |negotiated| negotiated.heartbeat_s),
        }
    }

    /// How it stands.
    pub(super) fn report(&self) -> ConnectionReport {
        let state = if self.connection.is_closing() {
            "closing"
        } else if self.blocked {
            "blocked"
        } else if self.alarm.is_some() {
            "blocking"
        } else {
            "running"
        };
        ConnectionReport {
            state,
            counts: self.counters.counts(),
            channels: self
                .connection
                .channels()
                .map(|channel| self.channel_report(&channel))
                .collect(),
        }
    }

    fn channel_report(&self, info: &ChannelInfo) -> ChannelReport {
        let client = self.client.as_ref();
        ChannelReport {
            channel: info.channel,
            holder: info.holder,
            consumers: info.consumers,
            prefetch: info.prefetch,
            global_prefetch: client.map_or(0, |client| client.shared_prefetch(info.holder)),
            unacknowledged: info.unacknowledged,
            unconfirmed: info.unconfirmed,
            uncommitted: info.uncommitted,
            acks_uncommitted: info.acks_uncommitted,
            confirm: info.mode == ChannelMode::Confirm,
            transactional: info.mode == ChannelMode::Transaction,
            counts: info.counts,
        }
    }
}
