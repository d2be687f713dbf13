//! Crowds of connections.

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use super::Neighbour;
use super::neighbour::stops_in_peace;
use crate::support::{Broker, Login, RawClient, id, refusal};

/// Descriptors that the broker of the first test may have.
const DESCRIPTORS: u64 = 200;

fn may_have(broker: &Broker, descriptors: u64) {
    let pid = i32::try_from(broker.process_id()).ok().and_then(Pid::from_raw);
    let limit = Rlimit { current: Some(descriptors), maximum: Some(20_000) };
    prlimit(pid, Resource::Nofile, limit).expect("the limit of a process of one's own");
}

/// Making it longer later would hold up whoever takes a connection, and all who have their turn from the same thread.
#[test]
fn the_table_of_descriptors_is_made_before_anybody_connects() {
    let may_be_open = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let broker = Broker::start(&[]);
    let table = broker.status_number("FDSize");
    assert!(table >= may_be_open.min(65_536), "{table} of {may_be_open}");
    stops_in_peace(broker);
}

/// The system's bound: accepting rests, and goes on when there is room again. Nobody who is there is asked to go.
#[test]
fn who_takes_every_descriptor_keeps_nobody_from_their_connection() {
    let broker = Broker::start(&[]);
    may_have(&broker, DESCRIPTORS);
    let mut neighbour = Neighbour::of(&broker);
    let crowd: Vec<_> = (0..2 * DESCRIPTORS).map(|_| broker.connect()).collect();
    broker.wait_for_log("accepting a connection failed");
    neighbour.is_served(50);
    drop(crowd);
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}

/// Each is opened as far as it goes and left; what was set aside for it goes with it.
#[test]
fn a_thousand_connections_come_and_go_beside_the_neighbour() {
    let broker = Broker::start(&[]);
    let mut neighbour = Neighbour::of(&broker);
    for number in 0..10 {
        let mut crowd: Vec<_> = (0..100).map(|_| RawClient::connect(&broker)).collect();
        for client in &mut crowd {
            client.send_bytes(b"AMQP\x00\x00\x09\x01");
        }
        neighbour.is_served(2);
        for client in crowd.iter_mut().take(10 * number) {
            client.expect(0, id::CONNECTION_START);
        }
    }
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}

#[test]
fn connections_beyond_the_limit_of_the_node_are_refused_by_name() {
    let broker = Broker::start(&["connection_max = 10"]);
    let mut neighbour = Neighbour::of(&broker);
    let crowd: Vec<_> = (0..9).map(|_| RawClient::login(&broker, &Login::guest())).collect();
    let text = "NOT_ALLOWED - connection refused: node connection limit (10) is reached";
    for _ in 0..20 {
        let login = Login::guest();
        let mut client = RawClient::connect(&broker);
        let proposed = client.authenticate(&login);
        client.send(0, &login.tune_ok(proposed));
        client.send(0, &login.open());
        client.expect_connection_close(&refusal(530, text, id::CONNECTION_OPEN));
        neighbour.is_served(1);
    }
    for client in crowd {
        client.close();
    }
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}
