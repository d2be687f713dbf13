//! From `connection.start` to a refused or accepted login.

use crate::support::methods::channel;
use crate::support::{
    Broker, Call, Id, Login, RawClient, Table, Tune, entries, frame, id, on_oracle, refusal,
};

const HEADER: &[u8] = b"AMQP\x00\x00\x09\x01";

/// The text with which a login is refused.
fn login_refused(mechanism: &str) -> String {
    format!(
        "ACCESS_REFUSED - Login was refused using authentication mechanism {mechanism}. For details \
         see the broker logfile."
    )
}

#[test]
fn connection_start_names_version_mechanisms_and_locales() {
    let mut client = RawClient::connect(Broker::shared());
    client.send_bytes(HEADER);
    let mut start = client.expect(0, id::CONNECTION_START);
    assert_eq!((start.octet(), start.octet()), (0, 9), "version");
    let _properties = start.long_bytes();
    let mechanisms = String::from_utf8(start.long_bytes()).expect("ASCII");
    let mechanisms: Vec<_> = mechanisms.split(' ').collect();
    assert!(mechanisms.contains(&"PLAIN") && mechanisms.contains(&"AMQPLAIN"), "{mechanisms:?}");
    assert_eq!(start.long_bytes(), b"en_US");
    start.end();
}

#[test]
fn connection_start_tells_the_properties_that_clients_look_for() {
    let mut client = RawClient::connect(Broker::shared());
    client.send_bytes(HEADER);
    let mut start = client.expect(0, id::CONNECTION_START);
    start.short();
    let properties = entries(&start.long_bytes());
    assert_eq!(
        properties["product"],
        b"S\
        RabbitMQ"
    );
    for key in ["version", "platform", "information", "cluster_name"] {
        assert_eq!(properties[key][0], b'S', "{key} is a long string");
        assert!(properties[key].len() > 1, "{key} says something");
    }
    let version = String::from_utf8(properties["version"][1..].to_vec()).expect("ASCII");
    let numbers: Vec<u32> = version.split('.').map(|part| part.parse().expect("digits")).collect();
    assert_eq!(numbers.len(), 3, "{version}");
    assert_eq!(properties["capabilities"][0], b'F');
    let capabilities = entries(&properties["capabilities"][1..]);
    for capability in [
        "publisher_confirms",
        "exchange_exchange_bindings",
        "basic.nack",
        "consumer_cancel_notify",
        "connection.blocked",
        "authentication_failure_close",
        "per_consumer_qos",
        "consumer_priorities",
        "direct_reply_to",
    ] {
        assert_eq!(capabilities[capability], b"t\x01", "{capability}");
    }
}

/// The whole handshake, octet by octet.
#[test]
fn plain_opens_a_connection() {
    let mut client = RawClient::connect(Broker::shared());
    client.send_bytes(HEADER);
    client.expect(0, id::CONNECTION_START);
    client.send_bytes(
        b"\x01\x00\x00\x00\x00\x00\x24\x00\x0a\x00\x0b\
          \x00\x00\x00\x00\x05PLAIN\x00\x00\x00\x0c\x00guest\x00guest\x05en_US\xce",
    );
    client.expect_bytes(
        b"\x01\x00\x00\x00\x00\x00\x0c\x00\x0a\x00\x1e\x07\xff\x00\x02\x00\x00\x00\x3c\xce",
    );
    client.send_bytes(
        b"\x01\x00\x00\x00\x00\x00\x0c\x00\x0a\x00\x1f\x07\xff\x00\x02\x00\x00\x00\x00\xce",
    );
    client.send_bytes(b"\x01\x00\x00\x00\x00\x00\x08\x00\x0a\x00\x28\x01/\x00\x00\xce");
    client.expect_bytes(b"\x01\x00\x00\x00\x00\x00\x05\x00\x0a\x00\x29\x00\xce");
}

#[test]
fn a_handshake_may_come_octet_by_octet() {
    let login = Login::guest();
    let mut client = RawClient::connect(Broker::shared());
    client.send_bytes(HEADER);
    client.expect(0, id::CONNECTION_START);
    for octet in login.start_ok().frame(0) {
        client.send_bytes(&[octet]);
    }
    client.expect(0, id::CONNECTION_TUNE);
}

#[test]
fn amqplain_opens_a_connection() {
    let response = Table::new().text("LOGIN", "guest").text("PASSWORD", "guest");
    let login = Login::guest().mechanism("AMQPLAIN", response.contents());
    RawClient::login(Broker::shared(), &login).close();
}

#[test]
fn a_wrong_password_is_refused_with_a_frame_to_clients_that_understand_it() {
    let cases = [
        Login::guest().user("guest", "wrong"),
        Login::guest().user("guest", ""),
        Login::guest().user("nobody", "guest"),
        Login::guest().user("", ""),
        Login::guest().user("guest", "\u{fc}\u{20ac}"),
    ];
    for login in cases {
        let mut client = RawClient::connect(Broker::shared());
        client.send_start_ok(&login);
        client.expect_connection_close(&refusal(403, login_refused("PLAIN"), id::NONE));
    }
}

#[test]
fn a_wrong_password_by_amqplain_names_that_mechanism() {
    let response = Table::new().text("LOGIN", "guest").text("PASSWORD", "wrong");
    let login = Login::guest().mechanism("AMQPLAIN", response.contents());
    let mut client = RawClient::connect(Broker::shared());
    client.send_start_ok(&login);
    client.expect_connection_close(&refusal(403, login_refused("AMQPLAIN"), id::NONE));
}

/// All of them are held for some seconds, which slows the guessing of passwords, and then dropped
/// without a word; so they wait together.
#[test]
fn a_login_that_is_wrong_in_any_other_way_is_dropped_without_a_word() {
    let mut waiting: Vec<(&str, RawClient)> = wrong_logins()
        .into_iter()
        .map(|(what, bytes)| {
            let mut client = RawClient::connect(Broker::shared());
            client.send_bytes(HEADER);
            client.expect(0, id::CONNECTION_START);
            client.send_bytes(&bytes);
            (what, client)
        })
        .collect();
    for (what, client) in &mut waiting {
        assert_eq!(client.next_frame_or_end(), None, "{what}");
    }
    RawClient::shared().close();
}

fn wrong_logins() -> Vec<(&'static str, Vec<u8>)> {
    let plain = |response: &[u8]| start_ok(&Login::guest().mechanism("PLAIN", response));
    let amqplain = |table: Table| start_ok(&Login::guest().mechanism("AMQPLAIN", table.contents()));
    let without = || Login::guest().without_capabilities();
    vec![
        ("wrong password, PLAIN", start_ok(&without().user("guest", "wrong"))),
        ("unknown user, PLAIN", start_ok(&without().user("nobody", "guest"))),
        ("unknown mechanism", start_ok(&Login::guest().mechanism("KERBEROS", "x"))),
        ("no mechanism", start_ok(&Login::guest().mechanism("", "\0guest\0guest"))),
        ("PLAIN in lower case", start_ok(&Login::guest().mechanism("plain", "\0guest\0guest"))),
        ("PLAIN without NUL", plain(b"guest")),
        ("PLAIN with one NUL", plain(b"\0guest")),
        ("empty PLAIN", plain(b"")),
        ("AMQPLAIN without password", amqplain(Table::new().text("LOGIN", "guest"))),
        ("AMQPLAIN without user", amqplain(Table::new().text("PASSWORD", "guest"))),
        ("AMQPLAIN with numbers", amqplain(Table::new().int("LOGIN", 1).int("PASSWORD", 2))),
        ("AMQPLAIN that is no table", start_ok(&Login::guest().mechanism("AMQPLAIN", "\x05LOG"))),
        ("tune-ok before start-ok", Login::guest().tune_ok(Tune::default()).frame(0)),
        ("open before start-ok", Login::guest().open().frame(0)),
        ("a channel's method", Call::of(id::TX_SELECT).frame(0)),
        ("no such method", Call::of(Id(10, 99)).frame(0)),
        ("a frame on a channel", channel::open().frame(1)),
        ("an unknown frame type", frame(4, 0, b"hi")),
        ("a bad end octet", b"\x01\0\0\0\0\0\x04\0\x0a\0\x0b\0".to_vec()),
        ("arguments cut short", frame(1, 0, b"\0\x0a\0\x0b\0\0")),
        ("8 KiB and more in one frame", b"\x01\0\0\0\0\x20\x01".to_vec()),
        ("4 GiB in one frame", b"\x01\0\0\xff\xff\xff\xff".to_vec()),
    ]
}

fn start_ok(login: &Login) -> Vec<u8> {
    login.start_ok().frame(0)
}

/// A listener of both families shows an IPv4 client under an IPv6 address.
#[test]
fn guest_comes_in_over_ipv4_through_a_listener_of_both_families() {
    if on_oracle() {
        return;
    }
    let broker = Broker::start_on("::", &[]);
    RawClient::login(&broker, &Login::guest());
    broker.stop();
}
