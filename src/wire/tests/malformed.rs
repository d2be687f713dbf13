//! Bytes that are cut, changed or random: an error or another method, and never a panic.

use proptest::collection::vec;
use proptest::prelude::*;

use super::methods::payload_of;
use super::tables::nested;
use super::values::{any_id, values};
use crate::base::ReplyCode;
use crate::wire::{ContentHeader, Decoder, MethodId, Properties, WireError, decode_method};
use crate::wire::{decode_publish, decode_table};

fn error_of(payload: &[u8]) -> WireError {
    decode_method(payload).expect_err("refused")
}

#[test]
fn a_method_that_does_not_exist_is_named() {
    for payload in [[0, 60, 0, 99], [0, 61, 0, 10], [0xff; 4]] {
        let error = error_of(&payload);
        let (id, _) = MethodId::split(&payload).expect("four octets");
        assert_eq!(error, WireError::UnknownMethod { id });
        assert_eq!(error.reply_text(), "unimplemented method");
        assert_eq!((error.reply_code(), error.failed()), (ReplyCode::CommandInvalid, id));
    }
}

#[test]
fn arguments_that_do_not_fit_are_shown_as_numbers() {
    // As RabbitMQ 3.10 was seen to answer: too short, and one byte too many.
    let short = error_of(b"\0\x3c\0\x0aabcdef");
    assert_eq!(short.reply_text(), "cannot decode <<97,98,99,100,101,102>>");
    assert_eq!((short.reply_code(), short.failed()), (ReplyCode::FrameError, MethodId::BASIC_QOS));
    let long = error_of(b"\0\x3c\0\x0a\0\0\0\0\0\x01\0x");
    assert_eq!(long.reply_text(), "cannot decode <<0,0,0,0,0,1,0,120>>");
    let bridged = error_of(b"\0\x32\0\x0a\0");
    assert_eq!(bridged.reply_text(), "cannot decode <<0>>");
    assert_eq!(bridged.failed(), MethodId::QUEUE_DECLARE);
}

#[test]
fn an_error_does_not_keep_more_than_a_text_can_show() {
    let payload = [&[0, 50, 0, 10][..], &vec![7; 100_000]].concat();
    assert!(error_of(&payload).reply_text().len() < 1_000);
}

#[test]
fn a_payload_without_an_id_is_no_method_frame() {
    let error = error_of(&[0, 60, 0]);
    assert_eq!(error.reply_text(), "type 1, all octets = <<0,60,0>>: unknown_frame");
    assert_eq!(error.reply_code(), ReplyCode::FrameError);
}

#[test]
fn names_that_are_not_utf8_are_refused_by_hand_and_by_the_bridge() {
    let broken: &[(MethodId, &[u8])] = &[
        (MethodId::QUEUE_DECLARE, b"\0\0\x01\xff\0\0\0\0\0"),
        (MethodId::QUEUE_BIND, b"\0\0\x01\xff\0\0\0\0\0\0\0"),
        (MethodId::EXCHANGE_BIND, b"\0\0\0\x01\xff\0\0\0\0\0\0"),
        (MethodId::CONNECTION_OPEN, b"\x01\xff\0\0"),
        (MethodId::BASIC_CONSUME, b"\0\0\0\x01\xff\0\0\0\0\0"),
        (MethodId::BASIC_CANCEL, b"\x01\xff\0"),
    ];
    for (id, arguments) in broken {
        let error = error_of(&[&id.octets()[..], arguments].concat());
        assert_eq!(error, WireError::MalformedUtf8 { id: *id });
        assert_eq!(error.reply_text(), "Malformed UTF-8 in shortstr");
        assert_eq!(error.reply_code(), ReplyCode::FrameError);
        assert_eq!(error.failed(), MethodId::default());
    }
}

#[test]
fn deep_tables_are_refused_in_every_method_that_has_one() {
    let around: &[(MethodId, &[u8], &[u8])] = &[
        (MethodId::CONNECTION_START, b"\0\x09", b"\0\0\0\0\0\0\0\0"),
        (MethodId::CONNECTION_START_OK, b"", b"\0\0\0\0\0\0"),
        (MethodId::EXCHANGE_DECLARE, b"\0\0\0\0\0", b""),
        (MethodId::EXCHANGE_BIND, b"\0\0\0\0\0\0", b""),
        (MethodId::EXCHANGE_UNBIND, b"\0\0\0\0\0\0", b""),
        (MethodId::QUEUE_DECLARE, b"\0\0\0\0", b""),
        (MethodId::QUEUE_BIND, b"\0\0\0\0\0\0", b""),
        (MethodId::QUEUE_UNBIND, b"\0\0\0\0\0", b""),
        (MethodId::BASIC_CONSUME, b"\0\0\0\0\0", b""),
    ];
    let small_stack = std::thread::Builder::new().stack_size(256 * 1024);
    let thread = small_stack.spawn(move || {
        for (id, before, after) in around {
            for tag in [b'F', b'A'] {
                for (levels, refused) in [(5_000, true), (63, false)] {
                    let contents = nested(levels, tag);
                    let len = u32::try_from(contents.len()).expect("small").to_be_bytes();
                    let payload = [&id.octets()[..], before, &len, &contents, after].concat();
                    match decode_method(&payload) {
                        Err(error) => {
                            assert!(refused, "{id:?}: {error}");
                            assert_eq!(error, WireError::TableTooDeep { id: *id });
                            assert_eq!(
                                error.reply_text(),
                                "field table is nested deeper than 64 levels"
                            );
                        }
                        Ok(method) => {
                            assert!(!refused, "{id:?}");
                            assert_eq!(payload_of(&method), payload);
                        }
                    }
                }
            }
        }
    });
    thread.expect("a thread").join().expect("no panic");
}

proptest! {
    #[test]
    fn every_truncation_of_every_method_is_refused(values in values()) {
        for id in MethodId::ALL {
            let payload = payload_of(&values.method(*id));
            for len in 0..payload.len() {
                prop_assert!(decode_method(&payload[..len]).is_err(), "{:?} {}", id, len);
            }
            let longer = [&payload[..], &[0]].concat();
            prop_assert!(decode_method(&longer).is_err(), "{:?}", id);
        }
    }

    #[test]
    fn changed_bytes_never_panic(
        values in values(),
        id in any_id(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut payload = payload_of(&values.method(id));
        for (at, octet) in changes {
            let at = at.index(payload.len());
            payload[at] = octet;
        }
        if let Ok(method) = decode_method(&payload) {
            // What is understood can be said again.
            prop_assert_eq!(decode_method(&payload_of(&method)), Ok(method));
        }
        let _ = decode_publish(&payload);
    }

    #[test]
    fn random_bytes_never_panic(id in any_id(), bytes in vec(any::<u8>(), 0..200)) {
        let payload = [&id.octets()[..], &bytes].concat();
        let _ = (decode_method(&payload), decode_method(&bytes), decode_publish(&bytes));
        let _ = (decode_table(&bytes), Properties::decode(&bytes), ContentHeader::scan(&bytes).is_ok());
        let (len, _) = Decoder::new().complete_prefix(&bytes);
        prop_assert!(len <= bytes.len());
    }
}
