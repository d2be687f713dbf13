//! Who tries passwords waits (`LOGIN_PAUSE_MIN_MS` to `LOGIN_PAUSE_MAX_MS`), and nobody else does.

use std::io::Write;
use std::net::TcpStream;

use super::Neighbour;
use super::neighbour::stops_in_peace;
use crate::support::{Broker, Http, Id, Login, RawClient, refusal, with_guards};

/// More than are worked off at a time (`HTTP_WORKING_MAX`), and more names than are remembered (`LOGIN_NAMES_MAX`).
const GUESSES: usize = 40;

#[test]
fn guesses_over_amqp_are_answered_late_and_hold_up_nobody() {
    let broker = Broker::start(&[]);
    let mut neighbour = Neighbour::of(&broker);
    let mut guesses: Vec<_> = (0..GUESSES)
        .map(|number| {
            let mut client = RawClient::connect(&broker);
            let name = format!("user-{}", number % 12);
            client.send_start_ok(&Login::guest().user(&name, &number.to_string()));
            client
        })
        .collect();
    neighbour.is_served(50);
    // Another name of the same address goes on at once, while the guesses wait.
    RawClient::login(&broker, &Login::guest()).close();
    let text = "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details \
                see the broker logfile.";
    for client in &mut guesses {
        client.expect_connection_close(&refusal(403, text, Id(0, 0)));
    }
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}

#[test]
fn guesses_over_http_are_answered_late_and_hold_up_nobody() {
    let broker = Broker::start(&[]);
    let address = broker.management();
    let mut neighbour = Neighbour::of(&broker);
    let guesses: Vec<TcpStream> = (0..GUESSES)
        .map(|number| {
            let mut stream = with_guards(TcpStream::connect(address).expect("it listens"));
            let form = format!("username=user-{}&password={number}", number % 12);
            let len = form.len();
            let head = format!(
                "POST /api/login HTTP/1.1\r\nhost: b\r\nconnection: close\r\ncontent-type: \
                 application/x-www-form-urlencoded\r\ncontent-length: {len}\r\n\r\n{form}"
            );
            stream.write_all(head.as_bytes()).expect("it is taken");
            stream
        })
        .collect();
    let http = Http::new(address).login("guest", "guest");
    for _ in 0..10 {
        assert_eq!(http.get("/api/overview").status, 200);
        neighbour.is_served(5);
    }
    for mut stream in guesses {
        let mut status = [0; 12];
        std::io::Read::read_exact(&mut stream, &mut status).expect("an answer");
        assert_eq!(&status, b"HTTP/1.1 401");
    }
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}
