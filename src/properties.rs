//! The properties of a message for the broker, which holds them as raw bytes and does not know their form.

use bytes::Bytes;

use crate::base::{FieldTable, FieldValue, ShortStr};
use crate::broker::{Edit, Existing, HashProperty};
use crate::wire::Properties;

/// What an exchange hashes of a message, by RabbitMQ's rules: a timestamp is its decimal digits.
pub(crate) fn hash_property(properties: &[u8], property: HashProperty) -> Option<Vec<u8>> {
    let properties = Properties::decode(properties).ok()?;
    match property {
        HashProperty::MessageId => properties.message_id.map(|id| id.as_bytes().to_vec()),
        HashProperty::CorrelationId => properties.correlation_id.map(|id| id.as_bytes().to_vec()),
        HashProperty::Timestamp => properties.timestamp.map(|time| time.to_string().into_bytes()),
    }
}

/// The properties after these changes. What was received has been checked, so it can be read; if it could
/// not, it would stay as it is.
pub(crate) fn edit_properties(bytes: &[u8], edits: &[Edit]) -> Vec<u8> {
    let Ok(mut properties) = Properties::decode(bytes) else { return bytes.to_vec() };
    for edit in edits {
        match edit {
            Edit::DropHeader(name) => {
                properties.headers = properties.headers.map(|headers| without(&headers, name));
            }
            Edit::SetHeader { name, value, existing } => {
                let headers = properties.headers.take().unwrap_or_default();
                properties.headers = Some(with(headers, name, value, *existing));
            }
            Edit::SetContentType(text) => {
                properties.content_type = ShortStr::try_from(*text).ok();
            }
            Edit::SetDeliveryMode(mode) => properties.delivery_mode = Some(*mode),
            Edit::SetTimestamp { seconds, existing } => {
                if properties.timestamp.is_none() || *existing == Existing::Overwritten {
                    properties.timestamp = Some(*seconds);
                }
            }
        }
    }
    properties.encode().to_vec()
}

/// What stands in the properties, by RabbitMQ's names and in the types of its firehose: texts are long strings,
/// numbers are signed. What cannot be read has nothing in it.
pub(crate) fn list_properties(bytes: &[u8]) -> FieldTable {
    let Ok(properties) = Properties::decode(bytes) else { return FieldTable::EMPTY };
    let text = |text: ShortStr| FieldValue::LongString(Bytes::copy_from_slice(text.as_bytes()));
    let number = |number: u64| match i32::try_from(number) {
        Ok(number) => FieldValue::I32(number),
        Err(_) => FieldValue::I64(i64::try_from(number).unwrap_or(i64::MAX)),
    };
    let all = [
        ("content_type", properties.content_type.map(text)),
        ("content_encoding", properties.content_encoding.map(text)),
        ("headers", properties.headers.map(FieldValue::Table)),
        ("delivery_mode", properties.delivery_mode.map(u64::from).map(number)),
        ("priority", properties.priority.map(u64::from).map(number)),
        ("correlation_id", properties.correlation_id.map(text)),
        ("reply_to", properties.reply_to.map(text)),
        ("expiration", properties.expiration.map(text)),
        ("message_id", properties.message_id.map(text)),
        ("timestamp", properties.timestamp.map(number)),
        ("type", properties.kind.map(text)),
        ("user_id", properties.user_id.map(text)),
        ("app_id", properties.app_id.map(text)),
        ("cluster_id", properties.cluster_id.map(text)),
    ];
    let present =
        all.into_iter().filter_map(|(name, value)| Some((ShortStr::try_from(name).ok()?, value?)));
    present.collect()
}

fn without(headers: &FieldTable, name: &str) -> FieldTable {
    let others = headers.iter().filter(|(key, _)| key.as_bytes() != name.as_bytes());
    others.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn with(headers: FieldTable, name: &str, value: &FieldValue, existing: Existing) -> FieldTable {
    if existing == Existing::Kept && headers.get(name.as_bytes()).is_some() {
        return headers;
    }
    let mut headers = without(&headers, name);
    // The names of headers that the broker sets are short.
    if let Ok(name) = ShortStr::try_from(name) {
        headers.push(name, value.clone());
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties() -> Properties {
        let header = |name: &str, value| (ShortStr::try_from(name).expect("short"), value);
        Properties {
            headers: Some(FieldTable::new(vec![
                header("a", FieldValue::I32(1)),
                header("BCC", FieldValue::Array(vec![FieldValue::text("k")])),
                header("z", FieldValue::Void),
            ])),
            delivery_mode: Some(2),
            timestamp: Some(7),
            message_id: Some(ShortStr::try_from("id").expect("short")),
            ..Properties::default()
        }
    }

    fn edited(edits: &[Edit]) -> Properties {
        Properties::decode(&edit_properties(&properties().encode(), edits)).expect("properties")
    }

    #[test]
    fn a_dropped_header_is_gone_and_everything_else_stays() {
        let after = edited(&[Edit::DropHeader("BCC")]);
        let names: Vec<&[u8]> = after
            .headers
            .as_ref()
            .expect("headers")
            .iter()
            .map(|(key, _)| key.as_bytes())
            .collect();
        assert_eq!(names, [b"a", b"z"]);
        assert_eq!(
            Properties { headers: None, ..after },
            Properties { headers: None, ..properties() }
        );
    }

    #[test]
    fn what_is_there_is_overwritten_only_when_asked() {
        for (existing, header, timestamp) in [(Existing::Kept, 1, 7), (Existing::Overwritten, 2, 9)]
        {
            let value = FieldValue::I32(2);
            let after = edited(&[
                Edit::SetHeader { name: "a", value: value.clone(), existing },
                Edit::SetHeader { name: "new", value, existing },
                Edit::SetTimestamp { seconds: 9, existing },
            ]);
            let headers = after.headers.expect("headers");
            assert_eq!(headers.get(b"a"), Some(&FieldValue::I32(header)));
            assert_eq!(headers.get(b"new"), Some(&FieldValue::I32(2)));
            assert_eq!((headers.len(), after.timestamp), (4, Some(timestamp)));
        }
    }

    #[test]
    fn properties_of_each_kind_are_hashed_by_their_bytes() {
        let bytes = properties().encode();
        assert_eq!(hash_property(&bytes, HashProperty::MessageId), Some(b"id".to_vec()));
        assert_eq!(hash_property(&bytes, HashProperty::CorrelationId), None);
        assert_eq!(hash_property(&bytes, HashProperty::Timestamp), Some(b"7".to_vec()));
    }
}
