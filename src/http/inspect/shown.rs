//! A message that is shown and stays where it is.

use serde_json::{Value, json};

use crate::base::Message;
use crate::broker::Fetched;
use crate::http::model::MessageModel;

/// Exchange, routing key, properties and as much of the body as is wanted. A text that is cut ends with a whole
/// character.
pub(in crate::http) fn shown(message: &Message, body_bytes_max: usize) -> Value {
    let body_bytes = message.body().len();
    let mut body = Vec::with_capacity(body_bytes.min(body_bytes_max));
    for piece in message.body().pieces() {
        let room = body_bytes_max.saturating_sub(body.len()).min(piece.len());
        body.extend_from_slice(&piece[..room]);
    }
    let truncated = body.len() < body_bytes;
    if truncated
        && let Err(error) = std::str::from_utf8(&body)
        && error.error_len().is_none()
    {
        body.truncate(error.valid_up_to());
    }
    let model = MessageModel::new(
        Fetched {
            exchange: message.exchange().to_owned(),
            routing_key: message.routing_key().to_vec(),
            properties: message.properties().to_vec(),
            body,
            body_bytes,
            redelivered: false,
            delivery_count: 0,
            ready: 0,
        },
        false,
    );
    json!({
        "exchange": model.exchange,
        "routing_key": model.routing_key,
        "properties": model.properties,
        "payload": model.payload,
        "payload_encoding": model.payload_encoding,
        "payload_bytes": model.payload_bytes,
        "payload_truncated": truncated,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::base::{Body, ExchangeName, MessageHeader};

    #[test]
    fn a_text_is_cut_between_characters_and_bytes_anywhere() {
        let shown = |body: &'static [u8], most| {
            let exchange = ExchangeName::try_from("x").expect("short");
            let body = Body::One(Bytes::from_static(body));
            let message = Message::new(&exchange, b"k", b"\0\0", body, MessageHeader::default());
            super::shown(&message, most)
        };
        let text = shown("订单".as_bytes(), 4);
        assert_eq!((&text["payload"], &text["payload_encoding"]), (&json!("订"), &json!("string")));
        assert_eq!((&text["payload_bytes"], &text["payload_truncated"]), (&json!(6), &json!(true)));
        assert_eq!(shown(b"\xff\xff\xff", 2)["payload_encoding"], json!("base64"));
        assert_eq!(shown(b"abc", 3)["payload_truncated"], json!(false));
    }
}
