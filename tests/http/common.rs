//! What is the same for every resource.

use serde_json::json;

use super::{broker, expect, guest, nobody, user_with};
use crate::support::{Broker, Http, unique};

#[test]
fn who_does_not_log_in_is_asked_to() {
    let answer = nobody().get("/api/overview");
    expect(&answer, 401);
    assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"RabbitMQ Management\""));
    assert!(answer.body.is_empty());
}

#[test]
fn wrong_credentials_are_refused_and_a_right_login_of_another_goes_on() {
    // One of its own: the pauses are for everybody who comes from here.
    let broker = Broker::start(&[]);
    let nobody = Http::new(broker.management());
    for (name, password) in [("guest", "wrong"), ("nobody", "guest"), ("guest", "")] {
        let answer = nobody.login(name, password).get("/api/whoami");
        expect(&answer, 401);
        let body = json!({ "error": "not_authorised", "reason": "Login failed" });
        assert_eq!(answer.json(), body);
    }
    let garbled = nobody.send("GET", "/api/whoami", &[("authorization", "Basic !")], "");
    expect(&garbled, 401);
    expect(&nobody.login("guest", "guest").get("/api/whoami"), 200);
}

#[test]
fn each_tag_opens_its_resources() {
    let none = user_with(&unique("none"), "");
    let who = none.get("/api/whoami");
    expect(&who, 200);
    assert_eq!(who.json()["tags"], json!([]));
    let refused = |http: &Http, path: &str, reason: &str| {
        let answer = http.get(path);
        expect(&answer, 401);
        assert_eq!(answer.reason(), reason, "{path}");
    };
    refused(&none, "/api/overview", "Not management user");
    let management = user_with(&unique("management"), "management");
    expect(&management.get("/api/overview"), 200);
    refused(&management, "/api/nodes", "Not monitor user");
    refused(&management, "/api/users", "Not administrator user");
    refused(&management, "/api/parameters", "Not policymaker user");
    let monitoring = user_with(&unique("monitoring"), "monitoring");
    expect(&monitoring.get("/api/nodes"), 200);
    refused(&monitoring, "/api/permissions", "Not administrator user");
    let policymaker = user_with(&unique("policymaker"), "policymaker");
    expect(&policymaker.get("/api/parameters"), 200);
    refused(&policymaker, "/api/nodes", "Not monitor user");
}

#[test]
fn what_is_not_there_and_what_cannot_be_done_is_said_in_json() {
    let answer = guest().get("/api/no-such-thing");
    expect(&answer, 404);
    assert_eq!(answer.json(), json!({ "error": "Object Not Found", "reason": "Not Found" }));
    let answer = guest().post("/api/overview", &json!({}));
    expect(&answer, 405);
    assert_eq!(answer.json()["error"], "method_not_allowed");
    assert!(answer.header("allow").expect("what may be done").contains("GET"));
    expect(&guest().get("/no-such-page"), 404);
}

#[test]
fn every_resource_answers_head_and_options() {
    let head = guest().send("HEAD", "/api/overview", &[], "");
    expect(&head, 200);
    assert!(head.body.is_empty() && head.header("content-length") != Some("0"));
    let options = nobody().send("OPTIONS", "/api/vhosts/%2F", &[], "");
    expect(&options, 200);
    assert_eq!(options.header("allow"), Some("OPTIONS, HEAD, GET, PUT, DELETE"));
    assert_eq!(options.header("access-control-allow-origin"), None, "only when configured");
}

#[test]
fn answers_are_not_kept_by_anybody_on_the_way() {
    let answer = guest().get("/api/overview");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    assert_eq!(answer.header("vary"), Some("accept, accept-encoding, origin"));
    let bert = [("accept", "application/bert,application/json;q=0.1")];
    let answer = guest().send("GET", "/api/overview", &bert, "");
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[test]
fn a_last_slash_and_an_encoded_one_are_understood() {
    expect(&guest().get("/api/vhosts/?columns=name"), 200);
    let answer = guest().get("/api/vhosts/%2f");
    assert_eq!(answer.json()["name"], "/");
    expect(&guest().get("/api/vhosts/%ff"), 400);
}

#[test]
fn a_body_that_is_too_large_or_no_json_is_refused() {
    let vhost = format!("/api/vhosts/{}", unique("body"));
    let long = "x".repeat(20 * 1024 * 1024 + 1);
    let answer = guest().send("PUT", &vhost, &[], &long);
    expect(&answer, 413);
    expect(&guest().send("PUT", &vhost, &[], "{"), 400);
    expect(&guest().send("PUT", &vhost, &[], "[]"), 400);
    expect(&guest().get(&vhost), 404);
}

#[test]
fn nothing_of_a_strangers_body_is_read() {
    let head = "PUT /api/vhosts/x HTTP/1.1\r\nhost: b\r\nconnection: close\r\ncontent-length: 1000\r\n\r\n";
    let answer = nobody().exchange(head.as_bytes());
    assert!(answer.starts_with(b"HTTP/1.1 401 "), "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn a_body_in_pieces_is_one_body() {
    let vhost = unique("pieces");
    let head = format!(
        "PUT /api/vhosts/{vhost} HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\
         authorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\ntransfer-encoding: chunked\r\n\r\n\
         7\r\n{{\"descr\r\n14\r\niption\":\"of pieces\"}}\r\n0\r\n\r\n"
    );
    let answer = nobody().exchange(head.as_bytes());
    assert!(answer.starts_with(b"HTTP/1.1 201 "), "{}", String::from_utf8_lossy(&answer));
    let made = guest().get(&format!("/api/vhosts/{vhost}")).json();
    assert_eq!(made["description"], "of pieces");
    expect(&guest().delete(&format!("/api/vhosts/{vhost}")), 204);
}

#[test]
fn garbage_costs_its_own_connection_only() {
    for garbage in ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "AMQP\0\0\x09\x01"]
    {
        let _ = nobody().exchange(format!("{garbage}\r\n\r\n").as_bytes());
    }
    let long = format!("GET /api/{} HTTP/1.1\r\n\r\n", "x".repeat(100_000));
    let answer = nobody().exchange(long.as_bytes());
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    expect(&guest().get("/api/whoami"), 200);
}

#[test]
fn a_page_of_another_site_changes_nothing() {
    let vhost = format!("/api/vhosts/{}", unique("foreign"));
    let headers = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
    expect(&guest().send("PUT", &vhost, &headers, "{}"), 403);
    expect(&guest().get(&vhost), 404);
}

#[test]
fn lists_are_paged_sorted_and_cut() {
    let prefix = unique("paged");
    for last in ["b", "a", "c"] {
        expect(&guest().put(&format!("/api/vhosts/{prefix}-{last}"), &json!({})), 201);
    }
    let path = format!("/api/vhosts?page=2&page_size=2&name={prefix}&sort=name&columns=name");
    let page = guest().get(&path);
    expect(&page, 200);
    let page = page.json();
    assert_eq!(page["items"], json!([{ "name": format!("{prefix}-c") }]));
    assert_eq!((&page["page_count"], &page["filtered_count"]), (&json!(2), &json!(3)));
    expect(&guest().get("/api/vhosts?page=1&page_size=501"), 400);
    expect(&guest().get("/api/vhosts?page=1&name=(&use_regex=true"), 400);
    for last in ["a", "b", "c"] {
        expect(&guest().delete(&format!("/api/vhosts/{prefix}-{last}")), 204);
    }
}

#[test]
fn a_form_logs_in() {
    let send = |body: &str| {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        nobody().send("POST", "/api/login", &form, body)
    };
    let good = send("username=guest&password=guest");
    expect(&good, 200);
    assert_eq!(good.json()["name"], "guest");
    expect(&send("username=guest&password=no"), 401);
    expect(&send("username=guest"), 400);
    let json = nobody().post("/api/login", &json!({ "username": "guest", "password": "guest" }));
    expect(&json, 200);
    expect(&nobody().delete("/api/login"), 204);
}

#[test]
fn the_description_names_every_resource_of_the_overview() {
    let document = nobody().get("/api/openapi.json");
    expect(&document, 200);
    let document = document.json();
    assert!(document["paths"]["/overview"]["get"].is_object());
    assert!(document["paths"]["/users/{user}"]["put"].is_object());
    let index = nobody().get("/api");
    expect(&index, 200);
    assert_eq!(index.header("content-type"), Some("text/html; charset=utf-8"));
}

#[test]
fn passwords_reach_no_log() {
    let broker = Broker::start(&["log.console.level = debug"]);
    let guest = Http::new(broker.management()).login("guest", "guest");
    let body = json!({ "password": "wonderland", "tags": "" });
    expect(&guest.put("/api/users/ann", &body), 201);
    expect(&guest.get("/api/auth/hash_password/looking-glass"), 200);
    expect(&guest.post("/api/auth/hash_password/looking-glass", &json!({})), 405);
    expect(&guest.login("ann", "jabberwock").get("/api/whoami"), 401);
    let stderr = broker.stop();
    for secret in ["wonderland", "looking-glass", "jabberwock"] {
        assert!(!stderr.contains(secret), "{secret} in\n{stderr}");
    }
    assert!(stderr.contains("a login to the management API was refused"), "{stderr}");
}

#[test]
fn the_ready_line_names_a_port_that_answers() {
    assert_ne!(broker().management().port(), 0);
    expect(&nobody().get("/api/version"), 200);
}
