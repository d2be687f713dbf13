//! Requests that two readers would cut at different places (RFC 9112, sections 5.2, 6.3, 7.1 and 11.2): nothing that
//! is hidden in one of them is ever carried out.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::Neighbour;
use super::neighbour::stops_in_peace;
use crate::support::{Broker, Http, with_guards};

const WHO: &str = "authorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\n";

/// What is hidden: it makes a virtual host if it is taken for a request.
fn hidden() -> String {
    format!("PUT /api/vhosts/smuggled HTTP/1.1\r\nhost: b\r\n{WHO}content-length: 2\r\n\r\n{{}}")
}

/// A harmless request with these lines, and what follows its head.
fn with(lines: &str, rest: &str) -> String {
    format!("GET /api/whoami HTTP/1.1\r\nhost: b\r\n{WHO}{lines}\r\n\r\n{rest}")
}

/// Everything that is answered until the end, to this and to a last request behind it on the same connection. The
/// sending side stays open, as it does for a proxy: who has hung up is asked for nothing more.
fn answers(address: SocketAddr, request: &str) -> String {
    let mut stream = with_guards(TcpStream::connect(address).expect("the port takes connections"));
    // It may be refused before it was taken as a whole.
    let _ = stream.write_all(request.as_bytes());
    let _ = stream.write_all(with("connection: close", "").as_bytes());
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(len) => all.extend_from_slice(&piece[..len]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("neither an answer nor an end: {error}; {request:?}"),
        }
    }
    String::from_utf8_lossy(&all).into_owned()
}

/// Forms and their requests. The length, where one is given, is that of the hidden request with its chunk before it.
fn forms() -> Vec<(&'static str, String)> {
    let hidden = hidden();
    let chunks = format!("0\r\n\r\n{hidden}");
    let whole = chunks.len();
    let chunked = "transfer-encoding: chunked";
    vec![
        ("length, then chunks", with(&format!("content-length: {whole}\r\n{chunked}"), &chunks)),
        ("chunks, then length", with(&format!("{chunked}\r\ncontent-length: {whole}"), &chunks)),
        (
            "two lengths",
            with(&format!("content-length: 0\r\ncontent-length: {}", hidden.len()), &hidden),
        ),
        ("a list of lengths", with(&format!("content-length: 0, {}", hidden.len()), &hidden)),
        ("a length with a sign", with("content-length: +0", &hidden)),
        ("a negative length", with("content-length: -1", &hidden)),
        ("a hexadecimal length", with("content-length: 0x0", &hidden)),
        ("a length beyond 64 bits", with("content-length: 18446744073709551616", &hidden)),
        ("a folded line", with("x: a\r\n content-length: 0", &hidden)),
        ("a folded coding", with("transfer-encoding:\r\n chunked", &chunks)),
        ("a space before the colon", with("content-length : 0", &hidden)),
        ("a coding and a space before the colon", with("transfer-encoding : chunked", &chunks)),
        ("an unknown coding", with("transfer-encoding: xchunked", &chunks)),
        ("a coding behind chunks", with("transfer-encoding: chunked, identity", &chunks)),
        ("a coding with a vertical tab", with("transfer-encoding: \x0bchunked", &chunks)),
        ("two codings", with("transfer-encoding: chunked\r\ntransfer-encoding: identity", &chunks)),
        ("chunks in HTTP/1.0", with(chunked, &chunks).replacen("HTTP/1.1", "HTTP/1.0", 1)),
        ("a chunk with a sign", with(chunked, &format!("+0\r\n\r\n{hidden}"))),
        ("a chunk in hexadecimal notation", with(chunked, &format!("0x0\r\n\r\n{hidden}"))),
        ("a chunk beyond 64 bits", with(chunked, &format!("10000000000000000\r\n{hidden}"))),
        ("a chunk without its end", with(chunked, &format!("1\r\nab\r\n0\r\n\r\n{hidden}"))),
        ("a chunk that ends with LF only", with(chunked, &format!("0\n\n{hidden}"))),
        ("a bare CR in a value", with("x: a\rcontent-length: 0", &hidden)),
        ("a NUL in a value", with("x: a\0\r\ncontent-length: 0", &hidden)),
        ("no host", with("", "").replacen("host: b\r\n", "x y: z\r\n", 1) + &hidden),
    ]
}

#[test]
fn a_request_that_can_be_read_in_two_ways_hides_no_other() {
    let broker = Broker::start(&[]);
    let address = broker.management();
    let mut neighbour = Neighbour::of(&broker);
    let http = Http::new(address).login("guest", "guest");
    let mut wrong = Vec::new();
    for (form, request) in forms() {
        let text = answers(address, &request);
        let statuses: Vec<&str> =
            text.match_indices("HTTP/1.").filter_map(|(at, _)| text.get(at + 9..at + 12)).collect();
        let is_hidden = http.get("/api/vhosts/smuggled").status == 404;
        if !is_hidden || statuses.len() > 1 {
            http.delete("/api/vhosts/smuggled");
            wrong.push(format!("{form}: {statuses:?}, carried out: {}", !is_hidden));
        }
        neighbour.is_served(1);
    }
    assert!(wrong.is_empty(), "one answer and the end were expected: {wrong:#?}");
    // What is hidden would be done if it were taken for a request.
    let text = answers(address, &(with("content-length: 0", "") + &hidden()));
    assert_eq!(text.matches("HTTP/1.1 20").count(), 3, "{text}");
    assert_eq!(http.get("/api/vhosts/smuggled").status, 200);
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}
