//! Every method is written and read back.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::values::{any_id, values};
use crate::base::ExchangeName;
use crate::wire::{Method, MethodId, WireError, decode_method, decode_publish, encode_method};

pub(super) fn payload_of(method: &Method) -> Vec<u8> {
    let mut payload = Vec::new();
    encode_method(method, &mut payload);
    payload
}

#[test]
fn method_ids_are_all_different_and_named() {
    let ids: BTreeSet<MethodId> = MethodId::ALL.iter().copied().collect();
    assert_eq!(ids.len(), MethodId::ALL.len());
    assert!(ids.iter().all(|id| id.name().is_some()));
    assert_eq!(MethodId { class: 60, method: 40 }.name(), Some("basic.publish"));
    assert_eq!(MethodId::EXCHANGE_UNBIND_OK, MethodId { class: 40, method: 51 });
    assert_eq!(MethodId { class: 60, method: 41 }.name(), None);
}

#[test]
fn access_request_ok_keeps_its_ticket() {
    let method = Method::AccessRequestOk { ticket: 1 };
    assert_eq!(payload_of(&method), [0, 30, 0, 11, 0, 1]);
}

proptest! {
    #[test]
    fn every_method_comes_back_as_it_went(values in values()) {
        for id in MethodId::ALL {
            let method = values.method(*id);
            prop_assert_eq!(method.id(), *id);
            prop_assert_eq!(decode_method(&payload_of(&method)), Ok(method));
        }
    }

    #[test]
    fn a_borrowed_publish_is_the_owned_one(values in values(), id in any_id()) {
        let payload = payload_of(&values.method(id));
        match (decode_publish(&payload), decode_method(&payload)) {
            (
                Some(Ok(borrowed)),
                Ok(Method::BasicPublish { exchange, routing_key, mandatory, immediate }),
            ) => {
                prop_assert_eq!(borrowed.exchange_name(), Ok(exchange));
                prop_assert_eq!(borrowed.routing_key, routing_key.as_bytes());
                prop_assert_eq!((borrowed.mandatory, borrowed.immediate), (mandatory, immediate));
            }
            (None, Ok(_)) => prop_assert_ne!(id, MethodId::BASIC_PUBLISH),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}

#[test]
fn a_publish_to_a_name_that_is_not_utf8_is_refused_when_the_name_is_needed() {
    let payload = [&[0, 60, 0, 40, 0, 0, 2, b'x', 0xff, 1, 0xfe, 0][..]].concat();
    let publish = decode_publish(&payload).expect("a publish").expect("well-formed");
    assert_eq!(publish.exchange, b"x\xff");
    assert_eq!(publish.routing_key, b"\xfe");
    assert_eq!(
        publish.exchange_name(),
        Err(WireError::MalformedUtf8 { id: MethodId::BASIC_PUBLISH })
    );
    assert_eq!(
        decode_method(&payload),
        Err(WireError::MalformedUtf8 { id: MethodId::BASIC_PUBLISH })
    );
}

#[test]
fn text_that_is_not_utf8_leaves_as_utf8_and_not_too_long() {
    let long = crate::base::ShortStr::copy_from(&[0xff; 255]).expect("255 bytes");
    let method = Method::ConnectionBlocked { reason: long };
    match decode_method(&payload_of(&method)) {
        Ok(Method::ConnectionBlocked { reason }) => {
            assert_eq!(reason.to_text(), "\u{fffd}".repeat(85));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn unknown_flags_of_a_known_method_are_ignored() {
    let mut payload = payload_of(&Method::BasicPublish {
        exchange: ExchangeName::try_from("e").expect("short"),
        routing_key: crate::base::ShortStr::EMPTY,
        mandatory: true,
        immediate: false,
    });
    *payload.last_mut().expect("the flags") |= 0b1111_1000;
    let publish = decode_publish(&payload).expect("a publish").expect("well-formed");
    assert_eq!((publish.mandatory, publish.immediate), (true, false));
}
