//! Reads the sources and fails when the house is no longer the one that `ARCHITECTURE.md` draws.
//!
//! The arrows (which layer may import which, and which crates it may name), the purity of the pure
//! layers, the size of files, and a few things that must not stand anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A layer, the layers it may import, and the outside crates it may name.
type Arrow = (&'static str, &'static [&'static str], &'static [&'static str]);

/// The table of `ARCHITECTURE.md`, "Who may know whom".
const ARROWS: &[Arrow] = &[
    ("base", &[], &["bytes", "thiserror"]),
    ("wire", &["base"], &["amq_protocol", "bytes", "thiserror"]),
    ("queue", &["base"], &["bytes", "thiserror"]),
    ("routing", &["base"], &["thiserror"]),
    ("explain", &["base"], &["thiserror"]),
    ("protocol", &["base", "wire"], &["bytes", "thiserror"]),
    ("access", &["base"], &["base64", "getrandom", "regex", "sha2", "subtle", "thiserror"]),
    (
        "store",
        &["base"],
        &[
            "base64",
            "bytes",
            "crc32c",
            "crc32fast",
            "rustix",
            "serde",
            "serde_json",
            "sha2",
            "sled",
            "thiserror",
            "tracing",
        ],
    ),
    (
        "broker",
        &["base", "queue", "routing", "access", "store"],
        &["base64", "bytes", "getrandom", "thiserror", "tracing"],
    ),
    (
        "fetch",
        &["base"],
        &[
            "bytes",
            "http_body_util",
            "hyper",
            "hyper_util",
            "rustls",
            "thiserror",
            "tokio",
            "tokio_rustls",
        ],
    ),
    (
        "auth",
        &["base", "access", "fetch"],
        &[
            "base64",
            "bytes",
            "hyper",
            "ring",
            "serde_json",
            "thiserror",
            "tokio",
            "tracing",
            "x509_parser",
        ],
    ),
    (
        "otel",
        &["base", "broker", "fetch"],
        &["bytes", "hyper", "serde_json", "thiserror", "tokio", "tracing"],
    ),
    (
        "net",
        &["base", "wire", "protocol", "broker"],
        &[
            "bytes",
            "rustls",
            "socket2",
            "thiserror",
            "tokio",
            "tokio_rustls",
            "tracing",
            "x509_parser",
        ],
    ),
    (
        "definitions",
        &["base", "access", "store", "broker"],
        &["base64", "serde_json", "sha2", "thiserror", "tracing"],
    ),
    (
        "ctl",
        &["base", "wire", "store", "config", "definitions"],
        &[
            "base64",
            "bytes",
            "clap",
            "clap_complete",
            "clap_mangen",
            "http_body_util",
            "hyper",
            "hyper_util",
            "rustix",
            "rustls",
            "rustls_native_certs",
            "serde_json",
            "thiserror",
            "tokio",
            "tokio_rustls",
            "unicode_width",
        ],
    ),
    (
        "perf",
        &["base", "wire"],
        &[
            "bytes",
            "clap",
            "hdrhistogram",
            "plotters",
            "rustix",
            "serde_json",
            "thiserror",
            "tokio",
        ],
    ),
    (
        "migrate",
        // `ctl` has the client of the management API and the bar, `perf` the client of AMQP.
        &["base", "wire", "ctl", "perf"],
        &["clap", "hyper", "regex", "rustix", "serde_json", "sha2", "thiserror"],
    ),
    (
        "http",
        // The records of the store are what is put and shown.
        // `wire` reads and writes the properties of messages, which the broker holds as raw bytes.
        // `net` has the TLS of listeners, whoever accepts the socket.
        &["base", "access", "wire", "explain", "store", "broker", "net", "definitions", "config"],
        &[
            "axum",
            "base64",
            "bytes",
            "getrandom",
            "hyper",
            "hyper_util",
            "regex",
            "rustix",
            "serde",
            "serde_json",
            "sha2",
            "socket2",
            "thiserror",
            "tokio",
            "tracing",
        ],
    ),
    ("config", &["base"], &["clap", "serde", "thiserror", "tracing", "tracing_subscriber"]),
];

/// Layers that are functions of their input: nothing in them may reach for the world.
const PURE: &[&str] = &["explain", "queue", "routing", "protocol", "wire"];

/// What a pure layer must not name, and why.
const IMPURE: &[(&str, &str)] = &[
    ("tokio", "a runtime"),
    ("std::net", "a socket"),
    ("std::fs", "a file"),
    ("std::io", "a file or a socket"),
    ("std::thread", "a thread"),
    ("std::sync::Mutex", "a lock"),
    ("std::sync::RwLock", "a lock"),
    ("std::time", "a clock"),
    ("Instant::now", "a clock"),
    ("SystemTime", "a clock"),
    ("SystemClock", "a clock"),
    ("getrandom", "a random number"),
    ("HashMap", "an unordered map"),
    ("HashSet", "an unordered set"),
    ("RandomState", "an unordered map"),
];

const FILE_LINES_MAX: usize = 600;

/// One finding, as a line for people.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding(String);

/// A source file with its code only: comments, string contents and test modules are not looked at.
struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// The layer a file belongs to: the folder below `src/`, or the file itself (`server`, `main`).
    fn layer(&self) -> String {
        let mut parts = self.path.components().skip_while(|part| part.as_os_str() != "src").skip(1);
        let first = parts.next().map(|part| part.as_os_str().to_string_lossy().into_owned());
        first.unwrap_or_default().trim_end_matches(".rs").to_owned()
    }

    fn is_test(&self) -> bool {
        self.path.components().any(|part| part.as_os_str() == "tests")
            || self.path.file_name().is_some_and(|name| name == "tests.rs")
    }

    /// The code before the test module, without line comments.
    fn code(&self) -> String {
        let before_tests = self.text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        before_tests
            .lines()
            .map(|line| line.split("//").next().unwrap_or_default())
            .collect::<Vec<_>>()
            .join("\n")
    }
}

fn sources(folder: &Path) -> Vec<Source> {
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source file is readable UTF-8");
        Source { path, text }
    };
    files(folder, "rs").into_iter().map(read).collect()
}

/// Every file below a folder whose name has this ending, in order. What was installed for the tests of
/// clients is not ours.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|own| own == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The layers named by `crate::…` paths in this code.
fn imported_layers(code: &str) -> BTreeSet<String> {
    let mut layers = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        if let Some(group) = after.strip_prefix('{') {
            let inner = group.split('}').next().unwrap_or_default();
            for item in inner.split(',') {
                layers.insert(leading_word(item.trim()));
            }
        } else {
            layers.insert(leading_word(after));
        }
    }
    layers.remove("");
    layers
}

fn leading_word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The crates of `Cargo.toml` that this code names in a path.
fn named_crates(code: &str, crates: &BTreeSet<String>) -> BTreeSet<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    crates
        .iter()
        .filter(|name| {
            let pattern = format!("{name}::");
            code.match_indices(&pattern).any(|(at, _)| {
                let before = code[..at].chars().next_back();
                before.is_none_or(|c| !is_word(c) && c != ':')
            })
        })
        .cloned()
        .collect()
}

fn crates_of_manifest() -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest is there");
    let mut crates = BTreeSet::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line == "[dependencies]" || line == "[dev-dependencies]";
        } else if inside && let Some((name, _)) = line.split_once('=') {
            crates.insert(name.trim().replace('-', "_"));
        }
    }
    crates
}

/// Every arrow of one file that the table does not have.
fn broken_arrows(source: &Source, crates: &BTreeSet<String>) -> Vec<Finding> {
    let layer = source.layer();
    let Some((_, layers, externals)) = ARROWS.iter().find(|(name, ..)| *name == layer) else {
        return Vec::new();
    };
    let code = source.code();
    let path = source.path.display();
    let mut findings = Vec::new();
    for imported in imported_layers(&code) {
        if imported != layer && !layers.contains(&imported.as_str()) {
            findings.push(Finding(format!(
                "{path}: layer `{layer}` imports `{imported}`, and may import only {layers:?}"
            )));
        }
    }
    // A layer's own test files may use the test crates.
    let named = if source.is_test() { BTreeSet::new() } else { named_crates(&code, crates) };
    for named in named {
        if !externals.contains(&named.as_str()) {
            findings.push(Finding(format!(
                "{path}: layer `{layer}` names crate `{named}`, and may name only {externals:?}"
            )));
        }
    }
    findings
}

fn impurities(source: &Source) -> Vec<Finding> {
    if !PURE.contains(&source.layer().as_str()) || source.is_test() {
        return Vec::new();
    }
    let code = source.code();
    IMPURE
        .iter()
        .filter(|(word, _)| code.contains(word))
        .map(|(word, what)| {
            Finding(format!("{}: a pure layer names `{word}` ({what})", source.path.display()))
        })
        .collect()
}

/// Layers that reach themselves again over the arrows that the code really has.
fn circles(found: &BTreeMap<String, BTreeSet<String>>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for start in found.keys() {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&String> = found[start].iter().collect();
        while let Some(next) = open.pop() {
            if next == start {
                findings.push(Finding(format!("layer `{start}` reaches itself")));
                break;
            }
            if seen.insert(next.clone())
                && let Some(more) = found.get(next)
            {
                open.extend(more);
            }
        }
    }
    findings
}

fn fail_on(findings: &[Finding]) {
    let lines: Vec<&str> = findings.iter().map(|finding| finding.0.as_str()).collect();
    assert!(findings.is_empty(), "{} finding(s):\n{}", lines.len(), lines.join("\n"));
}

#[test]
fn every_import_is_an_arrow_of_the_table() {
    let crates = crates_of_manifest();
    let findings: Vec<Finding> =
        sources(&root().join("src")).iter().flat_map(|s| broken_arrows(s, &crates)).collect();
    fail_on(&findings);
}

#[test]
fn layers_make_no_circle() {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources(&root().join("src")) {
        let layer = source.layer();
        let mut imported = imported_layers(&source.code());
        imported.remove(&layer);
        found.entry(layer).or_default().extend(imported);
    }
    fail_on(&circles(&found));
}

#[test]
fn pure_layers_name_nothing_of_the_world() {
    let findings: Vec<Finding> = sources(&root().join("src")).iter().flat_map(impurities).collect();
    fail_on(&findings);
}

#[test]
fn every_layer_of_the_sources_stands_in_the_table() {
    let outside = [
        "allocator",
        "authentication",
        "control",
        "descriptors",
        "disk_alarm",
        "lib",
        "listeners",
        "main",
        "management",
        "node",
        "notices",
        "parent",
        "pid_file",
        "ports_file",
        "properties",
        "reload",
        "seeds",
        "server",
        "service_manager",
        "shutdown",
        "spans",
        "start_pages",
        "storage",
        "test",
        "tls_settings",
    ];
    let findings: Vec<Finding> = sources(&root().join("src"))
        .iter()
        .map(Source::layer)
        .filter(|layer| !outside.contains(&layer.as_str()))
        .filter(|layer| ARROWS.iter().all(|(name, ..)| name != layer))
        .map(|layer| Finding(format!("layer `{layer}` has no line in the table of arrows")))
        .collect();
    fail_on(&findings);
}

#[test]
fn no_file_is_longer_than_600_lines() {
    let folders = ["src", "tests", "benches"];
    let findings: Vec<Finding> = folders
        .iter()
        .flat_map(|folder| sources(&root().join(folder)))
        .filter_map(|source| {
            let lines = source.text.lines().count();
            (lines > FILE_LINES_MAX)
                .then(|| Finding(format!("{}: {lines} lines", source.path.display())))
        })
        .collect();
    fail_on(&findings);
}

#[test]
fn a_mod_file_holds_docs_modules_and_reexports_only() {
    let findings: Vec<Finding> = sources(&root().join("src"))
        .iter()
        .filter(|source| source.path.file_name().is_some_and(|name| name == "mod.rs"))
        .filter(|source| {
            let code = source.code();
            ["fn ", "struct ", "enum ", "impl "].iter().any(|word| {
                code.lines().any(|line| {
                    let line = line.trim_start().trim_start_matches("pub ");
                    line.trim_start_matches("pub(crate) ").starts_with(word)
                })
            })
        })
        .map(|source| Finding(format!("{}: code in a mod.rs", source.path.display())))
        .collect();
    fail_on(&findings);
}

/// The database can be swapped for another as long as this holds.
#[test]
fn sled_is_named_in_one_file() {
    let crates = BTreeSet::from(["sled".to_owned()]);
    let naming: Vec<PathBuf> = sources(&root().join("src"))
        .into_iter()
        .filter(|source| !source.is_test() && !named_crates(&source.code(), &crates).is_empty())
        .map(|source| source.path)
        .collect();
    assert_eq!(naming, [root().join("src/store/metadata/database.rs")]);
}

/// Anywhere else it would panic in a broker inside a test, whose runtime has one thread (T2).
#[test]
fn only_one_place_blocks_a_thread_of_the_runtime_in_place() {
    let naming: Vec<PathBuf> = sources(&root().join("src"))
        .into_iter()
        .filter(|source| source.code().contains("block_in_place"))
        .map(|source| source.path)
        .collect();
    assert_eq!(naming, [root().join("src/net/blocking.rs")]);
}

#[test]
fn wire_and_protocol_hold_no_panic_on_input() {
    let panics = [".unwrap()", "panic!(", "todo!(", "unimplemented!(", "unreachable!("];
    let findings: Vec<Finding> = sources(&root().join("src"))
        .iter()
        .filter(|source| !source.is_test())
        .filter(|source| ["wire", "protocol"].contains(&source.layer().as_str()))
        .flat_map(|source| {
            let code = source.code();
            panics
                .iter()
                .filter(move |word| code.contains(**word))
                .map(|word| Finding(format!("{}: `{word}`", source.path.display())))
                .collect::<Vec<_>>()
        })
        .collect();
    fail_on(&findings);
}

/// Every refusal and every feature has tests that show it, and the tables name them in their last column.
#[test]
fn every_test_that_the_tables_name_is_there() {
    let rust = ["src", "tests"]
        .iter()
        .flat_map(|folder| sources(&root().join(folder)))
        .map(|source| source.text);
    let python = files(&root().join("tests/clients/python"), "py");
    let python = python.iter().map(|path| fs::read_to_string(path).expect("a text"));
    let tests: String = rust.chain(python).collect();
    let mut findings = Vec::new();
    let pages = [
        ("docs/reply-codes.md", 50),
        ("docs/features.md", 80),
        ("docs/permissions.md", 60),
        ("docs/reliability.md", 40),
    ];
    for (page, least) in pages {
        let table = fs::read_to_string(root().join(page)).expect("the table is there");
        let rows = table.lines().filter(|line| {
            let head = [
                "| code |",
                "| what |",
                "| method |",
                "| tag |",
                "| request |",
                "| promise |",
                "| ---",
            ];
            line.starts_with("| ") && !head.iter().any(|head| line.starts_with(head))
        });
        let named: Vec<String> = rows
            .flat_map(|row| {
                let last = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
                last.split(", ").map(|cell| cell.trim().trim_matches('`').to_owned())
            })
            .collect();
        assert!(named.len() > least, "{page} names {}; has its form changed?", named.len());
        let is_there = |name: &String| {
            tests.contains(&format!("fn {name}(")) || tests.contains(&format!("def {name}("))
        };
        let missing = named.iter().filter(|name| !is_there(name));
        findings.extend(
            missing.map(|name| Finding(format!("{page} names a test `{name}` that is not there"))),
        );
    }
    fail_on(&findings);
}

/// The checks above are themselves checked: a file that breaks an arrow is found.
#[test]
fn a_broken_arrow_is_found() {
    let source = Source {
        path: PathBuf::from("src/routing/topic.rs"),
        text:
            "use crate::broker::Cell;\nuse tokio::sync::Notify;\nuse std::collections::HashMap;\n"
                .to_owned(),
    };
    let crates = BTreeSet::from(["tokio".to_owned()]);
    let findings = broken_arrows(&source, &crates);
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert!(findings[0].0.contains("imports `broker`"), "{findings:?}");
    assert!(findings[1].0.contains("names crate `tokio`"), "{findings:?}");
    assert_eq!(impurities(&source).len(), 2);
}

#[test]
fn a_circle_is_found() {
    let found = BTreeMap::from([
        ("a".to_owned(), BTreeSet::from(["b".to_owned()])),
        ("b".to_owned(), BTreeSet::from(["a".to_owned()])),
        ("c".to_owned(), BTreeSet::from(["a".to_owned()])),
    ]);
    assert_eq!(circles(&found).len(), 2);
}
