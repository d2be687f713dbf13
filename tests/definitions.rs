//! A broker that is started with the definitions of a real RabbitMQ.

use std::fs;
use std::path::Path;
use std::process::Command;

use lapin::options::{
    BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Connection, ConnectionProperties, Result};
use serde_json::Value;

use crate::support::{GUARD, Process, run_to_its_end};

const EXPORT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/rabbitmq-3.10-http.json");

struct Server {
    process: Process,
    port: u16,
}

impl Server {
    fn start(folder: &Path, config_lines: &[&str]) -> Self {
        let path = |name| folder.join(name);
        fs::write(path("conf"), config_lines.join("\n") + "\n").expect("a config file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_haremq"));
        command.args(["--bind", "127.0.0.1", "--port", "0", "--log-level", "warn", "--config"]);
        command.arg(path("conf")).arg("--port-file").arg(path("port"));
        command.arg("--data-dir").arg(path("data"));
        let process = Process::spawn(command);
        process.wait_until_ready();
        let port = fs::read_to_string(path("port")).expect("written before the ready line");
        Self { process, port: port.trim().parse().expect("a port") }
    }

    async fn login(&self, user: &str, password: &str, vhost: &str) -> Result<Connection> {
        let uri = format!("amqp://{user}:{password}@127.0.0.1:{}/{vhost}", self.port);
        Connection::connect(&uri, ConnectionProperties::default()).await
    }

    fn stop(mut self) -> String {
        self.process.signal("TERM");
        assert_eq!(self.process.wait_for_end(), Some(0), "{}", self.process.stderr());
        self.process.stderr()
    }
}

fn play(scene: impl Future<Output = Result<()>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let outcome = tokio::time::timeout(GUARD, scene).await.expect("the scene ends");
        outcome.expect("the broker agrees with everything in the scene");
    });
}

/// `büşra` and `şifre-✓` in a URI.
const BUSRA: &str = "b%C3%BC%C5%9Fra";
const BUSRA_PASSWORD: &str = "%C5%9Fifre-%E2%9C%93";

async fn old_passwords_are_good(server: &Server) -> Result<()> {
    for (user, password, vhost) in [
        ("anna", "anna-pass", "shop"),
        (BUSRA, BUSRA_PASSWORD, "shop"),
        ("anna", "anna-pass", "%D0%BC%D0%B0%D0%B3%D0%B0%D0%B7%D0%B8%D0%BD"),
        ("guest", "guest", "%2f"),
    ] {
        server.login(user, password, vhost).await?.close(200, "done".into()).await?;
    }
    assert!(server.login("anna", "wrong", "shop").await.is_err());
    assert!(
        server.login(BUSRA, BUSRA_PASSWORD, "%2f").await.is_err(),
        "it has no permissions there"
    );
    Ok(())
}

#[test]
fn a_broker_started_with_the_definitions_of_rabbitmq_stands_in_for_it() {
    let folder = tempfile::tempdir().expect("a folder for the broker");
    let load = format!("load_definitions = {EXPORT}");
    let server = Server::start(folder.path(), &[&load]);
    play(async {
        old_passwords_are_good(&server).await?;
        let connection = server.login("anna", "anna-pass", "shop").await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let persistent = BasicProperties::default().with_delivery_mode(2);
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let confirm =
            channel.basic_publish("orders".into(), "new".into(), options, b"1", persistent).await?;
        assert!(confirm.await?.is_ack());
        connection.close(200, "done".into()).await
    });
    let said = server.stop();
    assert!(said.contains("policies[0]: the policy only mirrors queues"), "{said}");
    let server = Server::start(folder.path(), &[]);
    play(async {
        old_passwords_are_good(&server).await?;
        let connection = server.login("anna", "anna-pass", "shop").await?;
        let channel = connection.create_channel().await?;
        for queue in ["orders", "payments"] {
            let found = channel.basic_get(queue.into(), BasicGetOptions::default()).await?;
            assert_eq!(found.expect("the exchange led here").data, b"1", "{queue}");
        }
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let passing = channel.queue_declare("passing".into(), passive, FieldTable::default());
        assert!(passing.await.is_err(), "it was not durable");
        connection.close(200, "done".into()).await
    });
    server.stop();
}

#[test]
fn definitions_that_are_wrong_stop_the_start_with_file_and_place() {
    let folder = tempfile::tempdir().expect("a folder for the broker");
    let path = |name| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (conf, definitions) = (path("conf"), path("definitions.json"));
    let queue = r#"{ "vhost": "/", "name": "q", "arguments": { "x-expires": 0 } }"#;
    fs::write(&definitions, format!(r#"{{ "queues": [{queue}] }}"#)).expect("a file");
    fs::write(&conf, format!("management.load_definitions = {definitions}\n")).expect("a file");
    let (code, said) = run_to_its_end(&["--port", "0", "--config", &conf]);
    assert_eq!(code, Some(1), "{said}");
    let expected = "definitions.json cannot be loaded: queues[0]: invalid arg 'x-expires'";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn a_file_of_rabbitmq_is_checked_without_a_broker() {
    let checked = Command::new(env!("CARGO_BIN_EXE_haremq"))
        .args(["definitions", "check", EXPORT])
        .output()
        .expect("the program starts");
    assert_eq!(checked.status.code(), Some(0));
    let text = String::from_utf8(checked.stdout).expect("UTF-8");
    let export: Value =
        serde_json::from_str(&fs::read_to_string(EXPORT).expect("it is there")).expect("JSON");
    let lists = export.as_object().expect("an object").values().filter_map(Value::as_array);
    // The limits of one user are a thing of their own; one policy only mirrors queues.
    let all = lists.map(Vec::len).sum::<usize>() + 1 - 1;
    let last = text.lines().last().expect("there is a sum");
    assert_eq!(last, format!("{all} to add, 0 to change, 0 to delete, 0 kept, 0 the same"));
}
