//! Settings as a whole: what the sources say together, and the sample file and the documentation
//! against the table of keys.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use haremq::base::limits;
use haremq::config::{
    ConfigError, GROUPS, Loaded, LogLevel, Settings, Source, Storage, keys, load, parse,
};
use proptest::prelude::*;

/// Loads with these arguments after the program's name, these variables, and this text as the file,
/// which is called `rabbitmq.conf`.
pub(crate) fn load_with(
    arguments: &[&str],
    variables: &[(&str, &str)],
    file: &str,
) -> Result<Loaded, ConfigError> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("rabbitmq.conf");
    fs::write(&path, file).expect("a file");
    let path = path.into_os_string();
    let arguments = ["haremq".into(), "--config".into(), path]
        .into_iter()
        .chain(arguments.iter().map(OsString::from));
    load(arguments, os(variables))
}

pub(crate) fn os(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    // The tests must not depend on what lies in the folder of a RabbitMQ of this machine.
    let nowhere = [("HAREMQ_CONFIG_FOLDER", "/nowhere")];
    let all = nowhere.iter().chain(variables);
    all.map(|(name, value)| (name.into(), value.into())).collect()
}

pub(crate) fn file(text: &str) -> Loaded {
    load_with(&[], &[], text).expect("good settings")
}

pub(crate) fn environment(variables: &[(&str, &str)]) -> Loaded {
    load(["haremq".into()], os(variables)).expect("good settings")
}

pub(crate) fn defaults() -> Settings {
    environment(&[]).settings
}

/// An error or a warning without the folder of the file.
pub(crate) fn from_file_name(text: &str) -> &str {
    text.find("rabbitmq.conf").map_or(text, |at| &text[at..])
}

pub(crate) fn refusal(text: &str) -> String {
    let error = load_with(&[], &[], text).expect_err("wrong settings").to_string();
    from_file_name(&error).to_owned()
}

pub(crate) fn warnings(loaded: &Loaded) -> Vec<String> {
    loaded.warnings.iter().map(|w| from_file_name(&w.to_string()).to_owned()).collect()
}

pub(crate) fn listeners(loaded: &Loaded) -> Vec<String> {
    loaded.settings.listeners.iter().map(ToString::to_string).collect()
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn text_of(path: &str) -> String {
    fs::read_to_string(root().join(Path::new(path))).expect(path)
}

#[test]
fn without_any_source_the_defaults_hold() {
    let loaded = environment(&[]);
    assert_eq!(warnings(&loaded), Vec::<String>::new());
    let settings = &loaded.settings;
    assert_eq!(listeners(&loaded), ["5672"]);
    assert_eq!(settings.heartbeat_s, limits::HEARTBEAT_S_DEFAULT);
    assert_eq!(settings.frame_max, limits::FRAME_MAX_DEFAULT);
    assert_eq!(settings.channel_max, limits::CHANNEL_MAX_DEFAULT);
    assert_eq!(settings.handshake_timeout_ms, limits::HANDSHAKE_TIMEOUT_MS);
    assert_eq!(settings.message_bytes_max, limits::MESSAGE_BYTES_MAX_DEFAULT);
    assert_eq!(settings.default_user.name.as_str(), "guest");
    assert_eq!(settings.default_user.tags, ["administrator"]);
    let at_home: Vec<String> = settings.loopback_users.iter().map(ToString::to_string).collect();
    assert_eq!(at_home, ["guest"]);
    assert_eq!(settings.log.console.as_ref().map(|shown| shown.level), Some(LogLevel::Info));
    assert_eq!(settings.storage, Storage::Directory("/var/lib/haremq".into()));
    assert!(settings.memory_watermark_bytes > 0);
}

#[test]
fn a_flag_wins_over_the_environment_over_the_file_over_the_default() {
    let text = "heartbeat = 10\nframe_max = 8192\nlog.console.level = error\n";
    let variables = [("HAREMQ_FRAME_MAX", "16384"), ("HAREMQ_LOG_CONSOLE_LEVEL", "warning")];
    let loaded = load_with(&["--log-level", "debug"], &variables, text).expect("good settings");
    assert_eq!(loaded.settings.heartbeat_s, 10);
    assert_eq!(loaded.settings.frame_max, 16384);
    let console = loaded.settings.log.console.as_ref();
    assert_eq!(console.map(|shown| shown.level), Some(LogLevel::Debug));
    let source = |key: &str| loaded.values[key].source.clone();
    assert_eq!(source("channel_max"), Source::Default);
    assert!(matches!(source("heartbeat"), Source::File { line: 1, .. }));
    assert_eq!(source("frame_max"), Source::Environment("HAREMQ_FRAME_MAX".to_owned()));
    assert_eq!(source("log.console.level"), Source::Flag("--log-level"));
}

#[test]
fn the_last_line_of_a_key_wins() {
    assert_eq!(file("heartbeat = 10\nheartbeat = 20\n").settings.heartbeat_s, 20);
}

#[test]
fn a_wrong_value_stops_with_its_place_and_what_was_expected() {
    assert_eq!(
        refusal("\nheartbeat = soon\n"),
        "rabbitmq.conf:2: key 'heartbeat' has value 'soon': expected seconds from 0 to 65535, such \
         as 60 or 30s (0 turns heartbeats off)"
    );
    for line in [
        "frame_max = 4095",
        "frame_max = 513MiB",
        "channel_max = 65536",
        "max_message_size = 513MiB",
        "max_message_size = 0",
        "handshake_timeout = 0",
        "handshake_timeout = ten",
        "listeners.tcp.default = localhost",
        "listeners.tcp = some",
        "vm_memory_high_watermark.relative = 40",
        "log.console.level = loud",
        "loopback_users.guest = maybe",
        "default_user = ''",
        "haremq.worker_threads = 0",
        "haremq.product_version = latest",
    ] {
        assert!(refusal(line).starts_with("rabbitmq.conf:1: key '"), "{line}: {}", refusal(line));
    }
    let error = load(["haremq".into()], os(&[("HAREMQ_HEARTBEAT", "soon")])).expect_err("wrong");
    assert!(
        error.to_string().starts_with("environment variable HAREMQ_HEARTBEAT: key 'heartbeat'")
    );
    let error = load(["haremq".into(), "--log-level=loud".into()], os(&[])).expect_err("wrong");
    assert!(error.to_string().starts_with("flag --log-level: key 'log.console.level'"), "{error}");
}

#[test]
fn a_wrong_value_stops_even_where_a_stronger_source_has_a_good_one() {
    let loaded = load_with(&[], &[("HAREMQ_HEARTBEAT", "30")], "heartbeat = soon");
    assert!(matches!(loaded, Err(ConfigError::Value { .. })));
}

#[test]
fn a_line_that_is_no_setting_stops_with_its_place() {
    assert_eq!(
        refusal("# one\nheartbeat 60\n"),
        "rabbitmq.conf:2: expected 'key = value', found 'heartbeat 60'"
    );
}

#[test]
fn an_unknown_key_warns_with_its_place_and_the_nearest_key() {
    let loaded = file("heartbaet = 10\nsomething.quite.different = 1\nmanagment.tpc.ptor = 1\n");
    assert_eq!(
        warnings(&loaded),
        [
            "rabbitmq.conf:1: unknown key 'heartbaet': did you mean 'heartbeat'?",
            "rabbitmq.conf:2: unknown key 'something.quite.different'",
            "rabbitmq.conf:3: unknown key 'managment.tpc.ptor': did you mean 'management.tcp.port'?",
        ]
    );
    assert_eq!(loaded.settings, defaults());
}

/// Keys of features.md, "the 40 configuration keys that deployments use most", whose part is not there.
#[test]
fn a_key_of_rabbitmq_without_effect_warns_and_never_stops() {
    let text = "queue_master_locator = min-masters\nauth_ldap.log = true\n\
                cluster_formation.peer_discovery_backend = dns\nssl_options.crl_check = true\n\
                definitions.import_backend = https\ndeprecated_features.permit.ram_node_type = false\n\
                message_interceptors.outgoing.timestamp.enabled = true\n\
                log.syslog = true\ninclude conf.d/*.conf\n";
    let loaded = file(text);
    let said = warnings(&loaded);
    assert_eq!(said.len(), text.lines().count(), "{said:#?}");
    assert!(said[0].ends_with("obsolete key of RabbitMQ without effect: remove it"), "{}", said[0]);
    assert_eq!(
        said[1],
        "rabbitmq.conf:2: 'auth_ldap.log' is a known key of RabbitMQ that has no effect yet"
    );
    assert!(said.iter().all(|warning| !warning.contains("unknown key")), "{said:#?}");
    assert_eq!(loaded.settings, defaults());
}

#[test]
fn a_key_that_nobody_misses_is_not_mentioned() {
    let loaded = file(
        "num_acceptors.tcp = 10\ncluster_partition_handling = autoheal\nlog.console = true\n\
         auth_mechanisms.1 = PLAIN\nanonymous_login_user = none\n\
         deprecated_features.permit.global_qos = true\n",
    );
    assert_eq!(warnings(&loaded), Vec::<String>::new());
}

#[test]
fn the_built_in_listener_gives_way_to_any_other() {
    assert_eq!(listeners(&file("listeners.tcp.1 = 127.0.0.1:5673\n")), ["127.0.0.1:5673"]);
    let both = file("listeners.tcp.default = 5672\nlisteners.tcp.other = ::1:5673\n");
    assert_eq!(listeners(&both), ["5672", "[::1]:5673"]);
    assert!(!file("listeners.tcp.1 = 1\n").values.contains_key("listeners.tcp.default"));
}

#[test]
fn no_listener_of_a_file_is_overruled_by_a_stronger_source() {
    let none = "listeners.tcp = none\nlisteners.tcp.1 = 5673\n";
    assert_eq!(listeners(&file(none)), Vec::<String>::new());
    let variable = [("HAREMQ_LISTENERS_TCP_DEFAULT", "5674")];
    let overruled = load_with(&[], &variable, none).expect("good settings");
    assert_eq!(listeners(&overruled), ["5674"]);
    let overruled = load_with(&["--port", "0"], &[], none).expect("good settings");
    assert_eq!(listeners(&overruled), ["0"]);
}

#[test]
fn bind_and_port_mean_this_listener_only() {
    let text = "listeners.tcp.default = 127.0.0.1:5673\nlisteners.tcp.other = 5674\n";
    let with =
        |arguments: &[&str]| listeners(&load_with(arguments, &[], text).expect("good settings"));
    assert_eq!(with(&["--port", "0"]), ["127.0.0.1:0"]);
    assert_eq!(with(&["--bind", "::1"]), ["[::1]:5673"]);
    assert_eq!(with(&["--bind", "10.0.0.1", "--port", "1"]), ["10.0.0.1:1"]);
    let loaded = load_with(&["--port", "1"], &[], text).expect("good settings");
    assert_eq!(loaded.values["listeners.tcp.default"].value, "127.0.0.1:1");
    assert_eq!(loaded.values["listeners.tcp.default"].source, Source::Flag("--port"));
    assert!(!loaded.values.contains_key("listeners.tcp.other"));
}

#[test]
fn listeners_with_tls_stand_beside_the_others_and_give_way_to_flags() {
    let text = "listeners.ssl.default = 5671\nlisteners.ssl.lan = 10.0.0.1:5681\n";
    let tls = |loaded: &Loaded| -> Vec<String> {
        let listeners = &loaded.settings.transport.tls_listeners;
        listeners.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        (tls(&file(text)), listeners(&file(text))),
        (vec!["5671".to_owned(), "10.0.0.1:5681".to_owned()], vec!["5672".to_owned()],)
    );
    let with = |arguments: &[&str]| tls(&load_with(arguments, &[], text).expect("good settings"));
    assert_eq!(with(&["--port", "0"]), ["5671", "10.0.0.1:5681"], "a port says nothing of TLS");
    assert_eq!(with(&["--tls-port", "0"]), ["0"]);
    assert_eq!(with(&["--tls-port", "1", "--bind", "::1"]), ["[::1]:1"]);
    assert_eq!(with(&["--bind", "127.0.0.1"]), ["127.0.0.1:5671", "127.0.0.1:5681"]);
    let loaded = load_with(&["--tls-port", "1"], &[], text).expect("good settings");
    assert_eq!(loaded.values["listeners.ssl.default"].source, Source::Flag("--tls-port"));
    assert!(!loaded.values.contains_key("listeners.ssl.lan"));
    assert_eq!(
        tls(&file("listeners.ssl = none\nlisteners.ssl.default = 1\n")),
        Vec::<String>::new()
    );
}

#[test]
fn mechanisms_keep_the_order_of_their_numbers() {
    let text =
        "auth_mechanisms.10 = AMQPLAIN\nauth_mechanisms.2 = PLAIN\nauth_mechanisms.1 = EXTERNAL\n";
    assert_eq!(file(text).settings.transport.mechanisms, ["EXTERNAL", "PLAIN", "AMQPLAIN"]);
    assert!(refusal("auth_mechanisms.1 = KERBEROS").contains("expected PLAIN, AMQPLAIN, EXTERNAL"));
}

#[test]
fn the_password_of_a_key_is_never_shown() {
    let loaded = file("ssl_options.password = wonder\nanonymous_login_pass = wonder\n");
    assert!(!format!("{loaded:?}").contains("wonder"), "{loaded:?}");
}

#[test]
fn the_variables_of_rabbitmqs_image_are_understood() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let secret = folder.path().join("password");
    fs::write(&secret, "from#file\n").expect("a file");
    let secret = secret.to_str().expect("a path in UTF-8");
    let loaded = environment(&[
        ("RABBITMQ_DEFAULT_USER", "app"),
        ("RABBITMQ_DEFAULT_PASS_FILE", secret),
        ("RABBITMQ_DEFAULT_VHOST", "orders"),
        ("RABBITMQ_NODE_PORT", "5673"),
        ("RABBITMQ_NODENAME", "rabbit@host"),
        ("RABBITMQ_ERLANG_COOKIE", "x"),
    ]);
    let user = &loaded.settings.default_user;
    assert_eq!((user.name.as_str(), user.vhost.as_str()), ("app", "orders"));
    assert_eq!(user.password.0, "from#file");
    assert_eq!(listeners(&loaded), ["5673"]);
    assert_eq!(warnings(&loaded), Vec::<String>::new());
    let both = environment(&[("RABBITMQ_DEFAULT_USER", "a"), ("HAREMQ_DEFAULT_USER", "b")]);
    assert_eq!(both.settings.default_user.name.as_str(), "b");
}

#[test]
fn every_key_has_a_variable() {
    for key in keys() {
        let line = &parse(key.example).expect(key.name)[0];
        let variable = match key.name.split_once('*') {
            Some((before, after)) => {
                let part = &line.key[before.len()..line.key.len() - after.len()];
                key.variable().replace('*', &part.to_uppercase())
            }
            None => key.variable(),
        };
        let loaded = environment(&[(&variable, &line.value)]);
        let found = &loaded.values[&line.key];
        assert_eq!(found.source, Source::Environment(variable.clone()), "{variable}");
        let said = warnings(&loaded);
        assert_eq!(said.len(), usize::from(key.without_effect.is_some()), "{said:#?}");
    }
}

#[test]
fn an_unknown_variable_warns_unless_kubernetes_set_it() {
    let loaded = environment(&[
        ("HAREMQ_HEARTBAET", "1"),
        ("HAREMQ_SERVICE_HOST", "10.0.0.1"),
        ("HAREMQ_PORT", "tcp://10.0.0.1:5672"),
        ("HAREMQ_PORT_5672_TCP", "tcp://10.0.0.1:5672"),
        ("PATH", "/bin"),
    ]);
    assert_eq!(
        warnings(&loaded),
        ["environment variable HAREMQ_HEARTBAET: no key has this name: did you mean \
             HAREMQ_HEARTBEAT?"]
    );
}

#[test]
fn a_file_that_a_flag_names_must_be_there_and_one_of_rabbitmqs_variable_need_not() {
    let missing = "/nowhere/rabbitmq.conf";
    let error =
        load(["haremq".into(), "--config".into(), missing.into()], os(&[])).expect_err("missing");
    assert!(matches!(&error, ConfigError::Unreadable { .. }), "{error}");
    assert!(error.to_string().starts_with("flag --config names the file /nowhere"), "{error}");
    let error = load(["haremq".into()], os(&[("HAREMQ_CONFIG_FILE", missing)]));
    assert!(matches!(error, Err(ConfigError::Unreadable { .. })));
    let loaded = environment(&[("RABBITMQ_CONFIG_FILE", missing)]);
    assert_eq!(
        warnings(&loaded),
        ["environment variable RABBITMQ_CONFIG_FILE: there is no file /nowhere/rabbitmq.conf"]
            .map(|text| from_file_name(text).to_owned())
    );
}

#[test]
fn rabbitmqs_variable_may_name_a_file_without_its_ending() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("custom.conf"), "heartbeat = 7\n").expect("a file");
    let path = folder.path().join("custom");
    let path = path.to_str().expect("a path in UTF-8");
    assert_eq!(environment(&[("RABBITMQ_CONFIG_FILE", path)]).settings.heartbeat_s, 7);
}

#[test]
fn variables_of_the_environment_stand_for_themselves_in_a_file() {
    let text = "default_user = $(SEED_USER)\ncluster_name = eu-$(ID)-$(ID)\n\
                default_permissions.read = ^a$(|b)\n";
    let variables = [("SEED_USER", "app"), ("ID", "7")];
    let settings = load_with(&[], &variables, text).expect("good settings").settings;
    assert_eq!(settings.default_user.name.as_str(), "app");
    assert_eq!(settings.cluster_name, "eu-7-7");
    assert_eq!(settings.default_user.read, "^a$(|b)");
    assert_eq!(
        refusal("default_user = $(SEED_USER)\n"),
        "rabbitmq.conf:1: key 'default_user' has value '$(SEED_USER)': expected the environment \
         variable SEED_USER to be set"
    );
}

#[test]
fn the_absolute_watermark_wins_over_the_share_unless_a_stronger_source_gives_the_share() {
    let absolute = "vm_memory_high_watermark.absolute = 1MiB\n";
    let both = format!("{absolute}vm_memory_high_watermark.relative = 0.1\n");
    assert_eq!(file(&both).settings.memory_watermark_bytes, 1 << 20);
    let share = [("HAREMQ_VM_MEMORY_HIGH_WATERMARK_RELATIVE", "0")];
    let loaded = load_with(&[], &share, absolute).expect("good settings");
    assert_eq!(loaded.settings.memory_watermark_bytes, 0);
    let all = file("vm_memory_high_watermark.relative = 1").settings.memory_watermark_bytes;
    let more = file("vm_memory_high_watermark.absolute = 1000TB").settings.memory_watermark_bytes;
    assert_eq!(all, more, "no mark lies above the memory that there is");
}

#[test]
fn guest_stays_at_home_until_it_is_freed_by_name_or_with_all() {
    let restricted = |text: &str| -> Vec<String> {
        file(text).settings.loopback_users.iter().map(ToString::to_string).collect()
    };
    assert_eq!(restricted("loopback_users.admin = true"), ["admin", "guest"]);
    assert_eq!(restricted("loopback_users.guest = false"), Vec::<String>::new());
    assert_eq!(restricted("loopback_users = none"), Vec::<String>::new());
    let text = "loopback_users = none";
    let strong = load_with(&[], &[("HAREMQ_LOOPBACK_USERS_ADMIN", "true")], text);
    let strong = strong.expect("good settings").settings.loopback_users;
    assert_eq!(strong.iter().map(ToString::to_string).collect::<Vec<_>>(), ["admin"]);
}

#[test]
fn a_tag_of_the_default_user_replaces_the_built_in_one() {
    let tags = |text: &str| file(text).settings.default_user.tags;
    assert_eq!(tags("default_user_tags.monitoring = true"), ["monitoring"]);
    assert_eq!(tags("default_user_tags.administrator = false"), Vec::<String>::new());
}

#[test]
fn ephemeral_and_data_dir_follow_the_stronger_source() {
    let text = "haremq.data_dir = /srv/a\nharemq.ephemeral = true\n";
    let with = |arguments: &[&str]| {
        load_with(arguments, &[], text).expect("good settings").settings.storage
    };
    assert_eq!(with(&[]), Storage::Ephemeral);
    assert_eq!(with(&["--data-dir", "/srv/b"]), Storage::Directory("/srv/b".into()));
    assert_eq!(environment(&[("HAREMQ_EPHEMERAL", "true")]).settings.storage, Storage::Ephemeral);
}

#[test]
fn a_password_is_never_shown() {
    let loaded = file("default_pass = 'wonder#land'\n");
    assert_eq!(loaded.settings.default_user.password.0, "wonder#land");
    assert!(!format!("{loaded:?}").contains("wonder"), "{loaded:?}");
    assert_eq!(loaded.values["default_pass"].value, "[hidden]");
    let refused = refusal(&format!("default_pass = {}", "wonder".repeat(1000)));
    assert!(refused.contains("[hidden]") && !refused.contains("wonder"), "{refused}");
}

#[test]
fn a_value_that_is_found_wrong_later_is_refused_with_its_place() {
    let loaded = file("\ndefault_permissions.read = a(b\n");
    let error = loaded.refuse("default_permissions.read", "a usable regular expression");
    assert_eq!(
        from_file_name(&error.to_string()),
        "rabbitmq.conf:2: key 'default_permissions.read' has value 'a(b': expected a usable regular \
         expression"
    );
}

#[test]
fn the_sample_file_gives_exactly_the_defaults() {
    let text = text_of("config/haremq.conf");
    let loaded = file(&text);
    assert_eq!(warnings(&loaded), Vec::<String>::new());
    assert_eq!(loaded.settings, defaults());
    let lines = parse(&text).expect("a good file");
    let written: Vec<_> =
        lines.iter().map(|line| (line.key.as_str(), Some(line.value.as_str()))).collect();
    let expected: Vec<_> =
        keys().filter(|key| key.default.is_some()).map(|key| (key.name, key.default)).collect();
    assert_eq!(written, expected);
}

#[test]
fn the_sample_file_has_every_key_under_its_one_line() {
    let text = text_of("config/haremq.conf");
    for key in keys() {
        let line = match key.default {
            Some(default) => format!("{} = {default}", key.name),
            None => format!("# {}", key.example),
        };
        let entry = format!("\n# {}\n{line}\n", key.doc);
        assert!(text.contains(&entry), "config/haremq.conf lacks:{entry}");
    }
    let headings = text.lines().filter_map(|line| line.strip_prefix("## "));
    let mut headings = headings.filter(|line| GROUPS.iter().any(|group| group.title == *line));
    assert!(GROUPS.iter().all(|group| headings.next() == Some(group.title)), "groups in order");
    let lines = text.lines().filter(|line| !line.starts_with("##"));
    let pairs = lines.filter_map(|line| line.trim_start_matches("# ").split_once(" = "));
    let keys: BTreeSet<&str> = pairs.map(|(key, _)| key).collect();
    assert!(keys.iter().all(|key| haremq::config::Key::find(key).is_some()), "{keys:?}");
}

#[test]
fn the_documentation_has_every_key_with_default_variable_and_example() {
    let text = text_of("docs/configuration.md");
    let mut missing = Vec::new();
    for key in keys() {
        let default =
            key.default.map_or_else(|| "none".to_owned(), |default| format!("`{default}`"));
        for part in [
            format!("### `{}`", key.name),
            format!("{}\n", key.doc),
            format!("\nExpected: {}.\n", key.expects),
            key.without_effect.map_or_else(String::new, |why| format!("\nNo effect yet: {why}.\n")),
            format!("| {default} | `{}` | `{}` |", key.variable(), key.example),
        ] {
            if !text.contains(&part) {
                missing.push(format!("{}: {part}", key.name));
            }
        }
    }
    for group in GROUPS {
        if !text.contains(&format!("\n## {}\n", group.title)) {
            missing.push(format!("the heading {}", group.title));
        }
    }
    assert!(missing.is_empty(), "docs/configuration.md lacks:\n{}", missing.join("\n"));
    assert_eq!(
        text.matches("\n### `").count(),
        keys().count(),
        "a key that is gone is still there"
    );
}

#[test]
fn every_dependency_is_explained() {
    let text = text_of("docs/dependencies.md");
    let explained: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let manifest = text_of("Cargo.toml");
    let mut inside = false;
    let mut wanted = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line == "[dependencies]" || line == "[dev-dependencies]";
        } else if inside && let Some((name, _)) = line.split_once(" = ") {
            wanted.insert(name);
        }
    }
    assert_eq!(explained, wanted);
}

/// Lines that look like settings more often than random text does.
fn settings_text() -> impl Strategy<Value = String> {
    let name =
        prop::sample::select(keys().collect::<Vec<_>>()).prop_map(|key| key.name.replace('*', "x"));
    let key = prop_oneof![name, "[a-z_.\\\\]{0,12}"];
    let value = prop_oneof![
        "[0-9]{0,24}(k|M|GiB|ms|s|%)?",
        "[0-9:.\\[\\]]{0,20}",
        "'?\\PC{0,12}'?",
        "\\$\\([A-Z]{0,3}\\)?",
    ];
    let line =
        (key, value, "( #.*)?").prop_map(|(key, value, end)| format!("{key} = {value}{end}"));
    prop::collection::vec(line, 0..4).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        if let Ok(lines) = parse(&text) {
            prop_assert!(lines.iter().all(|line| line.number <= text.lines().count()));
        }
    }

    #[test]
    fn no_settings_make_the_loader_panic(text in settings_text()) {
        let _ = load_with(&[], &[("A", "1")], &text);
    }

    #[test]
    fn a_quoted_value_is_read_back_as_it_was(value in "[^'\r\n]{0,40}") {
        let line = format!("default_pass = '{value}'");
        let lines = parse(&line).expect("a good line");
        prop_assert_eq!(&lines[0].value, &value);
    }
}
