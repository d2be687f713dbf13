//! Faults on demand (docs/testing-faults.md), ordered over HTTP and met on the wire. Each test has a broker of its own.

mod confirming;
mod delivering;
mod ending;
mod holding;
mod ordering;

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::methods::{confirm, queue};
use crate::support::{Answer, Broker, Http, Process, RawClient, id};

const FAULTS: &str = "/api/haremq/test/faults";

/// A broker with the test API, and who orders.
struct Faulty {
    broker: Broker,
    http: Http,
    /// Of a broker that keeps messages.
    kept: Option<(Process, TempDir)>,
}

impl Faulty {
    fn start() -> Self {
        let broker = Broker::start(&["haremq.test_api = true"]);
        let http = Http::new(broker.management()).login("guest", "guest");
        Self { broker, http, kept: None }
    }

    /// One that keeps messages on disk.
    fn on_disk() -> Self {
        let folder = TempDir::new().expect("a folder");
        let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
        let (data, file) = (path("data"), path("ports.json"));
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_haremq"));
        command.args(["--bind", "127.0.0.1", "--port", "0", "--log-level", "warn", "--test-api"]);
        command.args(["--data-dir", &data, "--ports-file", &file]);
        command.env("HAREMQ_CONFIG_FOLDER", "/nowhere");
        let process = Process::spawn(command);
        process.wait_until_ready();
        let ports: Value =
            serde_json::from_str(&fs::read_to_string(file).expect("a file")).expect("JSON");
        let port = |kind: &str| {
            u16::try_from(ports[kind].as_u64().expect("a port")).expect("a port has 16 bits")
        };
        let http = Http::new(([127, 0, 0, 1], port("management")).into()).login("guest", "guest");
        Self { broker: Broker::at(port("amqp")), http, kept: Some((process, folder)) }
    }

    /// A connection with channel 1 open.
    fn client(&self) -> RawClient {
        RawClient::with_channel_on(&self.broker)
    }

    /// One that gets confirms, and its queue.
    fn confirming(&self) -> (RawClient, String) {
        let mut client = self.client();
        let queue = client.exclusive_queue(1);
        client.call(1, &confirm::select(), id::CONFIRM_SELECT_OK).end();
        (client, queue)
    }

    /// A queue of no connection.
    fn queue(&self, name: &str) -> RawClient {
        let mut client = self.client();
        client.declare(1, &queue::declare(name));
        client
    }

    /// Orders a fault; its number.
    fn order(&self, fault: &Value) -> u64 {
        let answer = self.http.post(FAULTS, fault);
        expect(&answer, 201);
        answer.json()["id"].as_u64().expect("a number")
    }

    fn refusal(&self, fault: &Value) -> String {
        let answer = self.http.post(FAULTS, fault);
        expect(&answer, 400);
        answer.json()["reason"].as_str().expect("a reason").to_owned()
    }

    fn list(&self) -> Vec<Value> {
        let answer = self.http.get(FAULTS);
        expect(&answer, 200);
        answer.json().as_array().expect("a list").clone()
    }

    fn hits(&self, id: u64) -> u64 {
        let list = self.list();
        let found = list.iter().find(|fault| fault["id"] == id).expect("it is ordered");
        found["hits"].as_u64().expect("a number")
    }

    /// What is said of why something does not move.
    fn why_not(&self, what: &str) -> Value {
        let answer = self.http.get(&format!("/api/haremq/explain/{what}"));
        expect(&answer, 200);
        answer.json()
    }

    /// The open connections, as they stand in a path.
    fn connections(&self) -> Vec<String> {
        let all = self.http.get("/api/connections").json();
        let names = all.as_array().expect("a list").iter().map(|one| one["name"].as_str());
        names.map(|name| name.expect("a name").replace(' ', "%20").replace('>', "%3E")).collect()
    }

    fn withdraw(&self, id: u64) {
        expect(&self.http.delete(&format!("{FAULTS}/{id}")), 204);
    }

    fn withdraw_all(&self) {
        expect(&self.http.delete(FAULTS), 204);
        assert_eq!(self.list(), Vec::<Value>::new());
    }

    /// Everything is as usual: publish, confirm, deliver, ack.
    fn is_well(&self) {
        let (mut client, queue) = self.confirming();
        client.publish(1, "", &queue, "well");
        assert_eq!(client.expect_ack(1), (1, false));
        let got = client.get(1, &queue).expect("a message");
        assert_eq!((got.text(), got.redelivered), ("well", false));
        client.send(1, &crate::support::methods::basic::ack(got.tag));
        client.expect_counts(1, &queue, (0, 0));
        client.close();
    }
}

fn expect(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
}

/// A fault without fields of its own.
fn plain(kind: &str) -> Value {
    json!({ "kind": kind })
}
