//! Every key of the table, and every file that a start reads: what is wrong is told with its place, what was
//! expected, and what to do.

use std::collections::BTreeSet;
use std::fs;

use haremq::config::{ConfigError, Loaded, keys, load};
use tempfile::TempDir;

use crate::config::{load_with, os};
use crate::support::run_to_its_end;

/// Values of which every key refuses one, unless any text is good.
const NONSENSE: [&str; 4] = ["no such thing!", "-1", "a\u{1}b", "''"];

/// Keys that take any text: passwords of no user of ours, and patterns, which the broker compiles later
/// (`a_pattern_that_does_not_compile_is_refused_with_its_place`).
const TAKE_ANY_TEXT: &[&str] = &[
    "anonymous_login_pass",
    "default_limits.vhosts.*.pattern",
    "default_permissions.configure",
    "default_permissions.read",
    "default_permissions.write",
    "default_policies.operator.*.queue_pattern",
    "default_policies.operator.*.vhost_pattern",
    "default_users.*.configure",
    "default_users.*.read",
    "default_users.*.vhost_pattern",
    "default_users.*.write",
    "ssl_options.password",
];

/// The name with something in the place of its `*`.
fn concrete(name: &str) -> String {
    name.replace('*', "one")
}

#[test]
fn every_key_says_what_it_expects_when_it_gets_something_else() {
    let mut take_any = BTreeSet::new();
    let long = "x".repeat(5000);
    for key in keys() {
        let name = concrete(key.name);
        let mut values = NONSENSE.iter().copied().chain([long.as_str()]);
        let refused = values.find_map(|value| {
            let error = load_with(&[], &[], &format!("# one\n{name} = {value}\n")).err()?;
            Some((value, error.to_string()))
        });
        let Some((value, error)) = refused else {
            take_any.insert(key.name);
            continue;
        };
        let place = format!("rabbitmq.conf:2: key '{name}' has value '");
        let end = format!("': expected {}", key.expects);
        assert!(error.contains(&place) && error.ends_with(&end), "{name} = {value}: {error}");
        let said = error.split_once(&place).map_or("", |(_, rest)| rest);
        let said = said.strip_suffix(&end).expect("the end was there");
        // A long value may be cut.
        let is_shown = value.trim_matches('\'').starts_with(said.trim_end_matches('…'));
        let is_hidden = said == "[hidden]";
        assert!(if key.secret { is_hidden } else { is_shown }, "{name}: {error}");
        // A sentence, and no type of the program.
        assert!(key.expects.contains(' ') || key.expects == "none", "{name}: {}", key.expects);
    }
    let expected: BTreeSet<&str> = TAKE_ANY_TEXT.iter().copied().collect();
    assert_eq!(take_any, expected, "keys that refuse nothing");
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
}

fn load_folder(folder: &TempDir, more: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    let path = folder.path().to_str().expect("a path in UTF-8");
    let own = [("HAREMQ_CONFIG_FOLDER", path)];
    let variables: Vec<_> = own.iter().chain(more).copied().collect();
    load(["haremq".into()], os(&variables))
}

/// What is wrong with these files, without the folder.
fn wrong(files: &[(&str, &str)]) -> String {
    let folder = folder(files);
    let error = load_folder(&folder, &[]).expect_err("wrong settings").to_string();
    error.replace(&format!("{}/", folder.path().display()), "")
}

/// The warnings of these files, without the folder.
fn warned(files: &[(&str, &str)]) -> Vec<String> {
    let folder = folder(files);
    let loaded = load_folder(&folder, &[]).expect("good settings");
    let of_folder = format!("{}/", folder.path().display());
    loaded.warnings.iter().map(|warning| warning.to_string().replace(&of_folder, "")).collect()
}

const HEARTBEAT: &str = "key 'heartbeat' has value 'soon': expected seconds from 0 to 65535, such as 60 or \
                         30s (0 turns heartbeats off)";

#[test]
fn a_wrong_value_is_told_with_the_file_it_stands_in() {
    let wrong_line = "# a comment\nheartbeat = soon\n";
    assert_eq!(wrong(&[("rabbitmq.conf", wrong_line)]), format!("rabbitmq.conf:2: {HEARTBEAT}"));
    let more = [("rabbitmq.conf", "heartbeat = 10\n"), ("conf.d/20-more.conf", wrong_line)];
    assert_eq!(wrong(&more), format!("conf.d/20-more.conf:2: {HEARTBEAT}"));
    assert_eq!(
        wrong(&[("rabbitmq-env.conf", "\nHAREMQ_HEARTBEAT=soon\n")]),
        format!("environment variable HAREMQ_HEARTBEAT in rabbitmq-env.conf:2: {HEARTBEAT}")
    );
    assert_eq!(
        wrong(&[("rabbitmq-env.conf", "NODE_PORT=amqp\n")]),
        "environment variable RABBITMQ_NODE_PORT in rabbitmq-env.conf:1: key 'listeners.tcp.default' has \
         value 'amqp': expected a port from 0 to 65535"
    );
    assert_eq!(
        wrong(&[("conf.d/a.conf", "[{rabbit, [{heartbeat, 10}]}].\n")]),
        "conf.d/a.conf:1: expected 'key = value'; Erlang terms are not read"
    );
}

#[test]
fn a_file_that_is_no_text_is_told_with_its_name() {
    let folder = folder(&[]);
    fs::write(folder.path().join("rabbitmq.conf"), b"heartbeat = \xff\xfe\n").expect("a file");
    let error = load_folder(&folder, &[]).expect_err("no text").to_string();
    assert!(error.contains("rabbitmq.conf") && error.contains("UTF-8"), "{error}");
}

#[test]
fn terms_of_erlang_and_a_shell_that_is_needed_are_warnings() {
    assert_eq!(
        warned(&[("advanced.config", "[{rabbit, []}].\n")]),
        [
            "default: advanced.config holds Erlang terms and is not read: write its settings as keys into \
          rabbitmq.conf"
        ]
    );
    let said = warned(&[("rabbitmq-env.conf", "NODENAME=$(hostname)\n")]);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("rabbitmq-env.conf:1: this line is passed over"), "{said:?}");
}

#[test]
fn plug_ins_that_are_enabled_and_not_there_are_named() {
    let enabled =
        "%% made by an installer\n[rabbitmq_management, rabbitmq_mqtt, 'rabbitmq_shovel', mine].\n";
    assert_eq!(
        warned(&[("enabled_plugins", enabled)]),
        [
            "default: enabled_plugins: the plug-in 'rabbitmq_mqtt' is not built in (MQTT): take it out",
            "default: enabled_plugins: the plug-in 'rabbitmq_shovel' is not built in (messages from broker \
             to broker): take it out",
            "default: enabled_plugins: the plug-in 'mine' is not known, and plug-ins cannot be loaded",
        ]
    );
    assert_eq!(warned(&[("enabled_plugins", "[rabbitmq_management].\n")]), Vec::<String>::new());
    assert_eq!(
        warned(&[("enabled_plugins", "rabbitmq_management\n")]),
        [
            "default: enabled_plugins: this is no list of plug-ins such as [rabbitmq_management]. and is passed \
          over"
        ]
    );
    let folder = folder(&[("other", "[rabbitmq_stomp].\n")]);
    let other = folder.path().join("other");
    let named = [("RABBITMQ_ENABLED_PLUGINS_FILE", other.to_str().expect("UTF-8"))];
    let loaded = load_folder(&folder, &named).expect("good settings");
    let said: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    let text = format!(
        "environment variable RABBITMQ_ENABLED_PLUGINS_FILE: {}: the plug-in 'rabbitmq_stomp' is not built \
         in (STOMP): take it out",
        other.display()
    );
    assert_eq!(said, [text]);
}

/// A start with this text as the definitions: what it says before it ends.
fn start_with_definitions(text: &str) -> String {
    let folder = folder(&[("definitions.json", text)]);
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let conf = path("haremq.conf");
    fs::write(&conf, format!("load_definitions = {}\n", path("definitions.json"))).expect("a file");
    let (code, said) = run_to_its_end(&["--port", "0", "--config", &conf]);
    assert_eq!(code, Some(1), "{said}");
    let of_folder = format!("{}/", folder.path().display());
    let said = said.replace(&of_folder, "");
    let line = said.lines().find(|line| line.contains("haremq: ")).unwrap_or_default();
    line.split_once("haremq: ").map_or(said.clone(), |(_, text)| text.to_owned())
}

#[test]
fn definitions_that_cannot_be_taken_are_told_with_their_place() {
    let start = "definitions.json cannot be loaded: ";
    for (text, expected) in [
        ("{", "line 1"),
        ("[]", "an object"),
        (r#"{ "users": {} }"#, "users"),
        (r#"{ "users": [{ "name": "a", "password_hash": "!", "tags": [] }] }"#, "users[0]"),
        (r#"{ "vhosts": [{}] }"#, "vhosts[0]"),
        (
            r#"{ "permissions": [{ "user": "nobody", "vhost": "/", "configure": "", "write": "", "read": "" }] }"#,
            "permissions[0]",
        ),
        (
            r#"{ "policies": [{ "vhost": "/", "name": "p", "pattern": "(", "definition": {} }] }"#,
            "policies[0]",
        ),
        (r#"{ "exchanges": [{ "vhost": "/", "name": "x", "type": "sideways" }] }"#, "exchanges[0]"),
        (
            r#"{ "bindings": [{ "vhost": "/", "source": "none", "destination": "q", "destination_type": "queue", "routing_key": "" }] }"#,
            "bindings[0]",
        ),
    ] {
        let said = start_with_definitions(text);
        assert!(said.contains(start) && said.contains(expected), "{text}: {said}");
    }
}
