//! What a connection says of itself to those who administer the broker.

use crate::base::limits::{EXPLAIN_CONSUMERS_MAX, OUTPUT_STOP_READING_BYTES};
use crate::base::{Counted, Millis, UserName};
use crate::broker::{
    ChannelReport, Client, ConnectionInfo, ConnectionInsight, ConnectionReport, LoginAttempt, Vhost,
};
use crate::net::caller::Certified;
use crate::protocol::{ChannelInfo, ChannelMode, Credentials, Mechanism};
use crate::wire::MethodId;

use super::Conversation;

/// The output was too long: deliveries wait in the inbox until it is short again.
#[derive(Default)]
pub(super) struct Choke {
    pub(super) is_on: bool,
    /// Whether the inbox was told so last.
    pub(super) inbox_knows: bool,
}

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
            tls: self.caller.tls.clone(),
        }
    }

    /// A login, for those who hear of it.
    pub(super) fn login(&self, credentials: &Credentials) -> LoginAttempt {
        let name = match (&self.caller.certified, credentials.mechanism) {
            (Certified::Name(name), Mechanism::External) => name.clone(),
            _ => String::from_utf8_lossy(&credentials.user).into_owned(),
        };
        LoginAttempt {
            name,
            mechanism: credentials.mechanism.name().to_owned(),
            connection: self.id,
            peer: self.caller.address.socket_address(),
            local: self.caller.local,
            tls: self.caller.certified != Certified::NoTls,
        }
    }

    /// How it stands.
    pub(super) fn report(&self, in_full: bool) -> ConnectionReport {
        let is_unread = self.connection.unwritten() > OUTPUT_STOP_READING_BYTES;
        let state = if self.connection.is_closing() {
            "closing"
        } else if self.blocked_since.is_some() {
            "blocked"
        } else if self.alarm.is_some() {
            "blocking"
        } else if is_unread || self.waits_for_log() {
            // rabbitmq: the state of a connection that credit flow holds back.
            "flow"
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
            insight: in_full.then(|| Box::new(self.insight())),
        }
    }

    /// Says for whoever asks that the client does not read, or does again.
    pub(super) fn tell_choked(&mut self, unwritten: usize) {
        let (_, wrote_at) = self.connection.last_signs();
        self.inbox.set_choked(self.shown(wrote_at), self.choke.is_on.then_some(unwritten as u64));
        self.choke.inbox_knows = self.choke.is_on;
    }

    /// A moment of the connection by the clock that everybody else goes by.
    fn shown(&self, at: Millis) -> Millis {
        self.broker.clock().of_real(at)
    }

    fn insight(&self) -> ConnectionInsight {
        let (received_at, wrote_at) = self.connection.last_signs();
        let name = |method: MethodId| method.name().unwrap_or("a request").to_owned();
        let asked = self.asked.map(|(_, _, method)| (name(method), self.shown(self.asked_at)));
        let failures = self.connection.channel_failures();
        let consuming = self.client.iter().flat_map(Client::consuming);
        let all = self.client.as_ref().map_or(0, |client| client.consuming().len());
        let consumers = consuming.take(EXPLAIN_CONSUMERS_MAX);
        ConnectionInsight {
            has_published: self.connection.has_published(),
            blocked_since: self.blocked_since.map(|at| self.shown(at)),
            waits_for_log: self.waits_for_log(),
            unwritten_bytes: self.connection.unwritten() as u64,
            wrote_at: self.shown(wrote_at),
            received_at: self.shown(received_at),
            asked,
            channel_failures: failures
                .map(|failure| (failure.channel, self.shown(failure.at), failure.reason.clone()))
                .collect(),
            consumers: consumers.map(|(id, queue)| (id, queue.clone())).collect(),
            consumers_left_out: all.saturating_sub(EXPLAIN_CONSUMERS_MAX),
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
