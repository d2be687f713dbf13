//! Content headers and properties.

use proptest::prelude::*;

use super::values::{properties_with, short_str, table};
use crate::base::{FieldTable, FieldValue, MessageHeader, ReplyCode, ShortStr};
use crate::wire::{
    ContentHeader, MethodId, Properties, WireError, decode_table, headers_of, with_reply_to,
};

fn header_payload(body_size: u64, properties: &[u8]) -> Vec<u8> {
    let mut payload = vec![0, 60, 0, 0];
    payload.extend(body_size.to_be_bytes());
    payload.extend(properties);
    payload
}

fn short(text: &str) -> ShortStr {
    ShortStr::try_from(text).expect("short")
}

#[test]
fn a_header_without_properties_is_two_octets_of_flags() {
    let payload = header_payload(16, &[0, 0]);
    let header = ContentHeader::scan(&payload).expect("a header");
    assert_eq!((header.class_id, header.weight, header.body_size), (60, 0, 16));
    assert_eq!(header.properties, [0, 0]);
    assert_eq!(header.message_header(), Ok(MessageHeader::default()));
    assert_eq!(header.headers(), None);
    assert_eq!(headers_of(header.properties), FieldTable::EMPTY);
}

#[test]
fn a_plain_header_is_read_as_the_scan_reads_it_and_no_other_is_plain() {
    let of: [&[u8]; 7] =
        [&[0, 0], &[0x10, 0, 1], &[0x10, 0, 2], &[0x80, 0, 0], &[0], &[0, 1], &[0x10, 0]];
    for (place, properties) in of.into_iter().enumerate() {
        let payload = header_payload(77, properties);
        let scanned = ContentHeader::scan(&payload).ok();
        let scanned = scanned.and_then(|all| Some((all.body_size, all.message_header().ok()?)));
        let expected = if place < 3 { scanned } else { None };
        assert_eq!(ContentHeader::plain(&payload), expected, "{properties:?}");
        assert_eq!(expected.is_some(), place < 3, "{properties:?}");
    }
    let mut of_other_class = header_payload(77, &[0, 0]);
    of_other_class[1] = 50;
    assert_eq!(ContentHeader::plain(&of_other_class), None);
    assert_eq!(ContentHeader::plain(&header_payload(77, &[])), None);
}

#[test]
fn what_the_broker_needs_is_found() {
    let properties = Properties {
        headers: Some(FieldTable::new(vec![
            (short("CC"), FieldValue::Array(vec![FieldValue::text("a")])),
            (short("n"), FieldValue::I32(5)),
        ])),
        delivery_mode: Some(2),
        priority: Some(7),
        reply_to: Some(short("amq.rabbitmq.reply-to")),
        expiration: Some(short("60000")),
        user_id: Some(short("guest")),
        ..Properties::default()
    };
    let payload = header_payload(1, &properties.encode());
    let header = ContentHeader::scan(&payload).expect("a header");
    assert_eq!(
        header.message_header(),
        Ok(MessageHeader {
            persistent: true,
            priority: Some(7),
            expiration_ms: Some(60_000),
            has_headers: true,
        })
    );
    assert_eq!(header.user_id(), Some(&b"guest"[..]));
    assert_eq!(header.reply_to(), Some(&b"amq.rabbitmq.reply-to"[..]));
    assert_eq!(header.header_value(b"n"), Some(FieldValue::I32(5)));
    assert_eq!(header.header_value(b"BCC"), None);
    assert_eq!(header.headers().map(decode_table), properties.headers.clone().map(Ok));
    assert_eq!(headers_of(header.properties), properties.headers.expect("given"));
}

#[test]
fn only_delivery_mode_two_is_persistent() {
    for (mode, persistent) in [(0, false), (1, false), (2, true), (3, false)] {
        let properties = Properties { delivery_mode: Some(mode), ..Properties::default() };
        let payload = header_payload(0, &properties.encode());
        let header = ContentHeader::scan(&payload).expect("a header");
        assert_eq!(header.message_header().map(|header| header.persistent), Ok(persistent));
    }
}

#[test]
fn a_bad_expiration_ends_the_channel_only() {
    let properties = Properties { expiration: Some(short("soon")), ..Properties::default() };
    let payload = header_payload(0, &properties.encode());
    let error = ContentHeader::scan(&payload)
        .expect("the bytes are well-formed")
        .message_header()
        .expect_err("no number");
    assert_eq!(error.reply_text(), "invalid expiration 'soon': no_integer");
    assert_eq!(error.reply_code(), ReplyCode::PreconditionFailed);
    assert_eq!(error.failed(), MethodId::BASIC_PUBLISH);
}

#[test]
fn broken_headers_are_refused() {
    let broken: &[&[u8]] = &[
        // No flags; half of them.
        b"",
        b"\0",
        // Bits that stand for no property, and the one that says that more flags follow.
        b"\0\x01\0\0",
        b"\0\x02",
        // A property that is not there, or not all of it.
        b"\x10\0",
        b"\x80\0\x05abc",
        b"\0\x40\0\0\0\0\0\0\0",
        // Bytes that no flag announces.
        b"\0\0x",
        // A headers table that is none.
        b"\x20\0\0\0\0\x03\x01aZ",
        b"\x20\0\0\0\0\x09\x01aV",
    ];
    for properties in broken {
        let payload = header_payload(0, properties);
        let error = ContentHeader::scan(&payload).expect_err("refused");
        assert_eq!(error.reply_code(), ReplyCode::FrameError, "{properties:?}");
        assert_eq!(Properties::decode(properties), Err(error));
        assert_eq!(headers_of(properties), FieldTable::EMPTY);
    }
    for len in 0..12 {
        assert!(ContentHeader::scan(&header_payload(0, &[0, 0])[..len]).is_err());
    }
    // As RabbitMQ 3.10 was seen to answer.
    let error = ContentHeader::scan(&[0, 60, 0]).expect_err("refused");
    assert_eq!(error.reply_text(), "type 2, all octets = <<0,60,0>>: unknown_frame");
}

#[test]
fn a_headers_table_that_is_too_deep_is_refused() {
    let contents = super::tables::nested(5_000, b'F');
    let len = u32::try_from(contents.len()).expect("small").to_be_bytes();
    let properties = [&[0x20, 0][..], &len, &contents].concat();
    assert_eq!(
        ContentHeader::scan(&header_payload(0, &properties)).map(|header| header.body_size),
        Err(WireError::TableTooDeep { id: MethodId::BASIC_PUBLISH })
    );
}

proptest! {
    #[test]
    fn properties_come_back_as_they_went(properties in properties_with(short_str(), table())) {
        let bytes = properties.encode();
        prop_assert_eq!(Properties::decode(&bytes), Ok(properties.clone()));
        let payload = header_payload(7, &bytes);
        let header = ContentHeader::scan(&payload);
        prop_assert!(header.is_ok());
        if let Ok(header) = header {
            prop_assert_eq!(header.properties, &bytes[..]);
            prop_assert_eq!(header.user_id(), properties.user_id.as_ref().map(ShortStr::as_bytes));
            prop_assert_eq!(header.headers().is_some(), properties.headers.is_some());
        }
        prop_assert_eq!(headers_of(&bytes), properties.headers.unwrap_or_default());
    }

    #[test]
    fn the_scan_and_the_decoder_agree_on_random_bytes(
        flags in any::<u16>(),
        rest in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let properties = [&flags.to_be_bytes()[..], &rest].concat();
        let scanned = ContentHeader::scan(&header_payload(0, &properties)).map(|_| ());
        prop_assert_eq!(scanned, Properties::decode(&properties).map(|_| ()));
    }
}

proptest! {
    /// The other properties stay as they are, byte for byte: nothing is read into values and written again.
    #[test]
    fn another_reply_to_changes_nothing_else(
        properties in properties_with(short_str(), table()),
        reply_to in short_str(),
    ) {
        let changed = with_reply_to(&properties.encode(), &reply_to);
        let expected = match properties.reply_to {
            Some(_) => Properties { reply_to: Some(reply_to), ..properties },
            None => properties,
        };
        prop_assert_eq!(changed, expected.encode().to_vec());
    }
}
