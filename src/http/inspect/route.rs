//! Where a message would go, and why not elsewhere.

use serde_json::{Map, Value, json};

use crate::base::ShortStr;
use crate::broker::{
    Binding, By, Cell, Destination, ExchangeKind, Explanation, Outcome, RouteMessage, RouteStep,
    WayTo,
};
use crate::http::answer::Answer;
use crate::http::call::{Call, parse_name};
use crate::http::error::ApiError;
use crate::http::fields;
use crate::http::model::{properties_from_json, table_from_json, table_to_json, text};
use crate::http::route::Run::Now;
use crate::http::route::{Needs, Route};

pub(in crate::http) const ROUTES: &[Route] = &[Route::post(
    "/haremq/exchanges/{vhost}/{exchange}/route",
    Needs::Management,
    "Where a message with this key and these headers would go, by which path, and why not elsewhere",
    Now(route),
)];

fn route(call: &Call) -> Result<Answer, ApiError> {
    let vhost = call.visible_vhost()?;
    let exchange = call.exchange(&vhost)?;
    let message = message(&call.object()?)?;
    let told = vhost.explain_route(&exchange.name, &message).ok_or_else(ApiError::not_found)?;
    let refused = if exchange.internal {
        Some("the exchange is internal: clients may not publish to it".to_owned())
    } else {
        let (behalf, key) = (call.behalf(), &message.routing_key);
        let permitted = vhost.permit_publish(&behalf, &exchange.name, key);
        permitted.err().map(|refused| refused.text)
    };
    let steps: Vec<Value> = told.steps.iter().map(step).collect();
    let queues: Vec<Value> = told.reached.iter().map(|way| reached(&told, way)).collect();
    Ok(Answer::object(json!({
        "vhost": vhost.name().as_str(),
        "exchange": exchange.name.as_str(),
        "routing_key": text(&message.routing_key),
        "routed": told.queues > 0,
        "refused": refused,
        "queues": queues,
        "queues_total": told.queues,
        "is_complete": !told.is_cut && told.queues == told.reached.len(),
        "steps": steps,
    })))
}

/// `routing_key`, `headers`, and `properties` for exchanges that hash one.
fn message(body: &Map<String, Value>) -> Result<RouteMessage, ApiError> {
    let key = fields::text(body, "routing_key")?.unwrap_or_default();
    let key: ShortStr = parse_name("routing_key", &key)?;
    let headers = table_from_json(body.get("headers"))
        .map_err(|error| ApiError::bad_request(format!("headers: {error}")))?;
    let properties = body.get("properties").unwrap_or(&Value::Null);
    let properties = properties_from_json(properties).map_err(ApiError::bad_request)?;
    let bytes = |value: Option<ShortStr>| value.map(|value| value.as_bytes().to_vec());
    Ok(RouteMessage {
        routing_key: key.as_bytes().to_vec(),
        headers: if headers.is_empty() { properties.headers.unwrap_or_default() } else { headers },
        message_id: bytes(properties.message_id),
        correlation_id: bytes(properties.correlation_id),
        timestamp: properties.timestamp.map(|time| time.to_string().into_bytes()),
        number: 0,
    })
}

fn step(step: &RouteStep) -> Value {
    let (outcome, delay_ms) = match step.outcome {
        Outcome::Routed => ("routed", None),
        Outcome::Unrouted => ("unrouted", None),
        Outcome::Alternate => ("alternate", None),
        Outcome::Duplicate => ("duplicate", None),
        Outcome::Delayed(ms) => ("delayed", Some(ms)),
    };
    let kind = step.exchange.routes_as();
    let by_chance = matches!(kind, ExchangeKind::Random | ExchangeKind::LocalRandom);
    let matched: Vec<Value> = step.matched.iter().map(binding).collect();
    let unmatched = step.unmatched.iter().map(|(bound, why)| {
        let mut value = binding(bound);
        value["why"] = Value::from(why.to_string());
        value
    });
    json!({
        "exchange": step.exchange.name.as_str(),
        "type": step.exchange.kind.as_str(),
        "from": step.from,
        "by": by(&step.by),
        "outcome": outcome,
        "delay_ms": delay_ms,
        "by_chance": by_chance,
        "matched": matched,
        "unmatched": unmatched.collect::<Vec<_>>(),
        "left_out": step.left_out,
    })
}

fn reached(told: &Explanation<std::sync::Arc<Cell>>, way: &WayTo<std::sync::Arc<Cell>>) -> Value {
    let mut path = vec![json!({ "to": way.name.as_str(), "kind": "queue", "by": by(&way.by) })];
    let mut at = Some(way.step);
    // Each step comes from one before it.
    while let Some(step) = at.and_then(|at| told.steps.get(at)) {
        let name = step.exchange.name.as_str();
        path.push(json!({ "to": name, "kind": "exchange", "by": by(&step.by) }));
        at = step.from;
    }
    path.reverse();
    json!({ "name": way.name.as_str(), "path": path })
}

fn by(by: &By) -> Value {
    match by {
        By::Publisher => json!({ "kind": "publish" }),
        By::Alternate => json!({ "kind": "alternate-exchange" }),
        By::QueueName => json!({ "kind": "queue-name" }),
        By::Binding(None) => json!({ "kind": "binding" }),
        By::Binding(Some(bound)) => json!({
            "kind": "binding",
            "routing_key": text(bound.routing_key.as_bytes()),
            "arguments": table_to_json(&bound.arguments),
        }),
    }
}

fn binding(binding: &Binding) -> Value {
    let (destination, kind) = match &binding.destination {
        Destination::Queue(name) => (name.as_str(), "queue"),
        Destination::Exchange(name) => (name.as_str(), "exchange"),
    };
    json!({
        "destination": destination,
        "destination_type": kind,
        "routing_key": text(binding.routing_key.as_bytes()),
        "arguments": table_to_json(&binding.arguments),
    })
}
