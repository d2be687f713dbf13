//! Messages: their properties as JSON and back, and what a fetch gives.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{table_from_json, table_to_json, text};
use crate::base::ShortStr;
use crate::broker::Fetched;
use crate::wire::Properties;

/// A message that was fetched.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[expect(missing_docs, reason = "the names are RabbitMQ's")]
pub struct MessageModel {
    pub payload_bytes: usize,
    pub redelivered: bool,
    pub exchange: String,
    pub routing_key: String,
    pub message_count: u64,
    pub properties: Map<String, Value>,
    pub payload: String,
    pub payload_encoding: &'static str,
}

/// The header that says how often a message was handed out before (rabbitmq: quorum-queues.md).
const DELIVERY_COUNT: &str = "x-delivery-count";

impl MessageModel {
    /// Of a message; text stays text unless all is to be base64.
    #[must_use]
    pub fn new(fetched: Fetched, always_base64: bool) -> Self {
        let mut properties = properties_to_json(&fetched.properties);
        if fetched.delivery_count > 0 {
            let headers = properties.entry("headers").or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(headers) = headers {
                headers.insert(DELIVERY_COUNT.to_owned(), Value::from(fetched.delivery_count));
            }
        }
        let as_text =
            if always_base64 { None } else { String::from_utf8(fetched.body.clone()).ok() };
        let (payload, payload_encoding) = match as_text {
            Some(payload) => (payload, "string"),
            None => (STANDARD.encode(&fetched.body), "base64"),
        };
        Self {
            payload_bytes: fetched.body_bytes,
            redelivered: fetched.redelivered,
            exchange: fetched.exchange,
            routing_key: text(&fetched.routing_key),
            message_count: fetched.ready,
            properties,
            payload,
            payload_encoding,
        }
    }
}

/// Raw properties as a JSON object with what is there.
#[must_use]
pub fn properties_to_json(properties: &[u8]) -> Map<String, Value> {
    let mut out = Map::new();
    // What was received has been checked; if it could not be read, there would be nothing to show.
    let Ok(properties) = Properties::decode(properties) else { return out };
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            out.insert(name.to_owned(), value);
        }
    };
    let short =
        |value: &Option<ShortStr>| value.as_ref().map(|value| text(value.as_bytes()).into());
    put("content_type", short(&properties.content_type));
    put("content_encoding", short(&properties.content_encoding));
    put("headers", properties.headers.as_ref().map(|headers| table_to_json(headers).into()));
    put("delivery_mode", properties.delivery_mode.map(Value::from));
    put("priority", properties.priority.map(Value::from));
    put("correlation_id", short(&properties.correlation_id));
    put("reply_to", short(&properties.reply_to));
    put("expiration", short(&properties.expiration));
    put("message_id", short(&properties.message_id));
    put("timestamp", properties.timestamp.map(Value::from));
    put("type", short(&properties.kind));
    put("user_id", short(&properties.user_id));
    put("app_id", short(&properties.app_id));
    put("cluster_id", short(&properties.cluster_id));
    out
}

/// A JSON object as properties. Names that are none of AMQP's are ignored, as RabbitMQ does.
///
/// # Errors
/// A sentence about the first property that cannot be what it is.
pub fn properties_from_json(value: &Value) -> Result<Properties, String> {
    let none = Map::new();
    let entries = match value {
        Value::Object(entries) => entries,
        Value::Null => &none,
        // An empty list is what some clients make of no properties.
        Value::Array(values) if values.is_empty() => &none,
        _ => return Err("properties must be an object".to_owned()),
    };
    let headers = match entries.get("headers") {
        None => None,
        given => {
            let table = table_from_json(given).map_err(|error| format!("headers: {error}"))?;
            Some(table)
        }
    };
    Ok(Properties {
        content_type: short(entries, "content_type")?,
        content_encoding: short(entries, "content_encoding")?,
        headers,
        delivery_mode: octet(entries, "delivery_mode")?,
        priority: octet(entries, "priority")?,
        correlation_id: short(entries, "correlation_id")?,
        reply_to: short(entries, "reply_to")?,
        expiration: short(entries, "expiration")?,
        message_id: short(entries, "message_id")?,
        timestamp: number(entries, "timestamp")?,
        kind: short(entries, "type")?,
        user_id: short(entries, "user_id")?,
        app_id: short(entries, "app_id")?,
        cluster_id: short(entries, "cluster_id")?,
    })
}

fn short(entries: &Map<String, Value>, name: &str) -> Result<Option<ShortStr>, String> {
    let Some(value) = entries.get(name) else { return Ok(None) };
    let Value::String(value) = value else {
        return Err(format!("property '{name}' must be a string"));
    };
    let value = ShortStr::try_from(value.as_str());
    value.map(Some).map_err(|error| format!("property '{name}': {error}"))
}

fn number(entries: &Map<String, Value>, name: &str) -> Result<Option<u64>, String> {
    let Some(value) = entries.get(name) else { return Ok(None) };
    match value.as_u64() {
        Some(number) => Ok(Some(number)),
        None => Err(format!("property '{name}' must be an integer from 0 on")),
    }
}

fn octet(entries: &Map<String, Value>, name: &str) -> Result<Option<u8>, String> {
    let number = number(entries, name)?.map(u8::try_from).transpose();
    number.map_err(|_| format!("property '{name}' must be an integer from 0 to 255"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fetched(body: &[u8]) -> Fetched {
        Fetched {
            exchange: "x".to_owned(),
            routing_key: "订单".as_bytes().to_vec(),
            properties: vec![0; 2],
            body: body.to_vec(),
            body_bytes: 99,
            redelivered: true,
            delivery_count: 0,
            ready: 3,
        }
    }

    #[test]
    fn properties_survive_the_way_to_json_and_back() {
        let all = json!({
            "content_type": "text/plain", "content_encoding": "utf-8", "headers": { "h": [1, "x"] },
            "delivery_mode": 2, "priority": 9, "correlation_id": "c", "reply_to": "r",
            "expiration": "1000", "message_id": "m", "timestamp": 1_700_000_000_u64, "type": "t",
            "user_id": "guest", "app_id": "a", "cluster_id": "l",
        });
        let properties = properties_from_json(&all).expect("good");
        assert_eq!(Value::Object(properties_to_json(&properties.encode())), all);
        for none in [json!({}), json!([]), Value::Null, json!({ "unknown": 1 })] {
            assert_eq!(properties_from_json(&none), Ok(Properties::default()));
        }
    }

    #[test]
    fn a_property_of_the_wrong_kind_is_named() {
        for (wrong, says) in [
            (
                json!({ "delivery_mode": "2" }),
                "property 'delivery_mode' must be an integer from 0 on",
            ),
            (json!({ "priority": 256 }), "property 'priority' must be an integer from 0 to 255"),
            (json!({ "type": 1 }), "property 'type' must be a string"),
            (
                json!({ "headers": { "x": null } }),
                "headers: null_not_allowed: the value of 'x' is null",
            ),
            (json!("x"), "properties must be an object"),
        ] {
            assert_eq!(properties_from_json(&wrong), Err(says.to_owned()));
        }
    }

    #[test]
    fn a_payload_is_text_when_it_can_be_and_base64_else() {
        let encoded = |body: &[u8], always| {
            let model = MessageModel::new(fetched(body), always);
            (model.payload, model.payload_encoding)
        };
        assert_eq!(encoded("é".as_bytes(), false), ("é".to_owned(), "string"));
        assert_eq!(encoded(b"\xff", false), ("/w==".to_owned(), "base64"));
        assert_eq!(encoded(b"a", true), ("YQ==".to_owned(), "base64"));
        let again = Fetched { delivery_count: 2, ..fetched(b"") };
        let value = serde_json::to_value(MessageModel::new(again, false)).expect("JSON");
        assert_eq!(value["properties"], json!({ "headers": { "x-delivery-count": 2 } }));
        assert_eq!((&value["payload_bytes"], &value["message_count"]), (&json!(99), &json!(3)));
    }
}
