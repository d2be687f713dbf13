//! The conversation of one connection: the protocol machine on one side, the broker's client on the
//! other, and what each turn of them does.
//!
//! A turn: let the machine say what the input means, do it, hand every queue its batch, work off the
//! inbox. It never touches the socket; the [session](super::session) reads and writes.

mod deliveries;
mod describe;
mod faulty;
mod outside;

use std::sync::Arc;

use bytes::BytesMut;

use self::describe::Choke;
use self::faulty::Faulty;
use self::outside::{Outside, Parked};
use super::answers;
use super::caller::Caller;
use super::log_share::LogShare;
use super::turn_events::TurnEvents;
use super::wait::Interest;
use crate::base::limits::{
    CLOSE_TIMEOUT_MS, INBOX_EVENTS_MAX, LOG_PRESSURE_PAUSE_MS, OUTPUT_HIGH_WATER_BYTES,
    OUTPUT_LOW_WATER_BYTES, OUTPUT_STOP_READING_BYTES,
};
use crate::base::{
    ChannelId, ConnectionId, ConsumerId, HolderId, MessageId, Millis, QueueId, ReplyCode, VhostName,
};
use crate::broker::{
    Answered, Attempt, Broker, Cell, Client, ConnectionCounters, Event, Identity, Inbox, Peer,
    Refused, Settlement, Step,
};
use crate::protocol::{
    Action, Answer, Ask, Connection, Mechanism, Outcome, Publish, Refusal, Request, Settings,
};
use crate::wire::{MethodId, Output};

/// See the module.
pub(super) struct Conversation {
    caller: Caller,
    id: ConnectionId,
    broker: Arc<Broker>,
    inbox: Arc<Inbox>,
    connection: Connection,
    identity: Option<Identity>,
    /// When the user's secret is no longer good, by the broker's clock and in seconds since 1970.
    expires: Option<(Millis, u64)>,
    outside: Outside,
    client: Option<Client>,
    /// Actions that are not done yet; empty between turns.
    actions: Vec<Action>,
    events: TurnEvents,
    /// Consumers that wait until everything taken from the inbox is worked off.
    held: Vec<(Arc<Cell>, ConsumerId)>,
    /// Runs of messages without acks that were read, to be settled with the end of the turn.
    read: Vec<(HolderId, QueueId, (MessageId, MessageId))>,
    /// Channels that failed within these actions.
    failed: Vec<HolderId>,
    /// The question that a queue is to answer.
    asked: Option<(ChannelId, HolderId, MethodId)>,
    alarm: Option<&'static str>,
    /// Whether a publish was acted on: from then on every change of an alarm is one for this connection.
    has_published: bool,
    /// Since when it is blocked, while it is.
    blocked_since: Option<Millis>,
    /// When the question was asked that is open.
    asked_at: Millis,
    choke: Choke,
    /// Set by [`Action::Disconnect`].
    ending: Option<Ending>,
    /// How the user was recognised.
    mechanism: Option<Mechanism>,
    /// Whether messages that go out are copied to the firehose; looked at once a turn.
    traced: bool,
    faulty: Faulty,
    log_share: LogShare,
    counters: Arc<ConnectionCounters>,
}

/// When the socket is closed.
#[derive(Clone, Copy)]
struct Ending {
    /// Not before this moment, and not before everything is written.
    at: Millis,
    /// At this moment, written or not.
    latest: Millis,
}

impl Conversation {
    /// A connection that was just accepted.
    pub(super) fn new(
        caller: Caller,
        id: ConnectionId,
        broker: Arc<Broker>,
        settings: Arc<Settings>,
    ) -> Self {
        let now = broker.clock().real_now();
        let inbox = Arc::new(Inbox::new());
        broker.connection_opened(id, &inbox);
        let holders = Arc::clone(&broker);
        let connection = Connection::new(settings, Box::new(move || holders.next_holder_id()), now);
        Self {
            caller,
            id,
            broker,
            inbox,
            connection,
            identity: None,
            expires: None,
            outside: Outside::default(),
            client: None,
            actions: Vec::new(),
            events: TurnEvents::default(),
            held: Vec::new(),
            read: Vec::new(),
            failed: Vec::new(),
            asked: None,
            alarm: None,
            has_published: false,
            blocked_since: None,
            asked_at: now,
            choke: Choke::default(),
            ending: None,
            mechanism: None,
            traced: false,
            faulty: Faulty::default(),
            log_share: LogShare::default(),
            counters: Arc::default(),
        }
    }

    /// By the clock that nobody turns: a client is given its time by this one (T7).
    pub(super) fn now(&self) -> Millis {
        self.broker.clock().real_now()
    }

    /// Where the broker's events come in.
    pub(super) fn inbox(&self) -> Arc<Inbox> {
        Arc::clone(&self.inbox)
    }

    /// What waits to be written.
    pub(super) fn output(&mut self) -> &mut Output {
        self.connection.output()
    }

    /// Something was written.
    pub(super) fn wrote(&mut self, now: Millis) {
        self.connection.wrote(now);
    }

    /// So many bytes came in and went out.
    pub(super) fn moved(&mut self, received: usize, sent: usize) {
        if received > 0 {
            self.counters.received_bytes.add(received as u64);
            if self.connection.has_published() {
                self.log_share.brought(received as u64);
            }
            self.counters.reads.add(1);
        }
        if sent > 0 {
            self.counters.sent_bytes.add(sent as u64);
            self.counters.writes.add(1);
        }
    }

    /// One turn; says whether there is more to do without new input.
    pub(super) fn turn(&mut self, now: Millis, input: &mut BytesMut) -> bool {
        let mut actions = std::mem::take(&mut self.actions);
        self.faulty.is_armed = self.broker.faults().is_armed();
        if self.ending.is_none() {
            self.expire(now, &mut actions);
            if !self.stops_reading() {
                self.connection.recv(now, input, &mut actions);
            }
            self.connection.tick(now, &mut actions);
        } else {
            input.clear();
        }
        let mut busy = !actions.is_empty();
        self.perform(now, &mut actions);
        if let Some(client) = &mut self.client {
            client.flush(self.broker.clock().of_real(now));
        }
        busy |= self.drain(now);
        self.connection.flush_confirms(&mut self.actions);
        (busy || !self.actions.is_empty()) && self.ending.is_none()
    }

    /// Does all actions, and those that follow from them.
    fn perform(&mut self, now: Millis, actions: &mut Vec<Action>) {
        let mut more = Vec::new();
        while !actions.is_empty() {
            for action in actions.drain(..) {
                if self.outside.is_parked() && !matches!(action, Action::Disconnect { .. }) {
                    self.outside.keep(action);
                } else {
                    self.act(now, action, &mut more);
                }
            }
            // Most have no others following; their list then keeps its room for the next turn.
            if !more.is_empty() {
                std::mem::swap(actions, &mut more);
            }
        }
        self.failed.clear();
        std::mem::swap(&mut self.actions, actions);
    }

    fn act(&mut self, now: Millis, action: Action, more: &mut Vec<Action>) {
        match action {
            Action::Publish(publish) => self.publish(now, publish, more),
            Action::Settle(settle) => {
                if self.faulty.is_armed && self.strikes_ack(now, &settle, more) {
                    return;
                }
                // RabbitMQ ignores what a channel said after the publish that ended it.
                if let Some(client) = &mut self.client
                    && !self.failed.contains(&settle.holder)
                {
                    let settlement = match settle.outcome {
                        Outcome::Ack => Settlement::Ack,
                        Outcome::Requeue => Settlement::Requeue(Attempt::Returned),
                        Outcome::RequeueFailed => Settlement::Requeue(Attempt::Failed),
                        Outcome::Discard => Settlement::Discard,
                    };
                    client.settle(settle.holder, settle.queue, settlement, settle.messages);
                }
            }
            Action::Ask(ask) => self.ask(now, *ask, more),
            Action::ChannelOpened { channel, holder } => {
                let counters = self.connection.counters(channel, holder).unwrap_or_default();
                if let Some(client) = &mut self.client
                    && let Err(refused) = client.channel_counts(holder, channel, counters)
                {
                    let refusal = answers::refusal(refused, MethodId::CHANNEL_OPEN);
                    self.connection.fail(now, channel, holder, refusal, more);
                }
            }
            Action::ChannelClosed { holder, .. } => {
                if self.asked.is_some_and(|(_, asker, _)| asker == holder) {
                    self.asked = None;
                }
                if let Some(client) = &mut self.client {
                    client.channel_closed(holder);
                }
            }
            Action::ShareCredit { holder, prefetch, used } => {
                if let Some(client) = &mut self.client {
                    client.share_credit(holder, prefetch, used);
                }
            }
            Action::ReturnCredit { holder, messages } => {
                if let Some(client) = &mut self.client {
                    client.return_credit(holder, messages);
                }
            }
            Action::Log(line) => {
                tracing::warn!(connection = %self.id, peer = %self.caller.address, "{line}");
            }
            Action::Disconnect { pause_ms } => {
                if self.ending.is_none() {
                    let at = now.after(pause_ms);
                    self.ending = Some(Ending { at, latest: at.after(CLOSE_TIMEOUT_MS) });
                    self.client = None;
                    self.outside.clear();
                }
            }
        }
    }

    fn publish(&mut self, now: Millis, publish: Publish, more: &mut Vec<Action>) {
        if !self.connection.is_open(publish.channel, publish.holder) {
            return;
        }
        if !self.has_published {
            self.has_published = true;
            self.block_on_alarm();
        }
        if self.faulty.is_armed && self.strikes_publish(now, &publish, more) {
            return;
        }
        let Some(client) = &mut self.client else { return };
        let Publish { channel, holder, sequence, mandatory, .. } = publish;
        // The message is needed again only for `basic.return`, and where it may have to wait for a judge.
        let kept = (mandatory || client.asked().is_some()).then(|| publish.clone());
        let published = answers::check_user_id(client, &publish.message)
            .and_then(|()| client.publish(channel, holder, publish.message, sequence));
        match published {
            Ok(outcome) => {
                if outcome.queues == 0 {
                    match kept.filter(|_| mandatory) {
                        Some(publish) => {
                            client.publish_returned();
                            self.connection.returned(&publish);
                        }
                        None => self.connection.dropped(channel, holder),
                    }
                }
                if let Some(sequence) = sequence {
                    self.connection.published(holder, sequence, outcome.answers);
                }
            }
            Err(refused) => {
                if let Some(publish) = kept
                    && self.is_undecided()
                {
                    if let Some(client) = &mut self.client {
                        client.publish_comes_again();
                    }
                    return self.park(Parked::Publish(publish));
                }
                let refusal = answers::refusal(refused, MethodId::BASIC_PUBLISH);
                self.failed.push(holder);
                self.connection.fail(now, channel, holder, refusal, more);
            }
        }
    }

    fn ask(&mut self, now: Millis, ask: Ask, more: &mut Vec<Action>) {
        let Ask { channel, holder, request } = ask;
        let of_channel = channel != ChannelId(0);
        if of_channel && !self.connection.is_open(channel, holder) {
            return;
        }
        if self.faulty.is_armed && self.strikes_declare(now, (channel, holder), &request, more) {
            return;
        }
        let again = self.is_judged().then(|| request.clone());
        let answer = match request {
            Request::Authenticate(credentials) => {
                self.authenticate((channel, holder), &credentials)
            }
            Request::UpdateSecret(secret) => self.update_secret((channel, holder), &secret),
            Request::OpenVhost(vhost) => Some(self.open_vhost(&vhost)),
            request => {
                let Some(client) = &mut self.client else { return };
                // What the connection published before must be in the queues before the request.
                client.flush(self.broker.clock().of_real(now));
                let failed = answers::method_id(&request);
                let answer = answers::ask(client, holder, request);
                if answer.is_none() {
                    self.asked = Some((channel, holder, failed));
                    self.asked_at = now;
                }
                answer
            }
        };
        let Some(answer) = answer else { return };
        if let Some(request) = again
            && matches!(answer, Answer::Refused(_))
            && self.is_undecided()
        {
            return self.park(Parked::Ask(Ask { channel, holder, request }));
        }
        self.answer(now, channel, holder, answer, more);
    }

    fn answer(
        &mut self,
        now: Millis,
        channel: ChannelId,
        holder: HolderId,
        answer: Answer,
        more: &mut Vec<Action>,
    ) {
        self.connection.answer(now, channel, holder, answer, more);
    }

    fn open_vhost(&mut self, name: &VhostName) -> Answer {
        let Some(identity) = self.identity.clone() else {
            return Answer::Refused(Refusal {
                code: ReplyCode::NotAllowed,
                text: "no user is logged in".to_owned(),
                failed: MethodId::CONNECTION_OPEN,
            });
        };
        let opened = self.broker.open_vhost_with(name, &identity.name, &identity.rights);
        match opened {
            Ok(vhost) => {
                tracing::info!(connection = %self.id, peer = %self.caller.address, user = %identity.name, vhost = %name, "connection open");
                let peer = Peer::of(self.id, identity);
                let inbox = Arc::clone(&self.inbox);
                let info = self.info(&vhost, &peer.user);
                self.broker.connection_ready(info, &inbox, &self.counters);
                self.client = Some(Client::new(Arc::clone(&self.broker), vhost, peer, inbox));
                self.look_at_blocks();
                Answer::Done
            }
            Err(refused) => Answer::Refused(answers::refusal(refused, MethodId::CONNECTION_OPEN)),
        }
    }

    /// Works off the inbox, at most [`TURN_EVENTS_MAX`] of it, unless the output is too long; says
    /// whether there was something.
    fn drain(&mut self, now: Millis) -> bool {
        let unwritten = self.connection.output().len();
        self.choke.is_on = if self.choke.is_on {
            unwritten > OUTPUT_LOW_WATER_BYTES
        } else {
            unwritten > OUTPUT_HIGH_WATER_BYTES
        };
        if self.choke.is_on || self.choke.inbox_knows {
            self.tell_choked(unwritten);
        }
        if self.choke.is_on {
            return false;
        }
        let mut events = self.events.take(&self.inbox, &mut self.held);
        self.traced = self.client.as_ref().is_some_and(Client::is_traced);
        if events.is_empty() && self.held.is_empty() {
            self.events.give_back(events);
            return false;
        }
        let mut actions = std::mem::take(&mut self.actions);
        for event in events.drain(..) {
            self.happen(now, event, &mut actions);
        }
        self.events.give_back(events);
        self.perform(now, &mut actions);
        if let Some(client) = &mut self.client {
            for (holder, queue, run) in self.read.drain(..) {
                client.settle(holder, queue, Settlement::Ack, vec![run]);
            }
            if self.events.later() == 0 {
                client.open_held(&mut self.held);
            }
            client.flush(self.broker.clock().of_real(now));
        } else {
            self.read.clear();
            self.held.clear();
        }
        true
    }

    fn happen(&mut self, now: Millis, event: Event, more: &mut Vec<Action>) {
        match event {
            Event::Deliver(event) => self.deliver(now, event, more),
            Event::DirectReply { holder, consumer, reply } => {
                let Some(client) = &mut self.client else { return };
                if let Some((channel, tag)) = client.reply_arrived(holder, consumer, &reply) {
                    self.connection.deliver_reply(channel, holder, tag, &reply);
                }
            }
            Event::Confirm { holder, first, last } => {
                self.connection.confirmed(holder, first, last);
            }
            Event::Refuse { holder, sequence } => self.connection.refused(holder, sequence),
            Event::Reply { request, reply } => {
                let Some(client) = &mut self.client else { return };
                let step = client.reply(request, *reply);
                self.stepped(now, step, more);
            }
            Event::Stored { request, error } => {
                let Some(client) = &mut self.client else { return };
                let step = client.stored(request, error);
                self.stepped(now, step, more);
            }
            Event::ConsumerCancelled { consumer } => {
                let gone =
                    self.client.as_mut().and_then(|client| client.consumer_cancelled(consumer));
                if let Some(gone) = gone {
                    self.connection.cancel_consumer(gone.channel, gone.holder, &gone.tag);
                }
            }
            Event::Alarm { reason } => {
                self.alarm = reason;
                self.block_on_alarm();
            }
            Event::BlockOrdered => self.look_at_blocks(),
            Event::Struck { blow } => {
                self.end_by(now, None, *blow, MethodId::default(), more);
            }
            Event::AnsweredOutside => self.answered_outside(now, more),
            Event::Describe { asked } => asked.answer(self.report(asked.in_full())),
            Event::Close { text } => {
                let failed = MethodId::default();
                let refusal = Refusal { code: ReplyCode::ConnectionForced, text, failed };
                self.connection.close(now, refusal, more);
            }
        }
    }

    /// A question of the client was answered; perhaps that answers the request.
    fn stepped(
        &mut self,
        now: Millis,
        step: Option<Result<Step, Refused>>,
        more: &mut Vec<Action>,
    ) {
        let Some(step) = step else { return };
        let Some((channel, holder, failed)) = self.asked else { return };
        let step = match step {
            Ok(Step::Answered(Answered::Got(event, ready))) => {
                let asker = (channel, holder, failed);
                let Some(answer) = self.got(now, asker, *event, ready) else { return };
                self.asked = None;
                return self.answer(now, channel, holder, answer, more);
            }
            other => other,
        };
        if let Some(answer) = answers::answer(step, failed) {
            self.asked = None;
            self.answer(now, channel, holder, answer, more);
        }
    }

    /// A connection that has published is blocked for as long as the alarm is on, or a fault wants it.
    fn block_on_alarm(&mut self) {
        let reason = self.alarm.or(self.faulty.block_reason());
        let blocked = reason.is_some() && self.connection.has_published();
        if blocked != self.blocked_since.is_some() {
            self.blocked_since = blocked.then(|| self.now());
            self.connection.block(reason.filter(|_| blocked));
        }
    }

    pub(super) fn peer_gone(&mut self, now: Millis, why: &str) {
        self.outside.clear();
        let mut actions = std::mem::take(&mut self.actions);
        self.connection.peer_closed(&mut actions);
        self.perform(now, &mut actions);
        if let Some(client) = self.client.take() {
            tracing::warn!(
                connection = %self.id,
                peer = %self.caller.address,
                user = %client.peer().user,
                error = why,
                "connection ended without connection.close"
            );
        } else {
            tracing::debug!(connection = %self.id, peer = %self.caller.address, error = why, "connection ended before it was open");
        }
    }

    /// Publishers that fill the message log wait while it has more to write than it likes to hold. The log's
    /// tickets bring confirms, which wake most of them; the others look again after a moment.
    fn waits_for_log(&self) -> bool {
        self.connection.has_published() && self.log_share.waits(&self.broker.log_load())
    }

    /// The same, before what was read is worked off.
    fn looks_at_log(&mut self) -> bool {
        if !self.connection.has_published() {
            return false;
        }
        let load = self.broker.log_load();
        self.log_share.look(&load);
        self.log_share.waits(&load)
    }

    fn stops_reading(&mut self) -> bool {
        // A publisher that is held back and told to go must be heard: its close-ok, or its end.
        let held_back = self.blocked_since.is_some() || self.looks_at_log();
        (held_back && !self.connection.is_closing())
            || self.ending.is_some()
            || self.outside.is_parked()
            || self.connection.output().len() > OUTPUT_STOP_READING_BYTES
            || (self.choke.is_on && self.inbox.len() + self.events.later() > INBOX_EVENTS_MAX)
    }

    pub(super) fn interest(&mut self) -> Interest {
        // While a question is open nothing more is taken from the input, so reading on would only pile
        // it up.
        let read = !self.stops_reading() && !self.connection.is_waiting();
        Interest { read, inbox: !self.choke.is_on }
    }

    pub(super) fn deadline(&self, now: Millis) -> Option<Millis> {
        match self.ending {
            Some(Ending { at, .. }) if now < at => Some(at),
            Some(Ending { latest, .. }) => Some(latest),
            None => {
                let soon = self.waits_for_log().then(|| now.after(LOG_PRESSURE_PAUSE_MS));
                let expires = self.expires.map(|(at, _)| at);
                let next = self.connection.next_deadline();
                [soon, expires, next].into_iter().flatten().min()
            }
        }
    }

    /// The end has come: its time, and everything is written or never will be.
    pub(super) fn is_over(&mut self, now: Millis) -> bool {
        let written = self.connection.output().is_empty();
        self.ending.is_some_and(|ending| now >= ending.at && (written || now >= ending.latest))
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.broker.connection_closed(self.id);
    }
}
