//! The tags and what they open: the table of `docs/http-api.md`, resource by resource.

use std::collections::BTreeSet;

use serde_json::Value;

use super::place::{administrator, nobody, user_with};
use crate::support::{Http, on_oracle};

/// What ends or empties the broker that the other tests use.
const NOT_CALLED: &[&str] = &["/haremq/node/"];

/// Who asks: no login, then a user with each of these tags.
const TAGS: [&str; 5] = ["", "management", "policymaker", "monitoring", "administrator"];

/// Whether a user with this tag may call what needs that, and what it is told when not. The hierarchy is
/// RabbitMQ's: an administrator may do everything, the other three do not contain each other.
fn refusal(needs: &str, tag: &str) -> Option<&'static str> {
    let (may, refusal) = match needs {
        "–" | "a login" => (true, ""),
        "any tag" => (!tag.is_empty(), "Not management user"),
        "policymaker" => (["policymaker", "administrator"].contains(&tag), "Not policymaker user"),
        "monitoring" => (["monitoring", "administrator"].contains(&tag), "Not monitor user"),
        "administrator" => (tag == "administrator", "Not administrator user"),
        other => panic!("docs/http-api.md says that something needs '{other}'"),
    };
    (!may).then_some(refusal)
}

/// Rows of the list at the end of `docs/http-api.md`: method, path, what it needs.
fn rows() -> Vec<(String, String, String)> {
    let page = include_str!("../../docs/http-api.md");
    let methods = ["GET", "PUT", "POST", "DELETE"];
    let cells = |line: &str| line.split(" | ").map(str::to_owned).collect::<Vec<_>>();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")).map(cells);
    rows.filter(|cells| cells.len() >= 4 && methods.contains(&cells[0].as_str()))
        .map(|cells| (cells[0].clone(), cells[1].clone(), cells[2].clone()))
        .collect()
}

/// The path with names in it of things that are not there, so that nothing is changed.
fn filled(path: &str) -> String {
    let parts = path.trim_end_matches('/').split('/').map(|part| match part {
        "{password}" => "secret",
        "{vhost}" => "%2F",
        _ if part.starts_with('{') => "none-of-that-name",
        _ => part,
    });
    format!("/api{}", parts.collect::<Vec<_>>().join("/"))
}

/// Virtual hosts are there, so what would change one is asked for another.
fn path_of(method: &str, path: &str) -> String {
    let filled = filled(path);
    if method != "GET" && path.starts_with("/vhosts/") {
        return filled.replace("%2F", "none-of-that-name");
    }
    filled
}

#[test]
fn each_resource_is_opened_by_the_tags_that_the_page_names_and_by_no_other() {
    let users: Vec<(&str, Http)> = TAGS.iter().map(|tag| (*tag, user_with(tag).1)).collect();
    let mut reasons = BTreeSet::new();
    for (method, path, needs) in rows() {
        // RabbitMQ 3.10 lacks some of them, and says so to everybody.
        let is_there = !on_oracle()
            || administrator().send(&method, &path_of(&method, &path), &[], "[]").status != 404;
        if NOT_CALLED.iter().any(|start| path.starts_with(start)) || !is_there {
            continue;
        }
        let (request, body) = (path_of(&method, &path), if method == "PUT" { "[]" } else { "" });
        let send = |http: &Http| http.send(&method, &request, &[], body);
        let stranger = send(&nobody());
        let is_open = needs == "–";
        assert_eq!(stranger.status != 401 || is_open, is_open, "{method} {path} without a login");
        for (tag, http) in &users {
            let answer = send(http);
            if let Some(reason) = refusal(&needs, tag) {
                assert_eq!(answer.status, 401, "{method} {path} with '{tag}'");
                if !on_oracle() {
                    assert_eq!(answer.reason(), reason, "{method} {path} with '{tag}'");
                }
                reasons.insert(reason);
            } else {
                let told = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
                let told = told["reason"].as_str().unwrap_or_default().to_owned();
                let is_refused = told.starts_with("Not ") && told.ends_with(" user");
                assert!(!is_refused, "{method} {path} with '{tag}': {told}");
                // RabbitMQ 3.10 crashes when it is asked for connections of a user who is not there.
                assert!(
                    on_oracle() || answer.status < 500 || answer.status == 503,
                    "{method} {path}: {told}"
                );
            }
        }
    }
    assert_eq!(reasons.len(), 4, "every kind of refusal was seen");
    assert_eq!(administrator().get("/api/whoami").status, 200, "it is all there still");
}
