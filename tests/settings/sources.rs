//! Files, RabbitMQ's variables and its file of variables.

use std::fs;
use std::path::Path;

use haremq::config::{Loaded, LogLevel, Source, Storage, load};

use crate::config::{environment, listeners, os, warnings};

/// A folder with these files, as RabbitMQ's is.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
}

fn text_of(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Loads with the variables of this folder and more.
fn in_folder(folder: &tempfile::TempDir, more: &[(&str, &str)]) -> Loaded {
    let own = [("HAREMQ_CONFIG_FOLDER", text_of(folder.path()))];
    let variables: Vec<_> = own.iter().chain(more).copied().collect();
    // The last one of a name counts, and `os` puts another folder first.
    load(["haremq".into()], os(&variables)).expect("good settings")
}

fn names(loaded: &Loaded) -> Vec<String> {
    let name = |path: &std::path::PathBuf| {
        path.file_name().expect("a name").to_string_lossy().into_owned()
    };
    loaded.files.iter().map(name).collect()
}

#[test]
fn rabbitmqs_files_are_read_where_it_has_them_in_the_order_of_their_names() {
    let folder = folder(&[
        ("rabbitmq.conf", "heartbeat = 10\nframe_max = 8192\nchannel_max = 1\n"),
        ("conf.d/20-b.conf", "heartbeat = 30\n"),
        ("conf.d/10-a.conf", "heartbeat = 20\nframe_max = 16384\n"),
        ("conf.d/99-no.txt", "heartbeat = 99\n"),
        ("conf.d/.hidden.conf", "heartbeat = 98\n"),
    ]);
    let loaded = in_folder(&folder, &[]);
    assert_eq!(names(&loaded), ["rabbitmq.conf", "10-a.conf", "20-b.conf"]);
    let settings = &loaded.settings;
    assert_eq!((settings.heartbeat_s, settings.frame_max, settings.channel_max), (30, 16384, 1));
    assert!(loaded.values["heartbeat"].source.to_string().ends_with("20-b.conf:1"));
    assert_eq!(warnings(&loaded), Vec::<String>::new());
}

#[test]
fn a_folder_without_files_is_as_good_as_none() {
    let loaded = in_folder(&folder(&[]), &[]);
    assert_eq!((names(&loaded), warnings(&loaded)), (Vec::new(), Vec::new()));
}

#[test]
fn a_file_of_ours_is_the_only_one() {
    let folder = folder(&[
        ("rabbitmq.conf", "heartbeat = 10\n"),
        ("conf.d/10.conf", "heartbeat = 20\n"),
        ("own/a.conf", "heartbeat = 30\n"),
        ("own/b.conf", "frame_max = 8192\n"),
    ]);
    let own = folder.path().join("own/a.conf");
    let loaded = in_folder(&folder, &[("HAREMQ_CONFIG_FILE", text_of(&own))]);
    assert_eq!((names(&loaded), loaded.settings.heartbeat_s), (vec!["a.conf".to_owned()], 30));
    let own = folder.path().join("own");
    let loaded = in_folder(&folder, &[("HAREMQ_CONFIG_FILE", text_of(&own))]);
    assert_eq!(names(&loaded), ["a.conf", "b.conf"], "every file of a folder");
}

#[test]
fn rabbitmqs_variables_name_other_files() {
    let folder = folder(&[
        ("rabbitmq.conf", "heartbeat = 10\n"),
        ("conf.d/10.conf", "channel_max = 5\n"),
        ("other/main.conf", "heartbeat = 20\n"),
        ("other/x-1.conf", "frame_max = 8192\n"),
        ("other/x-2.conf", "frame_max = 16384\n"),
    ]);
    let main = folder.path().join("other/main");
    let main = ("RABBITMQ_CONFIG_FILE", text_of(&main));
    let loaded = in_folder(&folder, &[main]);
    assert_eq!(names(&loaded), ["main.conf", "10.conf"], "conf.d is read all the same");
    let some = folder.path().join("other/x-*.conf");
    let loaded = in_folder(&folder, &[main, ("RABBITMQ_CONFIG_FILES", text_of(&some))]);
    assert_eq!(names(&loaded), ["main.conf", "x-1.conf", "x-2.conf"]);
    assert_eq!((loaded.settings.heartbeat_s, loaded.settings.frame_max), (20, 16384));
}

#[test]
fn a_file_of_variables_counts_less_than_the_environment_and_names_its_lines() {
    let folder = folder(&[(
        "rabbitmq-env.conf",
        "# a comment\nNODE_PORT=5700\nNODENAME=rabbit@file\nHAREMQ_HEARTBEAT=7\nulimit -n 65536\n",
    )]);
    let loaded = in_folder(&folder, &[("RABBITMQ_NODENAME", "rabbit@process")]);
    assert_eq!(listeners(&loaded), ["5700"]);
    assert_eq!(loaded.settings.heartbeat_s, 7);
    assert_eq!(loaded.settings.node_name, "rabbit@process");
    let place = folder.path().join("rabbitmq-env.conf");
    assert_eq!(
        loaded.values["heartbeat"].source,
        Source::Environment(format!("HAREMQ_HEARTBEAT in {}:4", place.display()))
    );
    let said = warnings(&loaded);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].ends_with(
            ":5: this line is passed over: expected NAME=value; other lines of a shell are not run"
        ),
        "{said:?}"
    );
    let other = folder.path().join("rabbitmq-env.conf");
    let loaded = environment(&[("RABBITMQ_CONF_ENV_FILE", text_of(&other))]);
    assert_eq!(loaded.settings.node_name, "rabbit@file");
}

#[test]
fn rabbitmqs_variables_set_keys() {
    let loaded = environment(&[
        ("RABBITMQ_NODENAME", "rabbit@one"),
        ("RABBITMQ_LOG_BASE", "/l"),
        ("RABBITMQ_LOGS", "x.log"),
        ("RABBITMQ_LOG", "debug,connection=error,+color"),
        ("RABBITMQ_MNESIA_BASE", "/var/lib/rabbitmq/mnesia/"),
        ("RABBITMQ_PID_FILE", "/run/pid"),
    ]);
    assert_eq!(warnings(&loaded), Vec::<String>::new());
    let settings = &loaded.settings;
    assert_eq!(settings.node_name, "rabbit@one");
    assert_eq!(settings.log.file.as_deref(), Some(Path::new("/l/x.log")));
    assert_eq!(settings.log.console.as_ref().map(|shown| shown.level), Some(LogLevel::Debug));
    assert_eq!(settings.pid_file.as_deref(), Some(Path::new("/run/pid")));
    let folder = Storage::Directory("/var/lib/rabbitmq/mnesia/rabbit@one".into());
    assert_eq!(settings.storage, folder);
    let loaded = environment(&[("RABBITMQ_MNESIA_DIR", "/d"), ("RABBITMQ_MNESIA_BASE", "/b")]);
    assert_eq!(loaded.settings.storage, Storage::Directory("/d".into()));
    let loaded = environment(&[("RABBITMQ_MNESIA_BASE", "/b")]);
    assert_eq!(loaded.settings.storage, Storage::Directory("/b/haremq".into()));
    let console = environment(&[("RABBITMQ_LOGS", "-"), ("HAREMQ_LOG_DIR", "/l")]).settings.log;
    assert!(console.console.is_some() && console.file.is_none(), "{console:?}");
    let other = environment(&[("RABBITMQ_LOGS", "journald:")]);
    assert_eq!(other.settings.log.file, None);
    assert_eq!(
        warnings(&other),
        [
            "environment variable RABBITMQ_LOGS: 'log.journald' is a known key of RabbitMQ that has no \
          effect yet"
        ]
    );
}

#[test]
fn the_name_of_the_node_is_that_of_the_machine_until_it_is_said() {
    let name = environment(&[]).settings.node_name;
    assert!(name.starts_with("rabbit@") && name.len() > "rabbit@".len(), "{name}");
    assert!(!name.contains('.'), "{name}");
}

#[test]
fn a_secret_may_come_from_a_file() {
    let folder = folder(&[("pass", "se#cret\n"), ("user", "app\n")]);
    let (pass, user) = (folder.path().join("pass"), folder.path().join("user"));
    let loaded = environment(&[
        ("HAREMQ_DEFAULT_PASS_FILE", text_of(&pass)),
        ("RABBITMQ_DEFAULT_USER_FILE", text_of(&user)),
        ("HAREMQ_DEFAULT_USERS_OPS_PASSWORD_FILE", text_of(&pass)),
    ]);
    let user = &loaded.settings.default_user;
    assert_eq!((user.name.as_str(), user.password.0.as_str()), ("app", "se#cret"));
    let ops = loaded.settings.seeds.users["ops"].password.as_ref();
    assert_eq!(ops.map(|password| password.0.as_str()), Some("se#cret"));
    assert_eq!(loaded.values["default_pass"].value, "[hidden]");
}
