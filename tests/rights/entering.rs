//! Who may log in, from where, and into which virtual host.

use serde_json::json;

use super::Place;
use super::place::{administrator, broker, expect_made, login_of, user_with};
use crate::support::{Broker, Http, Login, RawClient, id, on_oracle, refusal, unique};

fn refused_login(mechanism: &str) -> String {
    format!(
        "ACCESS_REFUSED - Login was refused using authentication mechanism {mechanism}. For details \
         see the broker logfile."
    )
}

/// `connection.open` is refused with this.
fn refused_at_open(login: &Login, text: String) {
    let mut client = RawClient::connect(broker());
    let proposed = client.authenticate(login);
    client.send(0, &login.tune_ok(proposed));
    client.send(0, &login.open());
    client.expect_connection_close(&refusal(530, text, id::CONNECTION_OPEN));
}

fn refused_to_log_in(broker: &Broker, login: &Login) {
    let mut client = RawClient::connect(broker);
    client.send_start_ok(login);
    client.expect_connection_close(&refusal(403, refused_login("PLAIN"), id::NONE));
}

#[test]
fn only_the_right_password_of_a_user_who_has_one_opens() {
    let place = Place::open();
    place.connect().close();
    refused_to_log_in(broker(), &login_of(&place.user, "/").user(&place.user, "wrong"));
    refused_to_log_in(broker(), &login_of(&unique("nobody"), "/"));
    refused_to_log_in(broker(), &Login::guest().user(&place.user, ""));
    // Without a password nobody gets in, whatever is tried.
    let none = unique("none");
    let body = json!({ "password_hash": "", "tags": "administrator" });
    expect_made(&administrator().put(&format!("/api/users/{none}"), &body));
    refused_to_log_in(broker(), &Login::guest().user(&none, ""));
    refused_to_log_in(broker(), &Login::guest().user(&none, "none"));
}

#[test]
fn an_entry_in_its_permissions_opens_a_virtual_host_even_an_empty_one() {
    let place = Place::new(&[(); 3].map(|()| String::new()), "");
    place.connect().close();
    // Tags open none.
    let (user, _) = user_with("administrator");
    let vhost = &place.vhost;
    let text = format!("NOT_ALLOWED - access to vhost '{vhost}' refused for user '{user}'");
    refused_at_open(&login_of(&user, vhost), text);
    let missing = unique("missing");
    let text = format!("NOT_ALLOWED - vhost {missing} not found");
    refused_at_open(&login_of(&place.user, &missing), text);
}

#[test]
fn who_loses_the_entry_stays_connected_and_may_do_nothing_more() {
    // RabbitMQ remembers what a channel was allowed.
    if on_oracle() {
        return;
    }
    let place = Place::open();
    let mut client = place.connect();
    client.publish(1, "x", "k", "body");
    assert_eq!(client.expect_ack(1), (1, false));
    let path = format!("/api/permissions/{}/{}", place.vhost, place.user);
    expect_made(&administrator().delete(&path));
    client.publish(1, "x", "k", "body");
    let need = (super::Right::Write, "exchange", "x");
    let text = format!("ACCESS_REFUSED - {}", place.lacks(&need));
    client.expect_refusal(1, &refusal(403, text, id::BASIC_PUBLISH));
}

/// `guest` is such a user, and this machine has no other address than its own: so the proxy's header says
/// where the client comes from.
#[test]
fn a_loopback_user_logs_in_from_this_machine_only() {
    if on_oracle() {
        return;
    }
    for (lines, opens) in [
        (["proxy_protocol = true", "loopback_users.guest = true"], false),
        (["proxy_protocol = true", "loopback_users = none"], true),
    ] {
        let broker = Broker::start(&lines);
        for (source, is_local) in [("127.0.0.1", true), ("192.0.2.7", false)] {
            let mut client = RawClient::connect(&broker);
            let header = format!("PROXY TCP4 {source} 192.0.2.1 40000 5672\r\n");
            client.send_bytes(header.as_bytes());
            if opens || is_local {
                client.handshake(&Login::guest());
            } else {
                client.send_start_ok(&Login::guest());
                let text = refused_login("PLAIN");
                client.expect_connection_close(&refusal(403, text, id::NONE));
            }
        }
    }
}

#[test]
fn the_management_api_asks_for_the_virtual_host_of_each_path() {
    let place = Place::new(&[(); 3].map(|()| ".*".to_owned()), "policymaker");
    let (_, stranger) = user_with("policymaker");
    let (_, watcher) = user_with("monitoring");
    let vhost = &place.vhost;
    let status = |http: &Http, path: &str| {
        let answer = http.get(&path.replace("{vhost}", vhost));
        (answer.status, answer.reason())
    };
    let refused = (401, "User not authorised to access virtual host".to_owned());
    for path in [
        "/api/queues/{vhost}",
        "/api/queues/{vhost}/q",
        "/api/exchanges/{vhost}",
        "/api/exchanges/{vhost}/x",
        "/api/bindings/{vhost}",
        "/api/bindings/{vhost}/e/x/q/q",
        "/api/vhosts/{vhost}",
        "/api/policies/{vhost}",
        "/api/consumers/{vhost}",
        "/api/vhosts/{vhost}/connections",
        "/api/vhosts/{vhost}/channels",
    ] {
        // RabbitMQ 3.10 keeps a virtual host itself for administrators.
        let is_admins = on_oracle() && path.ends_with("{vhost}") && path.contains("/vhosts/");
        assert!(is_admins || status(place.http(), path).0 == 200, "{path}");
        // RabbitMQ 3.10 shows a watcher some lists of everything, and not those of each virtual host.
        assert!(on_oracle() || status(&watcher, path).0 == 200, "{path}");
        let (code, reason) = status(&stranger, path);
        // RabbitMQ says of some that it is the object that may not be seen.
        if on_oracle() {
            assert_eq!(code, 401);
        } else {
            assert_eq!((code, reason), refused, "{path}");
        }
    }
    let visible = |http: &Http| {
        let list = http.get("/api/vhosts?columns=name").json();
        list.as_array().is_some_and(|list| list.iter().any(|one| one["name"] == vhost.as_str()))
    };
    assert!(visible(place.http()) && visible(&watcher) && !visible(&stranger));
}

#[test]
fn policies_are_changed_by_administrators_everywhere_and_by_policymakers_at_home() {
    let place = Place::new(&[(); 3].map(|()| String::new()), "policymaker");
    let (_, administrator) = user_with("administrator");
    let (_, stranger) = user_with("policymaker");
    let (_, watcher) = user_with("monitoring");
    let path = format!("/api/policies/{}/ttl", place.vhost);
    let policy = json!({ "pattern": "^q$", "definition": { "message-ttl": 1000 } });
    for http in [&stranger, &watcher] {
        assert_eq!(http.put(&path, &policy).status, 401);
        assert_eq!(http.delete(&path).status, 401);
    }
    for http in [place.http(), &administrator] {
        expect_made(&http.put(&path, &policy));
        expect_made(&http.delete(&path));
    }
    // What an operator sets is the administrator's alone.
    let path = format!("/api/operator-policies/{}/ttl", place.vhost);
    assert_eq!(place.http().put(&path, &policy).status, 401);
    expect_made(&administrator.put(&path, &policy));
}
