use crate::base::{Body, ExchangeName};

use super::*;

fn short(text: &str) -> ShortStr {
    ShortStr::try_from(text).expect("short")
}

fn queue(name: &str) -> QueueName {
    QueueName::try_from(name).expect("short")
}

fn target(routing_key: Option<&str>) -> DeadLetterTarget {
    let exchange = ExchangeName::try_from("dlx").expect("short");
    let routing_key = routing_key.map(short);
    DeadLetterTarget { exchange, routing_key, until_taken: false }
}

fn message(header: MessageHeader) -> Message {
    let exchange = ExchangeName::try_from("in").expect("short");
    let body = Body::One(Bytes::from_static(b"body"));
    Message::new(&exchange, b"key", b"", body, header)
}

/// A message with its headers, as it goes from queue to queue.
struct Journey {
    message: Message,
    headers: FieldTable,
    last: Option<DeadMessage>,
}

impl Journey {
    fn new(header: MessageHeader, headers: &[(&str, FieldValue)]) -> Self {
        let headers = headers.iter().map(|(key, value)| (short(key), value.clone())).collect();
        Self { message: message(header), headers, last: None }
    }

    fn dies(&mut self, name: &str, reason: Reason, unix_seconds: u64, key: Option<&str>) {
        let queue = queue(name);
        let death = Death { queue: &queue, reason, unix_seconds };
        let dead =
            DeadMessage::new(&self.message, &self.headers, death, &target(key), |_, _| vec![7]);
        (self.message, self.headers) = (dead.message.clone(), dead.headers.clone());
        self.last = Some(dead);
    }

    /// Queue, reason and count of each entry.
    fn history(&self) -> Vec<(String, String, i128)> {
        let text = |table: &FieldTable, key: &str| {
            let value = table.get(key.as_bytes()).and_then(FieldValue::as_text);
            value.expect("a text").to_owned()
        };
        let entry = |entry: &FieldValue| {
            let FieldValue::Table(entry) = entry else { panic!("{entry:?}") };
            let count = entry.get(b"count").and_then(FieldValue::as_integer);
            (text(entry, "queue"), text(entry, "reason"), count.expect("a number"))
        };
        deaths(&self.headers).iter().map(entry).collect()
    }

    fn is_circling(&self, name: &str) -> bool {
        self.last.as_ref().is_some_and(|dead| dead.is_circling(&queue(name)))
    }
}

fn keys(names: &[&str]) -> FieldValue {
    FieldValue::Array(names.iter().map(|name| FieldValue::text(name)).collect())
}

#[test]
fn the_first_death_tells_everything_and_takes_the_expiration_off() {
    let header = MessageHeader {
        persistent: true,
        priority: Some(3),
        expiration_ms: Some(60_000),
        has_headers: true,
    };
    let mut journey = Journey::new(header, &[("CC", keys(&["copy"])), ("a", FieldValue::I32(1))]);
    journey.dies("q", Reason::Expired, 99, None);
    let text = FieldValue::text;
    let entry = FieldTable::new(vec![
        (short("count"), FieldValue::I64(1)),
        (short("reason"), text("expired")),
        (short("queue"), text("q")),
        (short("time"), FieldValue::Timestamp(99)),
        (short("exchange"), text("in")),
        (short("routing-keys"), keys(&["key", "copy"])),
        (short("original-expiration"), text("60000")),
    ]);
    let expected = FieldTable::new(vec![
        (short("CC"), keys(&["copy"])),
        (short("a"), FieldValue::I32(1)),
        (short("x-death"), FieldValue::Array(vec![FieldValue::Table(entry)])),
        (short("x-first-death-reason"), text("expired")),
        (short("x-last-death-reason"), text("expired")),
        (short("x-first-death-queue"), text("q")),
        (short("x-last-death-queue"), text("q")),
        (short("x-first-death-exchange"), text("in")),
        (short("x-last-death-exchange"), text("in")),
    ]);
    assert_eq!(journey.headers, expected);
    let dead = journey.last.expect("it died");
    assert_eq!(dead.keys(), ["key", "copy"]);
    let message = dead.message;
    assert_eq!((message.exchange(), message.routing_key()), ("dlx", &b"key"[..]));
    assert_eq!((message.properties(), message.body().to_vec()), (&[7][..], b"body".to_vec()));
    assert_eq!(message.header(), MessageHeader { expiration_ms: None, ..header });
}

#[test]
fn a_routing_key_of_the_queue_replaces_all_keys_of_the_message() {
    let mut journey = Journey::new(MessageHeader::default(), &[("CC", keys(&["copy"]))]);
    journey.dies("q", Reason::MaxLen, 0, Some("other"));
    let dead = journey.last.expect("it died");
    assert_eq!(dead.keys(), ["other"]);
    assert_eq!(dead.message.routing_key(), b"other");
    assert_eq!(dead.headers.get(b"CC"), None);
}

#[test]
fn deaths_of_one_queue_and_reason_are_counted_and_the_last_one_stands_first() {
    let mut journey = Journey::new(MessageHeader::default(), &[]);
    for round in 1..=3 {
        journey.dies("work", Reason::Rejected, 10 * round, Some("retry"));
        journey.dies("retry", Reason::Expired, 10 * round + 5, Some("work"));
    }
    journey.dies("work", Reason::Expired, 99, Some("retry"));
    let entry = |queue: &str, reason: &str, count| (queue.to_owned(), reason.to_owned(), count);
    let expected =
        [entry("work", "expired", 1), entry("retry", "expired", 3), entry("work", "rejected", 3)];
    assert_eq!(journey.history(), expected);
    let FieldValue::Table(oldest) = &deaths(&journey.headers)[2] else { panic!("a table") };
    assert_eq!(oldest.get(b"time"), Some(&FieldValue::Timestamp(10)), "that of the first time");
    let first = journey.headers.get(b"x-first-death-reason").and_then(FieldValue::as_text);
    let last = journey.headers.get(b"x-last-death-reason").and_then(FieldValue::as_text);
    assert_eq!((first, last), (Some("rejected"), Some("expired")));
}

#[test]
fn only_a_circle_in_which_nobody_rejected_the_message_is_one() {
    let mut journey = Journey::new(MessageHeader::default(), &[]);
    journey.dies("a", Reason::Expired, 0, None);
    assert!(!journey.is_circling("b") && journey.is_circling("a"));
    journey.dies("b", Reason::MaxLen, 0, None);
    assert!(journey.is_circling("a") && !journey.is_circling("c"));
    journey.dies("c", Reason::Rejected, 0, None);
    assert!(!journey.is_circling("a"), "a rejection is somebody's doing");
    journey.dies("d", Reason::Expired, 0, None);
    assert!(!journey.is_circling("a"), "there was one on the way");
    assert!(journey.is_circling("d"));
}

#[test]
fn a_history_that_is_none_is_replaced() {
    let nonsense = FieldValue::Array(vec![FieldValue::Void, FieldValue::text("x")]);
    for found in [FieldValue::I32(1), nonsense] {
        let mut journey = Journey::new(MessageHeader::default(), &[("x-death", found)]);
        journey.dies("q", Reason::DeliveryLimit, 0, None);
        let FieldValue::Table(entry) = &deaths(&journey.headers)[0] else { panic!("a table") };
        assert_eq!(entry.get(b"reason"), Some(&FieldValue::text("delivery_limit")));
        assert!(!journey.is_circling("other"));
    }
}
