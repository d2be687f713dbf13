//! What is shown of a connection with TLS to those who look at connections.

use std::ffi::OsString;

use haremq::ctl::{Streams, run_tool};
use serde_json::{Value, json};

use super::authority::Validity;
use super::world::Files;
use crate::support::{Broker, Http, Login, RawClient};

/// The connections of a broker.
fn connections(broker: &Broker) -> Value {
    let guest = Http::new(broker.management()).login("guest", "guest");
    guest.get("/api/connections").json()
}

const KEYS: [&str; 8] = [
    "ssl",
    "ssl_protocol",
    "ssl_key_exchange",
    "ssl_cipher",
    "ssl_hash",
    "peer_cert_subject",
    "peer_cert_issuer",
    "peer_cert_validity",
];

fn shown(broker: &Broker) -> [Value; 8] {
    let all = connections(broker);
    KEYS.map(|key| all[0].get(key).expect(key).clone())
}

#[test]
fn a_connection_shows_its_tls_and_the_certificate_of_its_client() {
    let files = Files::new();
    let mutual = ["ssl_options.verify = verify_peer", "ssl_options.versions.1 = tlsv1.2"];
    let broker = files.broker(&mutual);
    let own = files.authority.client("app", Validity::Good);
    let client = files.trusting().with(&own).login(broker.tls_port(), &Login::guest());
    let cipher = connections(&broker)[0]["ssl_cipher"].clone();
    let ciphers = ["aes_256_gcm", "aes_128_gcm", "chacha20_poly1305"].map(Value::from);
    assert!(ciphers.contains(&cipher), "{cipher}");
    let expected = [
        json!(true),
        json!("tlsv1.2"),
        json!("ecdhe_ecdsa"),
        cipher,
        json!("aead"),
        json!("CN=app,O=Example"),
        json!("CN=CA"),
        json!("2020-01-01T00:00:00Z - 2100-01-01T00:00:00Z"),
    ];
    assert_eq!(shown(&broker), expected);
    let columns = ["ssl", "ssl_protocol", "peer_cert_subject", "auth_mechanism"];
    assert_eq!(list_connections(&broker, &columns), "true\ttlsv1.2\tCN=app,O=Example\tPLAIN\n");
    client.close();
}

#[test]
fn a_client_without_a_certificate_and_one_without_tls_show_what_there_is() {
    let files = Files::new();
    let broker = files.broker(&["ssl_options.versions.1 = tlsv1.3"]);
    let client = files.trusting().login(broker.tls_port(), &Login::guest());
    let [ssl, protocol, exchange, _, hash, certificate @ ..] = shown(&broker);
    assert_eq!((ssl, protocol), (json!(true), json!("tlsv1.3")));
    assert_eq!((exchange, hash), (json!("any"), json!("aead")));
    assert_eq!(certificate, [Value::Null, Value::Null, Value::Null]);
    client.close();
    let broker = Broker::start(&[]);
    let client = RawClient::login(&broker, &Login::guest());
    let [ssl, others @ ..] = shown(&broker);
    assert_eq!(ssl, json!(false));
    assert!(others.iter().all(Value::is_null), "{others:?}");
    assert_eq!(list_connections(&broker, &["ssl", "ssl_protocol"]), "false\t\n");
    client.close();
}

/// What the tool prints of these columns.
fn list_connections(broker: &Broker, columns: &[&str]) -> String {
    let url = format!("http://guest:guest@{}", broker.management());
    let words = ["rabbitmqctl", "list_connections", "-s", "--url", &url];
    let words: Vec<OsString> = words.iter().chain(columns).map(OsString::from).collect();
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let mut input: &[u8] = b"";
    let mut streams = Streams { input: &mut input, output: &mut output, errors: &mut errors };
    assert_eq!(run_tool(&words, &[], &mut streams), Some(0), "{errors:?}");
    String::from_utf8(output).expect("UTF-8")
}
