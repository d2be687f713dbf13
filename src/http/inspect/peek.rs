//! Pages of waiting messages, which stay where they are.

use serde_json::{Value, json};

use super::request::{count, filter_of_query, number, readable_queue};
use super::shown::shown;
use crate::base::limits::{
    PEEK_BODY_BYTES_DEFAULT, PEEK_BODY_BYTES_MAX, PEEK_BYTES_MAX, PEEK_LOOKED_AT_MAX,
    PEEK_SHOWN_DEFAULT, PEEK_SHOWN_MAX,
};
use crate::base::{MessageId, Millis};
use crate::broker::{PeekBounds, PeekedMessage, Place};
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::route::Run::Now;
use crate::http::route::{Needs, Route};

pub(in crate::http) const ROUTES: &[Route] = &[Route::get(
    "/haremq/queues/{vhost}/{queue}/messages",
    Needs::Management,
    "Page through waiting messages without taking them",
    Now(messages),
)];

/// Bits of an offset that hold the id. With the octet of the priority before it an offset is a whole number in
/// every language that reads JSON, and a million messages a second take a year to use them up.
const ID_BITS: u32 = 45;

const OFFSET_MAX: u64 = (1 << (ID_BITS + u8::BITS)) - 1;

fn offset(place: Place) -> u64 {
    u64::from(place.level) << ID_BITS | place.id.0
}

fn place(offset: u64) -> Place {
    let level = u8::try_from(offset >> ID_BITS).unwrap_or(u8::MAX);
    Place { level, id: MessageId(offset & ((1 << ID_BITS) - 1)) }
}

fn messages(call: &Call) -> Result<Answer, ApiError> {
    let (vhost, queue) = readable_queue(call)?;
    let from = number(call, "offset", OFFSET_MAX)?.map_or(Place::HEAD, place);
    let body_bytes = count(call, "truncate", PEEK_BODY_BYTES_DEFAULT, PEEK_BODY_BYTES_MAX)?;
    let bounds = PeekBounds {
        shown: count(call, "count", PEEK_SHOWN_DEFAULT, PEEK_SHOWN_MAX)?.max(1),
        looked_at: PEEK_LOOKED_AT_MAX,
        bytes: PEEK_BYTES_MAX,
    };
    let page = queue.peek(from, &filter_of_query(call), bounds);
    let page = page.map_err(|error| {
        ApiError::unavailable(format!("the messages cannot be read from disk now: {error}"))
    })?;
    let now = call.broker().clock().now();
    let shown: Vec<Value> =
        page.messages.iter().map(|one| describe(now, one, body_bytes)).collect();
    Ok(Answer::object(json!({
        "vhost": vhost.name().as_str(),
        "queue": queue.info().name.as_str(),
        "messages": shown,
        "next_offset": page.next.map(offset),
        "looked_at": page.looked_at,
        "unreadable": page.unreadable,
        "messages_ready": queue.report().ready,
    })))
}

fn describe(now: Millis, one: &PeekedMessage, body_bytes: usize) -> Value {
    let mut value = shown(&one.message, body_bytes);
    value["offset"] = Value::from(offset(one.place));
    value["redelivered"] = Value::from(one.acquired_count > 0);
    value["acquired_count"] = Value::from(one.acquired_count);
    value["delivery_count"] = Value::from(one.delivery_count);
    value["expires_in_ms"] = Value::from(one.expires.map(|at| at.since(now)));
    value["age_ms"] = Value::from(one.arrival.map(|arrival| now.since(arrival.at)));
    value["age_is_at_least"] = Value::from(one.arrival.is_some_and(|arrival| arrival.or_before));
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_a_place_and_back_and_a_number_of_every_json() {
        for place in [
            Place::HEAD,
            Place { level: 0, id: MessageId(7) },
            Place { level: 255, id: MessageId((1 << ID_BITS) - 1) },
        ] {
            assert_eq!(super::place(offset(place)), place);
            assert!(offset(place) <= OFFSET_MAX && OFFSET_MAX < 1 << 53);
        }
    }
}
