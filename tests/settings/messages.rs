//! Every kind of wrong configuration, with the whole message that a person gets.

use std::fs;

use haremq::config::load;

use crate::config::{environment, file, from_file_name, load_with, os, refusal, warnings};

/// A line of a file and the end of its refusal, behind the place.
const WRONG_VALUES: &[(&str, &str)] = &[
    ("heartbeat = soon", "seconds from 0 to 65535, such as 60 or 30s (0 turns heartbeats off)"),
    (
        "listeners.tcp.default = localhost",
        "a port from 0 to 65535 (0 takes any free one), or an address and a port such as \
         127.0.0.1:5672 or [::1]:5672",
    ),
    ("frame_max = 1k", "bytes from 4096 to 512MiB (0 takes the largest)"),
    (
        "disk_free_limit.absolute = plenty",
        "bytes, such as 50000000 or 2GB (0: the disk is not looked at)",
    ),
    ("disk_free_limit.relative = -1", "a factor such as 1.5, or a percentage such as 150%"),
    (
        "vm_memory_high_watermark.relative = 1.5",
        "a share from 0 to 1 such as 0.6, or a percentage such as 60%",
    ),
    (
        "total_memory_available_override_value = 0",
        "bytes of at least 1, such as 8589934592 or 8GiB",
    ),
    ("connection_max = -1", "a number from 0 on, or infinity"),
    ("cluster_queue_limit = many", "a number from 0 on, or infinity"),
    (
        "consumer_timeout = 0",
        "a time of at least 1ms, such as 1800000 (milliseconds) or 30m, or infinity",
    ),
    ("log.file.level = loud", "one of none, critical, error, warning, info, debug, trace"),
    ("log.console = perhaps", "true or false"),
    (
        "management.tcp.port = 70000",
        "a port from 0 to 65535 (0 takes any free one), or none for no listener",
    ),
    ("management.tcp.ip = localhost", "an IP address"),
    ("management.path_prefix = rabbit", "a path that begins with a /"),
    ("default_policies.operator.a.max_length = 0", "a number of at least 1"),
    (
        "default_policies.operator.a.expires = soon",
        "a time of at least 1ms, such as 60000 (milliseconds) or 1m",
    ),
    ("default_limits.vhosts.1.max_queues = -2", "a number from 0 on, or -1 for no limit"),
    ("default_queue_type = stream", "classic or quorum"),
    ("listeners.tcp = 5672", "none"),
];

#[test]
fn a_wrong_value_is_refused_with_file_line_key_value_and_what_was_expected() {
    for (line, expected) in WRONG_VALUES {
        let (key, value) = line.split_once(" = ").expect("a setting");
        let message =
            format!("rabbitmq.conf:2: key '{key}' has value '{value}': expected {expected}");
        assert_eq!(refusal(&format!("# one\n{line}\n")), message);
    }
}

#[test]
fn a_secret_is_not_repeated_in_a_refusal() {
    let long = "wonder".repeat(1000);
    let encrypted = "encrypted:GhC4J5lh2DUkbdyK".to_owned();
    let keys = ["default_pass", "default_users.ops.password"];
    for (key, long) in keys.iter().flat_map(|key| [(key, &long), (key, &encrypted)]) {
        assert_eq!(
            refusal(&format!("{key} = {long}\n")),
            format!(
                "rabbitmq.conf:1: key '{key}' has value '[hidden]': expected a password of 1 to \
                 4096 bytes, which is not encrypted"
            )
        );
    }
}

#[test]
fn a_line_that_is_no_setting_is_refused_with_its_place() {
    for (line, message) in [
        ("heartbeat 60", "expected 'key = value', found 'heartbeat 60'"),
        ("[{rabbit, []}].", "expected 'key = value'; Erlang terms are not read"),
        (
            "heart beat = 1",
            "expected a key of letters, digits, '_', '-' and dots, found 'heart beat'",
        ),
        ("heartbeat =", "expected a value after '=' (an empty one is written '')"),
        ("default_pass = 'x", "the closing quote of the value is missing"),
    ] {
        assert_eq!(refusal(&format!("\n{line}\n")), format!("rabbitmq.conf:2: {message}"));
    }
}

#[test]
fn a_wrong_variable_is_refused_with_its_name() {
    for (variable, value, message) in [
        (
            "HAREMQ_HEARTBEAT",
            "soon",
            "key 'heartbeat' has value 'soon': expected seconds from 0 to 65535, such as 60 or 30s (0 \
             turns heartbeats off)",
        ),
        (
            "RABBITMQ_NODE_PORT",
            "amqp",
            "key 'listeners.tcp.default' has value 'amqp': expected a port from 0 to 65535",
        ),
        (
            "RABBITMQ_NODE_IP_ADDRESS",
            "localhost",
            "key 'listeners.tcp.default' has value 'localhost': expected an IP address",
        ),
        (
            "RABBITMQ_LOG",
            "loud",
            "key 'log.console.level' has value 'loud': expected one of none, critical, error, warning, \
             info, debug, trace",
        ),
    ] {
        let error = load(["haremq".into()], os(&[(variable, value)])).expect_err(variable);
        assert_eq!(error.to_string(), format!("environment variable {variable}: {message}"));
    }
}

#[test]
fn a_wrong_flag_is_refused_with_its_name() {
    let error = load_with(&["--log-level", "loud"], &[], "").expect_err("wrong").to_string();
    assert_eq!(
        error,
        "flag --log-level: key 'log.console.level' has value 'loud': expected one of none, critical, \
         error, warning, info, debug, trace"
    );
    for flag in ["--management-port", "--prometheus-port", "--tls-port"] {
        let error = load_with(&[flag, "many"], &[], "").expect_err("wrong").to_string();
        assert!(error.contains(flag) && error.contains("'many'"), "{error}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_told_with_who_named_it() {
    let missing = "/nowhere/rabbitmq.conf";
    for (arguments, variables, who) in [
        (vec!["haremq", "--config", missing], vec![], "flag --config"),
        (
            vec!["haremq"],
            vec![("HAREMQ_CONFIG_FILE", missing)],
            "environment variable HAREMQ_CONFIG_FILE",
        ),
    ] {
        let arguments = arguments.into_iter().map(Into::into);
        let error = load(arguments, os(&variables)).expect_err("missing").to_string();
        let end = "names the file /nowhere/rabbitmq.conf, which cannot be read: No such file or \
                   directory (os error 2)";
        assert_eq!(error, format!("{who} {end}"));
    }
    let error = load(["haremq".into()], os(&[("RABBITMQ_DEFAULT_PASS_FILE", "/nowhere/pass")]));
    assert_eq!(
        error.expect_err("missing").to_string(),
        "environment variable RABBITMQ_DEFAULT_PASS_FILE names the file /nowhere/pass, which cannot be \
         read: No such file or directory (os error 2)"
    );
}

#[test]
fn unknown_obsolete_and_useless_keys_warn_with_file_and_line() {
    let loaded = file(
        "heartbaet = 1\nhipe_compile = true\nproduct.name = X\nstomp.listeners.tcp.1 = 61613\n",
    );
    assert_eq!(
        warnings(&loaded),
        [
            "rabbitmq.conf:1: unknown key 'heartbaet': did you mean 'heartbeat'?",
            "rabbitmq.conf:2: 'hipe_compile' is an obsolete key of RabbitMQ without effect: remove it",
            "rabbitmq.conf:3: 'product.name' has no effect: use 'haremq.product'",
            "rabbitmq.conf:4: 'stomp.listeners.tcp.1' is a known key of RabbitMQ that has no effect yet",
        ]
    );
}

#[test]
fn variables_without_effect_warn_with_the_key_to_use() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let advanced = folder.path().join("advanced.config");
    fs::write(&advanced, "[].\n").expect("a file");
    let advanced = advanced.to_str().expect("a path in UTF-8");
    let loaded = environment(&[
        ("RABBITMQ_VM_MEMORY_HIGH_WATERMARK", "0.5"),
        ("RABBITMQ_SSL_CERTFILE", "/c.pem"),
        ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-rabbit consumer_timeout 1 +P 5 -rabbit foo 1"),
        ("RABBITMQ_ADVANCED_CONFIG_FILE", advanced),
        ("HAREMQ_CONFIG_FIEL", "x"),
        // The Python package's, which a broker that it starts inherits.
        ("HAREMQ_BIN", "/usr/bin/haremq"),
    ]);
    let said: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            format!(
                "environment variable RABBITMQ_ADVANCED_CONFIG_FILE: {advanced} holds Erlang terms and \
                 is not read: write its settings as keys into rabbitmq.conf"
            )
            .as_str(),
            "environment variable RABBITMQ_SSL_CERTFILE: has no effect: use the key \
             'ssl_options.certfile'",
            "environment variable RABBITMQ_VM_MEMORY_HIGH_WATERMARK: has no effect: use the key \
             'vm_memory_high_watermark.relative'",
            "environment variable RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-rabbit consumer_timeout' has no \
             effect: use the key 'consumer_timeout'",
            "environment variable RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-rabbit foo' has no effect: \
             there is no Erlang here, and no key that says the same",
            "environment variable HAREMQ_CONFIG_FIEL: no key has this name: did you mean \
             HAREMQ_CONFIG_FILE?",
        ]
    );
}

#[test]
fn a_missing_file_of_rabbitmqs_variables_is_a_warning() {
    for variable in ["RABBITMQ_CONFIG_FILE", "RABBITMQ_CONFIG_FILES", "RABBITMQ_CONF_ENV_FILE"] {
        let loaded = environment(&[(variable, "/nowhere/x")]);
        assert_eq!(
            warnings(&loaded),
            [format!("environment variable {variable}: there is no file /nowhere/x")]
        );
    }
    assert_eq!(from_file_name("a/rabbitmq.conf:1"), "rabbitmq.conf:1");
}
