//! As many channels as there can be, and one more: `CHANNEL_MAX_DEFAULT`.

use super::Neighbour;
use super::neighbour::stops_in_peace;
use crate::support::methods::channel;
use crate::support::{Broker, Id, Login, RawClient, id, refusal};

const CHANNELS: u16 = 2047;

#[test]
fn one_channel_more_than_was_agreed_ends_its_own_connection() {
    let broker = Broker::start(&[]);
    let mut neighbour = Neighbour::of(&broker);
    let text = "NOT_ALLOWED - number of channels opened (2047) has reached the negotiated channel_max (2047)";
    for _ in 0..2 {
        let mut client = RawClient::login(&broker, &Login::guest());
        // Numbers up to the highest there is may be used; how many are open is what counts.
        let numbers = (0..=CHANNELS).map(|number| u16::MAX - number);
        let opens: Vec<u8> = numbers.flat_map(|number| channel::open().frame(number)).collect();
        client.send_bytes(&opens);
        neighbour.is_served(5);
        for number in 0..CHANNELS {
            client.expect(u16::MAX - number, id::CHANNEL_OPEN_OK);
        }
        client.expect_connection_close(&refusal(530, text, Id(0, 0)));
        neighbour.is_served(5);
    }
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}

#[test]
fn channels_that_open_and_close_all_the_time_leave_nothing() {
    let broker = Broker::start(&["channel_max_per_node = 50"]);
    let mut neighbour = Neighbour::of(&broker);
    let mut client = RawClient::login(&broker, &Login::guest());
    for _ in 0..2_000 {
        client.open_channel(7);
        client.close_channel(7);
    }
    neighbour.is_served(5);
    client.close();
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}
