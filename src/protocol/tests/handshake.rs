//! From the protocol header to `open-ok`, and every way to fail on it.

use bytes::Bytes;

use super::pair::{
    CAPABILITIES, Pair, Received, client_properties, close, frame, method_frame, short, start_ok,
    vhost,
};
use crate::base::{ChannelId, FieldValue, HolderId, ReplyCode};
use crate::protocol::{
    Action, Answer, Credentials, Initiator, Mechanism, Negotiated, Refusal, Request, Secret,
    Settings, server_properties,
};
use crate::wire::{Method, MethodId, PROTOCOL_HEADER, encode_table};

fn tune_ok(frame_max: u32, channel_max: u16) -> Method {
    Method::ConnectionTuneOk { channel_max, frame_max, heartbeat_s: 60 }
}

#[test]
fn a_client_logs_in_and_opens_a_virtual_host() {
    let settings = Settings {
        server_properties: server_properties("RabbitMQ", "3.13.7", "hare@box"),
        ..Settings::default()
    };
    let mut pair = Pair::accepted(settings.clone());
    pair.write(&PROTOCOL_HEADER);
    let start = Method::ConnectionStart {
        version_major: 0,
        version_minor: 9,
        server_properties: settings.server_properties,
        mechanisms: Bytes::from_static(b"PLAIN AMQPLAIN"),
        locales: Bytes::from_static(b"en_US"),
    };
    assert_eq!(pair.only_method(0), start);

    let credentials = Credentials {
        mechanism: Mechanism::Plain,
        user: Bytes::from_static(b"guest"),
        password: Secret(Bytes::from_static(b"secret")),
        client_properties: client_properties(&CAPABILITIES),
    };
    assert_eq!(pair.asks(0, &start_ok(&CAPABILITIES)), Request::Authenticate(credentials));
    assert_eq!(pair.answer(Answer::Authenticated), vec![]);
    let tune = Method::ConnectionTune { channel_max: 2047, frame_max: 131_072, heartbeat_s: 60 };
    assert_eq!(pair.only_method(0), tune);

    assert_eq!(pair.send(0, &tune_ok(4096, 100)), vec![]);
    let open = Method::ConnectionOpen { vhost: vhost() };
    assert_eq!(pair.asks(0, &open), Request::OpenVhost(vhost()));
    assert_eq!(pair.answer(Answer::Done), vec![]);
    assert_eq!(pair.only_method(0), Method::ConnectionOpenOk);

    let negotiated = Negotiated { frame_max: 4096, channel_max: 100, heartbeat_s: 60 };
    assert_eq!(pair.server.negotiated(), Some(negotiated));
    assert_eq!(pair.server.vhost(), Some(&vhost()));
    assert_eq!(pair.server.client_properties(), &client_properties(&CAPABILITIES));
}

#[test]
fn credentials_and_secrets_are_never_shown() {
    let mut pair = Pair::started();
    let asked = format!("{:?}", pair.asks(0, &start_ok(&[])));
    assert!(asked.contains("guest"), "{asked}");
    assert!(!asked.contains("secret") && !asked.contains("115, 101"), "{asked}");
}

#[test]
fn a_whole_login_may_come_in_one_write() {
    let mut pair = Pair::accepted(Settings::default());
    let mut bytes = PROTOCOL_HEADER.to_vec();
    bytes.extend(method_frame(0, &start_ok(&[])));
    bytes.extend(method_frame(0, &tune_ok(131_072, 2047)));
    bytes.extend(method_frame(0, &Method::ConnectionOpen { vhost: vhost() }));
    bytes.extend(method_frame(1, &Method::ChannelOpen));
    assert!(matches!(pair.write(&bytes)[..], [Action::Ask(_)]));
    let asks = pair.answer(Answer::Authenticated);
    assert!(
        matches!(&asks[..], [Action::Ask(ask)] if matches!(ask.request, Request::OpenVhost(_))),
        "{asks:?}"
    );
    let opened = pair.answer(Answer::Done);
    let (channel, holder) = (ChannelId(1), HolderId(1));
    assert_eq!(opened, vec![Action::ChannelOpened { channel, holder }]);
}

#[test]
fn the_protocol_header_may_come_in_pieces() {
    let mut pair = Pair::accepted(Settings::default());
    for octet in PROTOCOL_HEADER {
        assert_eq!(pair.received(), vec![]);
        assert_eq!(pair.write(&[octet]), vec![]);
    }
    assert!(matches!(pair.only_method(0), Method::ConnectionStart { .. }));
}

#[test]
fn the_header_of_0_9_is_taken_as_0_9_1() {
    let mut pair = Pair::accepted(Settings::default());
    pair.write(b"AMQP\x01\x01\x00\x09");
    assert!(matches!(pair.only_method(0), Method::ConnectionStart { .. }));
}

#[test]
fn another_protocol_is_answered_with_ours_and_ended() {
    let cases: [(&[u8], &str); 6] = [
        (b"AMQP\x00\x01\x00\x00", "AMQP version [0, 1, 0, 0] is not supported"),
        (
            b"GET / HTTP/1.1\r\n",
            "HTTP GET request detected on AMQP port: the client connects to the wrong port",
        ),
        (
            b"\x16\x03\x01\x02\x00\x01\x00\x01",
            "TLS client detected on non-TLS AMQP port: the client connects to the wrong port",
        ),
        (
            b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 5672\r\n",
            "PROXY protocol header detected on a listener without proxy_protocol = true",
        ),
        (
            b"\r\n\r\n\0\r\nQUIT\n",
            "PROXY protocol header detected on a listener without proxy_protocol = true",
        ),
        (
            b"SSH-2.0-",
            "client did not start with AMQP protocol header: [83, 83, 72, 45, 50, 46, 48, 45]",
        ),
    ];
    for (header, log) in cases {
        let mut pair = Pair::accepted(Settings::default());
        let actions = pair.write(header);
        let expected = vec![Action::Log(log.to_owned()), Action::Disconnect { pause_ms: 0 }];
        assert_eq!(actions, expected);
        assert_eq!(pair.received(), vec![Received::ProtocolHeader]);
        assert_eq!(pair.input.len(), 0, "what follows is dropped");
    }
}

#[test]
fn amqplain_takes_a_table_without_its_length() {
    let mut pair = Pair::started();
    let table = [("LOGIN", "guest"), ("PASSWORD", "secret")]
        .into_iter()
        .map(|(key, value)| (short(key), FieldValue::text(value)))
        .collect();
    let mut response = Vec::new();
    encode_table(&table, &mut response);
    let start_ok = Method::ConnectionStartOk {
        client_properties: client_properties(&[]),
        mechanism: short("AMQPLAIN"),
        response: Bytes::from(response.split_off(4)),
        locale: short("en_US"),
    };
    let Request::Authenticate(credentials) = pair.asks(0, &start_ok) else {
        panic!("no login");
    };
    assert_eq!(credentials.mechanism, Mechanism::Amqplain);
    assert_eq!(credentials.user, "guest");
    assert_eq!(credentials.password, Secret(Bytes::from_static(b"secret")));
}

#[test]
fn an_unknown_mechanism_ends_silently() {
    let mut pair = Pair::started();
    let start_ok = Method::ConnectionStartOk {
        client_properties: client_properties(&CAPABILITIES),
        mechanism: short("SCRAM"),
        response: Bytes::new(),
        locale: short("en_US"),
    };
    let actions = pair.send(0, &start_ok);
    let log = "closing connection in state starting: \
               COMMAND_INVALID - unknown authentication mechanism 'SCRAM'";
    pair.expect_silent_end(&actions, log);
}

#[test]
fn a_malformed_sasl_response_ends_silently() {
    let cases = [
        ("PLAIN", &b"guest"[..], "SYNTAX_ERROR - PLAIN response invalid"),
        ("AMQPLAIN", b"", "SYNTAX_ERROR - AMQPLAIN auth info is missing LOGIN or PASSWORD field"),
        (
            "AMQPLAIN",
            b"\x05LOGINt\x01",
            "SYNTAX_ERROR - AMQPLAIN auth info uses unsupported type for LOGIN or PASSWORD field",
        ),
        ("AMQPLAIN", b"\x05LOG", "SYNTAX_ERROR - cannot decode field table"),
    ];
    for (mechanism, response, text) in cases {
        let mut pair = Pair::started();
        let actions = pair.send(
            0,
            &Method::ConnectionStartOk {
                client_properties: client_properties(&CAPABILITIES),
                mechanism: short(mechanism),
                response: Bytes::from_static(response),
                locale: short("en_US"),
            },
        );
        pair.expect_silent_end(&actions, &format!("closing connection in state starting: {text}"));
    }
}

const REFUSED: &str = "Login was refused using authentication mechanism PLAIN. \
                       For details see the broker logfile.";

#[test]
fn a_refused_login_is_told_to_a_client_that_takes_it() {
    let mut pair = Pair::started();
    pair.send(0, &start_ok(&["authentication_failure_close"]));
    let actions = pair.answer(Answer::LoginRefused(REFUSED.to_owned()));
    let text = format!("ACCESS_REFUSED - {REFUSED}");
    pair.expect_connection_close(&actions, (403, &text, MethodId::default()));
}

#[test]
fn a_refused_login_ends_silently_for_any_other_client() {
    let mut pair = Pair::started();
    pair.send(0, &start_ok(&["consumer_cancel_notify"]));
    let actions = pair.answer(Answer::LoginRefused(REFUSED.to_owned()));
    let log = format!("closing connection in state securing: ACCESS_REFUSED - {REFUSED}");
    pair.expect_silent_end(&actions, &log);
}

#[test]
fn tune_ok_is_checked_against_both_ends() {
    let higher = |field: &str, value: &str, max: u32| {
        format!("negotiated {field} = {value} is higher than the maximum allowed value ({max})")
    };
    let cases = [
        (
            tune_ok(4095, 100),
            "negotiated frame_max = 4095 is lower than the minimum allowed value (4096)".to_owned(),
        ),
        (tune_ok(131_073, 100), higher("frame_max", "131073", 131_072)),
        (tune_ok(0, 100), higher("frame_max", "0", 131_072)),
        (tune_ok(131_072, 2048), higher("channel_max", "2048", 2047)),
        (tune_ok(131_072, 0), higher("channel_max", "0 (no limit)", 2047)),
    ];
    for (tune_ok, explanation) in cases {
        let mut pair = Pair::tuning(Settings::default());
        let actions = pair.send(0, &tune_ok);
        let text = format!("NOT_ALLOWED - {explanation}");
        pair.expect_connection_close(&actions, (530, &text, MethodId::CONNECTION_TUNE));
    }
}

#[test]
fn a_server_without_limits_takes_any_tuning() {
    let unlimited = Settings { frame_max: 0, channel_max: 0, ..Settings::default() };
    for (frame_max, channel_max) in [(0, 0), (4096, 1), (u32::MAX, u16::MAX)] {
        let mut pair = Pair::tuning(unlimited.clone());
        assert_eq!(pair.send(0, &tune_ok(frame_max, channel_max)), vec![]);
        assert_eq!(pair.server.state(), "opening");
    }
}

#[test]
fn a_refused_virtual_host_is_told_with_its_code() {
    for (code, number) in [(ReplyCode::NotAllowed, 530), (ReplyCode::AccessRefused, 403)] {
        let mut pair = Pair::tuning(Settings::default());
        pair.send(0, &tune_ok(131_072, 2047));
        pair.asks(0, &Method::ConnectionOpen { vhost: vhost() });
        let refusal =
            Refusal { code, text: "vhost / not found".to_owned(), failed: MethodId::default() };
        let actions = pair.answer(Answer::Refused(refusal));
        let text = format!("{} - vhost / not found", code.name());
        pair.expect_connection_close(&actions, (number, &text, MethodId::CONNECTION_OPEN));
    }
}

#[test]
fn a_method_out_of_turn_ends_silently_before_login_and_is_told_after() {
    let open = Method::ConnectionOpen { vhost: vhost() };
    let mut pair = Pair::started();
    let actions = pair.send(0, &open);
    let text = "CHANNEL_ERROR - unexpected method in connection state starting";
    pair.expect_silent_end(&actions, &format!("closing connection in state starting: {text}"));

    let mut pair = Pair::tuning(Settings::default());
    let actions = pair.send(0, &open);
    let text = "CHANNEL_ERROR - unexpected method in connection state tuning";
    pair.expect_silent_end(&actions, &format!("closing connection in state tuning: {text}"));

    let mut pair = Pair::tuning(Settings::default());
    pair.send(0, &tune_ok(131_072, 2047));
    let actions = pair.send(0, &start_ok(&[]));
    let text = "CHANNEL_ERROR - unexpected method in connection state opening";
    pair.expect_connection_close(&actions, (504, text, MethodId::CONNECTION_START_OK));
}

#[test]
fn bad_frames_before_login_end_silently() {
    let too_large = [&[1, 0, 0][..], &9000u32.to_be_bytes()].concat();
    let cases = [
        (too_large, "FRAME_ERROR - type 1, all octets = <<>>: {frame_too_large,9000,8184}"),
        (
            frame(1, 1, &[0, 20, 0, 10, 0]),
            "UNEXPECTED_FRAME - type 1, all octets = <<0,20,0,10,0>>",
        ),
        (frame(3, 0, b"ab"), "UNEXPECTED_FRAME - type 3, all octets = <<\"ab\">>"),
        (frame(9, 0, b""), "FRAME_ERROR - type 9, all octets = <<>>: unknown_frame"),
        (frame(1, 0, &[0, 10, 0, 11]), "FRAME_ERROR - cannot decode <<>>"),
        (frame(1, 0, &[0, 10, 0, 99]), "COMMAND_INVALID - unimplemented method"),
        (frame(8, 1, b""), "UNEXPECTED_FRAME - type 8, all octets = <<>>"),
    ];
    for (bytes, text) in cases {
        let mut pair = Pair::started();
        let actions = pair.write(&bytes);
        pair.expect_silent_end(&actions, &format!("closing connection in state starting: {text}"));
    }
}

#[test]
fn a_frame_is_small_until_the_connection_is_open() {
    let mut pair = Pair::tuning(Settings::default());
    pair.send(0, &tune_ok(131_072, 2047));
    let actions = pair.write(&[&[1, 0, 0][..], &9000u32.to_be_bytes()].concat());
    let text = "FRAME_ERROR - type 1, all octets = <<>>: {frame_too_large,9000,8184}";
    pair.expect_connection_close(&actions, (501, text, MethodId::default()));
}

/// A table of `depth` tables within each other, as it stands in a method: with its length.
fn nested_table(depth: usize) -> Vec<u8> {
    let mut table = Vec::new();
    for _ in 0..depth {
        let mut outer = vec![1, b'k', b'F'];
        outer.extend_from_slice(&u32::try_from(table.len()).expect("short").to_be_bytes());
        outer.extend(table);
        table = outer;
    }
    [&u32::try_from(table.len()).expect("short").to_be_bytes()[..], &table].concat()
}

#[test]
fn deep_tables_are_refused_before_and_after_login() {
    // As deep as the largest frame before login can hold, and 5,000 deep after it.
    let mut start_ok = vec![0, 10, 0, 11];
    start_ok.extend(nested_table(1100));
    start_ok.extend_from_slice(b"\x05PLAIN\x00\x00\x00\x00\x05en_US");
    let mut pair = Pair::started();
    let actions = pair.write(&frame(1, 0, &start_ok));
    let text = "FRAME_ERROR - field table is nested deeper than 64 levels";
    pair.expect_silent_end(&actions, &format!("closing connection in state starting: {text}"));

    let mut declare = vec![0, 50, 0, 10, 0, 0, 1, b'q', 0];
    declare.extend(nested_table(5000));
    let mut pair = Pair::channel();
    let actions = pair.write(&frame(1, 1, &declare));
    pair.expect_connection_close(&actions, (501, text, MethodId::QUEUE_DECLARE));
}

#[test]
fn a_silent_peer_is_dropped_when_the_handshake_takes_too_long() {
    let mut pair = Pair::started();
    let deadline = pair.server.next_deadline().expect("a handshake has an end");
    assert_eq!(deadline, pair.now.after(10_000));
    assert_eq!(pair.advance(9_999), vec![]);
    let log = "handshake timed out in state starting".to_owned();
    assert_eq!(pair.advance(1), vec![Action::Log(log), Action::Disconnect { pause_ms: 0 }]);
    assert_eq!(pair.server.next_deadline(), None);
    assert_eq!(pair.server.ended_by(), Some(Initiator::Server));
}

#[test]
fn the_handshake_time_out_does_not_hit_an_open_connection() {
    let mut pair = Pair::open();
    assert_eq!(pair.server.next_deadline(), None);
    assert_eq!(pair.advance(100_000), vec![]);
}

#[test]
fn an_answer_that_fits_no_question_is_an_internal_error() {
    let mut pair = Pair::channel();
    pair.asks(1, &Method::QueuePurge { queue: "q".try_into().expect("short"), nowait: false });
    let actions = pair.answer(Answer::Authenticated);
    let expected = Method::ConnectionClose(close(541, "INTERNAL_ERROR", MethodId::QUEUE_PURGE));
    assert_eq!(pair.only_method(0), expected, "{actions:?}");
}
