//! AMQP over a Unix socket.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use tempfile::TempDir;

use crate::support::{Broker, ClientStream, GUARD, Login, RawClient};

#[test]
fn a_client_of_this_machine_comes_in_by_a_file() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("amqp.sock");
    let line = format!("haremq.unix_socket = {}", path.display());
    let broker = Broker::start(&[&line]);
    assert!(broker.ready_line().contains("amqp.sock"), "{}", broker.ready_line());
    let mode = fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "for the owner only");
    let stream = UnixStream::connect(&path).expect("the broker listens");
    stream.set_read_timeout(Some(GUARD)).expect("a time-out above zero");
    let mut client = RawClient::over(ClientStream::Unix(stream));
    client.handshake(&Login::guest());
    client.close();
    broker.stop();
    assert!(!path.exists(), "a broker that ends takes its socket away");
}

#[test]
fn the_rights_of_the_file_are_those_of_the_settings() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("amqp.sock");
    let line = format!("haremq.unix_socket = {}", path.display());
    let _broker = Broker::start(&[&line, "haremq.unix_socket_mode = 0666"]);
    let mode = fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o666);
}
