//! The management pages as a browser gets them.

use super::{expect, nobody};
use crate::support::{Broker, Http};

#[test]
fn the_pages_come_without_a_login_and_with_a_policy_against_foreign_code() {
    let page = nobody().get("/");
    expect(&page, 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let policy = page.header("content-security-policy").expect("a policy");
    for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    let script = nobody().get("/js/main.js");
    expect(&script, 200);
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    expect(&nobody().get("/style/base.css"), 200);
    expect(&nobody().get("/cli/"), 200);
    expect(&nobody().get("/cli/rabbitmqadmin"), 404);
    expect(&nobody().get("/js/none.js"), 404);
    expect(&nobody().get("/js/../index.html"), 404);
    expect(&nobody().post("/", &serde_json::json!({})), 405);
}

#[test]
fn a_page_that_is_known_is_not_sent_again() {
    let first = nobody().get("/js/main.js");
    let tag = first.header("etag").expect("a tag").to_owned();
    let again = nobody().send("GET", "/js/main.js", &[("if-none-match", &tag)], "");
    expect(&again, 304);
    assert!(again.body.is_empty());
    assert_eq!(again.header("etag"), Some(tag.as_str()));
    expect(&nobody().send("GET", "/js/main.js", &[("if-none-match", "\"other\"")], ""), 200);
}

#[test]
fn the_pages_are_refused_without_the_browsers_own_login_window() {
    let tool = nobody().get("/api/overview");
    expect(&tool, 401);
    assert!(tool.header("www-authenticate").is_some());
    let page = nobody().send("GET", "/api/overview", &[("x-requested-with", "haremq-pages")], "");
    expect(&page, 401);
    assert_eq!(page.header("www-authenticate"), None);
}

#[test]
fn the_pages_stand_behind_the_prefix() {
    let broker = Broker::start(&["management.path_prefix = /rabbit"]);
    let http = Http::new(broker.management());
    let page = http.get("/rabbit/");
    expect(&page, 200);
    let text = String::from_utf8_lossy(&page.body).into_owned();
    assert!(text.contains("<base href=\"/rabbit/\">"), "{text}");
    expect(&http.get("/rabbit/js/main.js"), 200);
    expect(&http.get("/js/main.js"), 404);
    assert!(String::from_utf8_lossy(&nobody().get("/").body).contains("<base href=\"/\">"));
}
