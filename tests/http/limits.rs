//! Limits of virtual hosts and users.

use serde_json::json;

use super::{expect, guest, user_with};
use crate::support::unique;

#[test]
fn limits_of_a_vhost_are_set_one_by_one() {
    let vhost = unique("limited");
    expect(&guest().put(&format!("/api/vhosts/{vhost}"), &json!({})), 201);
    let path = format!("/api/vhost-limits/{vhost}");
    assert_eq!(guest().get(&path).json(), json!([]));
    expect(&guest().put(&format!("{path}/max-queues"), &json!({ "value": 10 })), 204);
    expect(&guest().put(&format!("{path}/max-connections"), &json!({ "value": "5" })), 204);
    let value = json!({ "max-queues": 10, "max-connections": 5 });
    let whole = json!({ "vhost": vhost, "value": value });
    assert_eq!(guest().get(&path).json(), json!([whole]));
    assert!(guest().get("/api/vhost-limits").json().as_array().expect("a list").contains(&whole));
    expect(&guest().delete(&format!("{path}/max-queues")), 204);
    expect(&guest().put(&format!("{path}/max-connections"), &json!({ "value": -1 })), 204);
    assert_eq!(guest().get(&path).json(), json!([]));
    expect(&guest().put(&format!("{path}/max-none"), &json!({ "value": 1 })), 400);
    expect(&guest().put(&format!("{path}/max-queues"), &json!({})), 400);
    expect(&guest().delete(&format!("/api/vhosts/{vhost}")), 204);
    expect(&guest().put(&format!("{path}/max-queues"), &json!({ "value": 1 })), 404);
    expect(&guest().get(&path), 404);
}

#[test]
fn limits_of_a_user_are_set_one_by_one() {
    let name = unique("limited");
    let user = user_with(&name, "policymaker");
    let path = format!("/api/user-limits/{name}");
    assert_eq!(guest().get(&path).json(), json!([]));
    expect(&guest().put(&format!("{path}/max-channels"), &json!({ "value": 3 })), 204);
    let whole = json!({ "user": name, "value": { "max-channels": 3 } });
    assert_eq!(guest().get(&path).json(), json!([whole]));
    assert!(guest().get("/api/user-limits").json().as_array().expect("a list").contains(&whole));
    let limits = guest().get(&format!("/api/users/{name}")).json()["limits"].clone();
    assert_eq!(limits, json!({ "max-channels": 3 }));
    expect(&user.delete(&format!("{path}/max-channels")), 401);
    expect(&guest().delete(&format!("{path}/max-channels")), 204);
    assert_eq!(guest().get(&path).json(), json!([]));
    expect(&guest().put(&format!("{path}/max-queues"), &json!({ "value": 1 })), 400);
    expect(&guest().put("/api/user-limits/nobody/max-channels", &json!({ "value": 1 })), 404);
    expect(&guest().get("/api/user-limits/nobody"), 404);
}
