//! The thread of one publishing connection.
//!
//! It writes slices of its reel and is never stopped by an unread socket: what the broker says is read
//! whenever the socket is full, the window is closed, nothing is due, and every few writes.

use std::ops::Range;
use std::time::Duration;

use super::PerfError;
use super::client::{Blocked, CHANNEL, Client, Interest, frame_of, notice};
use super::load::Worker;
use super::meter::{Course, Meter};
use super::pace::Pace;
use super::reel::{Reel, Slice};
use super::scanner::{Confirm, Delivery, Scanner, Sink};
use super::window::Window;
use crate::wire::{Method, MethodId};

/// What the first eight bytes of bodies hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stamps {
    /// The moment of the write, in its first message; 0 in the others.
    FirstOfWrite,
    /// The moment at which the message was due.
    Due,
    /// The number of the message, from 1 on.
    Sequence,
}

/// What one producer does.
pub(super) struct Orders {
    pub(super) stamps: Stamps,
    /// Unconfirmed messages at most; none without confirms.
    pub(super) window: Option<u64>,
    /// Messages per second; none for as fast as it goes.
    pub(super) rate: Option<f64>,
    /// Messages in all; none until the run is over.
    pub(super) quota: Option<u64>,
    /// Spins before a message is due instead of sleeping through its moment.
    pub(super) precise: bool,
}

/// A connection that publishes.
pub(super) struct Producer {
    client: Client,
    reel: Reel,
    orders: Orders,
    scanner: Scanner,
    window: Option<Window>,
    sent: u64,
    /// Why the broker wants nothing just now.
    blocked: Option<String>,
    /// The broker answered the question that was sent after the last publish.
    synced: bool,
    /// The message whose stamp has to be taken away before it is sent again.
    stamped: Option<usize>,
}

enum Next {
    Publish(u64),
    /// Nothing before this moment; the socket may change that.
    Wait {
        until_ns: u64,
    },
    Done,
}

impl Producer {
    /// Turns confirms on when they are wanted.
    pub(super) fn new(mut client: Client, reel: Reel, orders: Orders) -> Result<Self, PerfError> {
        if orders.window.is_some() {
            let doing = "turning confirms on";
            match client.call(&Method::ConfirmSelect { nowait: false }, doing)? {
                Method::ConfirmSelectOk => {}
                other => return Err(super::client::unexpected(&other)),
            }
        }
        client.expect_load();
        Ok(Self {
            scanner: Scanner::new(client.frame_payload_max()),
            window: orders.window.map(Window::new),
            client,
            reel,
            orders,
            sent: 0,
            blocked: None,
            synced: false,
            stamped: None,
        })
    }

    fn publish_all(&mut self, course: &Course, meter: &Meter) -> Result<(), PerfError> {
        let pace = self.orders.rate.map(|rate| Pace::new(rate, course.now_ns()));
        if self.orders.precise {
            // Sleeps would end up to 50 µs late otherwise. Where that is not allowed they do.
            let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
        }
        let mut writes = 0_u64;
        while !course.is_over() {
            let now_ns = course.now_ns();
            match self.next(pace, now_ns) {
                Next::Publish(count) => {
                    if !self.publish(count, pace, now_ns, course, meter)? {
                        return Ok(());
                    }
                    writes += 1;
                    if self.window.is_some() || writes.is_multiple_of(WRITES_PER_READ) {
                        self.take_input(course, meter)?;
                    }
                }
                Next::Wait { until_ns } => self.rest(until_ns, now_ns, course, meter)?,
                Next::Done => break,
            }
        }
        self.sync(course, meter)
    }

    fn next(&self, pace: Option<Pace>, now_ns: u64) -> Next {
        let left = self.orders.quota.map_or(u64::MAX, |quota| quota - self.sent);
        if left == 0 {
            return Next::Done;
        }
        let room = self.window.as_ref().map_or(u64::MAX, Window::room);
        if room == 0 || self.blocked.is_some() {
            return Next::Wait { until_ns: u64::MAX };
        }
        let due = pace.map_or(u64::MAX, |pace| pace.due(now_ns).saturating_sub(self.sent));
        match pace {
            Some(pace) if due == 0 => Next::Wait { until_ns: pace.moment_ns(self.sent) },
            _ => Next::Publish(left.min(room).min(due)),
        }
    }

    /// Writes one slice; false when the run was over and the broker took no more for too long.
    fn publish(
        &mut self,
        count: u64,
        pace: Option<Pace>,
        now_ns: u64,
        course: &Course,
        meter: &Meter,
    ) -> Result<bool, PerfError> {
        let slice = self.reel.advance(count);
        self.stamp(&slice, pace, now_ns, course);
        let count = slice.count();
        self.sent += count;
        if let Some(window) = &mut self.window {
            window.publish(count, now_ns);
        }
        let taken = self.write(slice.bytes, course, meter)?;
        if taken {
            meter.published(count, course.now_ns());
        }
        Ok(taken)
    }

    fn stamp(&mut self, slice: &Slice, pace: Option<Pace>, now_ns: u64, course: &Course) {
        let first = slice.messages.start;
        match self.orders.stamps {
            Stamps::FirstOfWrite => {
                if let Some(old) = self.stamped.replace(first) {
                    self.reel.stamp(old, 0);
                }
                self.reel.stamp(first, course.stamp(now_ns));
            }
            Stamps::Due => {
                for (message, index) in slice.messages.clone().zip(self.sent..) {
                    let due_ns = pace.map_or(now_ns, |pace| pace.moment_ns(index));
                    self.reel.stamp(message, course.stamp(due_ns));
                }
            }
            Stamps::Sequence => {
                for (message, index) in slice.messages.clone().zip(self.sent + 1..) {
                    self.reel.stamp(message, index);
                }
            }
        }
    }

    fn write(
        &mut self,
        mut left: Range<usize>,
        course: &Course,
        meter: &Meter,
    ) -> Result<bool, PerfError> {
        let mut patience = Patience::default();
        loop {
            left.start += self.client.write(self.reel.bytes(left.clone()), PUBLISHING)?;
            if left.is_empty() {
                return Ok(true);
            }
            if self.is_given_up(course, &mut patience) {
                return Ok(false);
            }
            self.client.wait(Interest::ReadAndWrite, TICK)?;
            self.take_input(course, meter)?;
        }
    }

    /// Waits for the moment or for the broker, whichever comes first.
    fn rest(
        &mut self,
        until_ns: u64,
        now_ns: u64,
        course: &Course,
        meter: &Meter,
    ) -> Result<(), PerfError> {
        let ahead = Duration::from_nanos(until_ns.saturating_sub(now_ns));
        if !self.orders.precise {
            self.client.wait(Interest::Read, ahead.clamp(SLEEP_MIN, TICK))?;
            return self.take_input(course, meter);
        }
        if let Some(sleep) = ahead.checked_sub(SPIN) {
            self.client.wait(Interest::Read, sleep.min(TICK))?;
            return self.take_input(course, meter);
        }
        while course.now_ns() < until_ns {
            std::hint::spin_loop();
        }
        Ok(())
    }

    /// Waits until everything is confirmed, or, without confirms, until a question behind the last
    /// publish is answered: only then has the broker taken what was written.
    fn sync(&mut self, course: &Course, meter: &Meter) -> Result<(), PerfError> {
        let question = Method::BasicQos { prefetch_size: 0, prefetch_count: 0, global: false };
        let question = frame_of(CHANNEL, &question);
        let mut unsent = if self.window.is_none() { &question[..] } else { &[] };
        let mut patience = Patience::default();
        loop {
            let done = self.window.as_ref().map_or(self.synced, Window::is_empty);
            if done {
                meter.taken(course.now_ns());
                return Ok(());
            }
            if self.is_given_up(course, &mut patience) {
                return Ok(());
            }
            unsent = &unsent[self.client.write(unsent, PUBLISHING)?..];
            let interest = if unsent.is_empty() { Interest::Read } else { Interest::ReadAndWrite };
            self.client.wait(interest, TICK)?;
            self.take_input(course, meter)?;
        }
    }

    /// Nothing is waited for any more. A broker that blocks publishers answers none of their questions.
    fn is_given_up(&self, course: &Course, patience: &mut Patience) -> bool {
        course.is_over() && (self.blocked.is_some() || !patience.is_left(course))
    }

    fn take_input(&mut self, course: &Course, meter: &Meter) -> Result<(), PerfError> {
        if self.client.read(PUBLISHING)? == 0 {
            return Ok(());
        }
        let now_ns = course.now_ns();
        let mut heard = Heard::new(self.window.as_mut());
        let used = self.scanner.scan(self.client.unread(), &mut heard)?;
        let Heard { confirmed, refused, returned, notices, synced, .. } = heard;
        self.client.consume(used);
        self.synced |= synced;
        for notice in notices {
            match notice {
                Blocked::Since(reason) => {
                    meter.blocked(now_ns);
                    self.blocked = Some(reason);
                }
                Blocked::NoLonger => {
                    meter.unblocked(now_ns);
                    self.blocked = None;
                }
            }
        }
        meter.returned(returned);
        if confirmed + refused > 0 {
            meter.confirmed(confirmed, refused, now_ns);
            self.record_confirms(now_ns, meter);
        }
        Ok(())
    }

    fn record_confirms(&mut self, now_ns: u64, meter: &Meter) {
        let Some(window) = &mut self.window else { return };
        let mut latencies = meter.confirms();
        while let Some(written_ns) = window.next_closed_write() {
            latencies.saturating_record(now_ns.saturating_sub(written_ns));
        }
    }
}

impl Worker for Producer {
    /// Publishes until it has sent all or the run is over; then waits until the broker has read all of it.
    fn run(mut self: Box<Self>, course: &Course, meter: &Meter) -> Result<Vec<Client>, PerfError> {
        self.publish_all(course, meter)?;
        Ok(vec![self.client])
    }
}

/// What one read brought.
struct Heard<'a> {
    window: Option<&'a mut Window>,
    confirmed: u64,
    refused: u64,
    returned: u64,
    notices: Vec<Blocked>,
    synced: bool,
}

impl<'a> Heard<'a> {
    fn new(window: Option<&'a mut Window>) -> Self {
        Self { window, confirmed: 0, refused: 0, returned: 0, notices: Vec::new(), synced: false }
    }
}

impl Sink for Heard<'_> {
    type Error = PerfError;

    fn message(&mut self, _: Delivery) -> Result<(), PerfError> {
        Err(PerfError::Unexpected("basic.deliver to a publisher".to_owned()))
    }

    #[inline]
    fn confirm(&mut self, confirm: Confirm) -> Result<(), PerfError> {
        let answered = self.window.as_mut().and_then(|window| window.answer(confirm));
        let Some(answered) = answered else {
            let tag = confirm.tag;
            return Err(PerfError::Unexpected(format!("a confirm of message {tag}, never sent")));
        };
        if confirm.refused {
            self.refused += answered.publishes;
        } else {
            self.confirmed += answered.publishes;
        }
        Ok(())
    }

    fn returned(&mut self) {
        self.returned += 1;
    }

    fn method(&mut self, payload: &[u8]) -> Result<(), PerfError> {
        if let Some((MethodId::BASIC_QOS_OK, _)) = MethodId::split(payload) {
            self.synced = true;
            return Ok(());
        }
        self.notices.extend(notice(payload)?);
        Ok(())
    }
}

/// How long a broker that takes nothing is waited for once the run is over.
#[derive(Default)]
pub(super) struct Patience {
    over_at_ns: Option<u64>,
}

impl Patience {
    /// Always while the run goes on.
    pub(super) fn is_left(&mut self, course: &Course) -> bool {
        if !course.is_over() {
            return true;
        }
        let now_ns = course.now_ns();
        let since = *self.over_at_ns.get_or_insert(now_ns);
        Duration::from_nanos(now_ns - since) < GRACE
    }
}

const PUBLISHING: &str = "publishing";

/// Without confirms the broker says little; this often is looked for it.
const WRITES_PER_READ: u64 = 16;

/// How long a thread waits before it looks whether the run is over.
pub(super) const TICK: Duration = Duration::from_millis(20);

/// At high rates a few hundred messages go out together instead of one per system call.
const SLEEP_MIN: Duration = Duration::from_micros(500);

/// A sleep ends this late on a busy machine.
const SPIN: Duration = Duration::from_micros(60);

/// See [`Patience`].
const GRACE: Duration = Duration::from_secs(10);
