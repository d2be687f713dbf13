//! The metrics behind TLS, scraped as Prometheus does.

use super::authority::Validity;
use super::world::{Client, Files, HOST, refusal, until};
use crate::support::{Answer, Broker, Http, run_to_its_end};

/// A broker whose metrics are served with TLS on a free port, and these lines besides.
fn broker(files: &Files, more: &[&str]) -> Broker {
    let lines = lines(files, more);
    Broker::start(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

fn lines(files: &Files, more: &[&str]) -> Vec<String> {
    let file =
        |key: &str, name: &str| format!("prometheus.ssl.{key} = {}", files.path(name).display());
    let own = [
        "prometheus.ssl.port = 0".to_owned(),
        file("certfile", "server.pem"),
        file("keyfile", "server.key"),
        file("cacertfile", "ca.pem"),
    ];
    own.into_iter().chain(more.iter().map(|line| (*line).to_owned())).collect()
}

const MUTUAL: [&str; 2] =
    ["prometheus.ssl.verify = verify_peer", "prometheus.ssl.fail_if_no_peer_cert = true"];

/// A scrape over a new connection of this client.
fn scrape(client: Client<'_>, broker: &Broker) -> Answer {
    let stream = client.connect(broker.https().port()).expect("a good handshake");
    Http::new(broker.https()).send_over(stream, ("GET", "/metrics"), &[], "")
}

fn has_metrics(answer: &Answer) {
    assert_eq!(answer.status, 200);
    let text = String::from_utf8_lossy(&answer.body);
    assert!(text.contains("\nrabbitmq_identity_info{"), "{text}");
}

#[test]
fn the_metrics_are_served_with_tls_beside_the_plain_port() {
    let files = Files::new();
    let broker = broker(&files, &[]);
    has_metrics(&scrape(files.trusting(), &broker));
    has_metrics(&Http::new(broker.metrics()).get("/metrics"));
    assert_ne!(broker.metrics(), broker.https());
    let guest = Http::new(broker.management()).login("guest", "guest");
    let overview = guest.get("/api/overview").json();
    let listeners = overview["listeners"].as_array().expect("a list");
    let protocol = |port: u16| {
        let of_it = listeners.iter().find(|listener| listener["port"] == port);
        of_it.expect("it is listed")["protocol"].as_str().expect("a name").to_owned()
    };
    assert_eq!(protocol(broker.https().port()), "https/prometheus");
    assert_eq!(protocol(broker.metrics().port()), "http/prometheus");
    assert_eq!(broker.stop(), "", "nothing to warn of");
}

#[test]
fn the_plain_port_goes_when_it_is_said() {
    for none in ["prometheus.tcp.listener = none", "prometheus.tcp.port = none"] {
        let files = Files::new();
        let broker = broker(&files, &[none]);
        has_metrics(&scrape(files.trusting(), &broker));
        assert_eq!(broker.metrics(), broker.https(), "{none}: the first is the one with TLS");
        assert_eq!(broker.stop(), "", "nothing to warn of");
    }
}

#[test]
fn only_a_client_with_a_good_certificate_scrapes_where_one_is_wanted() {
    let files = Files::new();
    let broker = broker(&files, &MUTUAL);
    let error = refusal(files.trusting().connect(broker.https().port()));
    assert!(error.contains("CertificateRequired"), "{error}");
    let own = files.authority.client("prometheus", Validity::Good);
    has_metrics(&scrape(files.trusting().with(&own), &broker));
    let stderr = broker.stop();
    assert!(stderr.contains("connection refused") && stderr.contains("prometheus.ssl"), "{stderr}");
}

#[test]
fn a_hangup_brings_new_certificates_to_the_metrics_as_well() {
    let files = Files::new();
    let broker = broker(&files, &[]);
    let port = broker.https().port();
    let shown = || {
        let stream = files.trusting().connect(port).expect("a good handshake");
        stream.conn.peer_certificates().expect("it has shown itself")[0].to_vec()
    };
    let before = shown();
    let fresh = files.authority.server(HOST, Validity::Good);
    files.put_server(&fresh);
    assert_eq!(shown(), before, "nobody asked for the new one yet");
    broker.hang_up();
    until(|| (shown() == *fresh.der).then_some(()));
    assert_eq!(broker.stop(), "", "nothing to warn of");
}

#[test]
fn files_that_cannot_be_used_stop_the_start_with_the_key_of_the_metrics() {
    let files = Files::new();
    let said = |more: &[&str], without: &str| {
        let mut lines = lines(&files, more);
        lines.retain(|line| without.is_empty() || !line.contains(without));
        std::fs::write(files.path("haremq.conf"), lines.join("\n")).expect("a file");
        let config = files.path("haremq.conf");
        let (code, stderr) =
            run_to_its_end(&["--port", "0", "--config", config.to_str().expect("UTF-8")]);
        assert_eq!(code, Some(1), "{stderr}");
        stderr
    };
    assert!(said(&[], "certfile").contains("set prometheus.ssl.certfile"));
    assert!(said(&[], "certfile").contains("take prometheus.ssl.port away"));
    let text = said(&["prometheus.ssl.certfile = /nowhere.pem"], "");
    assert!(text.contains("prometheus.ssl.certfile = /nowhere.pem: "), "{text}");
    let text = said(&[MUTUAL[1]], "");
    assert!(text.contains("set prometheus.ssl.verify = verify_peer"), "{text}");
    let text = said(&[MUTUAL[0]], "cacertfile");
    assert!(text.contains("needs prometheus.ssl.cacertfile"), "{text}");
    let text = said(&["prometheus.ssl.versions.1 = tlsv1"], "");
    assert!(text.contains("prometheus.ssl.versions leaves no version"), "{text}");
}
