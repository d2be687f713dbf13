//! Content headers: the scan, the full reader and amq-protocol agree, and nothing changes on the way through.

use amq_protocol::frame::{AMQPFrame, parse_frame};
use haremq::base::{FieldValue, ShortStr};
use haremq::wire::{
    ContentHeader, Properties, decode_table, headers_of, published_again, with_header,
    with_reply_to,
};

use super::memory::allocates_at_most;

/// The input is the payload of a content header frame.
pub(super) fn run(input: &[u8]) {
    let scanned = allocates_at_most(4096, || ContentHeader::scan(input));
    let Ok(header) = scanned else {
        if let Some(properties) = input.get(ContentHeader::BYTES_BEFORE_PROPERTIES..) {
            assert!(Properties::decode(properties).is_err(), "the scan refuses what can be read");
        }
        return;
    };
    let bytes_max = input.len() as u64 * 128 + 4096;
    let decoded = allocates_at_most(bytes_max, || Properties::decode(header.properties));
    let Ok(properties) = decoded else {
        panic!("the scan lets through what a consumer cannot read: {decoded:?}");
    };
    assert_eq!(header.reply_to(), properties.reply_to.as_ref().map(ShortStr::as_bytes));
    assert_eq!(header.user_id(), properties.user_id.as_ref().map(ShortStr::as_bytes));
    assert_eq!(header.headers().map(decode_table), properties.headers.clone().map(Ok));
    assert_eq!(headers_of(header.properties), properties.headers.clone().unwrap_or_default());
    if let Ok(told) = header.message_header() {
        assert_eq!(told.persistent, properties.delivery_mode == Some(2));
        assert_eq!(told.priority, properties.priority);
        assert_eq!(told.has_headers, properties.headers.is_some());
        assert_eq!(told.expiration_ms.is_some(), properties.expiration.is_some());
    }
    // Booleans have many spellings of true, so it is the values that come back.
    let written = properties.encode();
    assert_eq!(Properties::decode(&written), Ok(properties.clone()));
    edits(header.properties, &properties);
    if header.class_id == 60 && header.weight == 0 && is_text(&properties) {
        let frame = framed(input);
        let (rest, parsed) = parse_frame(frame.as_slice()).expect("amq-protocol reads it");
        let AMQPFrame::Header(_, theirs) = parsed else { panic!("no header: {parsed:?}") };
        assert!(rest.is_empty() && theirs.body_size == header.body_size);
        let theirs = theirs.properties;
        let priority = *theirs.priority();
        assert_eq!(
            (priority, *theirs.delivery_mode()),
            (properties.priority, properties.delivery_mode)
        );
        let id = theirs.message_id().as_ref().map(|text| text.as_str().as_bytes());
        assert_eq!(id, properties.message_id.as_ref().map(ShortStr::as_bytes));
    }
}

/// What the broker itself changes changes nothing else.
fn edits(raw: &[u8], properties: &Properties) {
    let to = ShortStr::try_from("elsewhere").expect("short");
    // Who has no reply-to gets none.
    let expected = properties.reply_to.as_ref().map(|_| to.clone());
    let expected = Properties { reply_to: expected, ..properties.clone() };
    assert_eq!(Properties::decode(&with_reply_to(raw, &to)), Ok(expected));
    let name = ShortStr::try_from("x-fuzz").expect("short");
    let edited = Properties::decode(&with_header(raw, name.clone(), FieldValue::U8(7)));
    let edited = edited.expect("edited properties can be read");
    let found = edited.headers.as_ref().and_then(|headers| headers.get(name.as_bytes()));
    assert_eq!(found, Some(&FieldValue::U8(7)));
    assert_eq!(Properties { headers: properties.headers.clone(), ..edited }, *properties);
    let headers = properties.headers.clone().unwrap_or_default();
    let again = Properties::decode(&published_again(raw, &headers)).expect("they can be read");
    assert_eq!(again.message_id, properties.message_id);
}

/// Whether amq-protocol can read it, which wants UTF-8 where RabbitMQ takes any octets.
fn is_text(properties: &Properties) -> bool {
    let texts = [
        &properties.content_type,
        &properties.content_encoding,
        &properties.correlation_id,
        &properties.reply_to,
        &properties.expiration,
        &properties.message_id,
        &properties.kind,
        &properties.user_id,
        &properties.app_id,
        &properties.cluster_id,
    ];
    properties.headers.is_none()
        && texts.into_iter().flatten().all(|text| std::str::from_utf8(text.as_bytes()).is_ok())
}

fn framed(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 1];
    frame.extend(u32::try_from(payload.len()).expect("short").to_be_bytes());
    frame.extend(payload);
    frame.push(206);
    frame
}
