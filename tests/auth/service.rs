//! Logins and permissions that an HTTP service answers: what it is asked, and what becomes of a service that is down,
//! slow, or talks nonsense.

use serde_json::json;

use super::served::{Said, Service};
use crate::support::methods::{basic, confirm, queue};
use crate::support::{Broker, Http, Id, Login, RawClient, id, refusal};

fn broker(service: &Service, more: &[&str]) -> Broker {
    let mut lines = service.lines();
    let own = ["auth_backends.1 = http", "auth_backends.2 = internal"];
    lines.extend(own.iter().chain(more).map(|line| (*line).to_owned()));
    Broker::start(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

fn ann() -> Login {
    Login::guest().user("ann", "p&w d")
}

fn is_refused(broker: &Broker) {
    let mut client = RawClient::connect(broker);
    client.send_start_ok(&ann());
    let text = "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details \
                see the broker logfile.";
    client.expect_connection_close(&refusal(403, text, Id(0, 0)));
}

#[test]
fn the_service_is_asked_what_rabbitmq_asks() {
    let service = Service::start(|path, _| {
        Said::Text(if path == "/user" { "allow monitoring own" } else { "allow" })
    });
    let broker = broker(&service, &[]);
    let mut client = RawClient::login(&broker, &ann());
    client.open_channel(1);
    client.call(1, &queue::declare("a/b"), id::QUEUE_DECLARE_OK);
    client.call(1, &queue::bind("a/b", "amq.topic", "k.#"), id::QUEUE_BIND_OK);
    let expected = [
        "/user?username=ann&password=p%26w+d",
        "/vhost?username=ann&vhost=%2F&ip=127.0.0.1&tags=monitoring+own",
        "/resource?username=ann&vhost=%2F&resource=queue&name=a%2Fb&permission=configure&tags=monitoring+own",
        "/resource?username=ann&vhost=%2F&resource=queue&name=a%2Fb&permission=write&tags=monitoring+own",
        "/resource?username=ann&vhost=%2F&resource=exchange&name=amq.topic&permission=read&tags=monitoring+own",
        "/topic?username=ann&vhost=%2F&resource=topic&name=amq.topic&permission=read&tags=monitoring+own\
         &routing_key=k.%23&variable_map.username=ann&variable_map.vhost=%2F",
    ];
    assert_eq!(service.asked(), expected);
}

#[test]
fn a_service_that_says_no_or_nothing_of_use_lets_nobody_in() {
    for (said, log) in [
        ("deny", "Denied by the backing HTTP service"),
        ("deny because", "Denied by the backing HTTP service: because"),
        ("maybe", "the service answered something else than allow or deny"),
        ("", "the service answered something else than allow or deny"),
    ] {
        let service = Service::start(move |_, _| Said::Text(said));
        let broker = broker(&service, &[]);
        is_refused(&broker);
        broker.wait_for_log(log);
        RawClient::login(&broker, &Login::guest()).close();
    }
    let service = Service::start(|_, _| Said::Status(500));
    let broken = broker(&service, &[]);
    is_refused(&broken);
    broken.wait_for_log("the service answered with status 500, and 200 is expected");
    let log = broken.stop();
    assert!(!log.contains("p&w") && !log.contains("p%26w"), "a password never stands in the log");
}

#[test]
fn a_service_that_is_down_refuses_and_the_log_says_why() {
    let nowhere = "http://127.0.0.1:1/user";
    let broker = Broker::start(&[
        "auth_backends.1 = http",
        "auth_backends.2 = internal",
        &format!("auth_http.user_path = {nowhere}"),
    ]);
    is_refused(&broker);
    broker.wait_for_log("cannot connect to 127.0.0.1: Connection refused");
    RawClient::login(&broker, &Login::guest()).close();
}

#[test]
fn a_slow_service_holds_back_nobody_else_and_is_given_up() {
    let service = Service::start(|_, _| Said::Later("allow"));
    let broker = broker(&service, &["auth_http.request_timeout = 300ms"]);
    let mut waits = RawClient::connect(&broker);
    waits.send_start_ok(&ann());
    service.wait_for("/user");
    // A client of the second backend would wait for the first as well; what does not log in does not.
    let text = "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details \
                see the broker logfile.";
    waits.expect_connection_close(&refusal(403, text, Id(0, 0)));
    broker.wait_for_log("no answer from 127.0.0.1 within 300 ms");
}

/// A3: what waits for a judge is done once, in its order, and holds back no other connection.
#[test]
fn what_a_client_asks_behind_a_question_stays_in_order() {
    let service = Service::start(|path, form| match (path, form.get("name")) {
        ("/resource", "amq.default") => Said::Later("allow"),
        _ => Said::Text("allow"),
    });
    let broker = broker(&service, &[]);
    let mut client = RawClient::login(&broker, &ann());
    client.open_channel(1);
    client.call(1, &queue::declare("q"), id::QUEUE_DECLARE_OK);
    client.call(1, &confirm::select(), id::CONFIRM_SELECT_OK);
    for body in ["1", "2", "3"] {
        client.publish(1, "", "q", body);
    }
    client.send(1, &basic::consume("q", "c"));
    service.wait_for("/resource?username=ann&vhost=%2F&resource=exchange&name=amq.default");
    // While the service thinks, another connection of the same user works.
    let mut other = RawClient::login(&broker, &ann());
    other.open_channel(1);
    other.call(1, &queue::declare("other"), id::QUEUE_DECLARE_OK);
    other.close();
    service.release();
    let mut bodies = Vec::new();
    let mut confirmed = 0;
    let mut is_consuming = false;
    while bodies.len() < 3 || confirmed < 3 || !is_consuming {
        let frame = client.next_frame();
        match frame.method() {
            Some(id::BASIC_ACK) => confirmed = confirmed.max(frame.arguments().long_long()),
            Some(id::BASIC_CONSUME_OK) => is_consuming = true,
            Some(id::BASIC_DELIVER) => {
                let body = client.expect_content(1).body;
                bodies.push(String::from_utf8(body).expect("text"));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(bodies, ["1", "2", "3"]);
    let asked = service.asked();
    let of_exchange = asked.iter().filter(|line| line.contains("name=amq.default")).count();
    assert_eq!(of_exchange, 1, "one question for all of them: {asked:?}");
}

#[test]
fn the_cache_asks_once_and_a_refusal_is_asked_again() {
    let service = Service::start(|path, form| {
        Said::Text(if path == "/resource" && form.get("name") == "no" { "deny" } else { "allow" })
    });
    let mut lines = service.lines();
    lines.extend(
        [
            "auth_backends.1 = cache",
            "auth_cache.cached_backend = http",
            "auth_cache.cache_ttl = 10m",
        ]
        .map(str::to_owned),
    );
    let broker = Broker::start(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    for _ in 0..3 {
        let mut client = RawClient::login(&broker, &ann());
        client.open_channel(1);
        client.call(1, &queue::declare("yes"), id::QUEUE_DECLARE_OK);
        let text =
            "ACCESS_REFUSED - configure access to queue 'no' in vhost '/' refused for user 'ann'";
        client.refused(1, &queue::declare("no"), &refusal(403, text, id::QUEUE_DECLARE));
        client.close();
    }
    let asked = service.asked();
    let count = |part: &str| asked.iter().filter(|line| line.contains(part)).count();
    assert_eq!(
        (count("/user"), count("/vhost"), count("name=yes"), count("name=no")),
        (1, 1, 1, 3)
    );
    let mut wrong = RawClient::connect(&broker);
    wrong.send_start_ok(&Login::guest().user("ann", "other"));
    wrong.expect(0, id::CONNECTION_TUNE);
    assert_eq!(
        service.asked().iter().filter(|line| line.contains("/user")).count(),
        2,
        "another password"
    );
}

/// A publish that waits for the judge is tried again, and is one occasion for a fault that a test has ordered.
#[test]
fn a_publish_that_waits_for_a_judge_meets_a_fault_once() {
    const FAULTS: &str = "/api/haremq/test/faults";
    let service = Service::start(|path, _| match path {
        "/user" => Said::Text("allow administrator"),
        _ => Said::Text("allow"),
    });
    let broker = broker(&service, &["haremq.test_api = true", "auth_http.http_method = post"]);
    let http = Http::new(broker.management()).login("guest", "guest");
    let mut client = RawClient::login(&broker, &ann());
    client.open_channel(1);
    client.call(1, &confirm::select(), id::CONFIRM_SELECT_OK).end();
    // The second occasion is struck: it is the second publish, whatever has to be asked for the first.
    let nack = json!({ "kind": "nack", "exchange": "amq.topic", "every": 2 });
    assert_eq!(http.post(FAULTS, &nack).status, 201);
    client.publish(1, "amq.topic", "k", "first");
    assert_eq!(client.expect_ack(1), (1, false));
    service.wait_for("/topic");
    client.publish(1, "amq.topic", "other", "second");
    client.expect(1, id::BASIC_NACK);
    let list = http.get(FAULTS).json();
    assert_eq!(list[0]["hits"], 1, "{list}");
}
