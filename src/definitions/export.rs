//! The definitions of a broker as a document.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Section;
use super::object::{Thing, all, object_of, pairs_of_user, pairs_of_vhost};
use super::parse_objects::IMPORTED_HASH;
use crate::base::VhostName;
use crate::broker::Broker;
use crate::store::{Change, Definitions};

/// What a document says about where it comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The name of the product.
    pub product: String,
    /// RabbitMQ's version that it stands in for, which tools branch on.
    pub version: String,
    /// The name of the cluster.
    pub cluster_name: String,
}

/// The lists of a document, and what is in them.
const LISTS: &[(&str, &[Section])] = &[
    ("users", &[Section::User]),
    ("vhosts", &[Section::Vhost]),
    ("permissions", &[Section::Permission]),
    ("topic_permissions", &[Section::TopicPermission]),
    ("parameters", &[Section::Parameter, Section::OperatorPolicy, Section::VhostLimits]),
    ("global_parameters", &[Section::GlobalParameter]),
    ("policies", &[Section::Policy]),
    ("queues", &[Section::Queue]),
    ("exchanges", &[Section::Exchange]),
    ("bindings", &[Section::Binding]),
];

/// Lists that a document for one virtual host has.
const LISTS_OF_VHOST: &[&str] = &["parameters", "policies", "queues", "exchanges", "bindings"];

/// The whole broker, or one virtual host, in RabbitMQ's form. The same definitions always give the same
/// bytes: lists are in the order of their names, objects in that of their keys. `None` when there is no
/// such virtual host.
#[must_use]
pub fn export(broker: &Broker, vhost: Option<&VhostName>, origin: &Origin) -> Option<Value> {
    let definitions = broker.definitions();
    if vhost.is_some_and(|vhost| definitions.vhost(vhost).is_none()) {
        return None;
    }
    Some(document(&definitions, vhost, origin))
}

pub(super) fn document(
    definitions: &Definitions,
    vhost: Option<&VhostName>,
    origin: &Origin,
) -> Value {
    let mut lists = lists(definitions);
    let mut document = json!({
        "rabbit_version": origin.version,
        "rabbitmq_version": origin.version,
        "product_name": origin.product,
        "product_version": origin.version,
        "original_cluster_name": origin.cluster_name,
    });
    let Some(vhost) = vhost else {
        document["rabbitmq_definition_format"] = json!("cluster");
        document["explanation"] =
            json!(format!("Definitions of cluster '{}'", origin.cluster_name));
        for (key, _) in LISTS {
            document[*key] = lists.remove(key).unwrap_or_default().into();
        }
        return document;
    };
    document["rabbitmq_definition_format"] = json!("single_virtual_host");
    document["original_vhost_name"] = json!(vhost.as_str());
    let explanation = format!("Definitions of virtual host '{vhost}'");
    document["explanation"] = json!(explanation);
    let hosts = lists.remove("vhosts").unwrap_or_default();
    if let Some(host) = hosts.into_iter().find(|host| host["name"] == vhost.as_str()) {
        for key in ["description", "metadata", "limits"] {
            document[key] = host[key].clone();
        }
    }
    for key in LISTS_OF_VHOST {
        let of_it = |item: &Value| item["vhost"] == vhost.as_str();
        let mut items = lists.remove(key).unwrap_or_default();
        items.retain(of_it);
        for item in items.iter_mut().filter_map(Value::as_object_mut) {
            item.remove("vhost");
        }
        document[*key] = items.into();
    }
    document
}

fn lists(definitions: &Definitions) -> BTreeMap<&'static str, Vec<Value>> {
    let changes = all(definitions);
    let user_limits: BTreeMap<_, _> = definitions
        .user_limits
        .values()
        .map(|record| (record.user.as_str(), object_of(&pairs_of_user(record))))
        .collect();
    let vhost_limits: BTreeMap<_, Value> = definitions
        .vhost_limits
        .values()
        .map(|record| {
            // RabbitMQ writes pairs here and an object among the parameters.
            let pairs = pairs_of_vhost(record).into_iter();
            (record.vhost.as_str(), pairs.map(|(name, limit)| json!([name, limit])).collect())
        })
        .collect();
    let mut things: Vec<Thing> =
        changes.iter().filter(|one| !is_note(one)).filter_map(Thing::of).collect();
    things.sort_by(|a, b| a.identity.cmp(&b.identity));
    let mut lists: BTreeMap<&'static str, Vec<Value>> = BTreeMap::new();
    for mut thing in things {
        let section = thing.identity.section;
        let name = thing.name.as_str();
        if section == Section::User {
            let none = || Map::new().into();
            let limits = user_limits.get(name).cloned().unwrap_or_else(none);
            thing.object.insert("limits".to_owned(), limits);
        }
        if section == Section::Vhost {
            let limits = vhost_limits.get(name).cloned().unwrap_or_else(|| json!([]));
            thing.object.insert("limits".to_owned(), limits);
        }
        if let Some((key, _)) = LISTS.iter().find(|(_, sections)| sections.contains(&section)) {
            lists.entry(key).or_default().push(Value::Object(thing.object));
        }
    }
    lists
}

fn is_note(change: &Change) -> bool {
    matches!(change, Change::PutGlobalParameter(record) if record.name.as_str() == IMPORTED_HASH)
}
