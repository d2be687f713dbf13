//! Certificates that are exchanged while connections live.

use super::authority::Validity;
use super::world::{Files, HOST, until};
use crate::support::{Broker, Login};

/// The certificate that a new connection is shown.
fn shown(files: &Files, broker: &Broker) -> Vec<u8> {
    let stream = files.trusting().connect(broker.tls_port()).expect("a good handshake");
    let chain = stream.conn.peer_certificates().expect("the server has shown itself");
    chain[0].to_vec()
}

#[test]
fn a_hangup_brings_new_certificates_and_leaves_connections_alone() {
    let files = Files::new();
    let broker = files.broker(&[]);
    let before = shown(&files, &broker);
    let mut alive = files.trusting().login(broker.tls_port(), &Login::guest());
    let fresh = files.authority.server(HOST, Validity::Good);
    files.put_server(&fresh);
    assert_eq!(shown(&files, &broker), before, "nobody asked for the new one yet");
    broker.hang_up();
    until(|| (shown(&files, &broker) == *fresh.der).then_some(()));
    alive.open_channel(1);
    alive.close();
    assert_eq!(broker.stop(), "", "nothing to warn of");
}

#[test]
fn certificates_that_cannot_be_read_leave_the_old_ones_in_use() {
    let files = Files::new();
    let mut broker = files.broker(&[]);
    let before = shown(&files, &broker);
    files.put("server.key", "no key");
    broker.hang_up();
    broker.wait_for_log("certificates not read anew: those in use stay");
    assert_eq!(shown(&files, &broker), before);
    broker.terminate();
    let stderr = broker.wait();
    assert!(stderr.contains("server.key: the file holds no private key"), "{stderr}");
}

#[test]
fn a_hangup_without_tls_does_nothing() {
    let broker = Broker::start(&["log.console.level = info"]);
    broker.hang_up();
    crate::support::RawClient::login(&broker, &Login::guest()).close();
    broker.stop();
}
