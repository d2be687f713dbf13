//! Messages go into exchanges and come out of queues.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::call::Call;
use super::direct::of_messages;
use super::error::ApiError;
use super::fields;
use super::model::{MessageModel, properties_from_json};
use super::route::Run::Later;
use super::route::{Answering, Needs, Route};
use crate::base::{Body, ExchangeName, Message, ReplyCode, ShortStr};
use crate::broker::{AckMode, Content, DirectClient, Fetch, Published, Refused, Unreadable};
use crate::net::blocking;
use crate::wire::{ContentHeader, Properties};

pub(super) const ROUTES: &[Route] = &[
    Route::post(
        "/exchanges/{vhost}/{exchange}/publish",
        Needs::Management,
        "Publish a message, and say whether it was routed",
        Later(publish),
    ),
    Route::post(
        "/queues/{vhost}/{queue}/get",
        Needs::Management,
        "Fetch messages from the head of a queue",
        Later(get),
    ),
];

fn publish(call: Call) -> Answering {
    Box::pin(async move {
        let vhost = call.own_vhost()?;
        let exchange = call.exchange(&vhost)?.name;
        let publish = Publish::read(&call.object()?)?;
        let mut client = call.messages(vhost.name())?;
        check_user_id(&client, &call, &publish.properties).map_err(of_messages)?;
        let message = publish.message(&exchange)?;
        let routed = match client.publish(message).await.map_err(of_messages)? {
            Published::Routed => true,
            Published::Unrouted => false,
            Published::Rejected => {
                let reason = "rejected Unable to publish message. Check queue limits.";
                return Err(ApiError::bad_request(reason));
            }
        };
        Ok(Answer::object(json!({ "routed": routed })))
    })
}

/// What is to be published.
struct Publish {
    routing_key: ShortStr,
    properties: Properties,
    payload: Vec<u8>,
}

impl Publish {
    fn read(body: &Map<String, Value>) -> Result<Self, ApiError> {
        let routing_key = fields::required_text(body, "routing_key")?;
        let properties =
            body.get("properties").ok_or_else(|| fields::missing("properties", "an object"))?;
        let payload = fields::required_text(body, "payload")?;
        let encoding = fields::required_text(body, "payload_encoding")?;
        let payload = match encoding.as_str() {
            "string" => payload.into_bytes(),
            "base64" => STANDARD.decode(payload).map_err(|error| {
                ApiError::bad_request(format!("the payload is no base64: {error}"))
            })?,
            other => {
                return Err(ApiError::bad_request(format!(
                    "unsupported payload_encoding '{other}': string and base64 are known"
                )));
            }
        };
        let routing_key = super::call::parse_name("routing_key", &routing_key)?;
        let properties = properties_from_json(properties).map_err(ApiError::bad_request)?;
        Ok(Self { routing_key, properties, payload })
    }

    /// The message as it would have come from a connection.
    fn message(self, exchange: &ExchangeName) -> Result<Message, ApiError> {
        let properties = self.properties.encode();
        // Class and weight do not matter here.
        let mut header = vec![0; 4];
        header.extend_from_slice(&(self.payload.len() as u64).to_be_bytes());
        header.extend_from_slice(&properties);
        let header = ContentHeader::scan(&header).and_then(|header| header.message_header());
        let header = header.map_err(|error| ApiError::bad_request(error.to_string()))?;
        let body = Body::One(Bytes::from(self.payload));
        Ok(Message::new(exchange, self.routing_key.as_bytes(), &properties, body, header))
    }
}

/// rabbitmq: validated-user-id.md.
fn check_user_id(
    client: &DirectClient,
    call: &Call,
    properties: &Properties,
) -> Result<(), Refused> {
    let Some(claimed) = &properties.user_id else { return Ok(()) };
    let user = call.caller.name();
    if claimed.as_bytes() == user.as_str().as_bytes() || client.may_impersonate() {
        return Ok(());
    }
    Err(Refused {
        code: ReplyCode::PreconditionFailed,
        text: format!("user_id property set to '{claimed}' but authenticated user was '{user}'"),
    })
}

fn get(call: Call) -> Answering {
    Box::pin(async move {
        let vhost = call.own_vhost()?;
        let name = call.queue(&vhost)?.info().name.clone();
        let (fetch, always_base64) = read_fetch(&call.object()?)?;
        let mut client = call.messages(vhost.name())?;
        let fetched = client.fetch(&name, fetch, load).await.map_err(of_messages)?;
        // What goes back is back before the answer says what it was.
        drop(client);
        let model = |one| {
            let model = MessageModel::new(one, always_base64);
            // Field names are text and numbers are whole.
            serde_json::to_value(model).unwrap_or_default()
        };
        Ok(Answer::list(fetched.into_iter().map(model).collect()))
    })
}

/// What is to be fetched, and whether all payloads are to be base64.
fn read_fetch(body: &Map<String, Value>) -> Result<(Fetch, bool), ApiError> {
    let mode = fields::required_text(body, "ackmode")?;
    let ack_mode = AckMode::parse(&mode).ok_or_else(|| {
        ApiError::bad_request(format!(
            "unknown ackmode '{mode}': ack_requeue_true, ack_requeue_false, reject_requeue_true and \
             reject_requeue_false are known"
        ))
    })?;
    let count = positive(body, "count")?.ok_or_else(|| fields::missing("count", "a number"))?;
    let always_base64 = match fields::required_text(body, "encoding")?.as_str() {
        "auto" => false,
        "base64" => true,
        _ => {
            let reason = "Unsupported encoding. Please use auto or base64.";
            return Err(ApiError::bad_request(reason));
        }
    };
    Ok((Fetch { count, ack_mode, truncate: positive(body, "truncate")? }, always_base64))
}

fn positive(body: &Map<String, Value>, key: &str) -> Result<Option<usize>, ApiError> {
    let number = fields::integer(body, key)?.map(usize::try_from).transpose();
    number.map_err(|_| ApiError::bad_request(format!("'{key}' must be a number from 0 on")))
}

/// The bytes of a message; what is on disk is read, on a thread that may wait for it.
fn load(content: Content) -> Result<Message, Unreadable> {
    if content.is_cold() { blocking(|| content.load()) } else { content.load() }
}
