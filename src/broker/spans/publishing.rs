//! The span of one publish: from the moment at which the broker looks at it until every queue that it reached has it,
//! as safely as its publisher asked.
//!
//! Whoever still has to answer holds it: the publisher until it is routed, its message on the way into a queue, and
//! a queue that owes a confirm. It ends when the last of them lets go, so nobody has to know who that is.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use super::traced::{Ended, TracedMessage};
use super::{Origin, SpanId, SpanKind, SpanValue, Spans};
use crate::base::{Message, QueueName};
use crate::broker::PropertyLister;
use crate::queue::Reason;

/// See the module.
pub(in crate::broker) struct PublishSpan {
    spans: Arc<Spans>,
    pub(super) message: Arc<TracedMessage>,
    pub(super) id: SpanId,
    parent: Option<SpanId>,
    start_ns: u64,
    from: From,
    end: OnceLock<End>,
    is_returned: AtomicBool,
    /// There is to be no span of it.
    is_forgotten: AtomicBool,
    confirms: AtomicU32,
    refusals: AtomicU32,
}

/// Who publishes.
enum From {
    Client,
    /// A queue gives it up.
    Queue(Arc<str>, Reason),
}

/// What the publisher learned.
enum End {
    /// So many queues got it, and when that is all.
    Routed(u32, u64),
    /// The publish was wrong.
    Failed(String),
}

impl PublishSpan {
    /// A client publishes a message; `None` when that is not traced.
    pub(in crate::broker) fn begin(
        spans: &Arc<Spans>,
        vhost: &str,
        message: &Message,
        list: PropertyLister,
    ) -> Option<Arc<Self>> {
        let of = spans.trace_of(message)?;
        let parent = of.parent;
        let message = TracedMessage::new(of, vhost, message, &list(message.properties()));
        Some(Arc::new(Self::new(spans, message, parent, From::Client)))
    }

    /// A queue gives a message up, and it is published elsewhere. Without what is known of its stay here, the
    /// message says itself which trace it belongs to.
    pub(in crate::broker) fn forward(
        spans: &Arc<Spans>,
        vhost: &str,
        message: &Message,
        list: PropertyLister,
        (queue, reason, origin): (&QueueName, Reason, Option<&Origin>),
    ) -> Option<Arc<Self>> {
        let of = match origin {
            Some(origin) => origin.message.again(origin.parent),
            None => spans.trace_of(message)?,
        };
        let parent = of.parent;
        let message = TracedMessage::new(of, vhost, message, &list(message.properties()));
        let from = From::Queue(Arc::from(queue.as_str()), reason);
        Some(Arc::new(Self::new(spans, message, parent, from)))
    }

    fn new(
        spans: &Arc<Spans>,
        message: Arc<TracedMessage>,
        parent: Option<SpanId>,
        from: From,
    ) -> Self {
        Self {
            spans: Arc::clone(spans),
            message,
            id: spans.span_id(),
            parent,
            start_ns: spans.now_ns(),
            from,
            end: OnceLock::new(),
            is_returned: AtomicBool::new(false),
            is_forgotten: AtomicBool::new(false),
            confirms: AtomicU32::new(0),
            refusals: AtomicU32::new(0),
        }
    }

    /// It was routed to so many queues.
    pub(in crate::broker) fn routed(&self, queues: u32) {
        // Told once.
        let _ = self.end.set(End::Routed(queues, self.spans.now_ns()));
    }

    /// The publish was refused with this text.
    pub(in crate::broker) fn failed(&self, text: String) {
        let _ = self.end.set(End::Failed(text));
    }

    /// It goes back to its publisher.
    pub(in crate::broker) fn returned(&self) {
        self.is_returned.store(true, Ordering::Relaxed);
    }

    /// It was no publish after all.
    pub(in crate::broker) fn forget(&self) {
        self.is_forgotten.store(true, Ordering::Relaxed);
    }

    /// One queue has it.
    pub(super) fn confirmed(&self) {
        self.confirms.fetch_add(1, Ordering::Relaxed);
    }

    /// One queue did not take it.
    pub(super) fn refused(&self) {
        self.refusals.fetch_add(1, Ordering::Relaxed);
    }

    fn ended(&self) -> Ended<'static> {
        let now_ns = self.spans.now_ns();
        let (queues, routed_ns, error) = match self.end.get() {
            Some(End::Routed(queues, at_ns)) => (*queues, *at_ns, None),
            Some(End::Failed(text)) => (0, now_ns, Some(text.clone())),
            // Whoever published it ended before.
            None => (0, now_ns, None),
        };
        let confirms = self.confirms.load(Ordering::Relaxed);
        let refusals = self.refusals.load(Ordering::Relaxed);
        let outcome = match (queues, refusals) {
            _ if error.is_some() => "refused",
            (_, 1..) => "not_taken",
            (0, 0) if self.is_returned.load(Ordering::Relaxed) => "returned",
            (0, 0) => "unroutable",
            (_, 0) if confirms > 0 => "confirmed",
            (_, 0) => "routed",
        };
        let mut more = vec![("haremq.routed_queues", SpanValue::Number(queues.into()))];
        let (operation, operation_type, kind) = match &self.from {
            From::Client => ("publish", Some("send"), SpanKind::Server),
            From::Queue(_, Reason::Due) => ("publish", None, SpanKind::Internal),
            From::Queue(queue, reason) => {
                more.push(("haremq.dead_letter.queue", SpanValue::Text(Arc::clone(queue))));
                more.push(("haremq.dead_letter.reason", SpanValue::Word(word_for(*reason))));
                ("dead-letter", None, SpanKind::Internal)
            }
        };
        let not_taken = (refusals > 0).then(|| format!("{refusals} queues did not take it"));
        Ended {
            id: self.id,
            parent: self.parent,
            kind,
            operation,
            operation_type,
            queue: None,
            start_ns: self.start_ns,
            // What reached no queue ended when that was known, whoever held it afterwards.
            end_ns: if queues == 0 { routed_ns } else { now_ns },
            outcome,
            more,
            error: error.or(not_taken),
        }
    }
}

impl Drop for PublishSpan {
    fn drop(&mut self) {
        if !self.is_forgotten.load(Ordering::Relaxed) {
            self.spans.end(self.message.span(self.ended()));
        }
    }
}

impl fmt::Debug for PublishSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublishSpan({})", self.id)
    }
}

/// rabbitmq: dlx.md, the words of `x-death`.
pub(super) fn word_for(reason: Reason) -> &'static str {
    match reason {
        Reason::Rejected => "rejected",
        Reason::Expired => "expired",
        Reason::MaxLen => "maxlen",
        Reason::DeliveryLimit => "delivery_limit",
        Reason::Due => "due",
    }
}
