//! Policies, operator policies and parameters.

use serde_json::json;

use super::{expect, guest, named, user_with};
use crate::support::unique;

#[test]
fn a_policy_is_set_shown_and_deleted() {
    for kind in ["policies", "operator-policies"] {
        let name = unique("policy");
        let path = format!("/api/{kind}/%2F/{name}");
        let body = json!({
            "pattern": "^none$", "definition": { "max-length": 10 }, "apply-to": "queues", "priority": "3",
            "vhost": "/", "name": name,
        });
        expect(&guest().put(&path, &body), 201);
        let shown = guest().get(&path).json();
        assert_eq!(
            shown,
            json!({
                "vhost": "/", "name": name, "pattern": "^none$", "apply-to": "queues", "priority": 3,
                "definition": { "max-length": 10 },
            })
        );
        for list in [format!("/api/{kind}"), format!("/api/{kind}/%2F")] {
            assert_eq!(named(&guest().get(&list).json(), &name), Some(&shown));
        }
        expect(&guest().put(&path, &body), 204);
        expect(&guest().delete(&path), 204);
        expect(&guest().get(&path), 404);
        expect(&guest().delete(&path), 404);
        expect(&guest().get(&format!("/api/{kind}/no-vhost")), 404);
    }
}

#[test]
fn a_wrong_policy_is_refused_with_its_reason() {
    let path = format!("/api/policies/%2F/{}", unique("wrong"));
    let answer = guest().put(&path, &json!({ "pattern": "a", "definition": { "max-length": -1 } }));
    expect(&answer, 400);
    assert!(answer.reason().contains("-1 is not a valid maximum length"), "{}", answer.reason());
    expect(&guest().put(&path, &json!({ "definition": { "max-length": 1 } })), 400);
    expect(&guest().put(&path, &json!({ "pattern": "(", "definition": { "max-length": 1 } })), 400);
    expect(&guest().get(&path), 404);
}

#[test]
fn policies_are_changed_by_policymakers_and_operator_policies_by_administrators() {
    let name = unique("policy");
    let body = json!({ "pattern": "^none$", "definition": { "max-length": 10 } });
    let (policy, operator) =
        (format!("/api/policies/%2F/{name}"), format!("/api/operator-policies/%2F/{name}"));
    let management = user_with(&unique("looking"), "management");
    expect(&management.put(&policy, &body), 401);
    expect(&management.get("/api/policies"), 200);
    let policymaker = user_with(&unique("making"), "policymaker");
    expect(&policymaker.put(&policy, &body), 201);
    expect(&policymaker.put(&operator, &body), 401);
    let vhost = unique("closed");
    expect(&guest().put(&format!("/api/vhosts/{vhost}"), &json!({})), 201);
    expect(&policymaker.put(&format!("/api/policies/{vhost}/{name}"), &body), 401);
    expect(&guest().delete(&format!("/api/vhosts/{vhost}")), 204);
    expect(&policymaker.delete(&policy), 204);
}

#[test]
fn parameters_are_kept_as_they_are_sent() {
    let name = unique("parameter");
    let path = format!("/api/parameters/federation-upstream/%2F/{name}");
    let value = json!({ "uri": "amqp://other", "expires": 3_600_000, "list": [1, null, "a"] });
    expect(&guest().put(&path, &json!({ "value": value })), 201);
    expect(&guest().put(&path, &json!({ "value": value, "vhost": "/" })), 204);
    let shown = guest().get(&path).json();
    let whole = json!({
        "vhost": "/", "component": "federation-upstream", "name": name, "value": value,
    });
    assert_eq!(shown, whole);
    for list in [
        "/api/parameters",
        "/api/parameters/federation-upstream",
        "/api/parameters/federation-upstream/%2F",
    ] {
        assert_eq!(named(&guest().get(list).json(), &name), Some(&whole), "{list}");
    }
    expect(&guest().delete(&path), 204);
    expect(&guest().get(&path), 404);
    expect(&guest().delete(&path), 404);
    expect(&guest().put(&path, &json!({})), 400);
    expect(&guest().put("/api/parameters/policy/%2F/a", &json!({ "value": {} })), 400);
    expect(&guest().put("/api/parameters/a/no-vhost/a", &json!({ "value": 1 })), 404);
    let user = user_with(&unique("unpermitted"), "monitoring");
    expect(&user.put(&path, &json!({ "value": 1 })), 401);
}

#[test]
fn global_parameters_are_kept_too() {
    let name = unique("global");
    let path = format!("/api/global-parameters/{name}");
    expect(&guest().put(&path, &json!({ "value": { "a": [true] } })), 201);
    let whole = json!({ "name": name, "value": { "a": [true] } });
    assert_eq!(guest().get(&path).json(), whole);
    assert_eq!(named(&guest().get("/api/global-parameters").json(), &name), Some(&whole));
    expect(&guest().put(&path, &json!({ "value": 1 })), 204);
    expect(&guest().put(&path, &json!({})), 400);
    let user = user_with(&unique("global"), "policymaker");
    expect(&user.get(&path), 200);
    expect(&user.put(&path, &json!({ "value": 1 })), 401);
    expect(&guest().delete(&path), 204);
    expect(&guest().delete(&path), 404);
    expect(&guest().get(&path), 404);
}
