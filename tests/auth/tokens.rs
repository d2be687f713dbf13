//! Logins with tokens, over AMQP and HTTP.

use serde_json::json;

use super::served::{Said, Service};
use super::signer::Signer;
use crate::support::methods::{connection, queue};
use crate::support::{Broker, Http, Login, RawClient, id, refusal};

const ALL: &str = "rabbit.configure:*/* rabbit.write:*/* rabbit.read:*/*";

fn with(token: &str) -> Login {
    Login::guest().user("anybody", token)
}

/// The login is refused with RabbitMQ's words, which tell a stranger nothing.
fn is_refused(broker: &Broker, login: &Login) {
    let mut client = RawClient::connect(broker);
    client.send_start_ok(login);
    let text = "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details \
                see the broker logfile.";
    client.expect_connection_close(&refusal(403, text, crate::support::Id(0, 0)));
}

#[test]
fn the_name_in_the_token_is_the_user() {
    let signer = Signer::new();
    let broker = signer.broker(&[]);
    let mut client = RawClient::login(&broker, &with(&signer.token("ann", ALL, 600)));
    client.open_channel(1);
    client.call(1, &queue::declare("q"), id::QUEUE_DECLARE_OK);
    let guest = Http::new(broker.management()).login("guest", "guest");
    let connections = guest.get("/api/connections").json();
    assert_eq!(connections[0]["user"], "ann");
    let bearer = format!("Bearer {}", signer.token("eve", "rabbit.tag:administrator", 600));
    let whoami = Http::new(broker.management()).send(
        "GET",
        "/api/whoami",
        &[("authorization", &bearer)],
        "",
    );
    let expected = json!({ "name": "eve", "tags": ["administrator"], "is_internal_user": false, "login_session_timeout": 480 });
    assert_eq!(whoami.json(), expected);
    client.close();
}

#[test]
fn a_session_of_a_token_has_its_rights_and_lasts_no_longer() {
    let signer = Signer::new();
    let broker = signer.broker(&[]);
    let nobody = Http::new(broker.management());
    let token = signer.token("eve", "rabbit.tag:management rabbit.read:%2F/*", 600);
    let answer = nobody.post("/api/login", &json!({ "username": "eve", "password": token }));
    assert_eq!(answer.status, 200, "{}", answer.json());
    let set = answer.header("set-cookie").expect("a login sets a cookie");
    let (_, age) = set.split_once("Max-Age=").expect("the cookie says how long it lasts");
    let age_s: u64 = age.split(';').next().and_then(|age| age.parse().ok()).expect("seconds");
    assert!((300..=600).contains(&age_s), "{set}");
    let cookie = set.split(';').next().expect("a value");
    let get = |path| nobody.send("GET", path, &[("cookie", cookie)], "");
    let who = get("/api/whoami").json();
    assert_eq!((&who["name"], &who["tags"]), (&json!("eve"), &json!(["management"])));
    assert_eq!(get("/api/queues/%2F").status, 200);
    assert_eq!(get("/api/users").status, 401);
    let changed = [("cookie", cookie), ("x-requested-with", "fetch")];
    let refused = nobody.send("PUT", "/api/queues/%2F/q", &changed, "{}");
    assert_eq!(refused.status, 401, "{}", refused.json());
}

#[test]
fn a_token_of_somebody_else_and_an_old_one_let_nobody_in() {
    let (signer, other) = (Signer::new(), Signer::new());
    let broker = signer.broker(&[]);
    is_refused(&broker, &with(&other.token("ann", ALL, 600)));
    broker.wait_for_log("the signature is not that of the key 'k'");
    is_refused(&broker, &with(&signer.token("ann", ALL, 0)));
    broker.wait_for_log("Provided JWT token has expired at timestamp");
    let bearer = format!("Bearer {}", other.token("ann", "rabbit.tag:administrator", 600));
    let http = Http::new(broker.management());
    assert_eq!(http.send("GET", "/api/whoami", &[("authorization", &bearer)], "").status, 401);
    let mut guest = RawClient::login(&broker, &Login::guest());
    guest.open_channel(1);
    let log = broker.stop();
    assert!(!log.contains(&bearer[20..60]), "a token never stands in the log");
}

/// A4: a connection lives no longer than its token.
#[test]
fn a_connection_ends_with_its_token_unless_a_new_one_comes() {
    let signer = Signer::new();
    let broker = signer.broker(&[]);
    let mut stays = RawClient::login(&broker, &with(&signer.token("ann", ALL, 4)));
    let mut ends = RawClient::login(&broker, &with(&signer.token("ann", ALL, 4)));
    let renewed = connection::update_secret(&signer.token("ann", ALL, 600));
    stays.call(0, &renewed, id::CONNECTION_UPDATE_SECRET_OK);
    let mut close = ends.expect(0, id::CONNECTION_CLOSE);
    assert_eq!(close.short(), 403);
    let text = close.short_string();
    let start = "ACCESS_REFUSED - Provided JWT token has expired at timestamp ";
    assert!(text.starts_with(start) && text.contains(" (validated at "), "{text}");
    // Its first token ended no later than the one that ended now.
    stays.open_channel(1);
    stays.call(1, &queue::declare("still-there"), id::QUEUE_DECLARE_OK);
}

#[test]
fn a_new_token_must_be_good_and_of_the_same_user_and_brings_its_own_rights() {
    let signer = Signer::new();
    let broker = signer.broker(&[]);
    let login = |scopes: &str| {
        let mut client = RawClient::login(&broker, &with(&signer.token("ann", scopes, 600)));
        client.open_channel(1);
        client
    };
    let mut client = login("rabbit.configure:%2F/a*");
    client.call(1, &queue::declare("a"), id::QUEUE_DECLARE_OK);
    let other = signer.token("ann", "rabbit.configure:%2F/b*", 600);
    client.call(0, &connection::update_secret(&other), id::CONNECTION_UPDATE_SECRET_OK);
    client.call(1, &queue::declare("b"), id::QUEUE_DECLARE_OK);
    let text = "ACCESS_REFUSED - configure access to queue 'a' in vhost '/' refused for user 'ann'";
    client.refused(1, &queue::delete("a"), &refusal(403, text, id::QUEUE_DELETE));
    let text = "NOT_ALLOWED - New secret was refused by one of the backends";
    for bad in [
        signer.token("eve", ALL, 600),
        signer.token("ann", ALL, 0),
        Signer::new().token("ann", ALL, 600),
        "nonsense".to_owned(),
    ] {
        let mut client = login(ALL);
        client.send(0, &connection::update_secret(&bad));
        client.expect_connection_close(&refusal(530, text, id::CONNECTION_UPDATE_SECRET));
    }
    broker.wait_for_log("a new secret of another user was refused");
}

#[test]
fn a_user_of_the_broker_may_update_its_secret_as_for_rabbitmq() {
    let signer = Signer::new();
    let broker = signer.broker(&[]);
    let mut client = RawClient::login(&broker, &Login::guest());
    client.call(0, &connection::update_secret("anything"), id::CONNECTION_UPDATE_SECRET_OK);
    client.close();
}

#[test]
fn keys_are_fetched_from_a_server_while_the_login_waits() {
    let signer = Signer::new();
    let keys = json!({ "keys": [signer.jwk()] }).to_string();
    let keys: &'static str = Box::leak(keys.into_boxed_str());
    let service = Service::start(move |_, _| Said::Later(keys));
    let address = service.lines()[0].split_once(" = ").expect("a line").1.to_owned();
    let broker = Broker::start(&[
        "auth_backends.1 = oauth2",
        "auth_backends.2 = internal",
        "auth_oauth2.resource_server_id = rabbit",
        &format!("auth_oauth2.jwks_uri = {address}"),
    ]);
    let mut ann = RawClient::connect(&broker);
    let login = with(&signer.token("ann", ALL, 600));
    ann.send_start_ok(&login);
    service.wait_for("/user");
    RawClient::login(&broker, &Login::guest()).close();
    service.release();
    ann.expect(0, id::CONNECTION_TUNE);
}

#[test]
fn the_permissions_of_the_broker_can_stand_behind_a_token() {
    let signer = Signer::new();
    let mut lines = signer.lines();
    lines.extend(
        ["auth_backends.1.authn = oauth2", "auth_backends.1.authz = internal"].map(str::to_owned),
    );
    let broker = Broker::start(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let mut guest = RawClient::login(&broker, &with(&signer.token("guest", "", 600)));
    guest.open_channel(1);
    guest.call(1, &queue::declare("q"), id::QUEUE_DECLARE_OK);
    is_refused(&broker, &with(&signer.token("nobody", ALL, 600)));
    is_refused(&broker, &Login::guest());
}
