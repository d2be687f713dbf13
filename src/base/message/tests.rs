use super::*;

fn exchange() -> ExchangeName {
    ExchangeName::try_from("logs").expect("a short name")
}

fn of(body: Body) -> Message {
    Message::new(&exchange(), b"key", b"\x00\x00", body, MessageHeader::default())
}

#[test]
fn a_message_is_what_it_was_put_together_from() {
    let header = MessageHeader {
        persistent: true,
        priority: Some(0),
        expiration_ms: Some(u64::MAX),
        has_headers: true,
    };
    let (key, properties) = ([255; 255], vec![1; 300]);
    for len in [0, 1, 200, 300, 1800, 3500, 4000, 5000, 20_000] {
        let body = Bytes::from(vec![7; len]);
        let (start, end) = (body.slice(..len / 3), body.slice(len / 3..));
        let cut = Body::Many(vec![start, end]);
        let message = Message::new(&exchange(), &key, &properties, cut, header);
        assert_eq!((message.exchange(), message.routing_key()), ("logs", &key[..]));
        assert_eq!(message.exchange_name(), exchange());
        assert_eq!(message.properties(), properties);
        assert_eq!(message.header(), header);
        assert_eq!(message.body().len(), len);
        assert_eq!(message.body().to_vec(), body);
        assert_eq!(message.content_bytes(), 255 + 300 + len as u64);
        let parts = message.content();
        let route = [&b"\x04logs\xff"[..], &key].concat();
        assert_eq!((parts.route, message.route()), (&route[..], &route[..]));
        assert_eq!((parts.properties, parts.body), (&properties[..], message.body()));
        let shared = || body.clone();
        let whole = Message::whole(&route, &properties, &body, header, shared);
        assert_eq!(whole, message);
        assert!(!whole.same(&message) && whole.same(&whole.clone()));
    }
}

#[test]
fn messages_with_another_key_or_header_are_not_equal() {
    let message = of(Body::One(Bytes::from_static(b"ab")));
    let header = MessageHeader { priority: Some(0), ..MessageHeader::default() };
    let body = || Body::One(Bytes::from_static(b"ab"));
    for other in [
        Message::new(&exchange(), b"kez", b"\x00\x00", body(), MessageHeader::default()),
        Message::new(&exchange(), b"key", b"\x00\x00", body(), header),
        Message::new(&exchange(), b"key", b"\x00", body(), MessageHeader::default()),
        of(Body::One(Bytes::from_static(b"ac"))),
    ] {
        assert_ne!(message, other);
    }
    assert_eq!(message, of(body()));
}

#[test]
fn a_message_that_is_not_large_does_not_hold_on_to_the_read_buffer() {
    for len in [100, MESSAGE_PACKED_BYTES_MAX, MESSAGE_COPY_BYTES_MAX - 5] {
        let chunk = Bytes::from(vec![7u8; len]);
        let message = of(Body::Many(vec![chunk.slice(..10), chunk.slice(10..)]));
        assert_eq!(message.body(), BodyRef::Packed(&vec![7; len]));
        assert!(chunk.is_unique(), "{len} bytes");
    }
}

#[test]
fn a_large_body_keeps_the_slices_it_came_in() {
    let chunk = Bytes::from(vec![7u8; 2 * MESSAGE_COPY_BYTES_MAX]);
    let message = of(Body::One(chunk.clone()));
    let BodyRef::Slices([piece]) = message.body() else { panic!("{message:?}") };
    assert_eq!(piece.as_ptr(), chunk.as_ptr());
}

#[test]
fn a_message_has_one_route_and_its_flags_are_those_of_its_properties() {
    let message = of(Body::One(Bytes::from_static(b"ab")));
    assert!(message.has_route(b"\x04logs\x03key"));
    for other in [&b"\x04logs\x03kez"[..], b"\x03log\x04skey", b"\x00\x07logskey", b""] {
        assert!(!message.has_route(other), "{other:?}");
    }
    for (properties, flags) in [(&b"\x00\x10\x00"[..], 0x10), (b"\x80", 0), (b"", 0)] {
        let body = Body::One(Bytes::from_static(b"ab"));
        let header = MessageHeader::default();
        let message = Message::new(&exchange(), b"key", properties, body, header);
        assert_eq!(message.property_flags(), flags, "{properties:?}");
    }
}
