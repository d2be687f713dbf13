//! A queue that is longer than the memory of the broker.
//!
//! `HAREMQ_BACKLOG` is the number of messages; `HAREMQ_BIN` a program to be measured, usually one that
//! was built for release: `CONTRIBUTING.md` has the command.

use std::env;

use tempfile::TempDir;

use super::server::{Server, disk_bytes, is_given_program, now, say, segments};
use super::steps::{Fill, close_channel, declare_durable, drain_into, hold};
use crate::support::id;
use crate::support::methods::basic;

const BACKLOG: &str = "HAREMQ_BACKLOG";
const BACKLOG_DEFAULT: u64 = 200_000;

/// Bytes of a message.
const BYTES: usize = 100;

/// What the broker may have in RAM, whatever the backlog, in KiB.
const RSS_KIB_MAX: u64 = 64 * 1024;

/// The same for a program that was built with the tests: without optimization it needs half as much
/// again for the same work.
const RSS_KIB_MAX_DEBUG: u64 = 96 * 1024;

/// The bound for the program under test.
fn rss_kib_max() -> u64 {
    if is_given_program() { RSS_KIB_MAX } else { RSS_KIB_MAX_DEBUG }
}

/// Prints the memory that a step took, and holds it against the bound.
#[track_caller]
fn check_memory(server: &Server, step: &str, kib_max: u64) {
    let (now, peak) = (server.status_number("VmRSS"), server.status_number("VmHWM"));
    say(format_args!("{step}: {} MiB, at most {} MiB", now / 1024, peak / 1024));
    assert!(peak < kib_max, "{step} took {peak} KiB");
}

#[test]
fn a_long_backlog_stays_on_disk() {
    let messages = match env::var(BACKLOG) {
        Ok(text) => text.parse().expect("HAREMQ_BACKLOG is a number"),
        Err(_) => BACKLOG_DEFAULT,
    };
    let data = TempDir::new().expect("a data directory");
    let server = Server::start(data.path());
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    declare_durable(&mut client, 1, "long").expect("a queue");
    let since = now();
    let fill = Fill { bytes: BYTES, window: 10_000, ..Fill::new("long", 1, 1..=messages) };
    fill.run(&mut client, 2).expect("confirms");
    say(format_args!("{messages} messages confirmed after {:.1?}", since.elapsed()));
    check_memory(&server, "filling", rss_kib_max());
    server.kill();

    let server = Server::start(data.path());
    say(format_args!("a start after a kill takes {:.1?}", server.started_in()));
    check_memory(&server, "starting after a kill", rss_kib_max());
    let mut client = server.client();
    hold(&mut client, 1, "long", 1).expect("the first message");
    client.close().expect("a polite end");
    server.stop();

    let server = Server::start(data.path());
    say(format_args!("a start after a clean stop takes {:.1?}", server.started_in()));
    check_memory(&server, "starting again", rss_kib_max());
    let mut client = server.client();
    let since = now();
    let mut next = 1;
    drain_into(&mut client, 1, "long", messages, |name, _| {
        assert_eq!(name, (1, next), "in order");
        next += 1;
    })
    .expect("all messages");
    say(format_args!("{messages} messages acked after {:.1?}", since.elapsed()));
    check_memory(&server, "draining", rss_kib_max());
    client.open_channel(1).expect("a channel");
    assert_eq!(client.ready(1, "long").expect("an answer"), 0);
    client.close().expect("a polite end");
    server.stop();
}

/// Transient messages of a long queue leave RAM as well, and are not kept.
#[test]
fn a_long_transient_backlog_leaves_memory() {
    const MESSAGES: u64 = 20_000;
    let data = TempDir::new().expect("a data directory");
    let server = Server::start(data.path());
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    declare_durable(&mut client, 1, "long").expect("a queue");
    let mode = super::client::Mode::Transient;
    let fill = Fill { bytes: 10_000, mode, ..Fill::new("long", 1, 1..=MESSAGES) };
    fill.run(&mut client, 2).expect("confirms");
    // What is on its way to the disk is in RAM, and these are large.
    check_memory(&server, "200 MB of transient messages", 2 * rss_kib_max());
    let mut next = 1;
    drain_into(&mut client, 2, "long", MESSAGES / 2, |name, _| {
        assert_eq!(name, (1, next), "in order");
        next += 1;
    })
    .expect("half of them");
    check_memory(&server, "draining half of them", 2 * rss_kib_max());
    client.close().expect("a polite end");
    server.stop();
    let server = Server::start(data.path());
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    assert_eq!(client.ready(1, "long").expect("an answer"), 0, "transient ones are gone");
    client.close().expect("a polite end");
    server.stop();
}

#[test]
fn an_old_unacked_message_does_not_hold_the_disk() {
    const LATER: u64 = 100_000;
    const BYTES_EACH: usize = 3_000;
    // The one that is written, some newest ones, and files that are kept to be written again.
    const SEGMENTS_MAX: usize = 8;
    let data = TempDir::new().expect("a data directory");
    let server = Server::start(data.path());
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    declare_durable(&mut client, 1, "old").expect("a queue");
    declare_durable(&mut client, 1, "new").expect("a queue");
    // One message that stays in each queue, the first of the queue that grows among them.
    Fill::new("old", 1, 1..=1).run(&mut client, 2).expect("a confirm");
    let first = Fill { bytes: BYTES_EACH, ..Fill::new("new", 2, 1..=1) };
    first.run(&mut client, 2).expect("a confirm");
    let mut holder = server.client();
    let held = hold(&mut holder, 1, "new", 1).expect("the first message");
    let rest = Fill { bytes: BYTES_EACH, ..Fill::new("new", 2, 2..=LATER) };
    rest.run(&mut client, 2).expect("confirms");
    let (full_bytes, full_segments) = (disk_bytes(data.path()), segments(data.path()).len());
    let mut next = 2;
    drain_into(&mut client, 2, "new", LATER - 1, |name, _| {
        assert_eq!(name, (2, next), "in order");
        next += 1;
    })
    .expect("all but the first");
    // Reclaiming goes on behind the acks; every question gives it time.
    let since = now();
    let mut left = segments(data.path()).len();
    while left > SEGMENTS_MAX && since.elapsed() < super::server::PATIENCE {
        client.ready(1, "new").expect("an answer");
        left = segments(data.path()).len();
    }
    say(format_args!(
        "{full_segments} segments, {} MiB; after the acks {left} segments, {} MiB, {:.1?} later",
        full_bytes >> 20,
        disk_bytes(data.path()) >> 20,
        since.elapsed()
    ));
    assert!(left <= SEGMENTS_MAX, "{left} segments for two messages");
    // The held one is still there, and its ack is still good.
    holder.put(1, &basic::nack(held[0].1, 2));
    holder.call(1, &basic::cancel("c"), id::BASIC_CANCEL_OK).expect("an answer");
    close_channel(&mut holder, 1).expect("an answer");
    drop(holder);
    drop(client);
    server.kill();
    let server = Server::start(data.path());
    let mut client = server.client();
    for (number, queue, name) in [(1, "old", (1, 1)), (2, "new", (2, 1))] {
        let held = hold(&mut client, number, queue, 1).expect("the message that was left");
        assert_eq!(held[0].0, name);
    }
    client.close().expect("a polite end");
    server.stop();
}
