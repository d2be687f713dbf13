//! What is counted, and its past, as the API shows it.

use serde_json::{Value, json};

use super::{encoded, expect};
use crate::support::methods::{basic, confirm, queue};
use crate::support::{Broker, Http, RawClient, id};

/// A broker that looks at everything all the time.
fn broker() -> (Broker, Http) {
    let broker = Broker::start(&["collect_statistics_interval = 20ms"]);
    let guest = Http::new(broker.management()).login("guest", "guest");
    (broker, guest)
}

fn get(http: &Http, path: &str) -> Value {
    let answer = http.get(path);
    expect(&answer, 200);
    answer.json()
}

/// Asks until it is so: samples are taken again and again.
fn until(http: &Http, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    loop {
        let shown = get(http, path);
        if is_so(&shown) {
            return shown;
        }
    }
}

#[test]
fn a_flow_is_counted_in_its_channel_connection_exchange_queue_and_virtual_host() {
    let (broker, guest) = broker();
    let mut client = RawClient::with_channel_on(&broker);
    client.call(1, &confirm::select(), id::CONFIRM_SELECT_OK).end();
    client.declare(1, &queue::declare("q"));
    for _ in 0..3 {
        client.publish(1, "amq.direct", "nowhere", "x");
        client.publish(1, "", "q", "x");
    }
    while client.expect_ack(1).0 < 6 {}
    let fetched = client.get(1, "q").expect("there are three");
    client.send(1, &basic::ack(fetched.tag));
    client.declare(1, &queue::declare("q"));
    let connection =
        get(&guest, "/api/connections")[0]["name"].as_str().expect("a name").to_owned();
    let channel = get(&guest, &format!("/api/channels/{}", encoded(&format!("{connection} (1)"))));
    let of_connection = get(&guest, &format!("/api/connections/{}", encoded(&connection)));
    let root = get(&guest, "/api/vhosts/%2F");
    let overview = get(&guest, "/api/overview");
    for (what, shown) in [
        ("channel", &channel),
        ("connection", &of_connection),
        ("vhost", &root),
        ("all", &overview),
    ] {
        for (name, count) in [
            ("publish", 6),
            ("confirm", 6),
            ("drop_unroutable", 3),
            ("return_unroutable", 0),
            ("get", 1),
            ("deliver_get", 1),
            ("ack", 1),
        ] {
            assert_eq!(shown["message_stats"][name], count, "{what}: {name}");
        }
        assert!(shown["message_stats"]["publish_details"]["rate"].is_number(), "{what}");
    }
    assert!(
        of_connection["recv_cnt"].as_u64() > Some(0)
            && of_connection["send_cnt"].as_u64() > Some(0)
    );
    assert!(root["recv_oct"].as_u64() > Some(0), "{root}");
    let direct = get(&guest, "/api/exchanges/%2F/amq.direct");
    assert_eq!(
        (&direct["message_stats"]["publish_in"], &direct["message_stats"]["publish_out"]),
        (&json!(3), &json!(0))
    );
    let default = get(&guest, "/api/exchanges/%2F/amq.default");
    assert_eq!(
        (&default["message_stats"]["publish_in"], &default["message_stats"]["publish_out"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(get(&guest, "/api/exchanges/%2F/amq.fanout").get("message_stats"), None);
    let shown = get(&guest, "/api/queues/%2F/q");
    assert!(
        shown["oldest_ready_age_ms"].is_u64() && shown["oldest_unacknowledged_age_ms"].is_null(),
        "{shown}"
    );
    client.close();
    let overview = get(&guest, "/api/overview");
    assert_eq!(overview["message_stats"]["publish"], 6, "a closed channel has counted");
}

#[test]
fn a_range_shows_the_past_of_everything_in_rabbitmqs_form() {
    let (broker, guest) = broker();
    let mut client = RawClient::with_channel_on(&broker);
    client.declare(1, &queue::declare("q"));
    client.publish(1, "", "q", "x");
    client.declare(1, &queue::declare("q"));
    let connection =
        get(&guest, "/api/connections")[0]["name"].as_str().expect("a name").to_owned();
    let ranges = "?lengths_age=60&lengths_incr=5&msg_rates_age=60&msg_rates_incr=5\
                  &data_rates_age=60&data_rates_incr=5&node_stats_age=60&node_stats_incr=5";
    let connection = format!("/api/connections/{}", encoded(&connection));
    for (path, details) in [
        ("/api/overview", "/queue_totals/messages_details"),
        ("/api/overview", "/message_stats/publish_details"),
        ("/api/overview", "/churn_rates/queue_created_details"),
        ("/api/vhosts/%2F", "/messages_ready_details"),
        ("/api/queues/%2F/q", "/messages_details"),
        ("/api/queues/%2F/q", "/message_stats/publish_details"),
        ("/api/exchanges/%2F/amq.default", "/message_stats/publish_in_details"),
        (&connection, "/recv_oct_details"),
        ("/api/nodes", "/0/mem_used_details"),
    ] {
        // The first step of whole seconds that lies behind the first sample may be to come.
        let shown = until(&guest, &format!("{path}{ranges}"), |shown| {
            let samples = shown.pointer(details).map(|details| &details["samples"]);
            !samples.and_then(Value::as_array).expect("samples").is_empty()
        });
        let details = shown.pointer(details).expect("there");
        for number in ["rate", "avg_rate", "avg"] {
            assert!(details[number].is_number(), "{path}: {details}");
        }
        let sample = &details["samples"][0];
        assert!(
            sample["sample"].is_u64() && sample["timestamp"].as_u64().expect("ms") % 5_000 == 0
        );
    }
    for path in ["/api/overview", "/api/queues", "/api/nodes", "/api/exchanges", "/api/channels"] {
        let answer = guest.get(&format!("{path}?lengths_age=0&lengths_incr=5"));
        expect(&answer, 400);
        assert_eq!(answer.reason(), "Invalid range parameters: age 0, incr 5", "{path}");
        assert!(
            get(&guest, &format!("{path}?lengths_age=5")).get("error").is_none(),
            "half of one"
        );
    }
    client.close();
}
