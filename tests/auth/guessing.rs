//! Guessing passwords costs time, by whichever door, and holds back nobody else.

use std::time::Duration;

use haremq::base::Stopwatch;

use crate::support::{Broker, Http, Id, Login, RawClient, refusal};

fn wrong(broker: &Broker) {
    let mut client = RawClient::connect(broker);
    client.send_start_ok(&Login::guest().user("guest", "wrong"));
    let text = "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details \
                see the broker logfile.";
    client.expect_connection_close(&refusal(403, text, Id(0, 0)));
}

#[test]
fn each_wrong_password_is_answered_later_and_both_doors_count_together() {
    let broker = Broker::start(&[]);
    let start = Stopwatch::start();
    for _ in 0..3 {
        wrong(&broker);
    }
    // 100, 200 and 400 ms; a timer rings no earlier than it should.
    assert!(start.elapsed() >= Duration::from_millis(700), "{:?}", start.elapsed());
    let http = Http::new(broker.management());
    let start = Stopwatch::start();
    assert_eq!(http.login("guest", "wrong").get("/api/whoami").status, 401);
    assert!(start.elapsed() >= Duration::from_millis(800), "{:?}", start.elapsed());
}

#[test]
fn a_guesser_holds_back_no_other_connection() {
    let broker = Broker::start(&[]);
    let mut guest = RawClient::with_channel_on(&broker);
    for _ in 0..5 {
        let mut client = RawClient::connect(&broker);
        client.send_start_ok(&Login::guest().user("eve", "wrong"));
        guest.open_channel(2);
        guest.close_channel(2);
    }
    // Another name of the same address waits for nothing; the guesses of before are not answered yet.
    RawClient::login(&broker, &Login::guest()).close();
}
