//! `docs/reply-codes.md` against the tests it names.

use std::fs;
use std::path::{Path, PathBuf};

fn rust_sources(folder: &Path, into: &mut String) {
    let entries = fs::read_dir(folder).expect("a folder of the sources");
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.is_dir() {
            rust_sources(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push_str(&fs::read_to_string(&path).expect("a source file is UTF-8"));
        }
    }
}

#[test]
fn every_line_of_the_reply_codes_names_a_test_that_exists() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/reply-codes.md")).expect("the page is there");
    let mut sources = String::new();
    rust_sources(&root.join("src"), &mut sources);
    rust_sources(&root.join("tests"), &mut sources);
    let is_heading = |row: &&str| row.starts_with("| code ") || row.starts_with("| ---");
    let rows: Vec<&str> =
        page.lines().filter(|line| line.starts_with('|')).filter(|row| !is_heading(row)).collect();
    assert!(rows.len() > 40, "{} rows", rows.len());
    let missing: Vec<&&str> = rows
        .iter()
        .filter(|row| {
            let cell = row.trim_end_matches(['|', ' ']).rsplit('|').next().unwrap_or_default();
            let name = cell.trim().trim_matches('`');
            !sources.contains(&format!("fn {name}()"))
        })
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}
