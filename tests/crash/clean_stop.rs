//! A clean stop loses nothing, and the next start need not search for anything.

use std::thread;

use tempfile::TempDir;

use super::client::Mode;
use super::server::{Server, say};
use super::steps::{Drained, Fill, declare_durable, drain, fresh, hold};
use crate::support::id;
use crate::support::methods::{basic, queue};

#[test]
fn a_clean_stop_keeps_what_is_persistent() {
    let data = TempDir::new().expect("a data directory");
    let server = Server::start(data.path());
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    for name in ["long", "mixed", "large"] {
        declare_durable(&mut client, 1, name).expect("a queue");
    }
    client.call(1, &queue::declare("passing"), id::QUEUE_DECLARE_OK).expect("a queue");
    Fill::new("long", 1, 1..=20_000).run(&mut client, 2).expect("confirms");
    let large = Fill { bytes: 300_000, ..Fill::new("large", 2, 1..=10) };
    large.run(&mut client, 2).expect("confirms");
    Fill::new("passing", 3, 1..=10).run(&mut client, 2).expect("confirms");
    for sequence in 1..=100 {
        let mode = if sequence % 2 == 0 { Mode::Transient } else { Mode::Persistent };
        let fill = Fill { mode, ..Fill::new("mixed", 4, sequence..=sequence) };
        fill.run(&mut client, 2).expect("confirms");
    }
    // The first 100 are acked, the next 50 are held.
    let held = hold(&mut client, 3, "long", 150).expect("messages");
    client.call(3, &basic::cancel("c"), id::BASIC_CANCEL_OK).expect("nothing more comes");
    client.put(3, &basic::ack_up_to(held[99].1));
    client.flush().expect("it runs");
    // It holds them until the broker says that it ends, and answers that.
    let holder = thread::spawn(move || while client.next().is_ok() {});
    let stderr = server.stop();
    assert!(!stderr.contains("ERROR"), "{stderr}");
    holder.join().expect("it answers");

    let server = Server::start(data.path());
    say(format_args!("a start after a clean stop takes {:.1?}", server.started_in()));
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    let mut long: Drained = fresh(1, 101..=20_000);
    for (_, redelivered) in &mut long[..50] {
        *redelivered = true;
    }
    assert_eq!(client.ready(1, "long").expect("an answer"), 19_900);
    assert_eq!(drain(&mut client, 2, "long", 19_900).expect("messages"), long);
    assert_eq!(drain(&mut client, 2, "large", 10).expect("messages"), fresh(2, 1..=10));
    let odd: Drained = fresh(4, 1..=100).into_iter().filter(|((_, n), _)| n % 2 == 1).collect();
    assert_eq!(client.ready(1, "mixed").expect("an answer"), 50, "transient ones are gone");
    assert_eq!(drain(&mut client, 2, "mixed", 50).expect("messages"), odd);
    client.call(1, &queue::declare("passing"), id::QUEUE_DECLARE_OK).expect("it is a new one");
    assert_eq!(client.ready(1, "passing").expect("an answer"), 0);
    drop(client);
    server.stop();
}

#[test]
fn stops_and_starts_in_a_row_change_nothing() {
    let data = TempDir::new().expect("a data directory");
    let server = Server::start(data.path());
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    declare_durable(&mut client, 1, "q").expect("a queue");
    Fill::new("q", 1, 1..=3_000).run(&mut client, 2).expect("confirms");
    // Handed out and given back: the flag counts, not the place.
    let held = hold(&mut client, 3, "q", 10).expect("messages");
    let last = held.last().expect("ten messages").1;
    client.put(3, &basic::nack(last, 1 | 2));
    client.flush().expect("it runs");
    drop(client);
    server.stop();
    for _ in 0..3 {
        Server::start(data.path()).stop();
        Server::start(data.path()).kill();
    }
    let server = Server::start(data.path());
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    let drained = drain(&mut client, 2, "q", 3_000).expect("messages");
    let names: Vec<_> = drained.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, fresh(1, 1..=3_000).iter().map(|(name, _)| *name).collect::<Vec<_>>());
    assert!(drained[..10].iter().all(|(_, redelivered)| *redelivered), "they were handed out");
    assert_eq!(client.ready(1, "q").expect("an answer"), 0);
    drop(client);
    server.stop();
}
