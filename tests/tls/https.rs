//! The management API behind TLS, and the command line tool as its client.

use std::ffi::OsString;
use std::net::TcpStream;

use haremq::ctl::{Streams, run_tool};
use serde_json::json;

use super::authority::{Authority, Validity};
use super::world::{Client, Files, HOST, refusal, until};
use crate::support::{Answer, Broker, Http, with_guards};

/// A broker with HTTPS alone on a free port, and these lines besides.
fn https(files: &Files, more: &[&str]) -> Broker {
    let lines = lines(files, more);
    Broker::start(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

fn lines(files: &Files, more: &[&str]) -> Vec<String> {
    let file =
        |key: &str, name: &str| format!("management.ssl.{key} = {}", files.path(name).display());
    let own = [
        "management.ssl.port = 0".to_owned(),
        file("certfile", "server.pem"),
        file("keyfile", "server.key"),
        file("cacertfile", "ca.pem"),
    ];
    own.into_iter().chain(more.iter().map(|line| (*line).to_owned())).collect()
}

const MUTUAL: [&str; 2] =
    ["management.ssl.verify = verify_peer", "management.ssl.fail_if_no_peer_cert = true"];

/// Asks as guest, over a new connection of this client.
fn ask(client: Client<'_>, broker: &Broker, headers: &[(&str, &str)]) -> Answer {
    let stream = client.connect(broker.https().port()).expect("a good handshake");
    let guest = Http::new(broker.https()).login("guest", "guest");
    guest.send_over(stream, ("GET", "/api/overview"), headers, "")
}

#[test]
fn the_api_is_served_with_tls_and_says_so() {
    let files = Files::new();
    let broker = https(&files, &[]);
    let answer = ask(files.trusting(), &broker, &[]);
    assert_eq!(answer.status, 200);
    let overview = answer.json();
    let port = broker.https().port();
    let of = |list: &str| {
        let all = overview[list].as_array().expect("a list");
        all.iter().find(|one| one["port"] == port).expect("it is there").clone()
    };
    let listener = of("listeners");
    assert_eq!((&listener["protocol"], &listener["tls"]), (&json!("https"), &json!(true)));
    assert_eq!(of("contexts")["protocol"], "https");
    assert!(!broker.ready_line().contains("management on 127.0.0.1:15672"), "HTTPS alone");
    assert_eq!(broker.stop(), "", "nothing to warn of");
}

#[test]
fn http_and_https_are_served_beside_each_other_when_both_are_asked_for() {
    let files = Files::new();
    let broker = https(&files, &["management.tcp.port = 0"]);
    assert_eq!(ask(files.trusting(), &broker, &[]).status, 200);
    let http = Http::new(broker.management()).login("guest", "guest");
    assert_eq!(http.get("/api/overview").status, 200);
    assert_ne!(broker.management(), broker.https());
}

#[test]
fn clients_turn_away_from_a_certificate_that_is_expired_or_of_another_host() {
    let files = Files::new();
    let broker = https(&files, &[]);
    let port = broker.https().port();
    let client = files.trusting().bound_for("elsewhere.example.com");
    let error = client.connect(port).expect_err("another host").to_string();
    assert!(error.contains("not valid for name"), "{error}");
    files.put_server(&files.authority.server(HOST, Validity::Expired));
    let broker = https(&files, &[]);
    let error = files.trusting().connect(broker.https().port()).expect_err("expired").to_string();
    assert!(error.contains("expired"), "{error}");
    let stderr = broker.stop();
    assert!(stderr.contains("management connection refused"), "{stderr}");
    assert!(stderr.contains("CertificateExpired"), "{stderr}");
}

#[test]
fn a_client_without_a_good_certificate_is_refused_where_one_is_wanted() {
    let files = Files::new();
    let broker = https(&files, &MUTUAL);
    let port = broker.https().port();
    let error = refusal(files.trusting().connect(port));
    assert!(error.contains("CertificateRequired"), "{error}");
    let stranger = Authority::new("Other").client("app", Validity::Good);
    refusal(files.trusting().with(&stranger).connect(port));
    let own = files.authority.client("app", Validity::Good);
    assert_eq!(ask(files.trusting().with(&own), &broker, &[]).status, 200);
}

#[test]
fn a_hangup_brings_new_certificates_to_the_api_as_well() {
    let files = Files::new();
    let broker = https(&files, &[]);
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
fn http_on_the_port_for_https_costs_its_own_connection_only() {
    let files = Files::new();
    let broker = https(&files, &["ssl_handshake_timeout = 200ms"]);
    let connect = || with_guards(TcpStream::connect(broker.https()).expect("it listens"));
    let silent = connect();
    let mut plain = connect();
    std::io::Write::write_all(&mut plain, b"GET /api/overview HTTP/1.1\r\n\r\n").expect("taken");
    broker.wait_for_log("does not speak TLS");
    broker.wait_for_log("took longer than 200 ms");
    assert_eq!(ask(files.trusting(), &broker, &[]).status, 200);
    drop((silent, plain));
}

#[test]
fn every_answer_carries_the_policies_of_the_settings() {
    let files = Files::new();
    let policies =
        ["management.hsts.policy = max-age=31536000", "management.csp.policy = default-src 'self'"];
    let broker = https(&files, &policies);
    let answer = ask(files.trusting(), &broker, &[]);
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"));
    assert_eq!(answer.header("content-security-policy"), Some("default-src 'self'"));
    let stream = files.trusting().connect(broker.https().port()).expect("a good handshake");
    let nobody = Http::new(broker.https());
    let refused = nobody.send_over(stream, ("GET", "/api/nosuch"), &[], "");
    assert_eq!(refused.status, 404);
    assert_eq!(refused.header("strict-transport-security"), Some("max-age=31536000"));
}

#[test]
fn the_cookie_of_a_login_with_tls_is_never_sent_without_it() {
    let files = Files::new();
    let broker = https(&files, &[]);
    let stream = files.trusting().connect(broker.https().port()).expect("a good handshake");
    let nobody = Http::new(broker.https());
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = "username=guest&password=guest";
    let answer = nobody.send_over(stream, ("POST", "/api/login"), &form, body);
    let cookie = answer.header("set-cookie").expect("a session");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
}

#[test]
fn files_that_cannot_be_used_stop_the_start_with_the_key_of_the_management() {
    let files = Files::new();
    let said = |more: &[&str], without: &str| {
        let mut lines = lines(&files, more);
        lines.retain(|line| without.is_empty() || !line.contains(without));
        std::fs::write(files.path("haremq.conf"), lines.join("\n")).expect("a file");
        let config = files.path("haremq.conf");
        let config = config.to_str().expect("UTF-8");
        let (code, stderr) = crate::support::run_to_its_end(&["--port", "0", "--config", config]);
        assert_eq!(code, Some(1), "{stderr}");
        stderr
    };
    assert!(said(&[], "certfile").contains("set management.ssl.certfile"));
    let text = said(&["management.ssl.certfile = /nowhere.pem"], "");
    assert!(text.contains("management.ssl.certfile = /nowhere.pem: "), "{text}");
    let text = said(&[MUTUAL[1]], "");
    assert!(text.contains("set management.ssl.verify = verify_peer"), "{text}");
    let text = said(&[MUTUAL[0]], "cacertfile");
    assert!(text.contains("needs management.ssl.cacertfile"), "{text}");
    let text = said(&["management.ssl.versions.1 = tlsv1"], "");
    assert!(text.contains("management.ssl.versions leaves no version"), "{text}");
}

/// Exit code, output and errors of the tool, asked about users at this address.
fn list_users(url: &str, flags: &[&str]) -> (u8, String, String) {
    let words =
        ["rabbitmqctl", "list_users", "-q", "--url", url].into_iter().chain(flags.iter().copied());
    let words: Vec<OsString> = words.map(OsString::from).collect();
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let mut input: &[u8] = b"";
    let mut streams = Streams { input: &mut input, output: &mut output, errors: &mut errors };
    let code = run_tool(&words, &[], &mut streams).expect("the name of a tool");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (code, text(output), text(errors))
}

#[test]
fn the_tool_reaches_a_broker_whose_certificate_is_good_and_no_other() {
    let files = Files::new();
    let broker = https(&files, &[]);
    let port = broker.https().port();
    let url = format!("https://guest:guest@{HOST}:{port}");
    let ca = files.path("ca.pem");
    let ca = ["--tls-ca-cert-file", ca.to_str().expect("UTF-8")];
    let users = "user\ttags\nguest\t[administrator]\n".to_owned();
    assert_eq!(list_users(&url, &ca), (0, users.clone(), String::new()));
    let (code, output, errors) = list_users(&url, &[]);
    assert_eq!((code, output.as_str()), (69, ""), "the system does not know that authority");
    assert!(errors.contains("UnknownIssuer; name the authority"), "{errors}");
    let by_number = format!("https://guest:guest@127.0.0.1:{port}");
    let (code, _, errors) = list_users(&by_number, &ca);
    assert_eq!(code, 69);
    assert!(errors.contains("not valid for name"), "{errors}");
    assert_eq!(list_users(&by_number, &["--insecure"]), (0, users, String::new()));
    let (code, _, errors) = list_users(&url, &["--tls-ca-cert-file", "/nowhere.pem"]);
    assert_eq!(code, 78);
    assert!(errors.contains("--tls-ca-cert-file /nowhere.pem: "), "{errors}");
    let http = format!("http://guest:guest@{HOST}:{port}");
    assert_eq!(list_users(&http, &[]).0, 69);
}

#[test]
fn the_tool_shows_a_certificate_of_its_own() {
    let files = Files::new();
    let broker = https(&files, &MUTUAL);
    let url = format!("https://guest:guest@{HOST}:{}", broker.https().port());
    let own = files.authority.client("admin", Validity::Good);
    files.put("admin.pem", &own.pem);
    files.put("admin.key", &own.key_pem);
    let path = |name| files.path(name).to_str().expect("UTF-8").to_owned();
    let [ca, certificate, key] = ["ca.pem", "admin.pem", "admin.key"].map(path);
    let ca = ["--tls-ca-cert-file", ca.as_str()];
    let (code, _, errors) = list_users(&url, &ca);
    assert_eq!(code, 69);
    assert!(errors.contains("CertificateRequired; show a certificate"), "{errors}");
    let own = ["--tls-cert-file", certificate.as_str(), "--tls-key-file", key.as_str()];
    let (code, output, errors) = list_users(&url, &[ca.as_slice(), own.as_slice()].concat());
    assert_eq!((code, errors.as_str()), (0, ""), "{output}");
}
