//! The thread of one consuming connection: reads, counts, acks.

use super::PerfError;
use super::client::{CHANNEL, Client, Interest, notice, unexpected};
use super::load::Worker;
use super::meter::{Course, Latencies, Meter};
use super::producer::{Patience, TICK};
use super::scanner::{Confirm, Delivery, Scanner, Sink};
use crate::base::{ConsumerTag, FieldTable, QueueName};
use crate::wire::{BasicConsume, FRAME_END, Method, MethodId};

/// What the first eight bytes of bodies are looked at for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Check {
    /// Stamps of this run: how long the message was on its way.
    Latency,
    /// Numbers from 1 on without a gap.
    Order,
}

/// How one consumer consumes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habits {
    /// One ack for so many deliveries; none for deliveries that need no ack.
    pub(super) ack_every: Option<u64>,
    /// Unacked deliveries at most; 0 is no limit.
    pub(super) prefetch: u16,
    pub(super) check: Check,
}

/// A connection that consumes.
pub(super) struct Consumer {
    client: Client,
    habits: Habits,
    scanner: Scanner,
    /// Acks that the socket did not take yet.
    output: Vec<u8>,
    /// Acks in `output`, in deliveries.
    acked_in_output: u64,
    unacked: u64,
    last_tag: u64,
    /// Whose turn it is, for [`Check::Order`].
    next: u64,
}

impl Consumer {
    /// Subscribes to the queues.
    pub(super) fn new(
        mut client: Client,
        habits: Habits,
        queues: &[QueueName],
    ) -> Result<Self, PerfError> {
        client.expect_load();
        if habits.prefetch > 0 {
            let prefetch_count = habits.prefetch;
            let qos = Method::BasicQos { prefetch_size: 0, prefetch_count, global: false };
            match client.call(&qos, SUBSCRIBING)? {
                Method::BasicQosOk => {}
                other => return Err(unexpected(&other)),
            }
        }
        let mut consumer = Self {
            scanner: Scanner::new(client.frame_payload_max()),
            client,
            habits,
            output: Vec::new(),
            acked_in_output: 0,
            unacked: 0,
            last_tag: 0,
            next: 1,
        };
        consumer.subscribe(queues)?;
        Ok(consumer)
    }

    /// Deliveries may come between the answers, so nothing waits for those: [`Heard`] knows them.
    fn subscribe(&mut self, queues: &[QueueName]) -> Result<(), PerfError> {
        for (number, queue) in queues.iter().enumerate() {
            let consume = Method::BasicConsume(BasicConsume {
                queue: queue.clone(),
                consumer_tag: ConsumerTag::try_from(format!("c{number}").as_str())?,
                no_local: false,
                no_ack: self.habits.ack_every.is_none(),
                exclusive: false,
                nowait: false,
                arguments: FieldTable::EMPTY,
            });
            super::client::put_method(CHANNEL, &consume, &mut self.output);
        }
        Ok(())
    }

    fn consume_all(&mut self, course: &Course, meter: &Meter) -> Result<(), PerfError> {
        self.flush(meter)?;
        while !course.is_over() {
            if self.client.read(CONSUMING)? == 0 {
                self.idle(course, meter)?;
                continue;
            }
            self.take_input(course, meter)?;
            self.flush(meter)?;
        }
        self.ack_rest();
        let mut patience = Patience::default();
        while !self.output.is_empty() && patience.is_left(course) {
            self.flush(meter)?;
            if !self.output.is_empty() {
                self.client.wait(Interest::ReadAndWrite, TICK)?;
                // Deliveries that come now are not counted: they go back to the queue.
                self.client.read(CONSUMING)?;
                self.client.pass_over()?;
            }
        }
        Ok(())
    }

    fn idle(&mut self, course: &Course, meter: &Meter) -> Result<(), PerfError> {
        let interest = if self.output.is_empty() { Interest::Read } else { Interest::ReadAndWrite };
        let before_ns = course.now_ns();
        self.client.wait(interest, TICK)?;
        if course.now_ns() - before_ns >= NOTHING_CAME_NS {
            // Nobody knows whether a batch will ever be full.
            self.ack_rest();
        }
        self.flush(meter)
    }

    fn take_input(&mut self, course: &Course, meter: &Meter) -> Result<(), PerfError> {
        let now_ns = course.now_ns();
        let mut heard = Heard {
            course,
            now_ns,
            habits: self.habits,
            latencies: &mut meter.deliveries(),
            output: &mut self.output,
            unacked: self.unacked,
            acked: 0,
            delivered: 0,
            redelivered: 0,
            last_tag: self.last_tag,
            next: self.next,
        };
        let used = self.scanner.scan(self.client.unread(), &mut heard)?;
        let Heard { unacked, acked, delivered, redelivered, last_tag, next, .. } = heard;
        (self.unacked, self.last_tag, self.next) = (unacked, last_tag, next);
        self.acked_in_output += acked;
        self.client.consume(used);
        if delivered > 0 {
            meter.delivered(delivered, redelivered, now_ns);
        }
        Ok(())
    }

    /// Acks what no batch was full for.
    fn ack_rest(&mut self) {
        if self.habits.ack_every.is_some() && self.unacked > 0 {
            put_ack(self.last_tag, true, &mut self.output);
            self.acked_in_output += self.unacked;
            self.unacked = 0;
        }
    }

    /// Writes what the socket takes.
    fn flush(&mut self, meter: &Meter) -> Result<(), PerfError> {
        if self.output.is_empty() {
            return Ok(());
        }
        let written = self.client.write(&self.output, CONSUMING)?;
        self.output.drain(..written);
        if self.output.is_empty() {
            meter.acked(self.acked_in_output);
            self.acked_in_output = 0;
        }
        Ok(())
    }
}

impl Worker for Consumer {
    /// Consumes until the run is over.
    fn run(mut self: Box<Self>, course: &Course, meter: &Meter) -> Result<Vec<Client>, PerfError> {
        self.consume_all(course, meter)?;
        Ok(vec![self.client])
    }
}

/// What one read brought.
struct Heard<'a> {
    course: &'a Course,
    now_ns: u64,
    habits: Habits,
    latencies: &'a mut Latencies,
    output: &'a mut Vec<u8>,
    unacked: u64,
    acked: u64,
    delivered: u64,
    redelivered: u64,
    last_tag: u64,
    next: u64,
}

impl Sink for Heard<'_> {
    type Error = PerfError;

    #[inline]
    fn message(&mut self, delivery: Delivery) -> Result<(), PerfError> {
        self.delivered += 1;
        self.redelivered += u64::from(delivery.redelivered);
        self.last_tag = delivery.tag;
        match self.habits.check {
            Check::Latency => {
                if let Some(sent_ns) = self.course.stamped_ns(delivery.first_word) {
                    self.latencies.saturating_record(self.now_ns.saturating_sub(sent_ns));
                }
            }
            Check::Order if delivery.first_word == self.next => self.next += 1,
            Check::Order => {
                return Err(PerfError::Order(format!(
                    "message {} came where message {} was expected",
                    delivery.first_word, self.next
                )));
            }
        }
        if let Some(every) = self.habits.ack_every {
            self.unacked += 1;
            if self.unacked >= every {
                put_ack(delivery.tag, every > 1, self.output);
                self.acked += self.unacked;
                self.unacked = 0;
            }
        }
        Ok(())
    }

    fn confirm(&mut self, _: Confirm) -> Result<(), PerfError> {
        Err(PerfError::Unexpected("a confirm to a consumer".to_owned()))
    }

    fn returned(&mut self) {}

    fn method(&mut self, payload: &[u8]) -> Result<(), PerfError> {
        if let Some((MethodId::BASIC_CONSUME_OK, _)) = MethodId::split(payload) {
            return Ok(());
        }
        // A consumer publishes nothing, so it does not matter to it whether publishes are taken.
        notice(payload).map(|_blocked| ())
    }
}

/// `basic.ack` as a whole frame.
#[inline]
fn put_ack(tag: u64, multiple: bool, into: &mut Vec<u8>) {
    let [c0, c1] = CHANNEL.to_be_bytes();
    let mut frame = [1, c0, c1, 0, 0, 0, 13, 0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0, FRAME_END];
    frame[11..19].copy_from_slice(&tag.to_be_bytes());
    frame[19] = u8::from(multiple);
    into.extend_from_slice(&frame);
}

const SUBSCRIBING: &str = "subscribing to the queues";
const CONSUMING: &str = "consuming";

/// A wait this long ended without a delivery.
const NOTHING_CAME_NS: u64 = 19_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::DeliveryTag;
    use crate::perf::client::frame_of;

    #[test]
    fn an_ack_by_hand_is_the_codecs() {
        for (tag, multiple) in [(1, false), (0x0102_0304_0506_0708, true)] {
            let mut by_hand = Vec::new();
            put_ack(tag, multiple, &mut by_hand);
            let ack = Method::BasicAck { delivery_tag: DeliveryTag(tag), multiple };
            assert_eq!(by_hand, frame_of(CHANNEL, &ack));
        }
    }
}
