//! Connections and channels: seen, and closed.

use serde_json::json;

use super::{broker, encoded, expect, guest, named, user_with};
use crate::support::methods::confirm;
use crate::support::{Id, Login, RawClient, id, refusal, unique};

/// A connection of a new user with these tags, with channel 1; the user and the connection's name.
fn connect(tags: &str) -> (RawClient, String, String) {
    let user = unique("connected");
    user_with(&user, tags);
    let mut client = RawClient::login(broker(), &Login::guest().user(&user, "secret"));
    client.open_channel(1);
    let of_user = guest().get(&format!("/api/connections/username/{user}")).json();
    let name = of_user[0]["name"].as_str().expect("a name").to_owned();
    (client, user, name)
}

#[test]
fn a_connection_says_who_it_is_and_how_it_stands() {
    let (client, user, name) = connect("");
    let shown = guest().get(&format!("/api/connections/{}", encoded(&name)));
    expect(&shown, 200);
    let shown = shown.json();
    for (key, value) in [
        ("name", json!(name)),
        ("user", json!(user)),
        ("vhost", json!("/")),
        ("protocol", json!("AMQP 0-9-1")),
        ("type", json!("network")),
        ("state", json!("running")),
        ("channels", json!(1)),
        ("auth_mechanism", json!("PLAIN")),
        ("peer_host", json!("127.0.0.1")),
        ("port", json!(broker().port())),
    ] {
        assert_eq!(shown[key], value, "{key}");
    }
    assert!(shown["connected_at"].as_u64() > Some(1_700_000_000_000));
    assert!(shown["recv_oct"].as_u64() > Some(0) && shown["send_oct"].as_u64() > Some(0));
    assert!(shown["recv_oct_details"]["rate"].is_number());
    assert_eq!(shown["client_properties"]["capabilities"]["basic.nack"], true);
    for list in ["/api/connections", "/api/vhosts/%2F/connections"] {
        assert!(named(&guest().get(list).json(), &name).is_some(), "{list}");
    }
    expect(&guest().get("/api/connections/none"), 404);
    client.close();
}

#[test]
fn channels_are_seen_with_their_modes() {
    let (mut client, user, name) = connect("");
    client.call(1, &confirm::select(), id::CONFIRM_SELECT_OK).end();
    let channel = format!("{name} (1)");
    let shown = guest().get(&format!("/api/channels/{}", encoded(&channel)));
    expect(&shown, 200);
    let shown = shown.json();
    for (key, value) in [
        ("name", json!(channel)),
        ("number", json!(1)),
        ("user", json!(user)),
        ("confirm", json!(true)),
        ("transactional", json!(false)),
        ("consumer_count", json!(0)),
        ("messages_unacknowledged", json!(0)),
        ("consumer_details", json!([])),
    ] {
        assert_eq!(shown[key], value, "{key}");
    }
    assert_eq!(shown["connection_details"]["name"], json!(name));
    let of_connection = format!("/api/connections/{}/channels", encoded(&name));
    for list in ["/api/channels", "/api/vhosts/%2F/channels", &of_connection] {
        assert!(named(&guest().get(list).json(), &channel).is_some(), "{list}");
    }
    expect(&guest().get(&format!("/api/channels/{}", encoded(&format!("{name} (2)")))), 404);
    client.close();
}

#[test]
fn a_connection_is_closed_and_told_why() {
    for (reason, text) in [
        (Some("maintenance"), "CONNECTION_FORCED - maintenance"),
        (None, "CONNECTION_FORCED - Closed via management plugin"),
    ] {
        let (mut client, _, name) = connect("");
        let headers: Vec<_> = reason.iter().map(|reason| ("X-Reason", *reason)).collect();
        let path = format!("/api/connections/{}", encoded(&name));
        expect(&guest().send("DELETE", &path, &headers, ""), 204);
        client.expect_connection_close(&refusal(320, text, Id::default()));
    }
    expect(&guest().delete("/api/connections/none"), 404);
}

#[test]
fn the_connections_of_a_user_are_closed_together() {
    let (mut first, user, _) = connect("");
    let mut second = RawClient::login(broker(), &Login::guest().user(&user, "secret"));
    let (other, ..) = connect("");
    expect(&guest().delete(&format!("/api/connections/username/{user}")), 204);
    for client in [&mut first, &mut second] {
        let text = "CONNECTION_FORCED - Closed via management plugin";
        client.expect_connection_close(&refusal(320, text, Id::default()));
    }
    other.close();
}

#[test]
fn a_user_sees_and_closes_its_own_connections_only() {
    let (mut own, user, own_name) = connect("management");
    let (other, other_user, other_name) = connect("");
    let http = super::nobody().login(&user, "secret");
    let seen = http.get("/api/connections").json();
    assert!(named(&seen, &own_name).is_some() && named(&seen, &other_name).is_none());
    let path = format!("/api/connections/{}", encoded(&other_name));
    expect(&http.get(&path), 401);
    expect(&http.delete(&path), 401);
    expect(&http.delete(&format!("/api/connections/username/{other_user}")), 401);
    expect(&http.delete(&format!("/api/connections/{}", encoded(&own_name))), 204);
    let text = "CONNECTION_FORCED - Closed via management plugin";
    own.expect_connection_close(&refusal(320, text, Id::default()));
    other.close();
}
