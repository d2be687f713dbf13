//! Every permission check of AMQP, allowed and refused, for a user with a token and for one whom a service judges (A3).
//!
//! Both may configure names that begin with `c`, write to names with a `w` and read from names with an `r` in the part
//! before the hyphen, and use routing keys that begin with `own.`.

use super::served::{Form, Said, Service};
use super::signer::Signer;
use crate::support::methods::{PASSIVE, basic, exchange, queue};
use crate::support::{Broker, Call, Http, Id, Login, RawClient, Table, id, refusal};

const SCOPES: &str = "rabbit.configure:%2F/c* rabbit.write:%2F/w*/own.* rabbit.write:%2F/cw*/own.* \
                      rabbit.read:%2F/r*/own.* rabbit.read:%2F/wr*/own.* rabbit.read:%2F/cr*/own.* \
                      rabbit.read:%2F/cwr*/own.*";

fn rule(path: &str, form: &Form) -> Said {
    let is_allowed = match path {
        "/user" => form.get("username") == "ann" && form.get("password") == "secret",
        "/vhost" => form.get("vhost") == "/" && form.get("ip") == "127.0.0.1",
        "/resource" => {
            let letters = form.get("name").split('-').next().unwrap_or_default();
            letters.contains(&form.get("permission")[..1])
        }
        _ => form.get("resource") == "topic" && form.get("routing_key").starts_with("own."),
    };
    Said::Text(if is_allowed { "allow" } else { "deny" })
}

/// What `ann` may not do, with the method and the missing permission.
fn refused_calls() -> Vec<(Call, Id, &'static str, &'static str)> {
    let dead = |name| Table::new().text("x-dead-letter-exchange", name);
    let other = |name| Table::new().text("alternate-exchange", name);
    vec![
        (queue::declare("wr-q"), id::QUEUE_DECLARE, "configure", "queue 'wr-q'"),
        (queue::delete("wr-q"), id::QUEUE_DELETE, "configure", "queue 'wr-q'"),
        (queue::declare("x-q").with(PASSIVE), id::QUEUE_DECLARE, "configure", "queue 'x-q'"),
        (queue::declare("cw-q").arguments(dead("w-e")), id::QUEUE_DECLARE, "read", "queue 'cw-q'"),
        (
            queue::declare("cr-q").arguments(dead("r-e")),
            id::QUEUE_DECLARE,
            "write",
            "exchange 'r-e'",
        ),
        (exchange::declare("wr-e", "direct"), id::EXCHANGE_DECLARE, "configure", "exchange 'wr-e'"),
        (exchange::delete("wr-e"), id::EXCHANGE_DELETE, "configure", "exchange 'wr-e'"),
        (
            exchange::declare("cw-e", "direct").arguments(other("w-e")),
            id::EXCHANGE_DECLARE,
            "read",
            "exchange 'cw-e'",
        ),
        (queue::bind("cr-q", "r-e", ""), id::QUEUE_BIND, "write", "queue 'cr-q'"),
        (queue::bind("cw-q", "w-e", ""), id::QUEUE_BIND, "read", "exchange 'w-e'"),
        (queue::unbind("cr-q", "r-e", ""), id::QUEUE_UNBIND, "write", "queue 'cr-q'"),
        (queue::unbind("cw-q", "w-e", ""), id::QUEUE_UNBIND, "read", "exchange 'w-e'"),
        (exchange::bind("r-a", "r-b", ""), id::EXCHANGE_BIND, "write", "exchange 'r-a'"),
        (exchange::unbind("w-a", "w-b", ""), id::EXCHANGE_UNBIND, "read", "exchange 'w-b'"),
        (basic::consume("cw-q", ""), id::BASIC_CONSUME, "read", "queue 'cw-q'"),
        (basic::get("cw-q"), id::BASIC_GET, "read", "queue 'cw-q'"),
        (queue::purge("cw-q"), id::QUEUE_PURGE, "read", "queue 'cw-q'"),
        (
            queue::bind("cwr-q", "cwr-t", "other.key"),
            id::QUEUE_BIND,
            "read",
            "topic 'other.key' in exchange 'cwr-t'",
        ),
    ]
}

/// What `ann` may do, in this order, and the answer.
fn allowed_calls() -> Vec<(Call, Id)> {
    let dead = Table::new().text("x-dead-letter-exchange", "w-e");
    let other = Table::new().text("alternate-exchange", "w-e");
    vec![
        (exchange::declare("cwr-t", "topic"), id::EXCHANGE_DECLARE_OK),
        (exchange::declare("cwr-f", "fanout").arguments(other), id::EXCHANGE_DECLARE_OK),
        (queue::declare("cwr-q").arguments(dead), id::QUEUE_DECLARE_OK),
        (queue::declare("cwr-q").with(PASSIVE), id::QUEUE_DECLARE_OK),
        (queue::bind("cwr-q", "cwr-t", "own.key"), id::QUEUE_BIND_OK),
        (exchange::bind("cwr-f", "cwr-t", "own.key"), id::EXCHANGE_BIND_OK),
        (exchange::unbind("cwr-f", "cwr-t", "own.key"), id::EXCHANGE_UNBIND_OK),
        (queue::bind("cwr-q", "cwr-f", ""), id::QUEUE_BIND_OK),
        (queue::unbind("cwr-q", "cwr-f", ""), id::QUEUE_UNBIND_OK),
        (queue::purge("cwr-q"), id::QUEUE_PURGE_OK),
        (basic::get("cwr-q"), id::BASIC_GET_EMPTY),
    ]
}

fn every_check(broker: &Broker, ann: &Login) {
    let mut client = RawClient::login(broker, ann);
    client.open_channel(1);
    for (call, answer) in allowed_calls() {
        client.call(1, &call, answer);
    }
    client.publish(1, "cwr-t", "own.key", "hello");
    client.publish(1, "cwr-f", "any key", "nowhere");
    assert_eq!(client.get(1, "cwr-q").expect("the message").text(), "hello");
    for (call, failed, action, what) in refused_calls() {
        let text = format!(
            "ACCESS_REFUSED - {action} access to {what} in vhost '/' refused for user 'ann'"
        );
        client.refused(1, &call, &refusal(403, text, failed));
        client.open_channel(1);
    }
    let topic = "topic 'other.key' in exchange 'cwr-t'";
    for (exchange, what) in
        [("cr-e", "exchange 'cr-e'"), ("", "exchange 'amq.default'"), ("cwr-t", topic)]
    {
        client.publish(1, exchange, "other.key", "body");
        let text =
            format!("ACCESS_REFUSED - write access to {what} in vhost '/' refused for user 'ann'");
        client.expect_refusal(1, &refusal(403, text, id::BASIC_PUBLISH));
        client.open_channel(1);
    }
    client.call(1, &queue::delete("cwr-q"), id::QUEUE_DELETE_OK);
    client.call(1, &exchange::delete("cwr-t"), id::EXCHANGE_DELETE_OK);
    client.close();
}

/// No permission in another virtual host.
fn a_foreign_vhost(broker: &Broker, ann: Login) {
    let guest = Http::new(broker.management()).login("guest", "guest");
    assert_eq!(guest.put("/api/vhosts/v", &serde_json::json!({})).status, 201);
    let mut client = RawClient::connect(broker);
    let ann = ann.vhost("v");
    let proposed = client.authenticate(&ann);
    client.send(0, &ann.tune_ok(proposed));
    client.send(0, &ann.open());
    let text = "NOT_ALLOWED - access to vhost 'v' refused for user 'ann'";
    client.expect_connection_close(&refusal(530, text, id::CONNECTION_OPEN));
}

/// What the management API does on behalf of a user is checked by the same rules.
fn over_http(http: &Http, headers: &[(&str, &str)]) {
    let send = |method: &str, path: &str, body: &str| http.send(method, path, headers, body);
    let put = |path: &str| send("PUT", path, "{}").status;
    assert_eq!(put("/api/queues/%2F/cwr-h"), 201);
    assert_eq!(put("/api/queues/%2F/wr-h"), 401);
    let publish = |exchange: &str| {
        let body =
            r#"{"properties":{},"routing_key":"own.k","payload":"p","payload_encoding":"string"}"#;
        send("POST", &format!("/api/exchanges/%2F/{exchange}/publish"), body).status
    };
    assert_eq!(put("/api/exchanges/%2F/cwr-x"), 201);
    assert_eq!((publish("cwr-x"), publish("amq.topic")), (200, 401));
    let names = send("GET", "/api/vhosts", "").json();
    let names: Vec<_> = names.as_array().expect("a list").iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["/"], "only those that ann may enter");
    assert_eq!(send("GET", "/api/queues/v", "").status, 401);
    assert_eq!(send("GET", "/api/nodes", "").status, 401, "no monitor");
    assert_eq!(send("DELETE", "/api/queues/%2F/cwr-h", "").status, 204);
    assert_eq!(send("DELETE", "/api/exchanges/%2F/cwr-x", "").status, 204);
}

#[test]
fn a_token_is_asked_for_each_permission() {
    let signer = Signer::new();
    let broker = signer.broker(&[]);
    let token = signer.token("ann", SCOPES, 600);
    let ann = Login::guest().user("whoever", &token);
    every_check(&broker, &ann);
    a_foreign_vhost(&broker, ann);
    let token = signer.token("ann", &format!("{SCOPES} rabbit.tag:management"), 600);
    over_http(&Http::new(broker.management()), &[("authorization", &format!("Bearer {token}"))]);
    over_http(&Http::new(broker.management()).login("", &token), &[]);
}

#[test]
fn a_service_is_asked_for_each_permission_with_get_and_post_and_through_the_cache() {
    for more in [
        &["auth_backends.1 = http"][..],
        &["auth_backends.1 = http", "auth_http.http_method = post"],
        &[
            "auth_backends.1 = cache",
            "auth_cache.cached_backend = http",
            "auth_cache.cache_refusals = true",
        ],
        &[
            "auth_backends.1 = http",
            "auth_cache.cached_backend = http",
            "auth_backends.1.authz = cache",
        ],
    ] {
        let service = Service::start(|path, form| match rule(path, form) {
            Said::Text("allow") if path == "/user" => Said::Text("allow management"),
            said => said,
        });
        let mut lines = service.lines();
        lines.extend(more.iter().map(|line| (*line).to_owned()));
        lines.push("auth_backends.2 = internal".to_owned());
        let broker = Broker::start(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        let ann = Login::guest().user("ann", "secret");
        every_check(&broker, &ann);
        a_foreign_vhost(&broker, ann);
        over_http(&Http::new(broker.management()).login("ann", "secret"), &[]);
    }
}
