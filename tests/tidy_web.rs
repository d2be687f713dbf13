//! Reads the files of the management pages, and fails where one could let a stranger's text become code, or is too long.

use std::fs;
use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 600;

/// What makes markup or code of a text, and why it is not needed.
const FORBIDDEN: &[(&str, &str)] = &[
    ("innerHTML", "text is set as text, by web/js/dom.js"),
    ("outerHTML", "text is set as text, by web/js/dom.js"),
    ("insertAdjacentHTML", "text is set as text, by web/js/dom.js"),
    ("document.write", "text is set as text, by web/js/dom.js"),
    ("createContextualFragment", "text is set as text, by web/js/dom.js"),
    ("DOMParser", "text is set as text, by web/js/dom.js"),
    ("srcdoc", "no page within a page"),
    ("eval(", "no code made of text"),
    ("new Function", "no code made of text"),
    ("javascript:", "no code in an address"),
    ("sessionStorage", "nothing is kept that a login is made of"),
    ("document.cookie", "the cookie is the browser's and the broker's"),
    ("//# sourceMappingURL", "what is committed is the source"),
];

struct WebFile {
    name: String,
    text: String,
}

fn files() -> Vec<WebFile> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("web");
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    assert!(found.len() > 30, "the pages are there");
    found
}

fn collect(folder: &Path, root: &Path, found: &mut Vec<WebFile>) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, root, found);
            continue;
        }
        let name = path.strip_prefix(root).expect("below it").display().to_string();
        let text = fs::read_to_string(&path).expect("the pages are text");
        found.push(WebFile { name, text });
    }
}

/// What stands in a file and must not.
fn findings(file: &WebFile) -> Vec<String> {
    let mut found = Vec::new();
    let mut say = |line: usize, what: &str| found.push(format!("web/{}:{line}: {what}", file.name));
    for (at, line) in file.text.lines().enumerate() {
        for (word, why) in FORBIDDEN {
            if line.contains(word) {
                say(at + 1, &format!("`{word}`: {why}"));
            }
        }
        if has_inline_handler(line) && !is_script(file) {
            say(
                at + 1,
                "a handler in an attribute, which the policy of the pages keeps from running",
            );
        }
        if !is_script(file) && line.contains(" style=\"") {
            say(at + 1, "a style in an attribute, which the policy of the pages keeps out");
        }
        if line.contains("http://") && !line.contains("http://www.w3.org/") {
            say(at + 1, "an address elsewhere: the pages work without any network");
        }
        if line.trim_end().len() != line.len() {
            say(at + 1, "spaces at the end");
        }
    }
    let lines = file.text.lines().count();
    if lines > FILE_LINES_MAX {
        say(lines, "too long: split it by concept");
    }
    if is_script(file) && !file.text.starts_with("// ") {
        say(1, "the first line says what the file is for");
    }
    found
}

fn is_script(file: &WebFile) -> bool {
    Path::new(&file.name).extension().is_some_and(|ending| ending == "js")
}

/// ` onclick="…"` in markup.
fn has_inline_handler(line: &str) -> bool {
    line.match_indices(" on").any(|(at, _)| {
        let rest = line[at + 3..].trim_start_matches(|c: char| c.is_ascii_lowercase());
        rest.starts_with("=\"") || rest.starts_with("='")
    })
}

#[test]
fn the_pages_make_no_markup_and_no_code_of_text() {
    let found: Vec<String> = files().iter().flat_map(findings).collect();
    assert!(found.is_empty(), "{} finding(s):\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_import_of_the_pages_is_a_file_of_theirs() {
    let files = files();
    let mut missing = Vec::new();
    for file in files.iter().filter(|file| is_script(file)) {
        let folder = Path::new(&file.name).parent().expect("it lies in a folder");
        let imports = file.text.lines().filter(|line| line.starts_with("import "));
        for line in imports {
            let from = line.split(" from \"").nth(1).and_then(|rest| rest.split('"').next());
            let from = from.expect("an import names its file");
            let path = match from.strip_prefix("../") {
                Some(rest) => folder.parent().expect("above it").join(rest),
                None => folder.join(from.trim_start_matches("./")),
            };
            if !files.iter().any(|other| Path::new(&other.name) == path) {
                missing.push(format!("{} imports {from}", file.name));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// The check is itself checked.
#[test]
fn what_must_not_stand_in_a_page_is_found() {
    let file = |name: &str, text: &str| WebFile { name: name.to_owned(), text: text.to_owned() };
    let bad =
        file("index.html", "<p onclick=\"go()\" style=\"color:red\">\n<a href=\"javascript:x\">");
    assert_eq!(findings(&bad).len(), 3, "{:?}", findings(&bad));
    let bad =
        file("js/a.js", "// A.\nnode.innerHTML = name;\nfetch(\"http://elsewhere.example\");");
    assert_eq!(findings(&bad).len(), 2, "{:?}", findings(&bad));
    let good = file("js/a.js", "// A.\nh(\"button\", { onclick: () => go() });");
    assert_eq!(findings(&good), Vec::<String>::new());
}
