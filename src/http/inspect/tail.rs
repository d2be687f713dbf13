//! Live tails: what is published to a queue or an exchange, as server-sent events.
//!
//! A queue is tapped: nothing is taken from it. An exchange gets an exclusive queue that keeps nothing and goes
//! with the request, and that queue is tapped. What the page is too slow for is counted and dropped.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::request::{filter_of_query, number, readable_queue};
use super::shown::shown;
use crate::base::limits::{
    PEEK_BODY_BYTES_DEFAULT, TAIL_MS_MAX, TAIL_PAUSE_MS, TAIL_SAMPLE_MAX, TAIL_SILENT_PAUSES_MAX,
};
use crate::base::{ExchangeName, FieldTable, FieldValue, QueueName, ShortStr};
use crate::broker::{
    Behalf, Binding, DeclareQueue, Destination, DirectClient, Exchange, ExchangeKind, Filter,
    Purpose, Tap, Vhost,
};
use crate::http::answer::Answer;
use crate::http::call::{Call, parse_name};
use crate::http::direct::{of_messages, of_topology};
use crate::http::error::ApiError;
use crate::http::route::Run::Later;
use crate::http::route::{Answering, Needs, Route};

pub(in crate::http) const ROUTES: &[Route] = &[
    Route::get(
        "/haremq/tail/exchange/{vhost}/{exchange}",
        Needs::Management,
        "What is published to an exchange, as it comes (server-sent events)",
        Later(exchange),
    ),
    Route::get(
        "/haremq/tail/queue/{vhost}/{queue}",
        Needs::Management,
        "What is published to a queue, as it comes (server-sent events)",
        Later(queue),
    ),
];

fn queue(call: Call) -> Answering {
    Box::pin(async move {
        let (vhost, watched) = readable_queue(&call)?;
        let mut filter = filter_of_query(&call);
        filter.routing_key = call.query.get("key").map(|key| key.as_bytes().to_vec());
        let (sample, place) = admitted(&call)?;
        let tap = watched.tap(sample);
        let watched = Watched::Queue(watched.info().name.clone());
        Ok(tail(Tail::new(call.behalf(), vhost, watched, tap, filter, place, None)))
    })
}

fn exchange(call: Call) -> Answering {
    Box::pin(async move {
        let vhost = call.own_vhost()?;
        let exchange = call.exchange(&vhost)?;
        let key = call.query.get("key").filter(|key| !key.is_empty());
        // Whoever may not read it is not told what it is.
        let asked = key.unwrap_or("#").as_bytes();
        vhost.permit_bind(&call.behalf(), &exchange.name, asked).map_err(of_messages)?;
        let key = binding_key(&vhost, &exchange, key)?;
        let (sample, place) = admitted(&call)?;
        // The caller may read what the exchange gets; the queue is the broker's own.
        let opened =
            DirectClient::open(call.broker(), vhost.name(), &Behalf::Operator, Purpose::Topology);
        let mut client = opened.map_err(of_topology)?;
        let name = client.queue_declare(bin()?).await.map_err(of_topology)?;
        let bin = vhost.queue_of(&name).ok_or_else(ApiError::not_found)?;
        let tap = bin.tap(sample);
        let binding = Binding {
            source: exchange.name.clone(),
            destination: Destination::Queue(name),
            routing_key: key.clone(),
            arguments: FieldTable::EMPTY,
        };
        client.bind(&binding).await.map_err(of_topology)?;
        let filter = Filter { routing_key: None, ..filter_of_query(&call) };
        let watched = Watched::Exchange(exchange.name.clone(), key);
        Ok(tail(Tail::new(call.behalf(), vhost, watched, tap, filter, place, Some(client))))
    })
}

/// A queue that keeps nothing and ends with its client.
fn bin() -> Result<DeclareQueue, ApiError> {
    let entry = (parse_name("argument", "x-max-length")?, FieldValue::I64(0));
    Ok(DeclareQueue {
        queue: parse_name("queue", "")?,
        passive: false,
        durable: false,
        exclusive: true,
        auto_delete: true,
        arguments: FieldTable::new(vec![entry]),
    })
}

/// One in how many messages is shown, and a place among the tails.
fn admitted(call: &Call) -> Result<(u64, OwnedSemaphorePermit), ApiError> {
    let sample = number(call, "sample", TAIL_SAMPLE_MAX)?.unwrap_or(1).max(1);
    let place = Arc::clone(&call.management.tails).try_acquire_owned();
    let place = place.map_err(|_| ApiError::unavailable("too many tails are open: close one"))?;
    Ok((sample, place))
}

/// The key by which a queue gets what is wanted; refused where a further binding would change where messages go.
fn binding_key(
    vhost: &Vhost,
    exchange: &Exchange,
    key: Option<&str>,
) -> Result<ShortStr, ApiError> {
    let refuse = |why: &str| {
        let name = exchange.name.as_str();
        Err(ApiError::bad_request(format!("the exchange '{name}' cannot be tailed: {why}")))
    };
    if exchange.name.is_empty() {
        return refuse("it is the default exchange, which nothing can be bound to: tail a queue");
    }
    if exchange.auto_delete {
        return refuse("it would be deleted with the last binding, which may be that of the tail");
    }
    let effective = vhost.exchange_effective(&exchange.name);
    if exchange.alternate().is_some()
        || effective.is_some_and(|found| found.alternate_exchange.value.is_some())
    {
        return refuse("what the tail gets would not reach its alternate exchange any more");
    }
    match exchange.routes_as() {
        ExchangeKind::Topic => parse_name("key", key.unwrap_or("#")),
        ExchangeKind::Direct | ExchangeKind::Delayed => match key {
            Some(key) => parse_name("key", key),
            None => refuse("it is direct: the parameter 'key' with a routing key is expected"),
        },
        ExchangeKind::Fanout
        | ExchangeKind::Deduplication
        | ExchangeKind::Headers
        | ExchangeKind::RecentHistory => parse_name("key", key.unwrap_or("")),
        ExchangeKind::ConsistentHash
        | ExchangeKind::Random
        | ExchangeKind::LocalRandom
        | ExchangeKind::ModulusHash => {
            refuse("it picks one binding for each message, and the tail would take messages away")
        }
    }
}

fn tail(tail: Tail) -> Answer {
    Answer::stream("text/event-stream", Body::new(tail))
}

/// What is watched: the right to it is asked for again and again.
enum Watched {
    Queue(QueueName),
    /// With the key of the binding.
    Exchange(ExchangeName, ShortStr),
}

/// The body of an answer that goes on.
struct Tail {
    behalf: Behalf,
    vhost: Arc<Vhost>,
    watched: Watched,
    tap: Tap,
    filter: Filter,
    ticks: Interval,
    /// Ticks so far, and the last one at which something was sent.
    tick: u64,
    sent_at: u64,
    told: (u64, u64),
    is_over: bool,
    _place: OwnedSemaphorePermit,
    /// Whose queue it is that an exchange leads to.
    _client: Option<DirectClient>,
}

impl Tail {
    fn new(
        behalf: Behalf,
        vhost: Arc<Vhost>,
        watched: Watched,
        tap: Tap,
        filter: Filter,
        place: OwnedSemaphorePermit,
        client: Option<DirectClient>,
    ) -> Self {
        let mut ticks = interval(Duration::from_millis(TAIL_PAUSE_MS));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            behalf,
            vhost,
            watched,
            tap,
            filter,
            ticks,
            tick: 0,
            sent_at: 0,
            told: (u64::MAX, 0),
            is_over: false,
            _place: place,
            _client: client,
        }
    }

    /// Why it ends, if it does.
    fn end(&self) -> Option<&'static str> {
        let permitted = match &self.watched {
            Watched::Queue(name) => self.vhost.permit_look(&self.behalf, name),
            Watched::Exchange(name, key) => {
                self.vhost.permit_bind(&self.behalf, name, key.as_bytes())
            }
        };
        let is_gone = match &self.watched {
            Watched::Queue(_) => self.tap.cell().is_deleted(),
            Watched::Exchange(name, _) => self.vhost.exchange_of(name).is_none(),
        };
        if permitted.is_err() {
            Some("the permission to read was taken away")
        } else if is_gone {
            Some("it was deleted")
        } else if self.tick * TAIL_PAUSE_MS >= TAIL_MS_MAX {
            Some("a tail ends after a while: open it again")
        } else {
            None
        }
    }

    /// What is to be sent now; empty for nothing.
    fn events(&mut self) -> String {
        let tapped = self.tap.take(&self.filter);
        let mut out = String::new();
        for message in &tapped.messages {
            event(&mut out, "message", &shown(message, PEEK_BODY_BYTES_DEFAULT));
        }
        if self.told != (tapped.seen, tapped.dropped) {
            self.told = (tapped.seen, tapped.dropped);
            let counts = json!({ "seen": tapped.seen, "dropped": tapped.dropped });
            event(&mut out, "counts", &counts);
        }
        if let Some(reason) = self.end() {
            event(&mut out, "end", &json!({ "reason": reason }));
            self.is_over = true;
        }
        if out.is_empty() && self.tick - self.sent_at >= TAIL_SILENT_PAUSES_MAX {
            // A comment: it shows whether the page is still there.
            out.push_str(": \n\n");
        }
        out
    }
}

/// JSON has no line breaks, so one line of data is all.
fn event(out: &mut String, name: &str, data: &Value) {
    out.push_str("event: ");
    out.push_str(name);
    out.push_str("\ndata: ");
    out.push_str(&data.to_string());
    out.push_str("\n\n");
}

impl HttpBody for Tail {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        loop {
            if self.is_over {
                return Poll::Ready(None);
            }
            if self.ticks.poll_tick(context).is_pending() {
                return Poll::Pending;
            }
            self.tick += 1;
            let events = self.events();
            if !events.is_empty() {
                self.sent_at = self.tick;
                return Poll::Ready(Some(Ok(Frame::data(Bytes::from(events)))));
            }
        }
    }
}
