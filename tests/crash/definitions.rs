//! Definitions after a kill: what was answered with `declare-ok` is there, and nothing else.

use std::collections::BTreeMap;
use std::io;
use std::thread;

use tempfile::TempDir;

use super::client::{Client, Mode, is_end_of_broker};
use super::random::Random;
use super::server::{Server, Starting};
use super::steps::{Fill, declare_durable};
use crate::support::methods::{DURABLE, PASSIVE, exchange, queue};
use crate::support::{Call, Id, Table, id};

const DECLARED: Id = id::QUEUE_DECLARE_OK;

/// The answer to one question on a connection of its own, because a refusal ends the channel.
fn asked(server: &Server, call: &Call, answer: Id) -> Result<(), String> {
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    client.call(1, call, answer).map(|_| ()).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(server: &Server, call: &Call, code: &str) {
    let text = asked(server, call, Id(0, 0)).expect_err("a refusal");
    assert!(text.starts_with(&format!("channel.close {code} ")), "{text}");
}

fn passive_queue(name: &str) -> Call {
    queue::declare(name).with(PASSIVE)
}

fn passive_exchange(name: &str) -> Call {
    exchange::declare(name, "direct").with(PASSIVE)
}

#[test]
fn durable_definitions_are_back_after_a_kill() {
    let data = TempDir::new().expect("a data directory");
    let server = Server::start(data.path());
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    let limited = || Table::new().int("x-max-length", 3);
    let declares = [
        queue::declare("plain").with(DURABLE),
        queue::declare("limited").with(DURABLE).arguments(limited()),
        queue::declare("passing"),
        queue::declare("mine").with(DURABLE | queue::EXCLUSIVE),
    ];
    for (kind, name) in [("direct", "d"), ("topic", "t"), ("headers", "h"), ("fanout", "f")] {
        let declare = exchange::declare(name, kind).with(DURABLE);
        client.call(1, &declare, id::EXCHANGE_DECLARE_OK).expect("an exchange");
    }
    let passing = exchange::declare("passing", "fanout");
    client.call(1, &passing, id::EXCHANGE_DECLARE_OK).expect("an exchange");
    for declare in &declares {
        client.call(1, declare, DECLARED).expect("a queue");
    }
    let match_any = Table::new().text("x-match", "any").text("colour", "red");
    for bind in [
        queue::bind("plain", "d", "key"),
        queue::bind("plain", "t", "a.*.c"),
        queue::bind("plain", "h", "").arguments(match_any),
        queue::bind("limited", "f", ""),
        queue::bind("passing", "d", "passing"),
    ] {
        client.call(1, &bind, id::QUEUE_BIND_OK).expect("a binding");
    }
    client.call(1, &exchange::bind("f", "d", "all"), id::EXCHANGE_BIND_OK).expect("a binding");
    server.kill();

    let server = Server::start(data.path());
    for name in ["plain", "limited"] {
        asked(&server, &passive_queue(name), DECLARED).expect(name);
    }
    for name in ["passing", "mine"] {
        refused(&server, &passive_queue(name), "404");
    }
    refused(&server, &passive_exchange("passing"), "404");
    // The arguments are the same, and still mean the same.
    asked(&server, &declares[1], DECLARED).expect("the same arguments");
    refused(&server, &queue::declare("limited").with(DURABLE), "406");
    let topic = exchange::declare("t", "topic").with(DURABLE);
    asked(&server, &topic, id::EXCHANGE_DECLARE_OK).expect("the same type");
    refused(&server, &exchange::declare("t", "fanout").with(DURABLE), "406");
    let mut client = server.client();
    client.open_confirming(1).expect("a channel");
    for place in [("d", "key"), ("t", "a.b.c"), ("t", "a.b"), ("h", ""), ("d", "passing")] {
        client.put_message(1, place, Mode::Persistent, b"one");
    }
    client.put_message(1, ("d", "all"), Mode::Persistent, b"one");
    assert_eq!(client.ready(1, "plain").expect("an answer"), 2, "two of the bindings match");
    assert_eq!(client.ready(1, "limited").expect("an answer"), 1, "by way of two exchanges");
}

#[test]
fn what_was_deleted_stays_deleted_after_a_kill() {
    let data = TempDir::new().expect("a data directory");
    let server = Server::start(data.path());
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    for name in ["gone", "again", "kept"] {
        declare_durable(&mut client, 1, name).expect("a queue");
    }
    for name in ["gone", "kept"] {
        let declare = exchange::declare(name, "fanout").with(DURABLE);
        client.call(1, &declare, id::EXCHANGE_DECLARE_OK).expect("an exchange");
        let bind = queue::bind("kept", name, "");
        client.call(1, &bind, id::QUEUE_BIND_OK).expect("a binding");
    }
    Fill::new("again", 1, 1..=50).run(&mut client, 2).expect("confirms");
    let calls = [
        (queue::delete("gone"), id::QUEUE_DELETE_OK),
        (exchange::delete("gone"), id::EXCHANGE_DELETE_OK),
        (queue::unbind("kept", "kept", ""), id::QUEUE_UNBIND_OK),
        // The last one before the kill: no later answer says that the disk has it.
        (queue::delete("again"), id::QUEUE_DELETE_OK),
    ];
    for (call, answer) in &calls {
        client.call(1, call, *answer).expect("an answer");
    }
    server.kill();

    let server = Server::start(data.path());
    for name in ["gone", "again"] {
        refused(&server, &passive_queue(name), "404");
    }
    refused(&server, &passive_exchange("gone"), "404");
    asked(&server, &passive_exchange("kept"), id::EXCHANGE_DECLARE_OK).expect("it was kept");
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    declare_durable(&mut client, 1, "again").expect("a queue");
    assert_eq!(client.ready(1, "again").expect("an answer"), 0, "the messages went with it");
    client.put_message(1, ("kept", ""), Mode::Persistent, b"to nobody");
    assert_eq!(client.ready(1, "kept").expect("an answer"), 0, "the binding is gone");
}

#[test]
fn the_default_user_is_there_after_a_kill_at_the_first_moment() {
    let data = TempDir::new().expect("a data directory");
    Server::start(data.path()).kill();
    let server = Server::start(data.path());
    // `connect` is guest with its password on the vhost "/".
    server.client().close().expect("a polite end");
    server.stop();
}

#[test]
fn a_second_broker_on_the_same_directory_gives_up() {
    let data = TempDir::new().expect("a data directory");
    let server = Server::start(data.path());
    let (code, stderr) = Starting::launch(data.path(), &[]).end();
    assert_eq!(code, Some(1), "{stderr}");
    let path = data.path().to_str().expect("UTF-8");
    assert_eq!(stderr.lines().count(), 1, "one line: {stderr}");
    assert!(stderr.contains(path), "it names the path: {stderr}");
    // And it has done no harm to the first.
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    declare_durable(&mut client, 1, "still").expect("the first goes on");
    server.stop();
}

/// What one client declared and deleted, and the one call that was not answered.
#[derive(Default)]
struct Declared {
    there: BTreeMap<String, bool>,
    open: Option<String>,
}

fn declare_until_killed(port: u16, word: &str, mut random: Random) -> (Declared, io::Error) {
    let mut declared = Declared::default();
    let error = declare_on(port, word, &mut random, &mut declared).expect_err("it is killed");
    (declared, error)
}

fn declare_on(
    port: u16,
    word: &str,
    random: &mut Random,
    declared: &mut Declared,
) -> io::Result<()> {
    let mut client = Client::connect(port)?;
    client.open_channel(1)?;
    loop {
        let name = format!("{word}-{}", random.below(40));
        declared.open = Some(name.clone());
        if declared.there.get(&name) == Some(&true) {
            client.call(1, &queue::delete(&name), id::QUEUE_DELETE_OK)?;
            declared.there.insert(name, false);
        } else {
            declare_durable(&mut client, 1, &name)?;
            declared.there.insert(name, true);
        }
        declared.open = None;
    }
}

#[test]
fn declares_and_deletes_survive_kills_at_any_moment() {
    let seed = Random::any_seed();
    let mut random = Random::new(seed);
    let data = TempDir::new().expect("a data directory");
    for round in 0..8 {
        let server = Server::start(data.path());
        let port = server.port();
        let clients: Vec<_> = (0..3)
            .map(|client| {
                let random = random.fork();
                let word = format!("r{round}c{client}");
                thread::spawn(move || declare_until_killed(port, &word, random))
            })
            .collect();
        // A look at the port is an event that takes its time; how long differs with every run.
        for _ in 0..=random.below(60) {
            drop(server.client());
        }
        server.kill();
        let server = Server::start(data.path());
        for client in clients {
            let (declared, error) = client.join().expect("a client");
            assert!(is_end_of_broker(&error), "seed {seed}: {error}");
            for (name, there) in &declared.there {
                let sure = declared.open.as_ref() != Some(name);
                if sure {
                    let found = asked(&server, &passive_queue(name), DECLARED).is_ok();
                    assert_eq!(found, *there, "seed {seed}, round {round}: {name}");
                }
            }
        }
        server.stop();
    }
}
