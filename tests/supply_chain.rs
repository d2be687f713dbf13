//! What the program is made of: where its crates come from, under which licences, and which of its own files
//! may say `unsafe`. `deny.toml` asks the same of `cargo deny`, which not every machine has.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Folders with Rust of ours, in this crate and beside it.
const FOLDERS: &[&str] = &["src", "tests", "benches", "fuzz", "python"];

/// The files that may say `unsafe`: each calls the C library, or is called by the compiler, where no safe crate
/// stands between.
const UNSAFE_FILES: &[&str] = &["fuzz/src/coverage.rs", "src/allocator.rs", "src/start_pages.rs"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text_of(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file of ours with one of these names or endings, relative to the root. What tools installed is not ours.
fn ours(folders: &[&str], is_wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_foreign = name.starts_with('.') || name == "node_modules" || name == "target";
            if entry.path().is_dir() && !is_foreign {
                open.push(entry.path());
            } else if is_wanted(&name) {
                let path = entry.path();
                found.push(path.strip_prefix(root()).expect("below the root").to_path_buf());
            }
        }
    }
    found.sort();
    found
}

/// One `[[package]]` of a lock file.
#[derive(Default, Debug)]
struct Locked {
    name: String,
    source: Option<String>,
    has_checksum: bool,
}

fn locked(text: &str) -> Vec<Locked> {
    text.split("[[package]]\n")
        .skip(1)
        .map(|package| {
            let value = |key: &str| {
                package
                    .lines()
                    .find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))
                    .map(|value| value.trim_matches('"').to_owned())
            };
            Locked {
                name: value("name").unwrap_or_default(),
                source: value("source"),
                has_checksum: value("checksum").is_some(),
            }
        })
        .collect()
}

/// What is not ours and not from crates.io with its checksum.
fn strangers(packages: &[Locked], own: &[&str]) -> Vec<String> {
    packages
        .iter()
        .filter(|package| match &package.source {
            Some(source) => source != CRATES_IO || !package.has_checksum,
            None => !own.contains(&package.name.as_str()),
        })
        .map(|package| format!("{package:?}"))
        .collect()
}

#[test]
fn every_locked_crate_comes_from_crates_io_with_its_checksum() {
    let locks = ours(&["."], |name| name == "Cargo.lock");
    assert!(locks.iter().any(|lock| lock.ends_with("Cargo.lock")), "{locks:?}");
    for lock in locks {
        let packages = locked(&text_of(&lock.to_string_lossy()));
        // Crates beside this one have names of their own; all of them begin with ours.
        let own: Vec<&str> = packages
            .iter()
            .map(|package| package.name.as_str())
            .filter(|name| name.starts_with("haremq"))
            .collect();
        assert!(packages.len() > own.len(), "{}: has its form changed?", lock.display());
        let strangers = strangers(&packages, &own);
        assert!(strangers.is_empty(), "{}: {strangers:#?}", lock.display());
    }
}

#[test]
fn a_crate_from_elsewhere_is_found() {
    let text = "version = 4\n\n[[package]]\nname = \"haremq\"\nversion = \"0.1.0\"\n\n\
        [[package]]\nname = \"good\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"00\"\n\n\
        [[package]]\nname = \"from-git\"\nsource = \"git+https://example.org/x#1\"\n\n\
        [[package]]\nname = \"by-path\"\nversion = \"1.0.0\"\n\n\
        [[package]]\nname = \"without\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
    assert_eq!(locked(text).len(), 5);
    let strangers = strangers(&locked(text), &["haremq"]);
    assert_eq!(strangers.len(), 3, "{strangers:?}");
}

/// What cargo says of the tree of dependencies on this system. Everything it asks for was built for this test, so
/// no network is needed.
fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--offline", "--locked", "--format-version", "1", "--filter-platform"])
        .arg(format!("{}-unknown-linux-gnu", std::env::consts::ARCH))
        .current_dir(root())
        .output()
        .expect("cargo runs where its tests do");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata: {error}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The licences that `deny.toml` lets in.
fn allowed() -> BTreeSet<String> {
    let text = text_of("deny.toml");
    let list = text.split("\nallow = [\n").nth(1).expect("the list").split("\n]").next();
    let list = list.unwrap_or_default().lines();
    list.map(|line| line.trim().trim_matches([',', '"']).to_owned()).collect()
}

/// Whether a licence expression can be met with what is allowed: `OR` needs one side, `AND` both; `AND` binds
/// more strongly (SPDX 2.3, annex D). Old manifests write `/` for `OR`.
fn is_met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().collect::<Vec<_>>();
    words.reverse();
    either(&mut words, allowed) && words.is_empty()
}

fn either(words: &mut Vec<&str>, allowed: &BTreeSet<String>) -> bool {
    let mut is_met = both(words, allowed);
    while words.last() == Some(&"OR") {
        words.pop();
        is_met |= both(words, allowed);
    }
    is_met
}

fn both(words: &mut Vec<&str>, allowed: &BTreeSet<String>) -> bool {
    let mut is_met = one(words, allowed);
    while words.last() == Some(&"AND") {
        words.pop();
        is_met &= one(words, allowed);
    }
    is_met
}

fn one(words: &mut Vec<&str>, allowed: &BTreeSet<String>) -> bool {
    let Some(word) = words.pop() else { return false };
    if word == "(" {
        let is_met = either(words, allowed);
        return words.pop() == Some(")") && is_met;
    }
    let mut licence = word.to_owned();
    if words.last() == Some(&"WITH") {
        words.pop();
        licence = format!("{licence} WITH {}", words.pop().unwrap_or_default());
    }
    allowed.contains(&licence)
}

#[test]
fn a_licence_expression_is_met_by_what_is_allowed_only() {
    let allowed = BTreeSet::from(["MIT", "ISC", "A WITH x"].map(str::to_owned));
    for good in ["MIT", "GPL-3.0 OR MIT", "GPL-3.0/MIT", "(GPL-3.0 OR MIT) AND ISC", "A WITH x"] {
        assert!(is_met(good, &allowed), "{good}");
    }
    for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "ISC AND (A OR GPL-3.0)", "A", "MIT ISC", "(MIT"]
    {
        assert!(!is_met(bad, &allowed), "{bad}");
    }
}

#[test]
fn every_crate_has_a_licence_that_asks_for_a_notice_only() {
    let allowed = allowed();
    assert!(allowed.contains("MIT") && !allowed.contains(""), "{allowed:?}");
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    let refused: Vec<String> = packages
        .iter()
        .map(|package| (&package["name"], package["license"].as_str().unwrap_or_default()))
        .filter(|(_, licence)| !is_met(licence, &allowed))
        .map(|(name, licence)| format!("{name}: `{licence}`"))
        .collect();
    assert!(refused.is_empty(), "deny.toml does not allow:\n{}", refused.join("\n"));
}

/// How many crates stand behind ours over these kinds of dependency, with the features that those ask for.
fn behind(kinds: &str) -> usize {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "--offline", "--locked", "--prefix", "none", "--format", "{p}", "--edges"])
        .arg(kinds)
        .current_dir(root())
        .output()
        .expect("cargo runs where its tests do");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree: {error}");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    // Name and version; what follows are marks.
    let names = lines.lines().map(|line| line.splitn(3, ' ').take(2).collect::<Vec<_>>());
    names.filter(|words| words.len() == 2).collect::<BTreeSet<_>>().len() - 1
}

#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn the_counts_of_crates_that_the_page_states_are_true() {
    let (program, all) = (behind("normal"), behind("normal,build,dev"));
    let direct = text_of("docs/dependencies.md");
    let direct = direct.split("\n## In tests").next().unwrap_or_default();
    let direct = direct.matches("\n### ").count();
    let stated =
        format!("{direct} crates are named by the program, {program} stand behind it with them");
    let page = text_of("docs/dependencies.md");
    assert!(page.contains(&stated), "docs/dependencies.md does not say: {stated}");
    let stated = format!("{all} with what builds and tests it");
    assert!(page.contains(&stated), "docs/dependencies.md does not say: {stated}");
}

/// The lines of code that say `unsafe`, each with whether a comment above says why it is safe. The comment may
/// stand up to two lines higher, where the statement begins.
fn unsafe_lines(text: &str) -> Vec<(usize, bool)> {
    let lines: Vec<&str> = text.lines().collect();
    let says = |line: &str| {
        let code = line.split("//").next().unwrap_or_default();
        // In two parts, so that this file does not find itself.
        let word = concat!("un", "safe");
        ["{", "fn ", "impl ", "extern ", "trait ", "("]
            .iter()
            .any(|next| code.contains(&format!("{word} {next}")))
            || code.contains(&format!("{word}("))
            || code.trim_end().ends_with(word)
    };
    let is_comment = |line: &&&str| line.trim_start().starts_with("//");
    let is_reasoned = |at: usize| {
        let above = lines[..at].iter().rev();
        let code = above.clone().take_while(|line| !is_comment(line)).count();
        let mut comment = above.skip(code).take_while(is_comment);
        code <= 2 && comment.any(|line| line.trim_start().starts_with("// SAFETY: "))
    };
    (0..lines.len()).filter(|at| says(lines[*at])).map(|at| (at + 1, is_reasoned(at))).collect()
}

/// The compiler refuses `unsafe` wherever the lint is not lifted (`[lints]` in `Cargo.toml`); here is where it may be.
#[test]
fn unsafe_stands_in_the_named_files_only_with_its_reason() {
    let lint = "[lints.rust]\nunsafe_code = \"deny\"\n";
    assert!(text_of("Cargo.toml").contains(lint), "the compiler must refuse it elsewhere");
    let mut holding = BTreeSet::new();
    for path in ours(FOLDERS, |name| Path::new(name).extension().is_some_and(|own| own == "rs")) {
        let name = path.to_string_lossy().into_owned();
        let text = text_of(&name);
        let lifts = concat!("(un", "safe_code");
        let found = unsafe_lines(&text);
        for (line, is_reasoned) in &found {
            assert!(is_reasoned, "{name}:{line}: no `// SAFETY:` above it");
        }
        if !found.is_empty() || text.contains(lifts) {
            holding.insert(name);
        }
    }
    assert_eq!(holding, UNSAFE_FILES.iter().map(|&name| name.to_owned()).collect());
}

#[test]
fn what_is_unsafe_without_a_reason_is_found() {
    let word = concat!("un", "safe");
    let text = format!(
        "// SAFETY: so.\nlet a = {word} {{ f() }};\n\n\nlet b = 1;\nlet c = {word} {{ f() }};\n\
         // Comment.\n{word} impl Send for X {{}}\n// {word} {{ in words }}\n"
    );
    assert_eq!(unsafe_lines(&text), [(2, true), (6, false), (8, false)]);
}
