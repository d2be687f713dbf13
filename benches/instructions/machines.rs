//! The two machines: one of a connection, one of a queue.

use std::hint::black_box;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use haremq::base::{
    ChannelId, ConnectionId, ConsumerId, ConsumerTag, FieldTable, HolderId, MessageId, Millis,
    PublishSequence, QueueId, ShortStr, VhostName,
};
use haremq::protocol::{Action, Answer, Connection, Delivery, Settings};
use haremq::queue::{
    Access, Acknowledge, Burst, Command, Consumer, Effects, Incoming, Machine, Progress,
    PublishRef, QueueConfig, RequestId, Settlement, SharedCredit,
};
use haremq::wire::{Method, PROTOCOL_HEADER};

use super::cases::{MESSAGES, Work};
use super::codec::message;
use super::walk::frames::{method_frame, publishes};

const NOW: Millis = Millis(0);
const CHANNEL: ChannelId = ChannelId(1);
const HOLDER: HolderId = HolderId(1);

/// A connection's machine with channel 1 open, and what it reads from.
struct Open {
    machine: Connection,
    input: BytesMut,
    actions: Vec<Action>,
}

impl Open {
    fn new() -> Self {
        let machine = Connection::new(Arc::new(Settings::default()), Box::new(|| HOLDER), NOW);
        let mut open = Self { machine, input: BytesMut::new(), actions: Vec::new() };
        open.recv(&PROTOCOL_HEADER);
        open.send(
            0,
            &Method::ConnectionStartOk {
                client_properties: FieldTable::EMPTY,
                mechanism: ShortStr::try_from("PLAIN").expect("a short string"),
                response: Bytes::from_static(b"\0guest\0guest"),
                locale: ShortStr::try_from("en_US").expect("a short string"),
            },
        );
        open.answer(Answer::Authenticated);
        let (channel_max, frame_max, heartbeat_s) = (2047, 131_072, 0);
        open.send(0, &Method::ConnectionTuneOk { channel_max, frame_max, heartbeat_s });
        let vhost = VhostName::try_from("/").expect("a short name");
        open.send(0, &Method::ConnectionOpen { vhost });
        open.answer(Answer::Done);
        open.send(1, &Method::ChannelOpen);
        assert_eq!(open.machine.open_channels(), 1, "the channel is open");
        open.written();
        open
    }

    fn send(&mut self, channel: u16, method: &Method) {
        self.recv(&method_frame(channel, method));
    }

    fn recv(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        self.actions.clear();
        self.machine.recv(NOW, &mut self.input, &mut self.actions);
    }

    fn answer(&mut self, answer: Answer) {
        let (channel, holder) = (ChannelId(0), HolderId(0));
        self.machine.answer(NOW, channel, holder, answer, &mut self.actions);
        self.recv(&[]);
    }

    /// Everything is written; says how much it was.
    fn written(&mut self) -> usize {
        let output = self.machine.output();
        let length = output.len();
        black_box(output.slices().next());
        output.advance(length);
        length
    }
}

pub(crate) fn recv_publishes() -> Work {
    let mut open = Open::new();
    let read = publishes("", "walk-0", 16, 900);
    Box::new(move || {
        open.recv(black_box(&read));
        assert_eq!(open.actions.len(), 900, "each publish is an action");
        black_box(&open.actions);
    })
}

pub(crate) fn deliver_to_bytes() -> Work {
    let mut open = Open::new();
    let tag = ConsumerTag::try_from("ctag-1").expect("a short tag");
    let message = message(16);
    Box::new(move || {
        for id in 0..100 {
            let (queue, id, message) = (QueueId(7), MessageId(id), message.clone());
            let delivery = Delivery { queue, id, message, redelivered: false };
            open.machine.deliver(CHANNEL, HOLDER, &tag, false, black_box(&delivery));
        }
        assert!(open.written() > 1600, "all of them are there");
    })
}

pub(crate) fn confirm_run() -> Work {
    let mut open = Open::new();
    open.send(1, &Method::ConfirmSelect { nowait: false });
    open.written();
    let read = publishes("", "walk-0", 16, usize::try_from(MESSAGES).expect("a small number"));
    let mut first = 1;
    Box::new(move || {
        open.recv(black_box(&read));
        let last = first + MESSAGES - 1;
        for sequence in first..=last {
            open.machine.published(HOLDER, PublishSequence(sequence), 1);
        }
        open.machine.confirmed(HOLDER, PublishSequence(first), PublishSequence(last));
        open.machine.flush_confirms(&mut open.actions);
        assert_eq!(open.written(), 21, "one ack for all of them");
        first += MESSAGES;
    })
}

pub(crate) fn queue_automatic() -> Work {
    let mut queue = Queue::new(Acknowledge::Automatic);
    Box::new(move || {
        queue.enqueue();
        queue.deliver();
    })
}

pub(crate) fn queue_acknowledged() -> Work {
    let mut queue = Queue::new(Acknowledge::Manual { prefetch: 100, shared: false });
    Box::new(move || {
        let first = queue.enqueue();
        queue.deliver();
        let messages = vec![(MessageId(first), MessageId(first + MESSAGES - 1))];
        let (holder, settlement) = (HOLDER, Settlement::Ack);
        queue.apply(Command::Settle { holder, settlement, messages });
    })
}

/// A queue's machine with one consumer and the little that a driver does. Handles are numbers.
struct Queue {
    machine: Machine<u64>,
    effects: Effects<u64>,
    next: u64,
}

impl Queue {
    fn new(acknowledge: Acknowledge) -> Self {
        let machine = Machine::new(QueueConfig::default());
        let mut queue = Self { machine, effects: Effects::new(), next: 1 };
        let (id, access) = (ConsumerId(1), Access::Shared);
        let consumer =
            Consumer { id, holder: HOLDER, acknowledge, access, priority: 0, timeout: None };
        queue.apply(Command::Attach { consumer, request: RequestId(0) });
        queue
    }

    /// Messages with confirms; gives the first id.
    fn enqueue(&mut self) -> u64 {
        let first = self.next;
        self.next += MESSAGES;
        let message = |id| {
            let (connection, channel, holder) = (ConnectionId(1), CHANNEL, HOLDER);
            let sequence = PublishSequence(id);
            let publish = Some(PublishRef { connection, channel, holder, sequence });
            Incoming {
                payload: id,
                bytes: 100,
                persistent: false,
                publish,
                ttl: None,
                priority: 0,
                due: None,
            }
        };
        self.apply(Command::Enqueue((first..self.next).map(message).collect()));
        first
    }

    fn apply(&mut self, command: Command<u64>) {
        self.machine.apply(NOW, command, &mut self.effects);
        self.execute();
    }

    fn deliver(&mut self) {
        let burst = Burst { messages: 256, bytes: 1 << 20 };
        while self.machine.deliver(NOW, burst, &mut Plenty, &mut self.effects) == Progress::More {
            self.execute();
        }
        self.execute();
        assert_eq!(self.machine.ready(), 0, "everything was handed out");
    }

    fn execute(&mut self) {
        for effect in self.effects.drain() {
            black_box(effect);
        }
    }
}

/// Shared credit that never ends.
struct Plenty;

impl SharedCredit for Plenty {
    fn try_take(&mut self, _holder: HolderId) -> bool {
        true
    }
}
