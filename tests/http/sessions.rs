//! Logging in with a form: what the cookie of a session opens, what it does not, and how it ends.

use serde_json::json;

use super::{expect, guest, nobody, user_with};
use crate::support::{Answer, Broker, Http, unique};

/// A user that administers the broker, and the cookie of its login.
fn logged_in() -> (String, String) {
    let user = unique("session");
    user_with(&user, "administrator");
    let cookie = cookie(&log_in(&nobody(), &user, &[]));
    (user, cookie)
}

fn log_in(nobody: &Http, user: &str, headers: &[(&str, &str)]) -> Answer {
    let body = format!("username={user}&password=secret");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    nobody.send("POST", "/api/login", &[&form, headers].concat(), &body)
}

/// What a browser sends back of the cookie that an answer set.
fn cookie(answer: &Answer) -> String {
    expect(answer, 200);
    let line = answer.header("set-cookie").expect("a login sets a cookie");
    line.split(';').next().expect("a value").to_owned()
}

fn get(cookie: &str, path: &str) -> Answer {
    nobody().send("GET", path, &[("cookie", cookie)], "")
}

/// A change: a virtual host of this name.
fn put(cookie: &str, vhost: &str, headers: &[(&str, &str)]) -> Answer {
    let headers = [&[("cookie", cookie)], headers].concat();
    nobody().send("PUT", &format!("/api/vhosts/{vhost}"), &headers, "{}")
}

const OWN: (&str, &str) = ("x-requested-with", "fetch");

#[test]
fn a_login_with_a_form_lasts_and_its_cookie_opens_what_the_user_may() {
    let user = unique("session");
    user_with(&user, "management");
    let answer = log_in(&nobody(), &user, &[]);
    let set = answer.header("set-cookie").expect("a login sets a cookie");
    let attributes = "; Path=/; Max-Age=28800; HttpOnly; SameSite=Strict";
    assert!(set.starts_with("haremq_session=") && set.ends_with(attributes), "{set}");
    assert_eq!(answer.json()["login_session_timeout"], 480);
    let cookie = cookie(&answer);
    let who = get(&cookie, "/api/whoami");
    expect(&who, 200);
    assert_eq!(who.json()["name"], user.as_str());
    expect(&get(&cookie, "/api/overview"), 200);
    expect(&get(&format!("theme=dark; {cookie}; a=b"), "/api/overview"), 200);
    let refused = get(&cookie, "/api/users");
    expect(&refused, 401);
    assert_eq!(refused.reason(), "Not administrator user");
}

#[test]
fn json_logs_in_like_a_form() {
    let user = unique("session");
    user_with(&user, "management");
    let body = json!({ "username": user, "password": "secret" });
    let cookie = cookie(&nobody().post("/api/login", &body));
    assert_eq!(get(&cookie, "/api/whoami").json()["name"], user.as_str());
}

#[test]
fn a_change_by_cookie_needs_a_page_of_this_broker() {
    let (_, cookie) = logged_in();
    let vhost = unique("by-cookie");
    for foreign in [
        &[][..],
        &[("origin", "http://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://broker"), ("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site"), OWN],
    ] {
        expect(&put(&cookie, &vhost, foreign), 403);
        let headers = [&[("cookie", cookie.as_str())], foreign].concat();
        expect(&nobody().send("POST", "/api/vhosts/%2F/start/x", &headers, "{}"), 403);
        expect(&nobody().send("DELETE", "/api/vhosts/none", &headers, ""), 403);
    }
    expect(&guest().get(&format!("/api/vhosts/{vhost}")), 404);
    expect(&put(&cookie, &vhost, &[OWN]), 201);
    expect(&put(&cookie, &vhost, &[("origin", "http://broker")]), 204);
    expect(&put(&cookie, &vhost, &[("sec-fetch-site", "same-origin")]), 204);
    let answer = guest().send("PUT", &format!("/api/vhosts/{vhost}"), &[("cookie", &cookie)], "{}");
    expect(&answer, 204);
    expect(&guest().delete(&format!("/api/vhosts/{vhost}")), 204);
}

#[test]
fn a_page_of_another_site_logs_nobody_in_and_nobody_out() {
    let (user, cookie) = logged_in();
    for foreign in [
        &[("origin", "http://evil.example")][..],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site")],
    ] {
        let answer = log_in(&nobody(), &user, foreign);
        expect(&answer, 403);
        assert_eq!(answer.header("set-cookie"), None);
        let headers = [&[("cookie", cookie.as_str())], foreign].concat();
        expect(&nobody().send("DELETE", "/api/login", &headers, ""), 403);
    }
    expect(&get(&cookie, "/api/whoami"), 200);
    expect(&log_in(&nobody(), &user, &[("origin", "http://broker")]), 200);
}

#[test]
fn a_log_out_ends_the_session() {
    let (user, cookie) = logged_in();
    let other = self::cookie(&log_in(&nobody(), &user, &[]));
    let answer = nobody().send("DELETE", "/api/login", &[("cookie", &cookie), OWN], "");
    expect(&answer, 204);
    let cleared = answer.header("set-cookie").expect("the cookie is taken away");
    assert!(cleared.starts_with("haremq_session=; Path=/; Max-Age=0"), "{cleared}");
    let over = get(&cookie, "/api/whoami");
    expect(&over, 401);
    assert_eq!(over.reason(), "the login is over: log in again");
    assert_eq!(over.header("www-authenticate"), None, "no browser asks over the page");
    expect(&get(&other, "/api/whoami"), 200);
}

#[test]
fn a_changed_password_and_a_deleted_user_end_its_sessions() {
    let (user, cookie) = logged_in();
    let path = format!("/api/users/{user}");
    let same_tags = json!({ "password": "other", "tags": "administrator" });
    expect(&guest().put(&path, &same_tags), 204);
    expect(&get(&cookie, "/api/whoami"), 401);
    let (user, cookie) = logged_in();
    let path = format!("/api/users/{user}");
    expect(&guest().delete(&path), 204);
    expect(&get(&cookie, "/api/whoami"), 401);
    let again = json!({ "password": "secret", "tags": "administrator" });
    expect(&guest().put(&path, &again), 201);
    expect(&get(&cookie, "/api/whoami"), 401);
}

#[test]
fn tags_that_are_taken_away_are_gone_at_once() {
    let (user, cookie) = logged_in();
    expect(&get(&cookie, "/api/users"), 200);
    let who = guest().get(&format!("/api/users/{user}")).json();
    let kept = json!({
        "password_hash": who["password_hash"],
        "hashing_algorithm": who["hashing_algorithm"],
        "tags": "",
    });
    expect(&guest().put(&format!("/api/users/{user}"), &kept), 204);
    expect(&get(&cookie, "/api/whoami"), 200);
    expect(&get(&cookie, "/api/users"), 401);
}

#[test]
fn a_cookie_that_was_never_given_opens_nothing() {
    for token in ["", "x", "haremq", &"A".repeat(43)] {
        let answer = get(&format!("haremq_session={token}"), "/api/whoami");
        expect(&answer, 401);
    }
    let bad = [("cookie", "haremq_session=x")];
    expect(&guest().send("GET", "/api/whoami", &bad, ""), 200);
}

#[test]
fn who_may_not_use_the_pages_gets_no_session() {
    let user = unique("session");
    user_with(&user, "");
    let answer = log_in(&nobody(), &user, &[]);
    expect(&answer, 401);
    assert_eq!(answer.header("set-cookie"), None);
    let wrong = nobody().post("/api/login", &json!({ "username": user, "password": "no" }));
    expect(&wrong, 401);
    assert_eq!(wrong.header("www-authenticate"), None, "no browser asks over the page");
}

#[test]
fn a_prefix_is_the_path_of_the_cookie() {
    let lines = ["management.path_prefix = /mq", "management.login_session_timeout = 1"];
    let broker = Broker::start(&lines);
    let nobody = Http::new(broker.management());
    let body = json!({ "username": "guest", "password": "guest" });
    let answer = nobody.post("/mq/api/login", &body);
    let set = answer.header("set-cookie").expect("a login sets a cookie");
    assert!(set.contains("; Path=/mq; Max-Age=60;"), "{set}");
    let cookie = cookie(&answer);
    expect(&nobody.send("GET", "/mq/api/whoami", &[("cookie", &cookie)], ""), 200);
    expect(&get(&cookie, "/api/whoami"), 401);
}

/// A test that turns the clock by a week is still logged in: sessions go by the machine's clock.
#[test]
fn a_session_outlives_a_turn_of_the_test_clock() {
    let broker = Broker::start(&["haremq.test_api = true"]);
    let http = Http::new(broker.management());
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let answer = http.send("POST", "/api/login", &form, "username=guest&password=guest");
    let cookie = cookie(&answer);
    let turn = json!({ "ms": 7 * 24 * 3_600_000_u64 });
    let administrator = Http::new(broker.management()).login("guest", "guest");
    expect(&administrator.post("/api/haremq/test/clock/advance", &turn), 200);
    expect(&http.send("GET", "/api/whoami", &[("cookie", &cookie)], ""), 200);
}
