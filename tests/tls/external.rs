//! Logins without a password: EXTERNAL by client certificate, ANONYMOUS.

use super::authority::Validity;
use super::world::Files;
use crate::support::{Broker, ClientStream, Login, RawClient, id, refusal};

const MUTUAL: [&str; 3] = [
    "ssl_options.verify = verify_peer",
    "auth_mechanisms.1 = PLAIN",
    "auth_mechanisms.2 = EXTERNAL",
];

fn external() -> Login {
    Login::guest().mechanism("EXTERNAL", "")
}

fn refused(mechanism: &str) -> String {
    format!(
        "ACCESS_REFUSED - Login was refused using authentication mechanism {mechanism}. For details \
         see the broker logfile."
    )
}

/// The mechanisms of `connection.start`.
fn offered(mut client: RawClient) -> String {
    client.send_bytes(b"AMQP\x00\x00\x09\x01");
    let mut start = client.expect(0, id::CONNECTION_START);
    start.short();
    start.long_bytes();
    String::from_utf8(start.long_bytes()).expect("ASCII")
}

#[test]
fn the_subject_of_a_client_certificate_is_a_user() {
    let files = Files::new();
    let broker = files.broker(&[MUTUAL[0], MUTUAL[2], "default_user = CN=app,O=Example"]);
    let own = files.authority.client("app", Validity::Good);
    files.trusting().with(&own).login(broker.tls_port(), &external()).close();
}

#[test]
fn the_common_name_or_an_alternative_name_is_a_user_where_the_settings_say_so() {
    for (user, from) in [("app", "common_name"), ("client.example.com", "subject_alternative_name")]
    {
        let files = Files::new();
        let user = format!("default_user = {user}");
        let from = format!("ssl_cert_login_from = {from}");
        let broker = files.broker(&[MUTUAL[0], MUTUAL[2], &user, &from]);
        let own = files.authority.client("app", Validity::Good);
        files.trusting().with(&own).login(broker.tls_port(), &external()).close();
    }
}

#[test]
fn a_certificate_of_nobody_and_no_certificate_are_refused() {
    let files = Files::new();
    let broker = files.broker(&MUTUAL);
    let own = files.authority.client("nobody", Validity::Good);
    for client in [files.trusting().with(&own), files.trusting()] {
        let stream = client.connect(broker.tls_port()).expect("a good handshake");
        let mut client = RawClient::over(ClientStream::Tls(Box::new(stream)));
        client.send_start_ok(&external());
        client.expect_connection_close(&refusal(403, refused("EXTERNAL"), id::NONE));
    }
    let stderr = broker.stop();
    let nobody = "EXTERNAL login refused: user 'CN=nobody,O=Example' - invalid credentials";
    assert!(stderr.contains(nobody), "{stderr}");
    assert!(stderr.contains("presented no TLS (x.509) certificate"), "{stderr}");
}

#[test]
fn external_is_offered_over_tls_only() {
    let files = Files::new();
    let broker = files.broker(&MUTUAL);
    assert_eq!(offered(RawClient::connect(&broker)), "PLAIN");
    let stream = files.trusting().connect(broker.tls_port()).expect("a good handshake");
    assert_eq!(offered(RawClient::over(ClientStream::Tls(Box::new(stream)))), "PLAIN EXTERNAL");
}

#[test]
fn anonymous_is_the_user_of_the_settings_with_its_password() {
    let anonymous = Login::guest().mechanism("ANONYMOUS", "trace");
    let on = "auth_mechanisms.1 = ANONYMOUS";
    let broker = Broker::start(&[on]);
    RawClient::login(&broker, &anonymous).close();

    let broker = Broker::start(&[on, "anonymous_login_pass = other"]);
    let mut client = RawClient::connect(&broker);
    client.send_start_ok(&anonymous);
    client.expect_connection_close(&refusal(403, refused("ANONYMOUS"), id::NONE));

    let none = "anonymous_login_user = none";
    let broker = Broker::start(&[on, "auth_mechanisms.2 = PLAIN", none]);
    assert_eq!(offered(RawClient::connect(&broker)), "PLAIN");
}
