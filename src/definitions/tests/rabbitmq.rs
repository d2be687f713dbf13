//! Files that a RabbitMQ 3.10.8 wrote (`tests/data`, with what made them).

use serde_json::Value;

use super::fixture::{Site, name, origin};
use crate::base::VhostName;
use crate::definitions::{Action, ImportOptions, check, export};

const HTTP: &str = include_str!("../../../tests/data/rabbitmq-3.10-http.json");
const RABBITMQCTL: &str = include_str!("../../../tests/data/rabbitmq-3.10-rabbitmqctl.json");
const HTTP_VHOST: &str = include_str!("../../../tests/data/rabbitmq-3.10-http-vhost.json");

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("RabbitMQ writes JSON")
}

/// What says which thing of a list it is.
const IDENTITY: &[&str] = &[
    "vhost",
    "name",
    "component",
    "user",
    "exchange",
    "source",
    "destination",
    "destination_type",
    "routing_key",
];

fn same_thing(theirs: &Value, ours: &Value, list: &str) -> bool {
    let same = |key: &&str| theirs.get(*key).is_none() || ours.get(*key) == theirs.get(*key);
    let keys = IDENTITY.iter().filter(|key| **key != "vhost" || ours.get("vhost").is_some());
    keys.into_iter().all(same) && (list != "bindings" || theirs["arguments"] == ours["arguments"])
}

/// An empty list of tags as one RabbitMQ writes it, and an object that its command line writes as pairs.
fn normal(key: &str, value: &Value) -> Value {
    let mut value = value.clone();
    if let ("definition", Value::Array(pairs)) = (key, &value) {
        let pair = |pair: &Value| (pair[0].as_str().expect("a name").to_owned(), pair[1].clone());
        return Value::Object(pairs.iter().map(pair).collect());
    }
    if key == "tags" && value == "" {
        return Value::Array(Vec::new());
    }
    if let Value::Object(map) = &mut value {
        for (key, value) in map.iter_mut() {
            *value = normal(key, value);
        }
    }
    value
}

/// Fails unless everything that theirs says is in ours, and ours has nothing beside it. `mirrored` is what
/// is left out on the way.
fn assert_given_back(theirs: &Value, ours: &Value, mirrored: &str) {
    for (list, theirs) in theirs.as_object().expect("an object") {
        let Value::Array(theirs) = theirs else { continue };
        let theirs: Vec<&Value> =
            theirs.iter().filter(|one| list != "policies" || one["name"] != mirrored).collect();
        let ours = ours[list].as_array().unwrap_or_else(|| panic!("there is a list {list}"));
        assert_eq!(ours.len(), theirs.len(), "{list}: {ours:?}");
        for one in theirs {
            let found = ours.iter().find(|ours| same_thing(one, ours, list));
            let found = found.unwrap_or_else(|| panic!("{list}: {one} is lost"));
            for (key, value) in one.as_object().expect("things are objects") {
                if key == "vhost" && found.get(key).is_none() {
                    continue;
                }
                let (value, found) = (normal(key, value), normal(key, &found[key]));
                if list == "vhosts" && key == "metadata" {
                    // Ours says more about some.
                    for (key, value) in value.as_object().expect("an object") {
                        assert_eq!(&found[key], value, "{list}: {one}");
                    }
                    continue;
                }
                assert_eq!(found, value, "{list}: {key} of {one}");
            }
        }
    }
}

#[test]
fn what_rabbitmq_exported_is_given_back_equal() {
    for text in [HTTP, RABBITMQCTL] {
        let site = Site::new();
        let report = site.import(&json(text)).expect("it is imported");
        assert!(report.done && report.problems.is_empty(), "{report:?}");
        assert_given_back(&json(text), &site.export(), "ha-all");
    }
}

#[test]
fn users_of_rabbitmq_log_in_with_their_old_passwords() {
    let site = Site::new();
    site.import(&json(HTTP)).expect("it is imported");
    assert!(site.logs_in("anna", "anna-pass"), "SHA-256");
    assert!(site.logs_in("büşra", "şifre-✓"), "SHA-512");
    assert!(site.logs_in("guest", "guest"));
    assert!(!site.logs_in("anna", "şifre-✓"));
    assert!(!site.logs_in("locked", "x") && !site.logs_in("locked", ""), "it has no password");
}

#[test]
fn an_imported_broker_is_the_same_after_a_restart_but_for_what_is_not_durable() {
    let site = Site::new();
    site.import(&json(HTTP)).expect("it is imported");
    let mut before = site.export();
    let site = site.restarted();
    for (list, is_passing) in [("queues", "name"), ("exchanges", "name"), ("bindings", "source")] {
        let list = before[list].as_array_mut().expect("a list");
        let all = list.len();
        list.retain(|one| one[is_passing] != "passing");
        assert_eq!(list.len() + 1, all, "one of them ends with the process");
    }
    assert_eq!(site.export(), before);
    assert!(site.logs_in("büşra", "şifre-✓"));
}

#[test]
fn an_import_a_second_time_changes_nothing() {
    for text in [HTTP, RABBITMQCTL] {
        let site = Site::new();
        site.import(&json(text)).expect("it is imported");
        let before = site.export().to_string();
        let again = site.import(&json(text)).expect("it is imported again");
        assert!(again.plan.is_empty(), "{}", again.plan);
        assert_eq!(again.plan.count(Action::Keep), 0, "{}", again.plan);
        assert_eq!(site.export().to_string(), before, "byte by byte");
    }
}

#[test]
fn a_policy_that_only_mirrors_is_left_out_and_said() {
    let site = Site::new();
    let report = site.import(&json(HTTP)).expect("it is imported");
    let said =
        report.plan.warnings.iter().any(|line| line.starts_with("policies[0]: the policy only"));
    assert!(said, "{:?}", report.plan.warnings);
}

#[test]
fn one_virtual_host_goes_into_another() {
    let site = Site::new();
    let vhosts = serde_json::json!({ "vhosts": [{ "name": "copy" }] });
    site.import(&vhosts).expect("it is made");
    let copy: VhostName = name("copy");
    let options = ImportOptions { vhost: Some(copy.clone()), ..ImportOptions::default() };
    let report = site.import_with(&json(HTTP_VHOST), &options).expect("it is imported");
    assert!(report.problems.is_empty(), "{report:?}");
    let ours = export(&site.broker, Some(&copy), &origin()).expect("it is there");
    assert_given_back(&json(HTTP_VHOST), &ours, "");
    let roof = ours["parameters"].as_array().expect("a list").iter();
    assert_eq!(roof.filter(|one| one["component"] == "operator_policy").count(), 1);
}

#[test]
fn the_files_are_good_without_a_broker_too() {
    for text in [HTTP, RABBITMQCTL] {
        let plan = check(text.as_bytes()).expect("good");
        assert!(plan.count(Action::Add) > 40, "{plan}");
    }
}
