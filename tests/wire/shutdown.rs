//! Start and end of the process: ready line, port file, exit codes, and what clients are told.

use std::net::TcpListener;

use crate::support::methods::{basic, connection};
use crate::support::{Broker, Login, RawClient, id, refusal, run_to_its_end};

const SHUTDOWN: &str =
    "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'";

#[test]
fn a_stop_ends_the_process_with_code_0() {
    let Some(broker) = Broker::own(&[]) else { return };
    let stderr = broker.stop();
    assert_eq!(stderr, "", "a clean life has nothing to complain about");
}

#[test]
fn clients_are_told_of_the_stop() {
    let Some(mut broker) = Broker::own(&[]) else { return };
    let mut idle = RawClient::with_channel_on(&broker);
    let mut busy = RawClient::with_channel_on(&broker);
    let queue = busy.exclusive_queue(1);
    busy.consume(1, &basic::consume(&queue, ""));
    broker.terminate();
    for client in [&mut idle, &mut busy] {
        client.expect_connection_close(&refusal(320, SHUTDOWN, id::NONE));
    }
    broker.wait();
}

#[test]
fn a_client_that_does_not_answer_does_not_hold_up_the_stop() {
    let Some(mut broker) = Broker::own(&[]) else { return };
    let mut deaf = RawClient::with_channel_on(&broker);
    let mut halfway = RawClient::connect(&broker);
    halfway.send_bytes(b"AMQP\x00\x00\x09\x01");
    halfway.expect(0, id::CONNECTION_START);
    broker.terminate();
    deaf.expect_connection_close_only(&refusal(320, SHUTDOWN, id::NONE));
    broker.wait();
}

#[test]
fn a_taken_port_ends_the_start_with_code_1_and_one_line() {
    if crate::support::on_oracle() {
        return;
    }
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("it is bound").port();
    let (code, stderr) = run_to_its_end(&["--port", &port.to_string()]);
    assert_eq!(code, Some(1), "{stderr}");
    let lines: Vec<_> = stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{stderr}");
    assert!(lines[0].contains(&port.to_string()), "it names the port: {stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[test]
fn a_wrong_setting_ends_the_start_with_code_78_and_names_file_and_line() {
    if crate::support::on_oracle() {
        return;
    }
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("wrong.conf");
    std::fs::write(&file, "heartbeat = 60\nframe_max = many\n").expect("a file");
    let file = file.to_str().expect("UTF-8");
    let (code, stderr) = run_to_its_end(&["--port", "0", "--config", file]);
    assert_eq!(code, Some(78), "{stderr}");
    assert!(stderr.contains("wrong.conf"), "{stderr}");
    assert!(stderr.contains('2') && stderr.contains("frame_max"), "{stderr}");
}

#[test]
fn two_brokers_live_side_by_side() {
    let Some(first) = Broker::own(&[]) else { return };
    let second = Broker::start(&[]);
    assert_ne!(first.port(), second.port());
    let mut client = RawClient::with_channel_on(&first);
    let queue = client.exclusive_queue(1);
    second.stop();
    client.expect_counts(1, &queue, (0, 0));
    client.close();
    first.stop();
}

#[test]
fn the_default_user_is_the_configured_one() {
    let lines = ["default_user = clerk", "default_pass = s3cret", "default_vhost = /orders"];
    let Some(broker) = Broker::own(&lines) else { return };
    let login = Login::guest().user("clerk", "s3cret").vhost("/orders");
    RawClient::login(&broker, &login).close();
    let mut guest = RawClient::connect(&broker);
    guest.send_start_ok(&Login::guest());
    let text = "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For \
                details see the broker logfile.";
    guest.expect_connection_close(&refusal(403, text, id::NONE));
    let mut elsewhere = RawClient::connect(&broker);
    let login = login.vhost("/");
    let proposed = elsewhere.authenticate(&login);
    elsewhere.send(0, &login.tune_ok(proposed));
    elsewhere.send(0, &login.open());
    let text = "NOT_ALLOWED - vhost / not found";
    elsewhere.expect_connection_close(&refusal(530, text, id::CONNECTION_OPEN));
    broker.stop();
}

#[test]
fn a_client_may_close_while_the_server_does() {
    let Some(mut broker) = Broker::own(&[]) else { return };
    let mut client = RawClient::with_channel_on(&broker);
    broker.terminate();
    client.send_bytes_in_vain(&connection::close().frame(0));
    while client.next_frame_or_end().is_some() {}
    broker.wait();
}
