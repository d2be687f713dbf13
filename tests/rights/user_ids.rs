//! Whose name a message may carry in its property `user-id`.

use super::Place;
use crate::support::methods::basic;
use crate::support::{RawClient, id, refusal};

fn publish_as(client: &mut RawClient, user: &str) {
    let mut properties = 0x0010_u16.to_be_bytes().to_vec();
    properties.push(u8::try_from(user.len()).expect("short"));
    properties.extend_from_slice(user.as_bytes());
    client.send_publish(1, &basic::publish("x", "k"), &properties, b"body");
}

#[test]
fn a_message_carries_its_publishers_name_or_that_of_anybody_for_an_impersonator() {
    let place = Place::open();
    let mut client = place.connect();
    publish_as(&mut client, &place.user);
    assert_eq!(client.expect_ack(1), (1, false));
    publish_as(&mut client, "guest");
    let text = format!(
        "PRECONDITION_FAILED - user_id property set to 'guest' but authenticated user was '{}'",
        place.user
    );
    client.expect_refusal(1, &refusal(406, text, id::BASIC_PUBLISH));
    let everything = [(); 3].map(|()| ".*".to_owned());
    let place = Place::new(&everything, "impersonator");
    let mut client = place.connect();
    publish_as(&mut client, "guest");
    assert_eq!(client.expect_ack(1), (1, false));
}
