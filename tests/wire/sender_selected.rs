//! `CC` and `BCC`: more routing keys in the headers of a message (rabbitmq: sender-selected.md).

use crate::support::methods::{basic, queue};
use crate::support::{RawClient, Table, id, refusal};

/// Properties that are nothing but these headers.
fn headers(table: &Table) -> Vec<u8> {
    [&[0x20, 0][..], &table.with_length()].concat()
}

/// An array of long strings, with its type.
fn keys(keys: &[&str]) -> Vec<u8> {
    let mut values = Vec::new();
    for key in keys {
        values.push(b'S');
        values.extend(u32::try_from(key.len()).expect("short").to_be_bytes());
        values.extend_from_slice(key.as_bytes());
    }
    let len = u32::try_from(values.len()).expect("short").to_be_bytes();
    [&b"A"[..], &len, &values].concat()
}

#[test]
fn a_message_goes_wherever_one_of_its_keys_leads_and_bcc_is_not_delivered() {
    let mut client = RawClient::with_channel();
    let [own, copied, blind] = [(); 3].map(|()| client.exclusive_queue(1));
    let both = Table::new().int("n", 1).raw("CC", &keys(&[&copied, &own, "nowhere"]));
    let sent = headers(&both.clone().raw("BCC", &keys(&[&blind])).text("z", "last"));
    client.send_publish(1, &basic::publish("", &own), &sent, "one");
    let delivered = headers(&both.text("z", "last"));
    for queue in [&own, &copied, &blind] {
        let got = client.get(1, queue).expect("the message");
        assert_eq!((got.text(), &got.properties), ("one", &delivered));
        assert_eq!(got.routing_key, own.as_bytes(), "the key of the publish");
        assert!(client.get(1, queue).is_none(), "once to each queue");
    }
    // The next message with the same key must not go where that one went.
    client.publish(1, "", &own, "two");
    assert_eq!(client.get(1, &own).expect("the message").text(), "two");
    assert!(client.get(1, &copied).is_none());
}

#[test]
fn keys_in_the_headers_are_matched_by_topic_exchanges_too() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    let bind = queue::bind(&queue, "amq.topic", "sender.selected.*");
    client.call(1, &bind, id::QUEUE_BIND_OK).end();
    let cc = headers(&Table::new().raw("CC", &keys(&["sender.selected.one"])));
    client.send_publish(1, &basic::publish("amq.topic", "elsewhere"), &cc, "one");
    assert_eq!(client.get(1, &queue).expect("the message").text(), "one");
}

#[test]
fn a_header_that_is_no_array_is_refused() {
    for name in ["CC", "BCC"] {
        let mut client = RawClient::with_channel();
        let sent = headers(&Table::new().text(name, "key"));
        client.send_publish(1, &basic::publish("", "anywhere"), &sent, "");
        let text = format!(
            "PRECONDITION_FAILED - invalid message: {{unacceptable_type_in_header,\"{name}\",longstr}}"
        );
        client.expect_refusal(1, &refusal(406, text, id::BASIC_PUBLISH));
    }
}
