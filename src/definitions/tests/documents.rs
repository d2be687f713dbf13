//! What is wrong with a document is said with its place, and nothing of it is done.

use serde_json::{Value, json};

use super::fixture::Site;
use crate::base::limits::DEFINITIONS_BYTES_MAX;
use crate::definitions::{DefinitionsError, Document, ImportOptions, import};

type Case = (Value, &'static str);

fn faults_of_queues() -> Vec<Case> {
    let queue = |key: &str, value: Value| {
        let mut queue = json!({ "vhost": "/", "name": "q", "arguments": {} });
        queue[key] = value;
        json!({ "queues": [{ "vhost": "/", "name": "good" }, queue] })
    };
    vec![
        (json!({ "queues": 1 }), "queues: expected a list, found the number 1"),
        (json!({ "queues": ["q"] }), "queues[0]: expected an object, found the text \"q\""),
        (queue("name", json!(7)), "queues[1].name: expected text, found the number 7"),
        (queue("name", json!("n".repeat(256))), "queues[1].name: a name of 256 bytes is too long"),
        (
            queue("durable", json!("yes")),
            "queues[1].durable: expected true or false, found the text",
        ),
        (queue("arguments", json!([1])), "queues[1].arguments: expected an object, found a list"),
        (
            queue("arguments", json!({ "a": { "b": [0, u64::MAX] } })),
            "queues[1].arguments.a.b[1]: the number 18446744073709551615 does not fit 64 bits",
        ),
        (
            queue("arguments", json!({ "x-max-length": -1 })),
            "queues[1]: invalid arg 'x-max-length' for queue 'q' in vhost '/': {value_negative,-1}",
        ),
        (queue("type", json!("stream")), "queues[1]: invalid arg 'x-queue-type' for queue 'q'"),
        (queue("vhost", json!("nowhere")), "queues[1]: vhost 'nowhere' not found"),
        (json!({ "queues": [{ "name": "q" }] }), "queues[0].vhost: it is missing"),
    ]
}

fn other_faults() -> Vec<Case> {
    vec![
        (
            json!({ "users": [{ "name": "a", "hashing_algorithm": "rabbit_password_hashing_md5" }] }),
            "users[0].hashing_algorithm: unknown hashing algorithm",
        ),
        (
            json!({ "users": [{ "name": "a", "password_hash": "abc" }] }),
            "users[0].password_hash: a password hash must be base64",
        ),
        (
            json!({ "users": [{ "name": "a", "tags": ["x", 1] }] }),
            "users[0].tags[1]: expected text, found the number 1",
        ),
        (
            json!({ "permissions": [
                { "user": "nobody", "vhost": "/", "configure": "", "write": "", "read": "" }
            ] }),
            "permissions[0]: no such user 'nobody'",
        ),
        (
            json!({ "policies": [
                { "vhost": "/", "name": "p", "pattern": "(", "definition": { "expires": 1 } }
            ] }),
            "policies[0]: pattern should be regular expression but is invalid",
        ),
        (
            json!({ "exchanges": [{ "vhost": "/", "name": "x", "type": "x-jms-topic" }] }),
            "exchanges[0]: ",
        ),
        (
            json!({ "bindings": [
                { "vhost": "/", "source": "amq.topic", "destination": "gone",
                  "destination_type": "queue" }
            ] }),
            "bindings[0]: no queue 'gone'",
        ),
        (
            json!({ "queues": [
                { "vhost": "/", "name": "q" }, { "vhost": "/", "name": "q", "durable": false }
            ] }),
            "queues[1]: queues[0] says something else about the same queue",
        ),
    ]
}

#[test]
fn every_fault_names_its_place() {
    let site = Site::new();
    let before = site.export();
    for (document, expected) in faults_of_queues().into_iter().chain(other_faults()) {
        let text = site.refused(&document);
        assert!(text.starts_with(expected), "{text}\nexpected: {expected}");
        assert_eq!(site.export(), before, "nothing is done: {document}");
    }
}

#[test]
fn what_is_no_document_is_refused() {
    let refused = |bytes: &[u8]| Document::parse(bytes, None).expect_err("bad").to_string();
    assert!(refused(b"{").starts_with("not JSON: EOF while parsing an object at line 1 column 1"));
    assert!(refused(b"[]").starts_with("not JSON: expected an object"));
    let deep = format!("{{\"parameters\":[{}", "[".repeat(100_000));
    assert!(refused(deep.as_bytes()).contains("recursion limit"));
    let large = vec![b' '; DEFINITIONS_BYTES_MAX + 1];
    let too_large = Document::parse(&large, None);
    assert!(matches!(too_large, Err(DefinitionsError::TooLarge(_))));
    let mut table = json!(1);
    for _ in 0..70 {
        table = json!({ "a": table });
    }
    let document = json!({ "queues": [{ "vhost": "/", "name": "q", "arguments": table }] });
    assert!(refused(document.to_string().as_bytes()).contains("nested too deeply"));
}

#[test]
fn nothing_at_all_is_no_change() {
    let site = Site::new();
    for bytes in [&b""[..], b" \n", b"{}"] {
        let report = import(&site.broker, bytes, &ImportOptions::default()).expect("nothing");
        assert!(report.plan.steps.is_empty());
    }
}

#[test]
fn what_is_not_known_is_passed_over_and_said() {
    let document = json!({
        "quues": [],
        "queues": [
            { "vhost": "/", "name": "q", "exclusive": false },
            { "vhost": "/", "name": "amq.gen-1" },
        ],
        "bindings": [
            { "vhost": "/", "source": "", "destination": "q", "destination_type": "queue",
              "routing_key": "q" },
        ],
        "global_parameters": [{ "name": "imported_definition_hash_value", "value": "a" }],
    });
    let site = Site::new();
    let plan = site.import(&document).expect("the rest is good").plan;
    let begins: Vec<&str> =
        plan.warnings.iter().filter_map(|line| line.split(':').next()).collect();
    let expected =
        ["quues", "global_parameters[0]", "queues[0].exclusive", "queues[1]", "bindings[0]"];
    assert_eq!(begins, expected, "{:?}", plan.warnings);
    assert_eq!(plan.steps.len(), 1, "{plan}");
}

#[test]
fn old_spellings_are_understood() {
    let hash = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR";
    let document = json!({
        "rabbit_version": "3.5.7",
        "users": [{ "name": "old", "password_hash": hash, "tags": "administrator, monitoring" }],
        "vhosts": [{ "name": "v", "metadata": { "tags": "" }, "limits": [["max-queues", 3]] }],
        "exchanges": [{ "vhost": "v", "name": "x", "type": "topic", "durable": true,
            "auto_delete": false, "arguments": [] }],
        "queues": [{ "vhost": "v", "name": "q", "durable": true, "auto_delete": false,
            "arguments": [], "type": "quorum" }],
    });
    let site = Site::new();
    site.import(&document).expect("good");
    assert!(site.logs_in("old", "test12"), "the example of RabbitMQ's documentation");
    let export = site.export();
    assert_eq!(export["users"][0]["tags"], json!(["administrator", "monitoring"]));
    assert_eq!(export["exchanges"][0]["internal"], false);
    assert_eq!(export["queues"][0]["arguments"], json!({ "x-queue-type": "quorum" }));
    let of_v = export["vhosts"].as_array().expect("a list").iter().find(|one| one["name"] == "v");
    assert_eq!(of_v.expect("it is there")["limits"], json!([["max-queues", 3]]));
}

#[test]
fn a_document_for_one_virtual_host_says_which_or_is_told() {
    let mut document = json!({ "rabbitmq_definition_format": "single_virtual_host",
        "queues": [{ "name": "q" }] });
    let site = Site::new();
    assert!(site.refused(&document).starts_with("the document is for one virtual host"));
    document["original_vhost_name"] = json!("elsewhere");
    assert!(site.refused(&document).starts_with("vhost 'elsewhere' not found: create it"));
    document["original_vhost_name"] = json!("/");
    site.import(&document).expect("good");
    assert_eq!(site.export()["queues"][0]["vhost"], "/");
}

#[test]
fn a_password_itself_is_hashed_and_stays_what_it_is() {
    let document = json!({ "users": [{ "name": "ann", "password": "secret", "tags": [] }] });
    let site = Site::new();
    let first = site.import(&document).expect("good");
    assert!(!format!("{first:?}").contains("secret"), "no password is shown");
    assert!(site.logs_in("ann", "secret"));
    assert!(site.import(&document).expect("good").plan.is_empty());
}
