//! Users, permissions and topic permissions.

use serde_json::json;

use super::{broker, expect, guest, named, nobody, user_with};
use crate::support::unique;

#[test]
fn a_user_is_made_changed_and_deleted() {
    let name = unique("user");
    let path = format!("/api/users/{name}");
    expect(&guest().put(&path, &json!({ "password": "one", "tags": "management" })), 201);
    let user = nobody().login(&name, "one");
    assert_eq!(user.get("/api/whoami").json()["tags"], json!(["management"]));
    expect(&guest().put(&path, &json!({ "password": "two", "tags": ["monitoring"] })), 204);
    expect(&user.get("/api/whoami"), 401);
    expect(&nobody().login(&name, "two").get("/api/nodes"), 200);
    let shown = guest().get(&path).json();
    assert_eq!(shown["hashing_algorithm"], "rabbit_password_hashing_sha256");
    assert_eq!((&shown["tags"], &shown["limits"]), (&json!(["monitoring"]), &json!({})));
    assert!(!shown["password_hash"].as_str().expect("a hash").is_empty());
    assert!(named(&guest().get("/api/users").json(), &name).is_some());
    expect(&guest().delete(&path), 204);
    expect(&guest().get(&path), 404);
    expect(&guest().delete(&path), 404);
}

#[test]
fn a_hash_is_taken_over() {
    let name = unique("hashed");
    let path = format!("/api/users/{name}");
    let hash = guest().get("/api/auth/hash_password/wonderland");
    expect(&hash, 200);
    assert_eq!(hash.header("cache-control"), Some("no-store"));
    let body = json!({ "password_hash": hash.json()["ok"], "tags": "" });
    expect(&guest().put(&path, &body), 201);
    expect(&nobody().login(&name, "wonderland").get("/api/whoami"), 200);
    expect(&guest().put(&path, &json!({ "password_hash": "", "tags": "" })), 204);
    expect(&nobody().login(&name, "wonderland").get("/api/whoami"), 401);
    expect(&guest().delete(&path), 204);
}

#[test]
fn a_wrong_user_is_not_made() {
    let path = format!("/api/users/{}", unique("wrong"));
    for wrong in [
        json!({ "password": "secret" }),
        json!({ "password": "a", "password_hash": "b", "tags": "" }),
        json!({ "password_hash": "no base64", "tags": "" }),
        json!({ "password_hash": "aaaa", "hashing_algorithm": "md5", "tags": "" }),
        json!({ "password": "a", "tags": 7 }),
    ] {
        expect(&guest().put(&path, &wrong), 400);
    }
    expect(&guest().get(&path), 404);
}

#[test]
fn only_administrators_see_and_change_users() {
    let user = user_with(&unique("curious"), "monitoring policymaker");
    let other = user_with(&unique("watching"), "policymaker,monitoring");
    for http in [user, other] {
        expect(&http.get("/api/users"), 401);
        expect(&http.get("/api/users/guest"), 401);
        expect(&http.put("/api/users/guest", &json!({ "password": "x", "tags": "" })), 401);
        expect(&http.delete("/api/users/guest"), 401);
        expect(&http.post("/api/users/bulk-delete", &json!({ "users": ["guest"] })), 401);
        expect(&http.get("/api/auth/hash_password/x"), 401);
    }
    expect(&guest().get("/api/whoami"), 200);
}

#[test]
fn users_are_deleted_together() {
    let names = [unique("bulk"), unique("bulk")];
    for name in &names {
        let path = format!("/api/users/{name}");
        expect(&guest().put(&path, &json!({ "password": "a", "tags": "" })), 201);
    }
    let without = guest().get("/api/users/without-permissions").json();
    assert!(named(&without, &names[0]).is_some() && named(&without, "guest").is_none());
    expect(&guest().post("/api/users/bulk-delete", &json!({})), 400);
    expect(&guest().post("/api/users/bulk-delete", &json!({ "users": [1] })), 400);
    let body = json!({ "users": [names[0], "nobody", names[1]] });
    expect(&guest().post("/api/users/bulk-delete", &body), 204);
    for name in &names {
        expect(&guest().get(&format!("/api/users/{name}")), 404);
    }
}

#[test]
fn permissions_are_set_and_taken_away() {
    let name = unique("permitted");
    expect(
        &guest().put(&format!("/api/users/{name}"), &json!({ "password": "a", "tags": "" })),
        201,
    );
    let path = format!("/api/permissions/%2F/{name}");
    expect(&guest().get(&path), 404);
    expect(&guest().put(&path, &json!({ "configure": "^a", "write": "", "read": ".*" })), 201);
    let shown = guest().get(&path).json();
    let permission =
        json!({ "user": name, "vhost": "/", "configure": "^a", "write": "", "read": ".*" });
    assert_eq!(shown, permission);
    for list in [
        "/api/permissions".to_owned(),
        "/api/vhosts/%2F/permissions".to_owned(),
        format!("/api/users/{name}/permissions"),
    ] {
        let list = guest().get(&list).json();
        assert!(list.as_array().expect("a list").contains(&permission));
    }
    expect(&guest().put(&path, &json!({ "configure": "", "write": "", "read": "" })), 204);
    expect(&guest().delete(&path), 204);
    expect(&guest().delete(&path), 404);
    expect(&guest().delete(&format!("/api/users/{name}")), 204);
}

#[test]
fn wrong_permissions_are_refused() {
    let all = json!({ "configure": ".*", "write": ".*", "read": ".*" });
    expect(&guest().put("/api/permissions/no-vhost/guest", &all), 404);
    expect(&guest().put("/api/permissions/%2F/nobody", &all), 400);
    expect(&guest().get("/api/permissions/%2F/nobody"), 404);
    expect(&guest().get("/api/users/nobody/permissions"), 404);
    expect(&guest().get("/api/vhosts/no-vhost/permissions"), 404);
    let missing = json!({ "configure": ".*", "write": ".*" });
    let answer = guest().put("/api/permissions/%2F/guest", &missing);
    expect(&answer, 400);
    assert!(answer.reason().contains("'read' is missing"), "{}", answer.reason());
    let pattern = json!({ "configure": "(", "write": ".*", "read": ".*" });
    expect(&guest().put("/api/permissions/%2F/guest", &pattern), 400);
    let user = user_with(&unique("unpermitted"), "policymaker");
    expect(&user.put("/api/permissions/%2F/guest", &all), 401);
    expect(&user.get("/api/permissions"), 401);
}

#[test]
fn topic_permissions_are_set_and_taken_away() {
    let name = unique("topics");
    let _user = user_with(&name, "");
    let path = format!("/api/topic-permissions/%2F/{name}");
    expect(&guest().get(&path), 404);
    let body = json!({ "exchange": "amq.topic", "write": "^a", "read": ".*" });
    expect(&guest().put(&path, &body), 201);
    let other = json!({ "exchange": "other", "write": "", "read": "" });
    expect(&guest().put(&path, &other), 201);
    expect(&guest().put(&path, &other), 204);
    assert_eq!(guest().get(&path).json().as_array().map(Vec::len), Some(2));
    let one = guest().get(&format!("{path}/amq.topic")).json();
    let whole =
        json!({ "user": name, "vhost": "/", "exchange": "amq.topic", "write": "^a", "read": ".*" });
    assert_eq!(one, json!([whole]));
    for list in ["/api/topic-permissions", "/api/vhosts/%2F/topic-permissions"] {
        assert!(guest().get(list).json().as_array().expect("a list").contains(&whole));
    }
    let of_user = guest().get(&format!("/api/users/{name}/topic-permissions")).json();
    assert_eq!(of_user.as_array().map(Vec::len), Some(2));
    expect(&guest().delete(&format!("{path}/amq.topic")), 204);
    expect(&guest().delete(&path), 204);
    expect(&guest().delete(&path), 404);
    expect(&guest().put(&path, &json!({ "exchange": "x", "write": "(", "read": "" })), 400);
    expect(&guest().put("/api/topic-permissions/%2F/nobody", &body), 400);
    assert_ne!(broker().port(), 0);
}
