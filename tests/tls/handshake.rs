//! Handshakes: good ones, and each way in which one is refused.

use std::io::{Read, Write};
use std::net::{Ipv6Addr, TcpStream};

use super::authority::{Authority, Validity};
use super::world::{Files, HOST, refusal};
use crate::support::methods::{basic, queue};
use crate::support::{Broker, ClientStream, GUARD, Login, RawClient, id, with_guards};

#[test]
fn a_client_that_trusts_the_authority_logs_in() {
    let files = Files::new();
    let broker = files.broker(&[]);
    let client = files.trusting().login(broker.tls_port(), &Login::guest());
    client.close();
    assert_eq!(broker.stop(), "", "nothing to warn of");
}

/// More than TLS holds by itself, both ways: what the socket does not take must come after it.
#[test]
fn a_large_message_goes_there_and_back() {
    let files = Files::new();
    let broker = files.broker(&[]);
    let mut client = files.trusting().login(broker.tls_port(), &Login::guest());
    client.open_channel(1);
    client.call(1, &queue::declare("large"), id::QUEUE_DECLARE_OK);
    let body: Vec<u8> =
        (0..5_000_000_u32).map(|at| u8::try_from(at % 251).expect("small")).collect();
    client.send(1, &basic::publish("", "large"));
    client.send_header(1, body.len() as u64, &[0, 0]);
    for piece in body.chunks(100_000) {
        client.send_body(1, piece);
    }
    for _ in 0..3 {
        let message = client.get(1, "large").expect("the message");
        assert!(message.body == body, "byte for byte (I3)");
        client.send(1, &basic::reject(message.tag, true));
    }
    client.close();
}

#[test]
fn a_client_turns_away_from_an_expired_certificate() {
    let files = Files::new();
    files.put_server(&files.authority.server(HOST, Validity::Expired));
    let broker = files.broker(&[]);
    let error = files.trusting().connect(broker.tls_port()).expect_err("expired").to_string();
    assert!(error.contains("expired"), "{error}");
    let stderr = broker.stop();
    assert!(
        stderr.contains("connection refused") && stderr.contains("CertificateExpired"),
        "{stderr}"
    );
}

#[test]
fn a_client_turns_away_from_the_certificate_of_another_host() {
    let files = Files::new();
    let broker = files.broker(&[]);
    let client = files.trusting().bound_for("elsewhere.example.com");
    let error = client.connect(broker.tls_port()).expect_err("another host").to_string();
    assert!(error.contains("not valid for name"), "{error}");
}

#[test]
fn a_client_turns_away_from_an_authority_that_it_does_not_know() {
    let files = Files::new();
    let broker = files.broker(&[]);
    let other = Authority::new("Other");
    let client = files.trusting().who_trusts(&other);
    let error = client.connect(broker.tls_port()).expect_err("unknown").to_string();
    assert!(error.contains("UnknownIssuer"), "{error}");
    let stderr = broker.stop();
    assert!(stderr.contains("peer=127.0.0.1:") && stderr.contains("UnknownCA"), "{stderr}");
}

const MUTUAL: [&str; 2] =
    ["ssl_options.verify = verify_peer", "ssl_options.fail_if_no_peer_cert = true"];

#[test]
fn a_client_without_a_certificate_is_refused_where_one_is_wanted() {
    let files = Files::new();
    let broker = files.broker(&MUTUAL);
    let error = refusal(files.trusting().connect(broker.tls_port()));
    assert!(error.contains("CertificateRequired"), "{error}");
    let own = files.authority.client("app", Validity::Good);
    files.trusting().with(&own).login(broker.tls_port(), &Login::guest()).close();
    let stderr = broker.stop();
    assert!(stderr.contains("peer sent no certificates"), "{stderr}");
}

#[test]
fn a_client_certificate_that_is_expired_or_of_a_stranger_is_refused() {
    let files = Files::new();
    let broker = files.broker(&MUTUAL);
    let expired = files.authority.client("app", Validity::Expired);
    let error = refusal(files.trusting().with(&expired).connect(broker.tls_port()));
    assert!(error.contains("CertificateExpired"), "{error}");
    let stranger = Authority::new("Other").client("app", Validity::Good);
    let error = refusal(files.trusting().with(&stranger).connect(broker.tls_port()));
    assert!(error.contains("alert"), "{error}");
    let stderr = broker.stop();
    assert!(stderr.contains("expired") && stderr.contains("UnknownIssuer"), "{stderr}");
}

#[test]
fn a_client_may_come_without_a_certificate_but_not_with_a_bad_one() {
    let files = Files::new();
    let broker = files.broker(&MUTUAL[..1]);
    files.trusting().login(broker.tls_port(), &Login::guest()).close();
    let stranger = Authority::new("Other").client("app", Validity::Good);
    refusal(files.trusting().with(&stranger).connect(broker.tls_port()));
}

#[test]
fn a_chain_is_as_long_as_the_depth_allows() {
    let files = Files::new();
    let between = files.authority.intermediate("Between");
    let own = between.client("app", Validity::Good);
    let depth = |depth: &'static str| files.broker(&[MUTUAL[0], MUTUAL[1], depth]);
    let broker = depth("ssl_options.depth = 1");
    files.trusting().with(&own).and(&between).login(broker.tls_port(), &Login::guest()).close();
    let broker = depth("ssl_options.depth = 0");
    refusal(files.trusting().with(&own).and(&between).connect(broker.tls_port()));
}

/// As for RabbitMQ: `cacertfile` completes what `certfile` begins.
#[test]
fn an_intermediate_certificate_beside_the_authority_is_sent_as_well() {
    let files = Files::new();
    let between = files.authority.intermediate("Between");
    files.put_server(&between.server(HOST, Validity::Good));
    files.put("ca.pem", &format!("{}{}", files.authority.pem, between.pem));
    let broker = files.broker(&[]);
    files.trusting().login(broker.tls_port(), &Login::guest()).close();
}

#[test]
fn the_versions_of_the_settings_are_spoken() {
    let files = Files::new();
    for (line, expected) in [
        ("ssl_options.versions.1 = tlsv1.2", rustls::ProtocolVersion::TLSv1_2),
        ("ssl_options.versions.1 = tlsv1.3", rustls::ProtocolVersion::TLSv1_3),
    ] {
        let broker = files.broker(&[line]);
        let stream = files.trusting().connect(broker.tls_port()).expect("a good handshake");
        assert_eq!(stream.conn.protocol_version(), Some(expected), "{line}");
    }
}

#[test]
fn what_is_no_tls_is_named_in_the_log_and_harms_nobody() {
    let files = Files::new();
    let broker = files.broker(&[]);
    let mut here = files.trusting().login(broker.tls_port(), &Login::guest());
    for bytes in
        [&b"AMQP\x00\x00\x09\x01"[..], b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello"]
    {
        let mut stream = connect(broker.tls_port());
        stream.write_all(bytes).expect("the broker takes bytes");
        assert_is_ended(&mut stream);
    }
    // A port scan says nothing at all.
    drop(connect(broker.tls_port()));
    here.open_channel(1);
    here.close();
    let stderr = broker.stop();
    assert!(stderr.contains("AMQP without TLS on a port for TLS"), "{stderr}");
    assert!(stderr.contains("does not speak TLS"), "{stderr}");
    assert!(stderr.contains("TLS handshake failed"), "{stderr}");
    assert_eq!(stderr.lines().count(), 3, "one line each:\n{stderr}");
}

#[test]
fn tls_on_the_port_without_it_is_named_in_the_log() {
    let files = Files::new();
    let broker = files.broker(&[]);
    files.trusting().over(broker.connect()).expect_err("no TLS there");
    let stderr = broker.stop();
    assert!(stderr.contains("TLS client detected on non-TLS AMQP port"), "{stderr}");
}

#[test]
fn a_handshake_that_does_not_go_on_is_ended_and_harms_nobody() {
    let files = Files::new();
    let broker = files.broker(&["ssl_handshake_timeout = 200ms"]);
    let mut slow: Vec<_> = (0..5)
        .map(|_| {
            let mut stream = connect(broker.tls_port());
            stream.write_all(&[0x16, 0x03]).expect("the broker takes bytes");
            stream
        })
        .collect();
    let mut silent = connect(broker.tls_port());
    files.trusting().login(broker.tls_port(), &Login::guest()).close();
    slow.iter_mut().for_each(assert_is_ended);
    assert_is_ended(&mut silent);
    let stderr = broker.stop();
    assert_eq!(stderr.matches("took longer than 200 ms").count(), 6, "{stderr}");
}

#[test]
fn a_stop_does_not_wait_for_handshakes() {
    let files = Files::new();
    let broker = files.broker(&["ssl_handshake_timeout = 1h"]);
    let mut silent = connect(broker.tls_port());
    files.trusting().login(broker.tls_port(), &Login::guest()).close();
    broker.stop();
    assert_is_ended(&mut silent);
}

#[test]
fn tls_is_spoken_over_ipv6() {
    let files = Files::new();
    let lines = files.lines(&[]);
    let broker = Broker::start_on("::1", &lines.iter().map(String::as_str).collect::<Vec<_>>());
    let stream = TcpStream::connect((Ipv6Addr::LOCALHOST, broker.tls_port())).expect("it listens");
    let stream = files.trusting().over(with_guards(stream)).expect("a good handshake");
    let mut client = RawClient::over(ClientStream::Tls(Box::new(stream)));
    client.handshake(&Login::guest());
    client.close();
}

fn connect(port: u16) -> TcpStream {
    with_guards(TcpStream::connect(("127.0.0.1", port)).expect("the broker listens"))
}

/// Whatever alert may come before the end, it comes, and within the guard of the socket.
fn assert_is_ended(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(GUARD)).expect("above zero");
    let ended = stream.read_to_end(&mut Vec::new());
    let reset = ended.as_ref().is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset);
    assert!(ended.is_ok() || reset, "{ended:?}");
}
