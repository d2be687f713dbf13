//! A broker with a clock that stands still and a scheduler that only notes.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::base::{
    Body, ChannelId, Clock, ExchangeName, FieldTable, FieldValue, HolderId, ManualClock, Message,
    MessageHeader, PublishSequence, QueueName, ShortStr, TurnedClock, UserName, VhostName,
};
use crate::broker::{
    Accounts, Answered, Binding, Broker, BrokerSettings, BrokerStorage, Cell, Client, Consume,
    ConsumeRequest, DeadLetters, DeclareExchange, DeclareQueue, Edit, Event, Inbox, Interceptors,
    PageQuestion, Parting, Peer, Refused, Scheduler, Seeds, SpanSettings, Spans, Step, Unneeded,
    Vhost,
};
use crate::store;

/// Message bytes at which the alarm of a test broker goes on.
pub(super) const WATERMARK_BYTES: u64 = 100_000_000;

/// Something for a task of its own.
pub(super) enum Job {
    Resume(Arc<Cell>),
    /// With its pause in milliseconds.
    PageIn(Arc<Cell>, PageQuestion, u64),
    DeadLetters(Arc<Cell>, DeadLetters),
    Part(Parting),
    LetGo(Unneeded),
}

impl Job {
    pub(super) fn run(self) {
        match self {
            Self::Resume(cell) => cell.resume(),
            Self::PageIn(cell, question, _) => cell.page_in(question),
            Self::DeadLetters(cell, letters) => cell.send_dead_letters(letters),
            Self::Part(parting) => parting.run(),
            Self::LetGo(unneeded) => drop(unneeded),
        }
    }
}

#[derive(Default)]
pub(super) struct Noted(Mutex<Vec<Job>>);

impl Scheduler for Noted {
    fn resume(&self, cell: Arc<Cell>) {
        self.note(Job::Resume(cell));
    }

    fn page_in(&self, cell: Arc<Cell>, question: PageQuestion, pause_ms: u64) {
        self.note(Job::PageIn(cell, question, pause_ms));
    }

    fn send_dead_letters(&self, cell: Arc<Cell>, letters: DeadLetters, _: u64) {
        self.note(Job::DeadLetters(cell, letters));
    }

    fn part(&self, parting: Parting) {
        self.note(Job::Part(parting));
    }

    fn let_go(&self, unneeded: Unneeded) {
        self.note(Job::LetGo(unneeded));
    }
}

impl Noted {
    pub(super) fn take(&self) -> Vec<Job> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs the jobs that are there now, and not what they ask for.
    pub(super) fn run_some(&self) {
        self.take().into_iter().for_each(Job::run);
    }

    /// Runs jobs until none is left.
    pub(super) fn run_all(&self) {
        loop {
            let jobs = self.take();
            if jobs.is_empty() {
                return;
            }
            jobs.into_iter().for_each(Job::run);
        }
    }

    fn note(&self, job: Job) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(job);
    }
}

pub(super) struct World {
    pub(super) clock: Arc<ManualClock>,
    pub(super) broker: Arc<Broker>,
    pub(super) noted: Arc<Noted>,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(&[], WATERMARK_BYTES)
    }

    /// A broker with other accounts than guest's, who may do everything in `/`.
    pub(super) fn with(changes: &[store::Change], memory_watermark_bytes: u64) -> Self {
        Self::build(changes, memory_watermark_bytes, None)
    }

    /// A broker over this storage: a second one over the same is a restart.
    pub(super) fn stored(storage: BrokerStorage) -> Self {
        Self::build(&[], WATERMARK_BYTES, Some(storage))
    }

    /// A broker that traces, and begins a trace for so many of a million messages, over this storage or in memory.
    pub(super) fn traced(sample_millionths: u32, storage: Option<BrokerStorage>) -> Self {
        let noted = Arc::new(Noted::default());
        let scheduler = Arc::clone(&noted) as Arc<dyn Scheduler>;
        let clock = Arc::new(ManualClock::new());
        let at = Arc::clone(&clock) as Arc<dyn Clock>;
        let spans = Spans::new(SpanSettings { sample_millionths }, Arc::clone(&at), parse_headers);
        let spans = Some(spans.expect("random numbers"));
        let settings = guest_settings(WATERMARK_BYTES, at, scheduler);
        Self { clock, broker: Broker::new(BrokerSettings { storage, spans, ..settings }), noted }
    }

    /// A broker that gives these seeds to new virtual hosts, over this storage or in memory.
    pub(super) fn seeded(seeds: Seeds, storage: Option<BrokerStorage>) -> Self {
        let noted = Arc::new(Noted::default());
        let scheduler = Arc::clone(&noted) as Arc<dyn Scheduler>;
        let clock = Arc::new(ManualClock::new());
        let at = Arc::clone(&clock) as Arc<dyn Clock>;
        let settings = guest_settings(WATERMARK_BYTES, at, scheduler);
        Self { clock, broker: Broker::new(BrokerSettings { seeds, storage, ..settings }), noted }
    }

    fn build(
        changes: &[store::Change],
        memory_watermark_bytes: u64,
        storage: Option<BrokerStorage>,
    ) -> Self {
        let noted = Arc::new(Noted::default());
        let scheduler = Arc::clone(&noted) as Arc<dyn Scheduler>;
        let clock = Arc::new(ManualClock::new());
        let at = Arc::clone(&clock) as Arc<dyn Clock>;
        let mut settings = guest_settings(memory_watermark_bytes, at, scheduler);
        for change in changes {
            settings.accounts.apply(change.clone()).expect("a good change");
        }
        Self { clock, broker: Broker::new(BrokerSettings { storage, ..settings }), noted }
    }

    /// Turns the clock, does what is due then, and everything that follows from it.
    pub(super) fn pass(&self, ms: u64) {
        self.clock.advance(ms);
        loop {
            self.noted.run_all();
            let now = self.broker.clock().now();
            if self.broker.next_deadline().is_none_or(|at| at > now) {
                return;
            }
            self.broker.due(now);
        }
    }

    /// A logged-in connection with one open channel.
    pub(super) fn connect(&self) -> Hand {
        let user = UserName::try_from("guest").expect("short");
        let vhost = VhostName::try_from("/").expect("short");
        let vhost = self.broker.open_vhost(&vhost, &user).expect("guest may enter");
        self.connect_as(vhost, Peer::new(self.broker.next_connection_id(), user))
    }

    /// A connection with one open channel in this virtual host.
    pub(super) fn connect_as(&self, vhost: Arc<Vhost>, peer: Peer) -> Hand {
        let inbox = Arc::new(Inbox::new());
        self.broker.connection_opened(peer.connection, &inbox);
        let mut client = Client::new(Arc::clone(&self.broker), vhost, peer, Arc::clone(&inbox));
        let holder = self.broker.next_holder_id();
        client.channel_opened(holder, ChannelId(1)).expect("no limit");
        Hand { client, inbox, holder, sequence: 0, kept: Vec::new() }
    }
}

/// Guest's permissions in `/`.
pub(super) fn guest_may(configure: &str, write: &str, read: &str) -> store::Change {
    let user = UserName::try_from("guest").expect("short");
    let vhost = VhostName::try_from("/").expect("short");
    let [configure, write, read] = [configure, write, read].map(str::to_owned);
    store::Change::PutPermission(store::Permission { user, vhost, configure, write, read })
}

/// Of a broker in memory that knows the user `guest` and the virtual host `/`.
fn guest_settings(
    memory_watermark_bytes: u64,
    clock: Arc<dyn Clock>,
    scheduler: Arc<dyn Scheduler>,
) -> BrokerSettings {
    let vhost = VhostName::try_from("/").expect("short");
    let guest = UserName::try_from("guest").expect("short");
    let accounts = Accounts::open_to(guest, b"guest", vhost.clone()).expect("random salt");
    BrokerSettings {
        clock,
        scheduler,
        accounts,
        default_vhost: vhost,
        seeds: Seeds::default(),
        memory_watermark_bytes,
        parse_headers,
        write_headers,
        hash_property: |_, _| None,
        list_properties: parse_headers,
        edit_properties,
        interceptors: Interceptors::default(),
        default_queue_type: None,
        consumer_timeout_ms: None,
        storage: None,
        spans: None,
    }
}

/// A broker for anybody who only needs one that holds nobody back.
pub(crate) fn open_broker(scheduler: Arc<dyn Scheduler>) -> Arc<Broker> {
    let clock = Arc::new(ManualClock::new());
    Broker::new(guest_settings(u64::MAX, clock, scheduler))
}

/// The same, for a test that turns a clock.
pub(crate) fn turned_broker(
    clock: &Arc<TurnedClock>,
    scheduler: Arc<dyn Scheduler>,
) -> Arc<Broker> {
    Broker::new(BrokerSettings {
        clock: Arc::<TurnedClock>::clone(clock),
        ..guest_settings(u64::MAX, Arc::new(ManualClock::new()), scheduler)
    })
}

/// A broker over these stores, with the users that they have: a second one over the same is a restart.
pub(crate) fn broker_over(storage: &BrokerStorage) -> Arc<Broker> {
    let clock = Arc::new(ManualClock::new());
    let settings = guest_settings(u64::MAX, clock, Arc::new(Noted::default()));
    let accounts = Accounts::new(storage.metadata.load()).expect("what was stored was good");
    Broker::new(BrokerSettings { accounts, storage: Some(storage.clone()), ..settings })
}

/// Publishes a message to a queue of the virtual host `/`.
pub(crate) fn put_message(broker: &Arc<Broker>, user: &str, queue: &str) {
    let user = UserName::try_from(user).expect("short");
    let vhost = broker.vhost(&VhostName::try_from("/").expect("short")).expect("it is there");
    let peer = Peer::new(broker.next_connection_id(), user);
    let mut client = Client::new(Arc::clone(broker), vhost, peer, Arc::new(Inbox::new()));
    let holder = broker.next_holder_id();
    client.channel_opened(holder, ChannelId(1)).expect("no limit");
    let message = persistent_message("", queue, b"m");
    client.publish(ChannelId(1), holder, message, None).expect("permitted");
    client.flush(broker.clock().now());
}

/// A connection as a test moves it.
pub(super) struct Hand {
    pub(super) client: Client,
    pub(super) inbox: Arc<Inbox>,
    pub(super) holder: HolderId,
    sequence: u64,
    /// Events that came while an answer was waited for.
    kept: Vec<Event>,
}

impl Hand {
    pub(super) fn flush(&mut self) {
        let now = self.client.broker.clock().now();
        self.client.flush(now);
    }

    /// Everything that is in the inbox; held consumers are opened, as a session does.
    pub(super) fn events(&mut self) -> Vec<Event> {
        let mut events = std::mem::take(&mut self.kept);
        let mut more = Vec::new();
        let mut held = Vec::new();
        self.inbox.take(&mut more, &mut held);
        self.client.open_held(&mut held);
        self.flush();
        events.append(&mut more);
        events
    }

    /// Runs a step to its answer.
    pub(super) fn answered(&mut self, step: Result<Step, Refused>) -> Result<Answered, String> {
        let mut step = step;
        for _ in 0..8 {
            match step {
                Err(refused) => return Err(refused.to_string()),
                Ok(Step::Answered(answered)) => return Ok(answered),
                Ok(Step::Waiting) => {}
            }
            self.flush();
            let is_answer =
                |event: &Event| matches!(event, Event::Reply { .. } | Event::Stored { .. });
            let (answers, kept): (Vec<_>, Vec<_>) = self.events().into_iter().partition(is_answer);
            self.kept = kept;
            let answer = match answers.into_iter().next() {
                Some(Event::Reply { request, reply }) => self.client.reply(request, *reply),
                Some(Event::Stored { request, error }) => self.client.stored(request, error),
                other => panic!("a question is answered after its flush: {other:?}"),
            };
            step = answer.expect("the question is open");
        }
        panic!("the request came to no end");
    }

    pub(super) fn declare_exchange(
        &mut self,
        declare: DeclareExchange,
    ) -> Result<Answered, String> {
        let step = self.client.exchange_declare(self.holder, declare);
        self.answered(step)
    }

    pub(super) fn declare(&mut self, name: &str) -> Result<Answered, String> {
        self.declare_with(name, |_| {})
    }

    pub(super) fn declare_with(
        &mut self,
        name: &str,
        change: impl FnOnce(&mut DeclareQueue),
    ) -> Result<Answered, String> {
        let step = self.ask_to_declare(name, change);
        self.answered(step)
    }

    /// A declare without waiting for its answer.
    pub(super) fn ask_to_declare(
        &mut self,
        name: &str,
        change: impl FnOnce(&mut DeclareQueue),
    ) -> Result<Step, Refused> {
        let mut declare = DeclareQueue {
            queue: queue(name),
            passive: false,
            durable: false,
            exclusive: false,
            auto_delete: false,
            arguments: FieldTable::EMPTY,
        };
        change(&mut declare);
        self.client.queue_declare(self.holder, declare)
    }

    pub(super) fn consume(&mut self, name: &str, consume: Consume) -> Result<Answered, String> {
        self.consume_with(name, consume, &[])
    }

    pub(super) fn consume_with(
        &mut self,
        name: &str,
        consume: Consume,
        arguments: &[(&str, FieldValue)],
    ) -> Result<Answered, String> {
        let tag = crate::base::ConsumerTag::try_from("").expect("short");
        let arguments = entries(arguments);
        let request = ConsumeRequest { queue: queue(name), tag, consume, arguments };
        let step = self.client.consume(self.holder, request);
        self.answered(step)
    }

    pub(super) fn delete(&mut self, name: &str) -> Result<Answered, String> {
        let step = self.client.queue_delete(self.holder, &queue(name), false, false);
        self.answered(step)
    }

    pub(super) fn cell(&self, name: &str) -> Arc<Cell> {
        let cell = self.client.vhost().table().queue(name).cloned();
        cell.expect("the queue is there")
    }

    /// Ready messages and consumers of a queue.
    pub(super) fn counts(&mut self, name: &str) -> (u64, u64) {
        let step = self.ask_to_declare(name, |declare| declare.passive = true);
        match self.answered(step) {
            Ok(Answered::Declared { messages, consumers, .. }) => (messages, consumers),
            other => panic!("{other:?}"),
        }
    }

    /// Dead letters of a queue that have not arrived.
    pub(super) fn departing(&self, name: &str) -> u64 {
        self.cell(name).departing().expect("nobody drives it")
    }

    /// Messages that this queue lost.
    pub(super) fn lost(&self, name: &str) -> u64 {
        self.cell(name).lost_messages()
    }

    pub(super) fn get(&mut self, name: &str) -> Result<Answered, String> {
        let step = self.client.get(self.holder, &queue(name), false);
        self.answered(step)
    }

    /// Publishes to the default exchange with a confirm; says how many queues got it.
    pub(super) fn publish(&mut self, key: &str, body: &[u8]) -> Result<u32, String> {
        self.send(message("", key, body))
    }

    /// The same with a persistent message.
    pub(super) fn publish_persistent(&mut self, key: &str, body: &[u8]) -> Result<u32, String> {
        self.send(persistent_message("", key, body))
    }

    pub(super) fn publish_message(&mut self, message: Message) -> Result<u32, String> {
        self.send(message)
    }

    /// The same to an exchange.
    pub(super) fn publish_to(
        &mut self,
        exchange: &str,
        key: &str,
        body: &[u8],
    ) -> Result<u32, String> {
        self.send(message(exchange, key, body))
    }

    pub(super) fn bind(&mut self, binding: &Binding) -> Result<Answered, String> {
        let step = self.client.bind(self.holder, binding);
        self.answered(step)
    }

    fn send(&mut self, message: Message) -> Result<u32, String> {
        self.sequence += 1;
        let sequence = Some(PublishSequence(self.sequence));
        let outcome = self.client.publish(ChannelId(1), self.holder, message, sequence);
        outcome.map(|outcome| outcome.queues).map_err(|refused| refused.to_string())
    }
}

/// Headers as a test has them: the properties say which of these tables they are.
static TABLES: Mutex<Vec<FieldTable>> = Mutex::new(Vec::new());

fn write_headers(_: &[u8], headers: &FieldTable) -> Vec<u8> {
    let mut tables = TABLES.lock().unwrap_or_else(PoisonError::into_inner);
    tables.push(headers.clone());
    (tables.len() - 1).to_le_bytes().to_vec()
}

/// The headers after these edits; there are no other properties.
fn edit_properties(properties: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut headers = parse_headers(properties);
    for edit in edits {
        let (Edit::DropHeader(name) | Edit::SetHeader { name, .. }) = edit else { continue };
        let others = headers.iter().filter(|(key, _)| key.as_bytes() != name.as_bytes());
        headers = others.map(|(key, value)| (key.clone(), value.clone())).collect();
        if let Edit::SetHeader { name, value, .. } = edit {
            headers.push(ShortStr::try_from(*name).expect("short"), value.clone());
        }
    }
    write_headers(&[], &headers)
}

/// A message with these headers.
pub(super) fn message_with_headers(
    (exchange, key): (&str, &str),
    body: &[u8],
    header: MessageHeader,
    headers: &[(&str, FieldValue)],
) -> Message {
    let header = MessageHeader { has_headers: true, ..header };
    let mut properties = write_headers(&[], &entries(headers));
    // What tells a message that may select more keys.
    if headers.iter().any(|(name, _)| name.ends_with("CC")) {
        properties.extend_from_slice(b"CC");
    }
    // And one that may be traced.
    if headers.iter().any(|(name, _)| *name == "traceparent") {
        properties.extend_from_slice(b"traceparent");
    }
    let exchange = ExchangeName::try_from(exchange).expect("short");
    let body = Body::One(Bytes::copy_from_slice(body));
    Message::new(&exchange, key.as_bytes(), &properties, body, header)
}

/// The headers of properties that [`write_headers`] made.
pub(super) fn parse_headers(properties: &[u8]) -> FieldTable {
    let tables = TABLES.lock().unwrap_or_else(PoisonError::into_inner);
    let place = properties[..properties.len().min(8)].try_into().map(usize::from_le_bytes);
    place.ok().and_then(|place| tables.get(place).cloned()).unwrap_or_default()
}

pub(super) fn message(exchange: &str, key: &str, body: &[u8]) -> Message {
    message_with(exchange, key, body, MessageHeader::default())
}

pub(super) fn persistent_message(exchange: &str, key: &str, body: &[u8]) -> Message {
    let header = MessageHeader { persistent: true, ..MessageHeader::default() };
    message_with(exchange, key, body, header)
}

/// A persistent message to a queue, with its own time to live in ms.
pub(super) fn message_that_expires(key: &str, body: &[u8], expiration_ms: u64) -> Message {
    let expiration_ms = Some(expiration_ms);
    let header = MessageHeader { persistent: true, expiration_ms, ..MessageHeader::default() };
    message_with("", key, body, header)
}

/// A message to a queue, with a priority.
pub(super) fn message_with_priority(key: &str, body: &[u8], priority: Option<u8>) -> Message {
    message_with("", key, body, MessageHeader { priority, ..MessageHeader::default() })
}

/// A message with this table of headers.
pub(super) fn message_with_table(
    exchange: &str,
    key: &str,
    headers: &FieldTable,
    persistent: bool,
) -> Message {
    let header = MessageHeader { persistent, has_headers: true, ..MessageHeader::default() };
    Message::new(
        &ExchangeName::try_from(exchange).expect("short"),
        ShortStr::try_from(key).expect("short").as_bytes(),
        &write_headers(&[], headers),
        Body::One(Bytes::from_static(b"m")),
        header,
    )
}

/// A table of these entries.
pub(super) fn entries<'a>(
    entries: impl IntoIterator<Item = &'a (&'a str, FieldValue)>,
) -> FieldTable {
    let entry = |(key, value): &(&str, FieldValue)| {
        (ShortStr::try_from(*key).expect("short"), value.clone())
    };
    entries.into_iter().map(entry).collect()
}

fn message_with(exchange: &str, key: &str, body: &[u8], header: MessageHeader) -> Message {
    Message::new(
        &ExchangeName::try_from(exchange).expect("short"),
        ShortStr::try_from(key).expect("short").as_bytes(),
        b"\x00\x00",
        Body::One(Bytes::copy_from_slice(body)),
        header,
    )
}

pub(super) fn queue(name: &str) -> QueueName {
    QueueName::try_from(name).expect("short")
}

/// Bodies of the deliveries among these events, with their redelivered flag.
pub(super) fn deliveries(events: &[Event]) -> Vec<(Vec<u8>, bool)> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Deliver(delivery) => {
                let message = delivery.content.clone().load().expect("it can be read");
                Some((message.body().to_vec(), delivery.redelivered))
            }
            _ => None,
        })
        .collect()
}

pub(super) const MANUAL: Consume = Consume { no_ack: false, exclusive: false, prefetch: 0 };
pub(super) const AUTOMATIC: Consume = Consume { no_ack: true, exclusive: false, prefetch: 0 };
