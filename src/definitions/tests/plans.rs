//! What a plan says, and that it is what happens.

use serde_json::json;

use super::fixture::Site;
use crate::broker::put_message;
use crate::definitions::{Action, ImportOptions};

fn site() -> Site {
    let site = Site::new();
    let document = json!({
        "vhosts": [{ "name": "shop", "description": "Orders" }, { "name": "old" }],
        "users": [
            { "name": "ann", "password": "secret", "tags": ["monitoring"], "limits": { "max-channels": 5 } },
            { "name": "bob", "password": "secret", "tags": [] },
        ],
        "permissions": [
            { "user": "ann", "vhost": "shop", "configure": ".*", "write": ".*", "read": ".*" },
            { "user": "bob", "vhost": "shop", "configure": "", "write": "", "read": "" },
        ],
        "policies": [
            { "vhost": "shop", "name": "ttl", "pattern": "^q", "definition": { "expires": 90_000_000 },
              "apply-to": "queues", "priority": 0 },
        ],
        "queues": [
            { "vhost": "shop", "name": "q", "arguments": { "x-max-length": 1 } },
            { "vhost": "shop", "name": "left" },
            { "vhost": "old", "name": "q" },
        ],
        "exchanges": [{ "vhost": "shop", "name": "x", "type": "topic" }],
        "bindings": [
            { "vhost": "shop", "source": "x", "destination": "q", "destination_type": "queue",
              "routing_key": "k", "arguments": {} },
        ],
    });
    site.import(&document).expect("good");
    site
}

#[test]
fn a_plan_shows_a_line_for_everything_that_is_not_the_same() {
    let site = site();
    let document = json!({
        "users": [{ "name": "ann", "password_hash": "", "limits": {} }],
        "policies": [
            { "vhost": "shop", "name": "ttl", "pattern": "^q", "definition": { "expires": 60_000 },
              "apply-to": "queues", "priority": 7 },
        ],
        "queues": [
            { "vhost": "shop", "name": "q", "arguments": { "x-max-length": 2 } },
            { "vhost": "shop", "name": "new\nline" },
            { "vhost": "old", "name": "q" },
        ],
    });
    let before = site.export();
    let options = ImportOptions { dry_run: true, prune: true, ..ImportOptions::default() };
    let report = site.import_with(&document, &options).expect("good");
    assert!(!report.done);
    assert_eq!(site.export(), before, "a dry run changes nothing");
    let expected = "\
~ user         ann                password_hash: \"[hidden]\" -> \"[hidden]\"
- user         bob
- user limits  ann
~ policy       ttl       in shop  definition.expires: 90000000 -> 60000, priority: 0 -> 7
- queue        left      in shop
+ queue        new\u{fffd}line  in shop
! queue        q         in shop  stays as it is, the document differs in arguments.x-max-length: 1 -> 2
1 to add, 2 to change, 3 to delete, 1 kept, 1 the same";
    assert_eq!(report.plan.to_string(), expected);
    let as_json = report.plan.to_json();
    assert_eq!(
        as_json["counts"],
        json!({ "add": 1, "change": 2, "delete": 3, "keep": 1, "same": 1 })
    );
    assert_eq!(
        as_json["steps"][3]["differences"][1],
        json!({ "field": "priority", "before": 0, "after": 7 })
    );
    assert_eq!(as_json["steps"][5]["place"], "queues[1]");
}

#[test]
fn without_prune_nothing_goes() {
    let site = site();
    let report = site.import(&json!({ "queues": [], "users": [], "vhosts": [] })).expect("good");
    assert!(report.plan.steps.is_empty(), "{}", report.plan);
}

#[test]
fn prune_makes_the_broker_what_the_document_says_in_the_lists_that_it_has() {
    let site = site();
    let mut wanted = site.export();
    let keep = |list: &mut serde_json::Value, good: fn(&serde_json::Value) -> bool| {
        list.as_array_mut().expect("a list").retain(good);
    };
    keep(&mut wanted["vhosts"], |one| one["name"] != "old");
    keep(&mut wanted["users"], |one| one["name"] != "bob");
    keep(&mut wanted["permissions"], |one| one["user"] != "bob");
    keep(&mut wanted["queues"], |one| one["name"] == "q" && one["vhost"] == "shop");
    keep(&mut wanted["policies"], |_| false);
    wanted.as_object_mut().expect("an object").remove("exchanges");
    let report = site.prune(&wanted);
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!(report.plan.count(Action::Delete), 4, "{}", report.plan);
    let export = site.export();
    assert_eq!(export["exchanges"][0]["name"], "x", "the document has no list of exchanges");
    for list in ["vhosts", "users", "permissions", "queues", "policies", "bindings"] {
        assert_eq!(export[list], wanted[list], "{list}");
    }
    let site = site.restarted();
    assert_eq!(site.export(), export, "the disk has the same");
}

#[test]
fn prune_of_one_virtual_host_touches_no_other() {
    let site = site();
    let vhost = Some(super::fixture::name("shop"));
    let options = ImportOptions { vhost, prune: true, ..ImportOptions::default() };
    site.import_with(&json!({ "queues": [], "exchanges": [], "bindings": [] }), &options)
        .expect("good");
    let export = site.export();
    assert_eq!(
        export["queues"],
        json!([{ "vhost": "old", "name": "q", "type": "classic",
        "durable": true, "auto_delete": false, "arguments": {} }])
    );
    assert_eq!(export["policies"][0]["name"], "ttl", "the document has no list of policies");
}

#[test]
fn a_protected_virtual_host_is_not_pruned_and_nothing_else_is_either() {
    let site = site();
    let document =
        json!({ "vhosts": [{ "name": "old", "metadata": { "protected_from_deletion": true } }] });
    site.import(&document).expect("good");
    let before = site.export();
    let options = ImportOptions { prune: true, ..ImportOptions::default() };
    let error = site.import_with(&json!({ "vhosts": [{ "name": "/" }], "queues": [] }), &options);
    let text = error.expect_err("it is protected").to_string();
    assert_eq!(text, "vhost 'old': vhost 'old' is protected from deletion");
    assert_eq!(site.export(), before);
}

#[test]
fn a_limit_on_queues_counts_for_the_whole_document() {
    let site = Site::new();
    let document = json!({
        "parameters": [{ "vhost": "/", "component": "vhost-limits", "name": "limits",
            "value": { "max-queues": 2 } }],
        "queues": [{ "vhost": "/", "name": "a" }, { "vhost": "/", "name": "b" }, { "vhost": "/", "name": "c" }],
    });
    assert_eq!(site.refused(&document), "queues[2]: queue limit in vhost '/' (2) is reached");
    assert_eq!(site.export()["queues"], json!([]));
}

#[test]
fn a_queue_without_a_type_gets_the_one_of_its_virtual_host() {
    let site = Site::new();
    let document = json!({
        "vhosts": [{ "name": "v", "default_queue_type": "quorum" }],
        "queues": [
            { "vhost": "v", "name": "any" },
            { "vhost": "v", "name": "plain", "type": "classic" },
        ],
    });
    site.import(&document).expect("good");
    let queues = &site.export()["queues"];
    assert_eq!(queues[0]["arguments"], json!({ "x-queue-type": "quorum" }));
    assert_eq!(queues[1]["arguments"], json!({}));
    assert!(site.import(&document).expect("good").plan.is_empty());
}

#[test]
fn whoever_deletes_a_queue_is_told_what_is_in_it() {
    let site = Site::new();
    let document = json!({
        "users": [{ "name": "ann", "password": "pw", "tags": [] }],
        "permissions": [
            { "user": "ann", "vhost": "/", "configure": "", "write": ".*", "read": "" },
        ],
        "queues": [{ "vhost": "/", "name": "full" }, { "vhost": "/", "name": "empty" }],
    });
    site.import(&document).expect("good");
    put_message(&site.broker, "ann", "full");
    put_message(&site.broker, "ann", "full");
    let options = ImportOptions { dry_run: true, prune: true, ..ImportOptions::default() };
    let plan = |document| site.import_with(&document, &options).expect("good").plan;
    let expected = "\
- queue  empty  in /
- queue  full   in /  with 2 messages
0 to add, 0 to change, 2 to delete, 0 kept, 0 the same";
    assert_eq!(plan(json!({ "queues": [] })).to_string(), expected);
    let whole = plan(json!({ "vhosts": [] }));
    assert_eq!(whole.to_json()["steps"][0]["messages"], 2, "{whole}");
}
