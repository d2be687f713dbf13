//! What is there once for a broker that traces: ids, the decision whether a message is traced, what waits to be sent,
//! and what is counted.

use std::num::{NonZeroU64, NonZeroU128};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use super::context::TRACEPARENT;
use super::outbox::Outbox;
use super::{Span, SpanId, TraceContext, TraceId};
use crate::base::limits::SPANS_FOLLOWED_MAX;
use crate::base::{Clock, FieldTable, Message};
use crate::broker::HeaderParser;

/// How messages are traced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SpanSettings {
    /// Of a million messages that come without a trace, how many begin one of their own.
    pub sample_millionths: u32,
}

/// What came of it, from the start of the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SpanCounts {
    /// Spans that wait to be sent.
    pub waiting: u64,
    /// Spans that the collector has.
    pub sent: u64,
    /// Spans that it did not get: no room while it was away or slow, or it did not want them.
    pub dropped: u64,
    /// Messages whose way through the queues nobody followed, because too many were followed.
    pub untracked: u64,
    /// Stays of messages in queues that are followed now.
    pub followed: u64,
}

/// See the module.
pub struct Spans {
    pub(super) clock: Arc<dyn Clock>,
    parse_headers: HeaderParser,
    /// Below it, the lower half of a random trace id begins a trace.
    sample_below: u128,
    seed: [u64; 2],
    next: AtomicU64,
    pub(super) followed: AtomicUsize,
    pub(super) untracked: AtomicU64,
    outbox: Outbox,
    sent: AtomicU64,
    given_up: AtomicU64,
}

impl Spans {
    /// Ready to trace.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new(
        settings: SpanSettings,
        clock: Arc<dyn Clock>,
        parse_headers: HeaderParser,
    ) -> Result<Arc<Self>, &'static str> {
        let mut seed = [0; 16];
        getrandom::fill(&mut seed).map_err(|_| "the system gives no random numbers")?;
        let (low, high) = seed.split_at(8);
        let word = |bytes: &[u8]| bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        let share = u128::from(settings.sample_millionths.min(1_000_000));
        Ok(Arc::new(Self {
            clock,
            parse_headers,
            sample_below: (share << 64) / 1_000_000,
            seed: [word(low), word(high)],
            next: AtomicU64::new(0),
            followed: AtomicUsize::new(0),
            untracked: AtomicU64::new(0),
            outbox: Outbox::default(),
            sent: AtomicU64::new(0),
            given_up: AtomicU64::new(0),
        }))
    }

    /// The trace that a message comes with, when that is recorded, or else one of its own, when it is chosen for it.
    pub(in crate::broker) fn trace_of(&self, message: &Message) -> Option<TraceOf> {
        if let Some(context) = self.context_of(message) {
            let TraceContext { trace, parent, is_sampled, state } = context;
            let of = TraceOf { trace, parent: Some(parent), state: Arc::from(state) };
            return is_sampled.then_some(of);
        }
        let trace = if self.sample_below > 0 { self.sampled() } else { None };
        trace.map(|trace| TraceOf { trace, parent: None, state: Arc::from("") })
    }

    /// What the headers of a message say, sampled or not.
    pub(super) fn context_of(&self, message: &Message) -> Option<TraceContext> {
        if !message.header().has_headers {
            return None;
        }
        // Nearly always there is none, and looking for the name costs less than taking the headers apart.
        let properties = message.properties();
        properties.windows(TRACEPARENT.len()).any(|bytes| bytes == TRACEPARENT).then_some(())?;
        let headers: FieldTable = (self.parse_headers)(properties);
        TraceContext::read(&headers)
    }

    /// A trace id, unless chance is against it.
    fn sampled(&self) -> Option<TraceId> {
        let (low, high) = (self.random(), self.random());
        let id = (u128::from(high) << 64) | u128::from(low);
        let is_chosen = u128::from(low) < self.sample_below;
        if is_chosen { NonZeroU128::new(id).map(TraceId) } else { None }
    }

    /// An id that no other span of this process has.
    pub(super) fn span_id(&self) -> SpanId {
        SpanId(NonZeroU64::new(self.random()).unwrap_or(NonZeroU64::MIN))
    }

    /// Numbers that look random and never come twice: a counter through a mixer that maps one to one
    /// (splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014), keyed by the seed.
    fn random(&self) -> u64 {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        let step = self.seed[1] | 1;
        mixed(self.seed[0].wrapping_add(count.wrapping_mul(step)))
    }

    /// Now, in nanoseconds since 1970.
    pub(super) fn now_ns(&self) -> u64 {
        self.clock.unix_ns()
    }

    /// A span has ended.
    pub(super) fn end(&self, span: Span) {
        self.outbox.push(span);
    }

    /// Room for one more stay in a queue; counts what finds none.
    pub(super) fn follows_one_more(&self) -> bool {
        let room = self.followed.fetch_add(1, Ordering::Relaxed) < SPANS_FOLLOWED_MAX;
        if !room {
            self.followed.fetch_sub(1, Ordering::Relaxed);
            self.untracked.fetch_add(1, Ordering::Relaxed);
        }
        room
    }

    /// So many stays are over.
    pub(super) fn follows_fewer(&self, stays: usize) {
        self.followed.fetch_sub(stays, Ordering::Relaxed);
    }

    /// Spans that wait longest, at most so many; whoever takes them says what became of them.
    #[must_use]
    pub fn take(&self, most: usize) -> Vec<Span> {
        self.outbox.take(most)
    }

    /// Ready when so many spans wait; else the one task that sends them is woken when that becomes so.
    pub fn poll(&self, least: usize, context: &mut Context<'_>) -> Poll<()> {
        self.outbox.poll(least, context)
    }

    /// The collector has so many more.
    pub fn were_sent(&self, spans: usize) {
        self.sent.fetch_add(spans as u64, Ordering::Relaxed);
    }

    /// So many were taken and given up.
    pub fn were_given_up(&self, spans: usize) {
        self.given_up.fetch_add(spans as u64, Ordering::Relaxed);
    }

    /// What came of it so far.
    #[must_use]
    pub fn counts(&self) -> SpanCounts {
        let (waiting, dropped) = self.outbox.counts();
        SpanCounts {
            waiting: waiting as u64,
            sent: self.sent.load(Ordering::Relaxed),
            dropped: dropped + self.given_up.load(Ordering::Relaxed),
            untracked: self.untracked.load(Ordering::Relaxed),
            followed: self.followed.load(Ordering::Relaxed) as u64,
        }
    }
}

/// The trace of one message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::broker) struct TraceOf {
    pub(super) trace: TraceId,
    pub(super) parent: Option<SpanId>,
    pub(super) state: Arc<str>,
}

fn mixed(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
