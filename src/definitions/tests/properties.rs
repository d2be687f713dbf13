//! Whatever the document: what is imported is what is exported.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::fixture::Site;
use crate::definitions::Action;

const KINDS: [&str; 4] = ["direct", "fanout", "topic", "headers"];

/// A name with everything in it that JSON must escape.
fn name() -> impl Strategy<Value = String> {
    "[a-zé\"\\\\/ {}$\u{1}-\u{3}]{1,6}"
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|number| json!(number)),
        any::<bool>().prop_map(|flag| json!(flag)),
        Just(Value::Null),
        name().prop_map(|text| json!(text)),
        (-1000i32..1000).prop_map(|number| json!(f64::from(number) / 8.0)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,4}", inner, 0..3)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

fn arguments() -> impl Strategy<Value = Value> {
    // The prefix keeps clear of arguments that the broker knows.
    prop::collection::btree_map("a-[a-z]{1,4}", value(), 0..3)
        .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into())
}

prop_compose! {
    fn document()(
        queues in prop::collection::btree_map(name(), (any::<bool>(), arguments()), 1..5),
        exchanges in prop::collection::btree_map(name(), (0usize..4, any::<bool>(), arguments()), 1..4),
        bindings in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), name()), 0..6),
        parameters in prop::collection::btree_map(name(), value(), 0..3),
    ) -> Value {
        let sources: Vec<&String> = exchanges.keys().collect();
        let targets: Vec<&String> = queues.keys().collect();
        json!({
            "queues": queues.iter().map(|(name, (durable, arguments))| json!({
                "vhost": "/", "name": name, "durable": durable, "auto_delete": false,
                "arguments": arguments, "type": "classic",
            })).collect::<Vec<_>>(),
            "exchanges": exchanges.iter().map(|(name, (kind, durable, arguments))| json!({
                "vhost": "/", "name": name, "durable": durable, "auto_delete": false,
                "internal": !durable, "arguments": arguments,
                "type": KINDS[*kind],
            })).collect::<Vec<_>>(),
            "bindings": bindings.iter().map(|(source, target, key)| json!({
                "vhost": "/", "source": source.get(&sources), "destination": target.get(&targets),
                "destination_type": "queue", "routing_key": key, "arguments": {},
            })).collect::<Vec<_>>(),
            "parameters": parameters.iter().map(|(name, value)| json!({
                "vhost": "/", "component": "shovel", "name": name, "value": value,
            })).collect::<Vec<_>>(),
        })
    }
}

/// Lists as sets: an export is sorted, and a binding that stands twice is one.
fn normal(document: &Value) -> Value {
    let lists = ["queues", "exchanges", "bindings", "parameters"].map(|list| {
        let mut items = document[list].as_array().expect("a list").clone();
        items.sort_by_key(ToString::to_string);
        items.dedup();
        Value::from(items)
    });
    lists.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_export_of_an_import_is_the_document(document in document()) {
        let site = Site::new();
        site.import(&document).expect("a good document");
        let export = site.export();
        prop_assert_eq!(normal(&export), normal(&document));
        let again = Site::new();
        again.import(&export).expect("an export is a good document");
        prop_assert_eq!(again.export(), export.clone());
        let plan = again.import(&document).expect("good").plan;
        prop_assert_eq!(plan.steps.len(), plan.count(Action::Same));
        again.prune(&json!({ "queues": [], "exchanges": [], "bindings": [], "parameters": [] }));
        prop_assert_eq!(again.export(), Site::new().export());
    }
}
