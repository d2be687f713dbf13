//! The files of `docker/` against what there is: names of the program, keys of the configuration, ports, metrics.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use haremq::config::{Source, load};
use haremq::ctl::INSTALLED_NAMES;
use tempfile::TempDir;
use yaml_rust2::{Yaml, YamlLoader};

use super::installation::Installation;
use crate::config::{os, root, text_of};

fn yaml(path: &str) -> Yaml {
    let documents =
        YamlLoader::load_from_str(&text_of(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    assert_eq!(documents.len(), 1, "{path} is one document");
    documents.into_iter().next().unwrap_or(Yaml::Null)
}

const COMPOSE_FILES: [&str; 3] =
    ["docker/compose.yaml", "docker/compose-tls.yaml", "docker/compose-monitoring.yaml"];

/// Instructions of the Dockerfile, each on a line of its own, without comments.
fn dockerfile() -> Vec<String> {
    let text = text_of("docker/Dockerfile");
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    joined.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

/// The words behind an instruction, of each of them.
fn words_of(instruction: &str) -> Vec<Vec<String>> {
    let of = |line: &String| {
        let rest = line.strip_prefix(instruction)?.strip_prefix(' ')?;
        Some(rest.split_whitespace().map(str::to_owned).collect())
    };
    dockerfile().iter().filter_map(of).collect()
}

fn exposed() -> BTreeSet<String> {
    words_of("EXPOSE").concat().into_iter().collect()
}

fn strings(list: &Yaml) -> Vec<&str> {
    list.as_vec().into_iter().flatten().filter_map(Yaml::as_str).collect()
}

/// The services of a compose file that are this broker, and those that are something else.
fn services(document: &Yaml) -> Vec<(&str, &Yaml)> {
    let services = document["services"].as_hash().expect("services");
    services.iter().filter_map(|(name, service)| Some((name.as_str()?, service))).collect()
}

#[test]
fn the_image_has_every_name_and_every_file_that_it_copies() {
    for text in [dockerfile().join("\n"), text_of("config/debian/prepare")] {
        let (_, names) = text.split_once("for name in ").expect("the links");
        let (names, _) = names.split_once(';').expect("the end of the list");
        assert_eq!(names.split_whitespace().collect::<Vec<_>>(), INSTALLED_NAMES);
    }
    for copied in words_of("COPY") {
        if copied.iter().any(|word| word.starts_with("--from=")) {
            continue;
        }
        let files: Vec<&String> = copied.iter().filter(|word| !word.starts_with("--")).collect();
        for source in &files[..files.len() - 1] {
            assert!(root().join(source.as_str()).exists(), "COPY {source}");
        }
    }
    for port in ["5672", "5671", "15672", "15671", "15692"] {
        assert!(exposed().contains(port), "EXPOSE {port}");
    }
    assert_eq!(words_of("ENTRYPOINT").concat(), ["[\"haremq-entrypoint\"]"]);
    assert_eq!(words_of("CMD").concat(), ["[\"rabbitmq-server\"]"]);
    assert_eq!(words_of("STOPSIGNAL").concat(), ["SIGTERM"]);
}

/// What `cargo deb` is told of, but for what `config/debian/prepare` makes.
#[test]
fn the_debian_package_is_of_this_version_and_its_files_are_there() {
    let version = env!("CARGO_PKG_VERSION");
    let changelog = text_of("config/debian/changelog");
    assert!(changelog.starts_with(&format!("haremq ({version}-1) ")), "{changelog}");
    let manifest = text_of("Cargo.toml");
    let (_, deb) = manifest.split_once("[package.metadata.deb]").expect("the package");
    let (_, assets) = deb.split_once("assets = [").expect("its files");
    let (assets, _) = assets.split_once("\n]").expect("the end of the list");
    let sources = assets.lines().filter_map(|line| line.split('"').nth(1));
    let made = |source: &str| source.starts_with("target/release/");
    let (made, kept): (Vec<&str>, Vec<&str>) = sources.partition(|source| made(source));
    assert!(made.len() >= 5 && kept.len() >= 3, "{made:?} {kept:?}");
    for source in kept {
        assert!(root().join(source).exists(), "{source}");
    }
    for script in ["postinst", "postrm"] {
        let script = text_of(&format!("config/debian/{script}"));
        assert!(script.contains("\n#DEBHELPER#\n"), "{script}");
    }
}

/// What is sent to the build is enough to read the package, and everything that the program has within it.
#[test]
fn the_build_of_the_image_is_sent_what_it_needs() {
    let ignored = text_of("docker/Dockerfile.dockerignore");
    let sent: Vec<&str> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let folder = TempDir::new().expect("a folder");
    for path in &sent {
        let (from, to) = (root().join(path), folder.path().join(path));
        assert!(from.exists(), "{path}");
        fs::create_dir_all(to.parent().expect("it is inside the folder")).expect("a folder");
        let status = Command::new("cp").arg("-r").arg(&from).arg(&to).status();
        assert!(status.expect("cp starts").success(), "{path}");
    }
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline", "--locked"])
        .current_dir(folder.path())
        .output()
        .expect("cargo starts");
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    for file in
        ["web/index.html", "config/haremq.service", "config/haremq-user.service", "src/main.rs"]
    {
        assert!(folder.path().join(file).exists(), "{file}");
    }
}

#[test]
fn the_settings_of_the_image_are_known_and_free_guest() {
    for file in ["docker/10-defaults.conf", "docker/tls.conf"] {
        let path = root().join(file);
        let arguments = ["haremq".into(), "--config".into(), path.into_os_string()];
        let loaded = load(arguments, os(&[])).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(loaded.warnings.is_empty(), "{file}: {:?}", loaded.warnings);
        let is_free = loaded.settings.loopback_users.is_empty();
        assert_eq!(is_free, file == "docker/10-defaults.conf", "{file}");
    }
    let mut variables: Vec<(String, String)> = Vec::new();
    for word in words_of("ENV").concat() {
        let (name, value) = word.split_once('=').expect("NAME=value");
        variables.push((name.to_owned(), value.to_owned()));
    }
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let loaded = load(["haremq".into()], os(&variables)).expect("good settings");
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let data = &loaded.values["haremq.data_dir"];
    assert_eq!(data.source, Source::Environment("RABBITMQ_MNESIA_BASE".to_owned()));
    let volume = words_of("VOLUME").concat().remove(0);
    assert!(Path::new(&data.value).starts_with(&volume), "{} is on the volume", data.value);
}

#[test]
fn compose_files_name_files_ports_and_variables_that_there_are() {
    for file in COMPOSE_FILES {
        let document = yaml(file);
        for (name, service) in services(&document) {
            for volume in strings(&service["volumes"]) {
                let (from, to) = volume.split_once(':').expect("FROM:TO");
                if let Some(path) = from.strip_prefix("./") {
                    // What docker/make-certificates makes.
                    let is_there = root().join("docker").join(path).exists();
                    assert!(is_there || path == "certificates", "{file}: {from}");
                } else {
                    assert!(!document["volumes"][from].is_badvalue(), "{file}: the volume {from}");
                }
                if service["image"].as_str() == Some("haremq") {
                    let to = to.split(':').next().unwrap_or_default();
                    let is_read = ["/etc/rabbitmq/", "/var/lib/rabbitmq"]
                        .iter()
                        .any(|folder| to.starts_with(folder));
                    assert!(is_read, "{file}: {to}");
                }
            }
            for other in service["depends_on"].as_hash().into_iter().flatten() {
                let other = other.0.as_str().expect("a name");
                assert!(!document["services"][other].is_badvalue(), "{file}: {name} needs {other}");
                let check = &document["services"][other]["healthcheck"]["test"];
                assert!(!check.is_badvalue(), "{file}: {other} has a health check");
            }
            if service["image"].as_str() != Some("haremq") {
                continue;
            }
            let build = &service["build"];
            if !build.is_badvalue() {
                let context =
                    root().join("docker").join(build["context"].as_str().expect("a path"));
                let dockerfile = context.join(build["dockerfile"].as_str().expect("a path"));
                assert!(dockerfile.exists(), "{file}: {}", dockerfile.display());
            }
            for port in strings(&service["ports"]) {
                let (_, inside) = port.rsplit_once(':').expect("OUTSIDE:INSIDE");
                assert!(exposed().contains(inside), "{file}: {port}");
            }
            understands(file, &service["environment"]);
        }
    }
}

/// Each variable sets something, and none is unknown.
fn understands(file: &str, environment: &Yaml) {
    let secret = TempDir::new().expect("a folder");
    let path = secret.path().join("password");
    fs::write(&path, "secret\n").expect("a file");
    for (name, value) in environment.as_hash().into_iter().flatten() {
        let (Some(name), Some(value)) = (name.as_str(), value.as_str()) else {
            panic!("{file}: a variable that is no text: {name:?}");
        };
        let value = if name.ends_with("_FILE") { path.to_str().expect("UTF-8") } else { value };
        let loaded = load(["haremq".into()], os(&[(name, value)])).expect("good settings");
        let source = Source::Environment(name.to_owned());
        let sets = loaded.values.values().any(|found| found.source == source);
        assert!(sets && loaded.warnings.is_empty(), "{file}: {name}: {:?}", loaded.warnings);
    }
}

#[test]
fn the_health_checks_of_image_and_compose_files_pass() {
    let broker = Installation::new().start();
    let mut checks = BTreeSet::new();
    let quoted = |text: &str| {
        let words = text.trim_matches(['[', ']']).split(',');
        words.map(|word| word.trim().trim_matches('"').to_owned()).collect::<Vec<_>>().join(" ")
    };
    for line in dockerfile() {
        if let Some((_, check)) =
            line.split_once("HEALTHCHECK").and_then(|(_, l)| l.split_once("CMD"))
        {
            checks.insert(quoted(check.trim()));
        }
    }
    for file in COMPOSE_FILES {
        for (_, service) in services(&yaml(file)) {
            let test = strings(&service["healthcheck"]["test"]);
            if let ["CMD", words @ ..] = test.as_slice() {
                checks.insert(words.join(" "));
            }
        }
    }
    let actions = yaml("docker/github-actions.yaml");
    let options = actions["jobs"]["with-a-service"]["services"]["rabbitmq"]["options"].as_str();
    let options = options.expect("options of the service");
    let (_, check) = options.split_once("--health-cmd \"").expect("a health check");
    checks.insert(check.split('"').next().unwrap_or_default().to_owned());
    assert!(checks.len() >= 2, "{checks:?}");
    for check in checks {
        let ran = broker.runs(&check);
        assert_eq!(ran.code, Some(0), "{check}: {ran:?}");
    }
}

/// `docs/metrics.md` is held to the code elsewhere.
#[test]
fn prometheus_and_grafana_ask_for_metrics_that_there_are() {
    let known = text_of("docs/metrics.md");
    let is_known = |name: &str| known.contains(&format!("`{name}`"));
    let scrapes = yaml("docker/monitoring/prometheus.yaml");
    let jobs = scrapes["scrape_configs"].as_vec().expect("jobs");
    for job in jobs {
        for family in strings(&job["params"]["family"]) {
            assert!(is_known(family), "the family {family}");
        }
        for target in strings(&job["static_configs"][0]["targets"]) {
            let (host, port) = target.split_once(':').expect("HOST:PORT");
            assert_eq!(host, "rabbitmq");
            assert!(exposed().contains(port), "{target}");
        }
    }
    assert_eq!(jobs.len(), 2);
    let dashboard = text_of("docker/monitoring/haremq.json");
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).expect("JSON");
    let mut names = BTreeSet::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        assert_eq!(panel["datasource"]["uid"], "prometheus");
        for target in panel["targets"].as_array().expect("targets") {
            let expression = target["expr"].as_str().expect("an expression");
            let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let ours = |word: &&str| word.starts_with("rabbitmq_") || word.starts_with("haremq_");
            names.extend(words.filter(ours).map(str::to_owned));
        }
    }
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        assert!(is_known(&name.replace("rabbitmq_detailed_", "rabbitmq_")), "{name}");
    }
    let source = yaml("docker/monitoring/grafana-datasource.yaml");
    assert_eq!(source["datasources"][0]["uid"].as_str(), Some("prometheus"));
    let boards = yaml("docker/monitoring/grafana-dashboards.yaml");
    let path = boards["providers"][0]["options"]["path"].as_str().expect("a path");
    let mounted = text_of("docker/compose-monitoring.yaml");
    assert!(mounted.contains(&format!(":{path}/haremq.json:ro")), "{path}");
}

/// A folder of programs that say what they were called with, in front of the real ones.
struct Shims {
    folder: TempDir,
}

impl Shims {
    fn new(uid: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let shims = Self { folder };
        shims.add("id", &format!("echo {uid}"));
        shims.add("uname", "echo box.example.org");
        shims.add("setpriv", "echo \"setpriv $*\"");
        shims.add("find", "echo \"find $*\"");
        for name in ["rabbitmq-server", "rabbitmqctl", "haremq"] {
            shims.add(name, "echo \"$(basename \"$0\") $* pid=${RABBITMQ_PID_FILE:-}\"");
        }
        shims
    }

    fn add(&self, name: &str, does: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.folder.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{does}\n")).expect("a script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    /// What the entry point says with these words and variables.
    fn entered(&self, words: &str, variables: &[(&str, &str)]) -> String {
        let path = format!("{}:/usr/bin:/bin", self.folder.path().display());
        let output = Command::new("/bin/sh")
            .arg(entrypoint())
            .args(words.split_whitespace())
            .env_clear()
            .env("PATH", path)
            .env("HAREMQ_ROOT", "/root-of-the-test")
            .envs(variables.iter().copied())
            .output()
            .expect("a shell starts");
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

fn entrypoint() -> PathBuf {
    root().join("docker/entrypoint")
}

#[test]
fn the_entry_point_of_another_user_runs_what_it_is_asked_for() {
    let user = Shims::new("1000");
    let pid = "pid=/root-of-the-test/var/lib/rabbitmq/mnesia/rabbit@box.pid";
    assert_eq!(user.entered("rabbitmq-server", &[]), format!("rabbitmq-server  {pid}\n"));
    assert_eq!(user.entered("", &[]), format!("rabbitmq-server  {pid}\n"));
    let flags = user.entered("--ephemeral --log-level debug", &[]);
    assert_eq!(flags, format!("rabbitmq-server --ephemeral --log-level debug {pid}\n"));
    assert_eq!(user.entered("haremq serve", &[]), format!("haremq serve {pid}\n"));
    // Others are left as they are.
    assert_eq!(user.entered("haremq config show", &[]), "haremq config show pid=\n");
    assert_eq!(user.entered("rabbitmqctl status", &[]), "rabbitmqctl status pid=\n");
    assert_eq!(user.entered("echo hello", &[]), "hello\n");
    let named = [("RABBITMQ_MNESIA_BASE", "/data"), ("RABBITMQ_NODENAME", "rabbit@one")];
    assert_eq!(
        user.entered("rabbitmq-server", &named),
        "rabbitmq-server  pid=/data/rabbit@one.pid\n"
    );
    let own = [("RABBITMQ_PID_FILE", "/run/pid")];
    assert_eq!(user.entered("rabbitmq-server", &own), "rabbitmq-server  pid=/run/pid\n");
}

#[test]
fn the_entry_point_of_root_gives_the_data_away_and_becomes_somebody_else() {
    let root = Shims::new("0");
    let becomes = format!(
        "setpriv --reuid=rabbitmq --regid=rabbitmq --init-groups {} ",
        entrypoint().display()
    );
    let gives =
        "find /root-of-the-test/var/lib/rabbitmq ! -user rabbitmq -exec chown rabbitmq {} +\n";
    assert_eq!(root.entered("", &[]), format!("{gives}{becomes}rabbitmq-server\n"));
    assert_eq!(root.entered("rabbitmqctl status", &[]), format!("{becomes}rabbitmqctl status\n"));
    assert_eq!(root.entered("haremq --port 1", &[]), format!("{gives}{becomes}haremq --port 1\n"));
    // A shell in a container is root's, as everywhere.
    assert_eq!(root.entered("echo hello", &[]), "hello\n");
}

#[test]
fn a_certificate_of_the_script_is_good_for_the_hosts_it_was_made_for() {
    let folder = TempDir::new().expect("a folder");
    let made = Command::new("/bin/sh")
        .arg(root().join("docker/make-certificates"))
        .args([folder.path().to_str().expect("UTF-8"), "broker.example.org"])
        .output()
        .expect("a shell starts");
    assert!(made.status.success(), "openssl is needed: {made:?}");
    let at = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let verified = Command::new("openssl")
        .args(["verify", "-verify_hostname", "broker.example.org", "-CAfile"])
        .args([at("ca.pem"), at("server.pem")])
        .output()
        .expect("openssl starts");
    assert!(verified.status.success(), "{verified:?}");
    let config = [
        ("HAREMQ_LISTENERS_SSL_DEFAULT", "0"),
        ("HAREMQ_SSL_OPTIONS_CACERTFILE", &at("ca.pem")),
        ("HAREMQ_SSL_OPTIONS_CERTFILE", &at("server.pem")),
        ("HAREMQ_SSL_OPTIONS_KEYFILE", &at("server-key.pem")),
    ];
    let installation =
        config.iter().fold(Installation::new(), |all, (name, value)| all.with(name, value));
    let broker = installation.start();
    assert!(broker.ready_line.contains("(TLS)"), "{}", broker.ready_line);
}
