//! A broker that is killed in the middle of a reset has all that it had, or what a fresh one has (N1).

use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::random::Random;
use super::server::Server;
use super::steps::{Fill, declare_durable};
use crate::support::Http;

const QUEUES: usize = 40;
const ROUNDS: u64 = 6;

fn api(data: &Path) -> Http {
    Http::over_file(&data.join("management.sock"))
}

fn fill(server: &Server, http: &Http) {
    let vhost = http.put("/api/vhosts/shop", &json!({ "protected_from_deletion": true }));
    assert_eq!(vhost.status, 201);
    let user = http.put("/api/users/ann", &json!({ "password": "pw", "tags": "monitoring" }));
    assert_eq!(user.status, 201);
    let mut client = server.client();
    client.open_channel(1).expect("a channel");
    for number in 0..QUEUES {
        declare_durable(&mut client, 1, &format!("q{number}")).expect("a queue");
    }
    Fill::new("q0", 1, 1..=200).run(&mut client, 2).expect("confirms");
}

/// What an export says; the salt of a password is another one each time.
fn lists(http: &Http) -> Value {
    let mut document = http.get("/api/definitions").json();
    let object = document.as_object_mut().expect("an object");
    object.retain(|_, value| value.is_array());
    for user in object["users"].as_array_mut().expect("users") {
        user["password_hash"] = Value::Null;
    }
    document
}

#[test]
fn a_reset_that_is_cut_off_by_a_kill_is_whole_or_not_at_all() {
    let mut random = Random::new(7);
    for round in 0..ROUNDS {
        let data = TempDir::new().expect("a data directory");
        let server = Server::start(data.path());
        let http = api(data.path());
        let fresh = lists(&http);
        fill(&server, &http);
        let full = lists(&http);
        assert_ne!(full, fresh);
        assert_eq!(http.post("/api/haremq/node/stop_app", &json!({})).status, 204);
        // Some rounds kill before the request is stored, some while the queues end, some after the answer.
        let after = Duration::from_micros(random.below(if round == 0 { 1 } else { 12_000 }));
        let head = "POST /api/haremq/node/reset HTTP/1.1\r\nhost: b\r\ncontent-length: 0\r\n\r\n";
        let socket = data.path().join("management.sock");
        let mut stream = std::os::unix::net::UnixStream::connect(socket).expect("it listens");
        std::io::Write::write_all(&mut stream, head.as_bytes()).expect("taken");
        thread::sleep(after);
        server.kill();

        let server = Server::start(data.path());
        let found = lists(&http);
        assert!(found == full || found == fresh, "round {round}, {after:?}: {found}");
        let mut client = server.client();
        client.open_channel(1).expect("a channel");
        if found == full {
            assert_eq!(client.ready(1, "q0").expect("there"), 200);
        } else {
            declare_durable(&mut client, 1, "q0").expect("a queue");
            assert_eq!(client.ready(1, "q0").expect("there"), 0, "no message comes back");
        }
    }
}
