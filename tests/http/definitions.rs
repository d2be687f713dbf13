//! Definitions over HTTP: exports of a real RabbitMQ go in and come out, and what is wrong changes nothing.
//! Each test has a broker of its own, because an import changes all of it.

use serde_json::{Value, json};

use super::{expect, named};
use crate::support::{Answer, Broker, Http};

const WHOLE: &str = include_str!("../data/rabbitmq-3.10-http.json");
const OF_CTL: &str = include_str!("../data/rabbitmq-3.10-rabbitmqctl.json");
const OF_VHOST: &str = include_str!("../data/rabbitmq-3.10-http-vhost.json");

fn start() -> (Broker, Http) {
    let broker = Broker::start(&[]);
    let guest = Http::new(broker.management()).login("guest", "guest");
    (broker, guest)
}

fn post(http: &Http, path: &str, text: &str) -> Answer {
    http.send("POST", path, &[], text)
}

/// What an export says, without when and by whom.
fn lists(http: &Http, path: &str) -> Value {
    let exported = http.get(path);
    expect(&exported, 200);
    let mut lists = exported.json();
    let object = lists.as_object_mut().expect("an object");
    object.retain(|_, value| value.is_array());
    lists
}

#[test]
fn an_export_of_rabbitmq_goes_in_and_its_users_log_in() {
    for document in [WHOLE, OF_CTL] {
        let (broker, guest) = start();
        let dry = post(&guest, "/api/definitions?dry_run=true", document);
        expect(&dry, 200);
        let dry = dry.json();
        assert!(dry["counts"]["add"].as_u64().expect("a number") > 20, "{dry}");
        assert!(dry["steps"].as_array().expect("steps").iter().any(|step| step["name"] == "anna"));
        expect(&guest.get("/api/users/anna"), 404);

        let imported = post(&guest, "/api/definitions", document);
        expect(&imported, 204);
        assert!(imported.body.is_empty());
        let anna = Http::new(broker.management()).login("anna", "anna-pass");
        expect(&anna.get("/api/whoami"), 200);
        assert!(named(&anna.get("/api/policies/shop").json(), "ttl").is_some());
        let queues = anna.get("/api/queues/shop").json();
        assert!(!queues.as_array().expect("queues").is_empty());

        // What comes out goes in again and changes nothing.
        let first = lists(&guest, "/api/definitions");
        expect(
            &post(&guest, "/api/definitions", &guest.get("/api/definitions").json().to_string()),
            204,
        );
        assert_eq!(lists(&guest, "/api/definitions"), first);
        assert_eq!(lists(&guest, "/api/all-configuration"), first);
    }
}

#[test]
fn definitions_of_a_virtual_host_go_into_another_one() {
    let (_broker, guest) = start();
    let missing = post(&guest, "/api/definitions/copy", OF_VHOST);
    expect(&missing, 404);
    assert_eq!(missing.json(), json!({ "error": "not_found", "reason": "vhost_not_found" }));
    let nowhere = guest.get("/api/definitions/copy");
    expect(&nowhere, 400);
    assert_eq!(nowhere.json(), json!({ "error": "bad_request", "reason": "vhost_not_found" }));

    expect(&guest.put("/api/vhosts/copy", &json!({})), 201);
    expect(&post(&guest, "/api/definitions/copy", OF_VHOST), 204);
    let theirs: Value = serde_json::from_str(OF_VHOST).expect("JSON");
    let ours = guest.get("/api/definitions/copy").json();
    for list in ["queues", "exchanges", "bindings", "policies", "parameters"] {
        let count = |document: &Value| document[list].as_array().expect("a list").len();
        assert_eq!(count(&ours), count(&theirs), "{list}");
    }
    assert_eq!(ours["queues"][0].get("vhost"), None);
    assert!(guest.get("/api/queues/%2F").json().as_array().expect("queues").is_empty());
}

#[test]
fn a_file_of_a_form_is_imported_as_browsers_and_curl_send_it() {
    let (_broker, guest) = start();
    let form = |fields: &str| {
        let body = format!("{fields}--bound--\r\n");
        let media_type = ("content-type", "multipart/form-data; boundary=bound");
        guest.send("POST", "/api/definitions", &[media_type], &body)
    };
    let file = |document: &str| {
        format!(
            "--bound\r\nContent-Disposition: form-data; name=\"file\"; filename=\"d.json\"\r\n\
             Content-Type: application/json\r\n\r\n{document}\r\n"
        )
    };
    let field = |name: &str, value: &str| {
        format!("--bound\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    expect(&form(&file(WHOLE)), 204);
    assert!(named(&guest.get("/api/users").json(), "anna").is_some());
    let redirected = form(&(file("\u{feff}{}") + &field("redirect", "../#/import-succeeded")));
    expect(&redirected, 303);
    assert_eq!(redirected.header("location"), Some("../#/import-succeeded"));
    expect(&form(&(file("{}") + &field("redirect", "//elsewhere"))), 400);
    let without = form(&field("other", "{}"));
    expect(&without, 400);
    assert!(without.reason().contains("'file'"), "{}", without.reason());
    expect(&form(""), 400);
    let cut = guest.send(
        "POST",
        "/api/definitions",
        &[("content-type", "multipart/form-data; boundary=bound")],
        &file(WHOLE),
    );
    expect(&cut, 400);
    let unbound = [("content-type", "multipart/form-data")];
    expect(&guest.send("POST", "/api/definitions", &unbound, "{}"), 400);
}

#[test]
fn an_import_prunes_what_it_is_asked_to_and_a_dry_run_nothing() {
    let (_broker, guest) = start();
    for queue in ["kept", "left"] {
        expect(&guest.put(&format!("/api/queues/%2F/{queue}"), &json!({ "durable": true })), 201);
    }
    let document = json!({
        "queues": [{ "name": "kept", "vhost": "/", "durable": true, "auto_delete": false, "arguments": {} }],
    });
    let dry = guest.post("/api/definitions?dry_run=true&prune=true", &document);
    expect(&dry, 200);
    assert_eq!(dry.json()["counts"]["delete"], 1);
    assert_eq!(dry.json()["steps"][0]["name"], "left");
    expect(&guest.get("/api/queues/%2F/left"), 200);
    expect(&guest.post("/api/definitions", &document), 204);
    expect(&guest.get("/api/queues/%2F/left"), 200);
    expect(&guest.post("/api/definitions?prune=true", &document), 204);
    expect(&guest.get("/api/queues/%2F/left"), 404);
    expect(&guest.get("/api/queues/%2F/kept"), 200);
}

#[test]
fn a_document_that_is_wrong_anywhere_changes_nothing_and_says_where() {
    let (_broker, guest) = start();
    let before = lists(&guest, "/api/definitions");
    for (document, part) in [
        ("{", "not JSON"),
        ("[]", "object"),
        (r#"{"vhosts":[{"name":"new"}],"users":[{"name":"x","tags":1}]}"#, "users[0].tags"),
        (r#"{"vhosts":[{"name":"new"}],"queues":[{"name":"q","vhost":"nope"}]}"#, "queues[0]"),
        (r#"{"vhosts":[{"name":"new"}],"queues":{}}"#, "queues"),
        (
            r#"{"vhosts":[{"name":"new"}],"permissions":[{"user":"guest","vhost":"/","configure":"(","write":"","read":""}]}"#,
            "permissions[0]",
        ),
    ] {
        for query in ["", "?dry_run=true"] {
            let refused = post(&guest, &format!("/api/definitions{query}"), document);
            expect(&refused, 400);
            assert_eq!(refused.json()["error"], "bad_request");
            assert!(refused.reason().contains(part), "{document}: {}", refused.reason());
        }
    }
    assert_eq!(lists(&guest, "/api/definitions"), before);
    for nothing in ["", " \r\n", "{}"] {
        expect(&post(&guest, "/api/definitions", nothing), 204);
    }
    assert_eq!(lists(&guest, "/api/definitions"), before);
    expect(&guest.put("/api/definitions", &json!({})), 405);
}

#[test]
fn only_administrators_export_and_import() {
    let (broker, guest) = start();
    for tags in ["management", "policymaker", "monitoring"] {
        let user = json!({ "password": "secret", "tags": tags });
        expect(&guest.put(&format!("/api/users/{tags}"), &user), 201);
        let all = json!({ "configure": ".*", "write": ".*", "read": ".*" });
        expect(&guest.put(&format!("/api/permissions/%2F/{tags}"), &all), 201);
        let http = Http::new(broker.management()).login(tags, "secret");
        for path in ["/api/definitions", "/api/definitions/%2F", "/api/all-configuration"] {
            for refused in [http.get(path), post(&http, path, "{}")] {
                expect(&refused, 401);
                assert_eq!(refused.reason(), "Not administrator user");
            }
        }
    }
}

#[test]
fn a_browser_saves_an_export_under_the_name_that_it_asks_for() {
    let (_broker, guest) = start();
    let saved = guest.get("/api/definitions?download=rabbit_box.json");
    expect(&saved, 200);
    let disposition = saved.header("content-disposition");
    assert_eq!(disposition, Some("attachment; filename=rabbit_box.json"));
    assert_eq!(guest.get("/api/definitions?download=").header("content-disposition"), None);
    expect(&guest.get("/api/definitions?download=a%0D%0Ax:y"), 400);
    let head = guest.send("HEAD", "/api/definitions/%2F?download=a", &[], "");
    expect(&head, 200);
    assert_eq!(head.header("content-disposition"), Some("attachment; filename=a"));
}
