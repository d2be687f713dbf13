//! From `connection.tune` to `connection.open-ok`.

use crate::support::methods::{channel, connection, queue};
use crate::support::{Broker, Id, Login, RawClient, Tune, id, on_oracle, refusal};

/// `tune-ok` with what the login wants is refused; RabbitMQ 3.10 only writes the reason into its log.
fn is_refused(login: &Login, text: &str) {
    let mut client = RawClient::connect(Broker::shared());
    let proposed = client.authenticate(login);
    client.send(0, &login.tune_ok(proposed));
    if on_oracle() {
        client.expect_end();
    } else {
        client.expect_connection_close(&refusal(530, text, id::CONNECTION_TUNE));
    }
}

#[test]
fn the_server_proposes_the_limits_of_rabbitmq() {
    let proposed = RawClient::connect(Broker::shared()).authenticate(&Login::guest());
    assert_eq!(proposed, Tune { channel_max: 2047, frame_max: 131_072, heartbeat_s: 60 });
}

#[test]
fn the_server_proposes_what_it_is_configured_to() {
    let lines = ["channel_max = 7", "frame_max = 8192", "heartbeat = 5"];
    let Some(broker) = Broker::own(&lines) else { return };
    let proposed = RawClient::connect(&broker).authenticate(&Login::guest());
    assert_eq!(proposed, Tune { channel_max: 7, frame_max: 8192, heartbeat_s: 5 });
}

#[test]
fn the_smallest_values_are_accepted() {
    let login = Login::guest().frame_max(4096).channel_max(1).heartbeat_s(0);
    RawClient::login(Broker::shared(), &login).close();
}

#[test]
fn a_frame_max_below_the_minimum_is_refused() {
    let text = "NOT_ALLOWED - negotiated frame_max = 4095 is lower than the minimum allowed value \
                (4096)";
    is_refused(&Login::guest().frame_max(4095), text);
}

#[test]
fn a_frame_max_above_the_proposed_one_is_refused() {
    let text = "NOT_ALLOWED - negotiated frame_max = 131073 is higher than the maximum allowed \
                value (131072)";
    is_refused(&Login::guest().frame_max(131_073), text);
}

#[test]
fn an_unlimited_frame_max_is_refused_where_the_server_has_a_limit() {
    let text = "NOT_ALLOWED - negotiated frame_max = 0 is higher than the maximum allowed value \
                (131072)";
    is_refused(&Login::guest().frame_max(0), text);
}

#[test]
fn a_channel_max_above_the_proposed_one_is_refused() {
    let text = "NOT_ALLOWED - negotiated channel_max = 2048 is higher than the maximum allowed \
                value (2047)";
    is_refused(&Login::guest().channel_max(2048), text);
}

#[test]
fn an_unlimited_channel_max_is_refused_where_the_server_has_a_limit() {
    let text = "NOT_ALLOWED - negotiated channel_max = 0 (no limit) is higher than the maximum \
                allowed value (2047)";
    is_refused(&Login::guest().channel_max(0), text);
}

#[test]
fn an_unknown_vhost_is_refused() {
    for vhost in ["nowhere", "", "/x", "订单"] {
        let login = Login::guest().vhost(vhost);
        let mut client = RawClient::connect(Broker::shared());
        let proposed = client.authenticate(&login);
        client.send(0, &login.tune_ok(proposed));
        client.send(0, &login.open());
        let text = format!("NOT_ALLOWED - vhost {vhost} not found");
        client.expect_connection_close(&refusal(530, text, id::CONNECTION_OPEN));
    }
}

#[test]
fn a_method_that_is_not_due_before_open_is_refused() {
    let login = Login::guest();
    let mut client = RawClient::connect(Broker::shared());
    let proposed = client.authenticate(&login);
    client.send(0, &login.tune_ok(proposed));
    client.send(0, &login.tune_ok(proposed));
    let text = "CHANNEL_ERROR - unexpected method in connection state opening";
    client.expect_connection_close(&refusal(504, text, id::CONNECTION_TUNE_OK));
}

#[test]
fn a_channel_before_open_is_refused() {
    let login = Login::guest();
    let mut client = RawClient::connect(Broker::shared());
    let proposed = client.authenticate(&login);
    client.send(0, &login.tune_ok(proposed));
    client.send(1, &channel::open());
    let text = "UNEXPECTED_FRAME - type 1, all octets = <<0,20,0,10,0>>";
    client.expect_connection_close(&refusal(505, text, id::NONE));
}

#[test]
fn a_handshake_method_on_an_open_connection_is_refused() {
    let login = Login::guest();
    let cases = [
        (login.open(), id::CONNECTION_OPEN),
        (login.start_ok(), id::CONNECTION_START_OK),
        (login.tune_ok(Tune::default()), id::CONNECTION_TUNE_OK),
    ];
    for (call, failed) in cases {
        let text = "CHANNEL_ERROR - unexpected method in connection state running";
        RawClient::shared().refused(0, &call, &refusal(504, text, failed));
    }
}

#[test]
fn a_channel_s_method_on_channel_0_is_refused() {
    let text = "CHANNEL_ERROR - unexpected method in connection state running";
    let cases = [(channel::open(), id::CHANNEL_OPEN), (queue::declare("q"), id::QUEUE_DECLARE)];
    for (call, failed) in cases {
        RawClient::shared().refused(0, &call, &refusal(504, text, failed));
    }
}

#[test]
fn close_is_answered_and_the_socket_ends() {
    RawClient::shared().close();
    RawClient::with_channel().close();
}

#[test]
fn nothing_is_heard_after_close() {
    let mut client = RawClient::with_channel();
    let queue = client.exclusive_queue(1);
    let mut bytes = connection::close().frame(0);
    bytes.extend(queue::purge(&queue).frame(1));
    bytes.extend(connection::other(Id(99, 99)).frame(1));
    client.send_bytes(&bytes);
    client.expect(0, id::CONNECTION_CLOSE_OK).end();
    client.expect_end_after_close_ok();
}

#[test]
fn update_secret_is_answered() {
    let mut client = RawClient::shared();
    client.call(0, &connection::update_secret("token"), id::CONNECTION_UPDATE_SECRET_OK).end();
    client.open_channel(1);
}
