//! A collector that is away, slow, or says no: the broker goes on, and what is lost is counted.

use std::thread;

use haremq::base::Stopwatch;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;

use super::collector::{Collector, Said};
use super::{properties, traced};
use crate::support::methods::{basic, confirm, queue};
use crate::support::{Broker, Http, RawClient, id};
use crate::tls::authority::{Authority, Validity};

/// Publishes so many, with a confirm for each, and takes them.
fn work(client: &mut RawClient, messages: u64) {
    client.declare(1, &queue::declare("q"));
    client.call(1, &confirm::select(), id::CONFIRM_SELECT_OK);
    client.consume(1, &basic::consume("q", "c").with(basic::NO_ACK));
    work_more(client, messages);
}

fn work_more(client: &mut RawClient, messages: u64) {
    for number in 1..=messages {
        client.send_publish(1, &basic::publish("", "q"), &properties(), "m");
        let (mut confirmed, mut delivered) = (false, false);
        while !(confirmed && delivered) {
            match client.next_frame().method() {
                Some(id::BASIC_ACK) => confirmed = true,
                Some(id::BASIC_DELIVER) => {
                    client.expect_content(1);
                    delivered = true;
                }
                other => panic!("message {number}: {other:?}"),
            }
        }
    }
}

fn metric(broker: &Broker, name: &str) -> u64 {
    let page = Http::new(broker.metrics()).get("/metrics").body;
    let page = String::from_utf8(page).expect("UTF-8");
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).expect("the metric is there")
}

/// Waits until a metric has come to this.
fn wait_for(broker: &Broker, name: &str, value: u64) {
    let asked = Stopwatch::start();
    while metric(broker, name) < value {
        assert!(asked.elapsed().as_secs() < 60, "{name} is {}", metric(broker, name));
        thread::yield_now();
    }
}

#[test]
fn nobody_there_costs_spans_and_nothing_else() {
    let gone = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = gone.local_addr().expect("an address").port();
    drop(gone);
    let broker = Broker::start(&[&format!("haremq.otel.endpoint = http://127.0.0.1:{port}")]);
    let mut client = RawClient::with_channel_on(&broker);
    work(&mut client, 50);
    client.close();
    let asked = Stopwatch::start();
    let log = broker.stop();
    assert!(asked.elapsed().as_secs() < 20, "a stop is bounded: {:?}", asked.elapsed());
    assert!(log.contains("spans did not reach the collector"), "{log}");
}

#[test]
fn a_collector_that_never_answers_holds_nobody_up() {
    let collector = Collector::that(|_| Said::Nothing);
    let (broker, mut client) = traced(&collector, &["haremq.otel.timeout = 100ms"]);
    work(&mut client, 50);
    let requests = collector.wait_for_requests(2);
    assert_eq!(requests[0].body, requests[1].body, "the same is tried again");
    work_more(&mut client, 1);
    client.close();
    broker.stop();
}

#[test]
fn a_collector_that_is_busy_is_asked_again_when_it_says() {
    let collector = Collector::that(|number| match number {
        0 => Said::Status(503, "retry-after: 0\r\n"),
        1 => Said::Status(429, "retry-after: 0\r\n"),
        _ => Said::Taken("{}"),
    });
    let (broker, mut client) = traced(&collector, &[]);
    work(&mut client, 1);
    let requests = collector.wait_for_requests(3);
    assert_eq!(requests[0].body, requests[2].body);
    client.close();
    wait_for(&broker, "haremq_otel_spans_sent_total", 3);
    assert_eq!(metric(&broker, "haremq_otel_spans_dropped_total"), 0);
    assert_eq!(metric(&broker, "haremq_otel_messages_followed"), 0);
}

#[test]
fn a_collector_that_says_no_is_not_asked_again() {
    let collector = Collector::that(|number| match number {
        0 => Said::Status(400, ""),
        _ => Said::Taken(r#"{"partialSuccess":{"rejectedSpans":"1"}}"#),
    });
    let (broker, mut client) = traced(&collector, &[]);
    work(&mut client, 1);
    wait_for(&broker, "haremq_otel_spans_dropped_total", 3);
    work_more(&mut client, 1);
    let requests = collector.wait_for_requests(2);
    assert_ne!(requests[0].body, requests[1].body, "what was refused is gone");
    wait_for(&broker, "haremq_otel_spans_dropped_total", 4);
    assert_eq!(metric(&broker, "haremq_otel_spans_sent_total"), 2);
}

#[test]
fn a_clean_stop_sends_the_last_spans() {
    let collector = Collector::start();
    let (broker, mut client) = traced(&collector, &[]);
    work(&mut client, 3);
    client.close();
    broker.stop();
    let sent = super::collector::spans(&collector.requests());
    assert_eq!(sent.len(), 9, "{:?}", super::collector::tree(&sent));
}

#[test]
fn one_connection_carries_one_request_after_the_other() {
    let collector = Collector::start();
    let (broker, mut client) = traced(&collector, &[]);
    work(&mut client, 1);
    for requests in 1..5 {
        collector.wait_for_requests(requests);
        work_more(&mut client, 1);
    }
    client.close();
    broker.stop();
    assert_eq!(collector.connections(), 1);
}

/// A service may close a connection at any moment; nothing of what is sent next is lost by that.
#[test]
fn a_collector_that_closes_connections_gets_every_span() {
    let collector = Collector::closing_after(2);
    let (broker, mut client) = traced(&collector, &[]);
    work(&mut client, 1);
    for requests in 1..6 {
        collector.wait_for_requests(requests);
        work_more(&mut client, 1);
    }
    collector.spans(18);
    client.close();
    wait_for(&broker, "haremq_otel_spans_sent_total", 18);
    assert_eq!(metric(&broker, "haremq_otel_spans_dropped_total"), 0);
    assert!(collector.connections() > 1);
}

#[test]
fn spans_go_over_https_to_a_collector_that_is_trusted_and_to_no_other() {
    let (trusted, other) = (Authority::new("ours"), Authority::new("theirs"));
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, &trusted.pem).expect("a file");
    let line = format!("haremq.otel.cacertfile = {}", file.display());
    for (issuer, is_trusted) in [(&trusted, true), (&other, false)] {
        let issued = issuer.server("localhost", Validity::Good);
        let key = PrivateKeyDer::from_pem_slice(issued.key_pem.as_bytes()).expect("a key");
        let server = ServerConfig::builder().with_no_client_auth();
        let server = server.with_single_cert(vec![issued.der], key).expect("they belong together");
        let collector = Collector::with_tls(server);
        let (broker, mut client) = traced(&collector, &[&line]);
        work(&mut client, 3);
        client.close();
        if is_trusted {
            assert_eq!(collector.spans(9).len(), 9);
            assert_eq!(collector.connections(), 1);
        }
        let log = broker.stop();
        assert_eq!(collector.requests().is_empty(), !is_trusted, "{log}");
    }
}
