//! Bindings, seen from everywhere, made and taken away.

use axum::http::{HeaderValue, header};
use serde_json::{Map, Value};

use super::answer::Answer;
use super::call::{Call, parse_name};
use super::direct::of_topology;
use super::error::ApiError;
use super::fields;
use super::model::{BindingModel, PropertiesKey, properties_key, quote_plus};
use super::queue_changes::arguments;
use super::route::Run::{Later, Now};
use super::route::{Answering, Needs, Route};
use crate::base::{ExchangeName, FieldTable, QueueName, ShortStr};
use crate::broker::{Binding, Destination, Vhost};

pub(super) const ROUTES: &[Route] = &[
    Route::get("/bindings", Needs::Management, "Bindings", Now(list)),
    Route::get("/bindings/{vhost}", Needs::Management, "Bindings of a virtual host", Now(list)),
    Route::get(TO_QUEUE, Needs::Management, "Bindings of an exchange to a queue", Now(between)),
    Route::get(
        TO_EXCHANGE,
        Needs::Management,
        "Bindings of an exchange to an exchange",
        Now(between),
    ),
    Route::post(TO_QUEUE, Needs::Management, "Bind a queue", Later(post_queue)),
    Route::post(TO_EXCHANGE, Needs::Management, "Bind an exchange", Later(post_exchange)),
    Route::get(ONE_TO_QUEUE, Needs::Management, "A binding of a queue", Now(one)),
    Route::get(ONE_TO_EXCHANGE, Needs::Management, "A binding of an exchange", Now(one)),
    Route::delete(ONE_TO_QUEUE, Needs::Management, "Unbind a queue", Later(delete)),
    Route::delete(ONE_TO_EXCHANGE, Needs::Management, "Unbind an exchange", Later(delete)),
    Route::get(
        "/exchanges/{vhost}/{exchange}/bindings/source",
        Needs::Management,
        "Bindings from an exchange",
        Now(from_exchange),
    ),
    Route::get(
        "/exchanges/{vhost}/{exchange}/bindings/destination",
        Needs::Management,
        "Bindings to an exchange",
        Now(to_exchange),
    ),
    Route::get(
        "/queues/{vhost}/{queue}/bindings",
        Needs::Management,
        "Bindings to a queue",
        Now(to_queue),
    ),
];

const TO_QUEUE: &str = "/bindings/{vhost}/e/{source}/q/{queue}";
const TO_EXCHANGE: &str = "/bindings/{vhost}/e/{source}/e/{exchange}";
const ONE_TO_QUEUE: &str = "/bindings/{vhost}/e/{source}/q/{queue}/{properties}";
const ONE_TO_EXCHANGE: &str = "/bindings/{vhost}/e/{source}/e/{exchange}/{properties}";

fn list(call: &Call) -> Result<Answer, ApiError> {
    let mut all = Vec::new();
    for vhost in call.listed_vhosts()? {
        let mut bindings = vhost.list_bindings();
        bindings.extend(implied(&vhost));
        all.append(&mut values(&vhost, bindings));
    }
    Ok(Answer::list(all))
}

/// Every queue is bound to the default exchange by its name.
fn implied(vhost: &Vhost) -> Vec<Binding> {
    vhost.list_queues().iter().filter_map(|cell| implied_of(&cell.info().name)).collect()
}

fn implied_of(queue: &QueueName) -> Option<Binding> {
    Some(Binding {
        source: ExchangeName::try_from("").ok()?,
        destination: Destination::Queue(queue.clone()),
        // A name is as short as a routing key.
        routing_key: ShortStr::try_from(queue.as_str()).ok()?,
        arguments: FieldTable::EMPTY,
    })
}

fn values(vhost: &Vhost, mut bindings: Vec<Binding>) -> Vec<Value> {
    bindings.sort_by(|a, b| {
        let key =
            |one: &Binding| (one.source.clone(), one.destination.clone(), one.routing_key.clone());
        key(a).cmp(&key(b))
    });
    bindings.iter().map(|binding| describe(vhost, binding)).collect()
}

fn describe(vhost: &Vhost, binding: &Binding) -> Value {
    // Field names are text and numbers are finite.
    serde_json::to_value(BindingModel::new(vhost.name(), binding)).unwrap_or_default()
}

fn from_exchange(call: &Call) -> Result<Answer, ApiError> {
    let vhost = call.visible_vhost()?;
    let source = call.exchange(&vhost)?.name;
    let bindings =
        if source.is_empty() { implied(&vhost) } else { vhost.list_bindings_from(&source) };
    Ok(Answer::list(values(&vhost, bindings)))
}

fn to_exchange(call: &Call) -> Result<Answer, ApiError> {
    let vhost = call.visible_vhost()?;
    let destination = Destination::Exchange(call.exchange(&vhost)?.name);
    Ok(Answer::list(values(&vhost, vhost.list_bindings_to(&destination))))
}

fn to_queue(call: &Call) -> Result<Answer, ApiError> {
    let vhost = call.visible_vhost()?;
    let name = call.queue(&vhost)?.info().name.clone();
    let mut bindings = vhost.list_bindings_to(&Destination::Queue(name.clone()));
    bindings.extend(implied_of(&name));
    Ok(Answer::list(values(&vhost, bindings)))
}

/// The two ends that the path names; both are there.
fn ends(call: &Call, vhost: &Vhost) -> Result<(ExchangeName, Destination), ApiError> {
    let source = call.exchange_name("source")?;
    vhost.exchange_of(&source).ok_or_else(ApiError::not_found)?;
    let is_queue = call.segments.iter().any(|(name, _)| name == "queue");
    let destination = if is_queue {
        Destination::Queue(call.queue(vhost)?.info().name.clone())
    } else {
        Destination::Exchange(call.exchange(vhost)?.name)
    };
    Ok((source, destination))
}

/// The bindings between the two ends that the path names.
fn all_between(call: &Call, vhost: &Vhost) -> Result<Vec<Binding>, ApiError> {
    let (source, destination) = ends(call, vhost)?;
    if let (true, Destination::Queue(queue)) = (source.is_empty(), &destination) {
        return Ok(implied_of(queue).into_iter().collect());
    }
    let mut bindings = vhost.list_bindings_to(&destination);
    bindings.retain(|binding| binding.source == source);
    Ok(bindings)
}

fn between(call: &Call) -> Result<Answer, ApiError> {
    let vhost = call.visible_vhost()?;
    Ok(Answer::list(values(&vhost, all_between(call, &vhost)?)))
}

/// The binding that the path names.
fn find(call: &Call, vhost: &Vhost) -> Result<Binding, ApiError> {
    let key = PropertiesKey::parse(call.segment("properties"));
    let key = key.map_err(|error| ApiError::bad_request(error.to_string()))?;
    let found = all_between(call, vhost)?.into_iter().find(|binding| key.names(binding));
    found.ok_or_else(ApiError::not_found)
}

fn one(call: &Call) -> Result<Answer, ApiError> {
    let vhost = call.visible_vhost()?;
    let binding = find(call, &vhost)?;
    Ok(Answer::object(describe(&vhost, &binding)))
}

fn delete(call: Call) -> Answering {
    Box::pin(async move {
        let vhost = call.own_vhost()?;
        let binding = find(&call, &vhost)?;
        let mut client = call.topology(vhost.name())?;
        client.unbind(&binding).await.map_err(of_topology)?;
        Ok(Answer::no_content())
    })
}

fn post_queue(call: Call) -> Answering {
    Box::pin(async move {
        let destination = Destination::Queue(call.name("queue")?);
        post(&call, destination).await
    })
}

fn post_exchange(call: Call) -> Answering {
    Box::pin(async move {
        let destination = Destination::Exchange(call.exchange_name("exchange")?);
        post(&call, destination).await
    })
}

async fn post(call: &Call, destination: Destination) -> Result<Answer, ApiError> {
    let vhost = call.own_vhost()?;
    let body: Map<String, Value> = call.object()?;
    let routing_key = fields::text(&body, "routing_key")?.unwrap_or_default();
    let binding = Binding {
        source: call.exchange_name("source")?,
        destination,
        routing_key: parse_name("routing_key", &routing_key)?,
        arguments: arguments(&body)?,
    };
    let mut client = call.topology(vhost.name())?;
    client.bind(&binding).await.map_err(of_topology)?;
    Ok(Answer::created().with(header::LOCATION, location(&binding)?))
}

/// Where a new binding is, seen from where it was posted to, as RabbitMQ says it.
fn location(binding: &Binding) -> Result<HeaderValue, ApiError> {
    let destination = match &binding.destination {
        Destination::Queue(name) => name.as_str(),
        Destination::Exchange(name) => name.as_str(),
    };
    let key = properties_key(binding.routing_key.as_bytes(), &binding.arguments);
    let location = format!("{}/{}", quote_plus(destination.as_bytes()), quote_plus(key.as_bytes()));
    // What is quoted is visible ASCII.
    HeaderValue::from_str(&location).map_err(|error| ApiError::unavailable(error.to_string()))
}
