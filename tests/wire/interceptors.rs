//! What the configuration has written into messages, and the default type of queues.

use crate::support::methods::{DURABLE, basic, queue};
use crate::support::{Broker, RawClient, Table, id, refusal, unique};

const TIMESTAMP: &str = "message_interceptors.incoming.set_header_timestamp.overwrite";
const ROUTING_NODE: &str = "message_interceptors.incoming.set_header_routing_node.overwrite";

/// Properties of a message that has a timestamp and both headers already.
fn full() -> Vec<u8> {
    let headers = Table::new().long("timestamp_in_ms", 7000).text("x-routed-by", "there");
    [&[0x20, 0x40][..], &headers.with_length(), &7_u64.to_be_bytes()].concat()
}

/// What comes back of these properties.
fn delivered(client: &mut RawClient, properties: &[u8]) -> Vec<u8> {
    let queue = client.exclusive_queue(1);
    client.send_publish(1, &basic::publish("", &queue), properties, "body");
    let got = client.get(1, &queue).expect("the message");
    assert_eq!(got.text(), "body");
    got.properties
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_message_is_given_its_time_and_its_node() {
    for overwrite in [true, false] {
        let lines = [
            format!("{TIMESTAMP} = {overwrite}"),
            format!("{ROUTING_NODE} = {overwrite}"),
            "cluster_name = here".to_owned(),
        ];
        let Some(broker) = Broker::own(&lines.each_ref().map(String::as_str)) else { return };
        let mut client = RawClient::with_channel_on(&broker);
        let given = delivered(&mut client, &[0, 0]);
        assert_eq!(given[..2], [0x20, 0x40], "headers and timestamp");
        assert!(
            contains(&given, b"\x0fS") || contains(&given, b"\x0bx-routed-byS\x00\x00\x00\x04here")
        );
        let (rest, seconds) = given.split_at(given.len() - 8);
        let seconds = u64::from_be_bytes(seconds.try_into().expect("eight bytes"));
        assert!(seconds > 1_600_000_000, "{seconds}");
        let at = rest.windows(16).position(|w| w == b"\x0ftimestamp_in_ms").expect("the header");
        let ms: [u8; 8] = rest[at + 17..at + 25].try_into().expect("eight bytes");
        assert_eq!(u64::from_be_bytes(ms) / 1000, seconds);
        let full = full();
        assert_eq!(delivered(&mut client, &full) == full, !overwrite);
    }
}

#[test]
fn a_queue_without_a_type_gets_the_default_one_when_it_can_be_of_it() {
    let Some(broker) = Broker::own(&["default_queue_type = quorum"]) else { return };
    let mut client = RawClient::with_channel_on(&broker);
    let of = |text: &str| Table::new().text("x-queue-type", text);
    let name = unique("default");
    client.declare(1, &queue::declare(&name).with(DURABLE));
    client.declare(1, &queue::declare(&name).with(DURABLE).arguments(of("quorum")));
    client.declare(1, &queue::declare(&name).with(DURABLE));
    let passing = unique("passing");
    client.declare(1, &queue::declare(&passing));
    client.declare(1, &queue::declare(&passing).arguments(of("classic")));
    client.declare(1, &queue::declare(&passing));
    let text = format!(
        "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue '{name}' in vhost '/': \
         received 'classic' but current is 'quorum'"
    );
    let classic = queue::declare(&name).with(DURABLE).arguments(of("classic"));
    client.refused(1, &classic, &refusal(406, text, id::QUEUE_DECLARE));
}
