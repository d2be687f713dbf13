//! Answers that are none, and logins that are refused.

use crate::support::{CUT, FakeApi, tool};

#[test]
fn a_url_is_logged_in_to_with_its_name_and_password() {
    let api = FakeApi::on_port(&[("GET /mq/api/users", 200, r#"[{"name":"a","tags":["b"]}]"#)]);
    let url = format!("http://he%40nry:se:cret@127.0.0.1:{}/mq", api.port());
    let said = tool(&api.folder(), &["rabbitmqctl", "-s", "--url", &url, "list_users"]);
    assert_eq!((said.code, said.output.as_str()), (0, "a\t[b]\n"), "{}", said.errors);
    // he@nry:se:cret
    let login = api.asked()[0].header("authorization").map(str::to_owned);
    assert_eq!(login.as_deref(), Some("Basic aGVAbnJ5OnNlOmNyZXQ="));
}

#[test]
fn the_socket_file_needs_no_login() {
    let api = FakeApi::on_socket(&[("GET /api/users", 200, "[]")]);
    assert_eq!(tool(&api.folder(), &["rabbitmqctl", "list_users"]).code, 0);
    assert_eq!(api.asked()[0].header("authorization"), None);
}

#[test]
fn a_refused_login_is_said_and_no_password_is_shown() {
    let api = FakeApi::on_port(&[(
        "GET /api/users",
        401,
        r#"{"error":"not_authorised","reason":"Login failed"}"#,
    )]);
    let url = format!("http://henry:secret@127.0.0.1:{}", api.port());
    let said = tool(&api.folder(), &["rabbitmqctl", "--url", &url, "list_users"]);
    assert_eq!(said.code, 65);
    assert_eq!(said.errors, "Error:\nthe broker refuses the login: Login failed\n");
}

#[test]
fn what_is_no_answer_of_the_api_is_an_error_and_no_panic() {
    let api = FakeApi::on_socket(&[
        ("GET /api/users", 200, "<html>"),
        ("GET /api/permissions", 500, "<html>"),
        ("GET /api/global-parameters", 200, "7"),
        ("GET /api/connections", CUT, r#"[{"name":"a"},{"name":"b"}]"#),
        ("GET /api/channels", 200, r#"[7,null,{"name":[]}]"#),
    ]);
    for (command, code, part) in [
        ("list_users", 69, "no JSON"),
        ("list_global_parameters", 70, "list"),
        ("list_connections", 69, "unable to perform an operation"),
    ] {
        let said = tool(&api.folder(), &["rabbitmqctl", command]);
        assert_eq!(said.code, code, "{command} {}", said.errors);
        assert!(said.errors.contains(part), "{}", said.errors);
    }
    // Rows without the fields are rows with empty cells.
    let said = tool(&api.folder(), &["rabbitmqctl", "-s", "list_channels", "name", "user"]);
    assert_eq!((said.code, said.output.as_str()), (0, "\t\n\t\n[]\t\n"));
}

#[test]
fn the_reason_of_the_broker_is_shown() {
    let api = FakeApi::on_socket(&[(
        "GET /api/users/a",
        500,
        r#"{"error":"x","reason":"the disk is full"}"#,
    )]);
    let said = tool(&api.folder(), &["rabbitmqctl", "delete_user", "a"]);
    assert_eq!(said.code, 67, "{}", said.errors);
    let said = tool(&api.folder(), &["rabbitmqctl", "add_user", "a", "b"]);
    assert_eq!((said.code, said.errors.as_str()), (69, "Error:\nthe disk is full\n"));
}
