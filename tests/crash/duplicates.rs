//! Duplicates over kills: a message that was confirmed, or is found after the kill, is in its queue once
//! however often it is published again, and one that was lost is not taken for a duplicate.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use tempfile::TempDir;

use super::client::{Client, Confirms, Incoming};
use super::random::Random;
use super::server::{Server, say};
use crate::support::methods::{DURABLE, basic, exchange, queue};
use crate::support::{Table, id};

const ROUNDS: u64 = 5;
const KEYS: u64 = 300;
const CHANNELS: u16 = 3;

/// Where messages are published, and where they are found: by the exchange, the window of a queue, and the
/// messages of a queue.
const TARGETS: [(&str, &str, &str); CHANNELS as usize] =
    [("seen", "", "behind"), ("", "window", "window"), ("", "present", "present")];

fn declare(client: &mut Client) {
    client.open_channel(9).expect("a channel");
    let size = || Table::new().int("x-cache-size", 10_000);
    let seen = exchange::declare("seen", "x-message-deduplication").with(DURABLE);
    client.call(9, &seen.arguments(size()), id::EXCHANGE_DECLARE_OK).expect("an exchange");
    let on = |table: Table| table.bool("x-message-deduplication", true);
    for (name, arguments) in
        [("behind", Table::new()), ("window", on(size())), ("present", on(Table::new()))]
    {
        let declare = queue::declare(name).with(DURABLE).arguments(arguments);
        client.call(9, &declare, id::QUEUE_DECLARE_OK).expect("a queue");
    }
    client.call(9, &queue::bind("behind", "seen", ""), id::QUEUE_BIND_OK).expect("a binding");
}

/// Publishers, one channel for each target.
struct Publishers {
    client: Client,
    confirms: Vec<Confirms>,
    /// The keys of the publishes of each channel, in order.
    sent: Vec<Vec<u64>>,
    confirmed: Vec<BTreeSet<u64>>,
}

impl Publishers {
    fn new(server: &Server) -> Self {
        let mut client = server.client();
        (1..=CHANNELS).for_each(|channel| client.open_confirming(channel).expect("a channel"));
        let confirms = TARGETS.iter().map(|_| Confirms::default()).collect();
        let (sent, confirmed) = (vec![Vec::new(); 3], vec![BTreeSet::new(); 3]);
        Self { client, confirms, sent, confirmed }
    }

    fn publish(&mut self, targets: Range<usize>, keys: Range<u64>) -> std::io::Result<()> {
        for key in keys {
            let headers = Table::new().text("x-deduplication-header", &key.to_string());
            // Headers and a delivery mode of 2.
            let properties = [&[0x30, 0][..], &headers.with_length(), &[2]].concat();
            for target in targets.clone() {
                let (exchange, routing_key, _) = TARGETS[target];
                let channel = u16::try_from(target + 1).expect("three channels");
                let to = (exchange, routing_key);
                self.client.put_content(channel, to, &properties, key.to_string().as_bytes());
                self.confirms[target].sent();
                self.sent[target].push(key);
            }
            if key % 10 == 0 {
                self.client.flush()?;
            }
        }
        self.client.flush()
    }

    /// Hears so many confirms, or all.
    fn hear(&mut self, count: u64) {
        let mut so_far = 0;
        while self.confirms.iter().any(|confirms| confirms.open() > 0) && so_far < count {
            let heard = self.client.next().expect("a broker that lives");
            let Incoming::Settled(settled) = heard else { panic!("a publisher hears {heard:?}") };
            assert!(settled.ok, "nothing is refused");
            let target = usize::from(settled.channel) - 1;
            for number in self.confirms[target].settle(settled) {
                let at = usize::try_from(number - 1).expect("few");
                let key = self.sent[target][at];
                self.confirmed[target].insert(key);
                so_far += 1;
            }
        }
    }
}

/// How often each key is in a queue; acks everything.
fn drain(client: &mut Client, channel: u16, name: &str) -> BTreeMap<u64, u32> {
    client.open_channel(channel).expect("a channel");
    let count = client.ready(channel, name).expect("the queue is there");
    client.consume(channel, name, 0).expect("a consumer");
    let mut found = BTreeMap::new();
    for _ in 0..count {
        let delivery = client.delivery().expect("as many as it said");
        let key = String::from_utf8(delivery.body).expect("text").parse().expect("a key");
        *found.entry(key).or_insert(0) += 1;
        client.put(channel, &basic::ack(delivery.tag));
    }
    assert_eq!(client.ready(channel, name).expect("the queue is there"), 0);
    found
}

#[test]
fn a_duplicate_is_found_after_a_kill_and_a_lost_message_is_none() {
    let seed = Random::any_seed();
    say(format_args!("seed {seed}"));
    let mut random = Random::new(seed);
    let data = TempDir::new().expect("a data directory");
    let mut server = Server::start(data.path());
    declare(&mut server.client());
    for round in 0..ROUNDS {
        let keys = round * KEYS..(round + 1) * KEYS;
        let mut before = Publishers::new(&server);
        before.publish(0..3, keys.clone()).expect("a broker that lives");
        before.hear(random.below(3 * KEYS));
        server.kill();
        server = Server::start(data.path());
        let mut after = Publishers::new(&server);
        // What was acked a round ago, too, where keys outlive their messages.
        let old = keys.start.saturating_sub(KEYS)..keys.start;
        after.publish(0..2, old.clone()).expect("a broker that lives");
        after.publish(0..3, keys.clone()).expect("a broker that lives");
        after.hear(u64::MAX);
        let mut client = server.client();
        for (target, (_, _, name)) in TARGETS.iter().enumerate() {
            let confirmed = &before.confirmed[target];
            say(format_args!("round {round}: {} of {name} were confirmed", confirmed.len()));
            let found = drain(&mut client, 10 + u16::try_from(target).expect("few"), name);
            let expected: BTreeSet<u64> = keys.clone().collect();
            let names: BTreeSet<u64> = found.keys().copied().collect();
            assert_eq!(names, expected, "{name}: every message is there, and no older one");
            for (key, count) in found {
                // Between message and key of an exchange a kill may come, before the confirm.
                let most = if target == 0 && !confirmed.contains(&key) { 2 } else { 1 };
                assert!(count <= most, "{name}: key {key} is there {count} times");
            }
        }
        // The acks are on disk with what is confirmed after them.
        client.close().expect("it is closed");
        let mut last = Publishers::new(&server);
        last.publish(0..2, keys.clone()).expect("a broker that lives");
        let marker = 1_000_000 + round;
        last.publish(2..3, marker..marker + 1).expect("a broker that lives");
        last.hear(u64::MAX);
        let left = drain(&mut server.client(), 1, "present");
        assert_eq!(left.keys().copied().collect::<Vec<_>>(), [marker]);
    }
    server.stop();
}
