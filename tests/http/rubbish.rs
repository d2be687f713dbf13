//! What is no HTTP, or too much of it: it costs its own connection, and AMQP goes on.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::expect;
use crate::support::methods::queue;
use crate::support::{Broker, Http, RawClient, with_guards};

/// `base::limits::HTTP_CONNECTIONS_MAX`, as docs/http-api.md says it.
const CONNECTIONS_MAX: usize = 1024;

/// One of its own: the others must not see a crowded port.
fn broker() -> (Broker, SocketAddr) {
    let broker = Broker::start(&[]);
    let management = broker.management();
    (broker, management)
}

fn connect(address: SocketAddr) -> TcpStream {
    with_guards(TcpStream::connect(address).expect("the port takes connections"))
}

/// Everything until the other side closes, or resets.
fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return all,
            Ok(len) => all.extend_from_slice(&piece[..len]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return all,
            Err(error) => panic!("neither an answer nor an end: {error}"),
        }
    }
}

/// A message there and back, and an answer of the API, when there is room for one.
fn goes_on(broker: &Broker, client: &mut RawClient, name: &str) {
    client.publish(1, "", name, "still here");
    assert_eq!(client.get(1, name).expect("the message").text(), "still here");
    let mut other = RawClient::with_channel_on(broker);
    other.exclusive_queue(1);
    other.close();
}

fn api_answers(address: SocketAddr) {
    expect(&Http::new(address).login("guest", "guest").get("/api/whoami"), 200);
}

fn client(broker: &Broker) -> (RawClient, String) {
    let mut client = RawClient::with_channel_on(broker);
    let name = client.exclusive_queue(1);
    (client, name)
}

/// `SplitMix64`: the bytes come back with the number.
fn random_bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    (0..len.div_ceil(8)).flat_map(|_| next().to_le_bytes()).take(len).collect()
}

#[test]
fn random_bytes_are_answered_with_400_or_nothing() {
    let (broker, address) = broker();
    let (mut amqp, name) = client(&broker);
    let starts: [&[u8]; 6] = [
        b"",
        b"GET ",
        b"GET /api/overview HTTP/1.1\r\n",
        b"GET /api/overview HTTP/1.1\r\nauthorization: ",
        b"PUT /api/queues/%2F/q HTTP/1.1\r\nhost: b\r\ntransfer-encoding: chunked\r\n\r\n",
        b"POST /api/login HTTP/1.1\r\nhost: b\r\ncontent-length: 100\r\n\r\n",
    ];
    for seed in 0..150 {
        let start = starts[usize::try_from(seed).expect("small") % starts.len()];
        let len = 1 + usize::try_from(seed).expect("small") * 13;
        let mut stream = connect(address);
        let bytes = [start, &random_bytes(seed, len), b"\r\n\r\n"].concat();
        // The end may come before everything is taken.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let answer = rest(&mut stream);
        let status = answer.get(9..12).unwrap_or_default();
        let known: [&[u8]; 5] = [b"", b"400", b"401", b"404", b"431"];
        assert!(known.contains(&status), "seed {seed}: {}", String::from_utf8_lossy(&answer));
    }
    goes_on(&broker, &mut amqp, &name);
    api_answers(address);
    assert!(!broker.stop().contains("panicked"));
}

#[test]
fn a_head_of_any_size_and_number_is_bounded() {
    let (broker, address) = broker();
    let (mut amqp, name) = client(&broker);
    let long = "x".repeat(200_000);
    let many = "one: more\r\n".repeat(50_000);
    for (what, head) in [
        ("one header", format!("GET /api/overview HTTP/1.1\r\nhost: b\r\nx: {long}\r\n\r\n")),
        ("many headers", format!("GET /api/overview HTTP/1.1\r\nhost: b\r\n{many}\r\n")),
        ("a path", format!("GET /api/{long} HTTP/1.1\r\nhost: b\r\n\r\n")),
        ("no end of line", long.repeat(20)),
    ] {
        let mut stream = connect(address);
        let _ = stream.write_all(head.as_bytes());
        let answer = rest(&mut stream);
        let text = String::from_utf8_lossy(&answer);
        let is_refused = ["400", "414", "431"].iter().any(|status| text.contains(status));
        assert!(answer.is_empty() || is_refused, "{what}: {text}");
    }
    let peak_kib = broker.status_number("VmHWM");
    assert!(peak_kib < 512 * 1024, "{peak_kib} KiB for some heads");
    goes_on(&broker, &mut amqp, &name);
    api_answers(address);
}

/// As many descriptors as the system lets this process have, for itself and for the brokers it starts.
fn raise_descriptors() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // What is not given is said by the number that holds.
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Half a head each, and nothing more: they hold every place there is, and ten thousand more are turned away.
#[test]
fn who_holds_every_place_keeps_others_from_the_api_and_nobody_from_amqp() {
    let descriptors = raise_descriptors();
    let needed = CONNECTIONS_MAX as u64 * 2;
    assert!(
        descriptors > needed,
        "the test needs {needed} descriptors (ulimit -n), not {descriptors}"
    );
    let (broker, address) = broker();
    let (mut amqp, name) = client(&broker);
    let holders: Vec<TcpStream> = (0..CONNECTIONS_MAX)
        .map(|_| {
            let mut stream = connect(address);
            stream.write_all(b"GET /api/overview HTTP/1.1\r\nhost: ").expect("it is taken");
            stream
        })
        .collect();
    for number in 0..10_000 {
        let mut stream = connect(address);
        assert_eq!(rest(&mut stream), b"", "connection {number} is turned away");
        if number % 1000 == 0 {
            goes_on(&broker, &mut amqp, &name);
        }
    }
    goes_on(&broker, &mut amqp, &name);
    amqp.declare(1, &queue::declare("more").with(queue::EXCLUSIVE));
    drop(holders);
    // The broker hears of it when it does; nothing is to be done for that.
    let http = Http::new(address).login("guest", "guest");
    let head = b"GET /api/whoami HTTP/1.1\r\nhost: b\r\nauthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\nconnection: close\r\n\r\n";
    while {
        let mut stream = connect(address);
        let _ = stream.write_all(head);
        rest(&mut stream).is_empty()
    } {}
    expect(&http.get("/api/overview"), 200);
    let log = broker.stop();
    let lines = log.lines().filter(|line| line.contains("connections refused")).count();
    assert!((1..1000).contains(&lines), "{lines} lines about 10,000 connections");
    assert!(!log.contains("panicked"), "{log}");
}
