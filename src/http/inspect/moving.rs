//! Messages are moved from a queue to another one or to an exchange.

use serde_json::{Map, Value, json};

use super::request::filter_of_body;
use crate::broker::{Content, Move, MoveTo, Stopped, Unreadable};
use crate::http::answer::Answer;
use crate::http::call::{Call, parse_name};
use crate::http::direct::of_messages;
use crate::http::error::ApiError;
use crate::http::fields;
use crate::http::route::Run::Later;
use crate::http::route::{Answering, Needs, Route};
use crate::net::blocking;

pub(in crate::http) const ROUTES: &[Route] = &[Route::post(
    "/haremq/queues/{vhost}/{queue}/move",
    Needs::Management,
    "Move messages to another queue or to an exchange",
    Later(moving),
)];

fn moving(call: Call) -> Answering {
    Box::pin(async move {
        let vhost = call.own_vhost()?;
        let from = call.queue(&vhost)?.info().name.clone();
        let body = call.object()?;
        let count = match fields::integer(&body, "count")? {
            None => usize::MAX,
            Some(count) => usize::try_from(count)
                .map_err(|_| ApiError::bad_request("'count' must be a number from 0 on"))?,
        };
        let order = Move { from, to: target(&body)?, count, filter: filter_of_body(&body)? };
        let mut client = call.messages(vhost.name())?;
        let moved = client.move_messages(&order, load).await.map_err(of_messages)?;
        // What goes back is back before the answer says how many wait.
        drop(client);
        let (is_complete, stopped) = match moved.stopped {
            None => (true, Value::Null),
            Some(Stopped::Count) => (true, Value::from("count")),
            Some(Stopped::Bound) => (false, Value::from("bound")),
            Some(Stopped::Unrouted) => (false, Value::from("unrouted")),
            Some(Stopped::Refused) => (false, Value::from("refused")),
        };
        Ok(Answer::object(json!({
            "moved": moved.moved,
            "looked_at": moved.looked_at,
            "passed_over": moved.passed_over,
            "messages_ready": moved.left,
            "complete": is_complete,
            "stopped": stopped,
        })))
    })
}

/// Where to: `to_queue`, or `to_exchange` and perhaps `to_routing_key`.
fn target(body: &Map<String, Value>) -> Result<MoveTo, ApiError> {
    let text = |name: &str| fields::text(body, name);
    match (text("to_queue")?, text("to_exchange")?, text("to_routing_key")?) {
        (Some(queue), None, None) => Ok(MoveTo::Queue(parse_name("to_queue", &queue)?)),
        (None, Some(exchange), key) => {
            let exchange = if exchange == "amq.default" { "" } else { &exchange };
            let key = key.map(|key| parse_name("to_routing_key", &key)).transpose()?;
            Ok(MoveTo::Exchange(parse_name("to_exchange", exchange)?, key))
        }
        _ => Err(ApiError::bad_request(
            "either 'to_queue' or 'to_exchange' is expected; 'to_routing_key' goes with an exchange",
        )),
    }
}

/// The bytes of a message; what is on disk is read, on a thread that may wait for it.
fn load(content: Content) -> Result<crate::base::Message, Unreadable> {
    if content.is_cold() { blocking(|| content.load()) } else { content.load() }
}
