//! Definitions go first.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use serde_json::json;

use super::program::{World, jobs, run};

fn furnish(world: &World) {
    let api = world.at_source();
    let user = json!({"password": "secret", "tags": "monitoring"});
    assert_eq!(api.put("/api/users/anna", &user).status, 201);
    let ttl = json!({"pattern": "^orders", "definition": {"message-ttl": 60_000}});
    assert_eq!(api.put("/api/policies/%2F/ttl", &ttl).status, 201);
    assert_eq!(api.put("/api/exchanges/%2F/events", &json!({"type": "topic"})).status, 201);
    world.fill("orders", jobs(2));
    let binding = json!({"routing_key": "eu.#"});
    assert_eq!(api.post("/api/bindings/%2F/e/events/q/orders", &binding).status, 201);
}

#[test]
fn a_dry_run_changes_nothing_on_either_side() {
    let world = World::new();
    furnish(&world);
    let before = world.at_target().get("/api/definitions").json();
    let report = world.migrate(&["--dry-run"]).report();
    assert_eq!(report["definitions"]["queues"], 1, "{report:#}");
    assert!(report["notes"].to_string().contains("2 messages of 1 queues"), "{report:#}");
    assert_eq!(world.at_target().get("/api/definitions").json(), before);
    assert!(!world.state_path().exists());
    assert_eq!(world.left("orders"), jobs(2));
}

#[test]
fn definitions_can_go_first_and_messages_later() {
    let world = World::new();
    furnish(&world);
    world.migrate(&["--definitions-only"]).expect_good();
    let api = world.at_target();
    assert_eq!(api.get("/api/users/anna").json()["tags"], json!(["monitoring"]));
    assert_eq!(api.get("/api/policies/%2F/ttl").json()["pattern"], "^orders");
    assert_eq!(api.get("/api/bindings/%2F/e/events/q/orders").json()[0]["routing_key"], "eu.#");
    // Who logs in keeps the password that the target knows.
    assert_eq!(api.get("/api/whoami").status, 200);
    // What was changed at the target since is not changed back.
    assert_eq!(api.delete("/api/policies/%2F/ttl").status, 204);
    assert_eq!(world.left("orders").len(), 2);
    world.fill("orders", jobs(3));
    world.migrate(&[]).expect_good();
    assert_eq!(api.get("/api/policies/%2F/ttl").status, 404);
    assert_eq!(world.arrived("orders"), jobs(3));
}

#[test]
fn an_import_that_was_cut_off_is_done_again() {
    let world = World::new();
    furnish(&world);
    // Answers like a broker until something is posted, and hangs up then.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it listens").port();
    let real = world.target.management();
    let relay = thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut broker = std::net::TcpStream::connect(real).expect("the target listens");
            let mut piece = vec![0; 65_536];
            while let Ok(length @ 1..) = client.read(&mut piece) {
                if piece.starts_with(b"POST") {
                    return;
                }
                broker.write_all(&piece[..length]).expect("the target takes it");
                let length = broker.read(&mut piece).expect("the target answers");
                client.write_all(&piece[..length]).expect("the program takes it");
            }
        }
    });
    let mut command = world.command(&[]);
    let mut words: Vec<String> =
        command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    let at = words.iter().position(|word| word == "--to").expect("it is given");
    words[at + 1] = format!("http://guest:guest@127.0.0.1:{port}");
    command = std::process::Command::new(command.get_program());
    command.args(words);
    let cut = run(command);
    relay.join().expect("the relay saw the post");
    assert_eq!(cut.code, Some(69), "{cut:?}");
    assert!(cut.stderr.contains("/api/definitions"), "{cut:?}");
    assert_eq!(world.at_target().get("/api/queues").json(), json!([]));
    // The relay was another address, so this is another migration.
    let state = world.state_path().with_extension("two");
    world.migrate(&["--state", state.to_str().expect("UTF-8")]).expect_good();
    assert_eq!(world.arrived("orders"), jobs(2));
}
