//! The management pages: the files of `web/`, which are a part of the program.
//!
//! They are plain HTML, CSS and ES modules, sent as they lie there, but for the address that stands before all others
//! (`management.path_prefix`). What they show they ask of the API like everybody else, so there is nothing secret in
//! them and no login before them. Their policy lets no inline script run and nothing be fetched from elsewhere: what a
//! stranger wrote into a name or a message stays text even if a page had a hole.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::management::Management;

/// A file of `web/`.
struct File {
    /// Below `web/`.
    path: &'static str,
    bytes: &'static [u8],
}

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(File {
            path: $path,
            bytes: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/web/", $path)),
        }),*]
    };
}

/// All of `web/`; a test compares.
const FILES: &[File] = files![
    "cli/index.html",
    "favicon.svg",
    "index.html",
    "js/api.js",
    "js/bindings.js",
    "js/chart.js",
    "js/charts.js",
    "js/dialog.js",
    "js/dom.js",
    "js/entries.js",
    "js/form.js",
    "js/format.js",
    "js/inspect.js",
    "js/keys.js",
    "js/kit.js",
    "js/main.js",
    "js/message.js",
    "js/move.js",
    "js/pages.js",
    "js/pages/admin.js",
    "js/pages/channel.js",
    "js/pages/channels.js",
    "js/pages/connection.js",
    "js/pages/connections.js",
    "js/pages/consumers.js",
    "js/pages/definitions.js",
    "js/pages/exchange.js",
    "js/pages/exchanges.js",
    "js/pages/limits.js",
    "js/pages/log.js",
    "js/pages/login.js",
    "js/pages/overview.js",
    "js/pages/policies.js",
    "js/pages/queue.js",
    "js/pages/queues.js",
    "js/pages/tail.js",
    "js/pages/users.js",
    "js/pages/vhosts.js",
    "js/picture.js",
    "js/prefs.js",
    "js/presets.js",
    "js/preview.js",
    "js/publish.js",
    "js/route.js",
    "js/router.js",
    "js/series.js",
    "js/session.js",
    "js/settings.js",
    "js/shell.js",
    "js/table.js",
    "js/theme.js",
    "js/toast.js",
    "js/why.js",
    "style/base.css",
    "style/layout.css",
    "style/log.css",
    "style/message.css",
    "style/parts.css",
];

/// What is served when a folder is asked for.
const INDEX: &str = "index.html";

/// The element that says where the addresses of a page begin.
const BASE: &str = "<base href=\"/\">";

/// What each file is sent with, beside its own type and tag and the policy of the settings, which every answer has.
const HEADERS: &[(HeaderName, &str)] = &[
    // Asked about each time, and answered with 304 while the program is the same.
    (header::CACHE_CONTROL, "no-cache"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

/// The header with which the pages ask. A browser shows its own window for a name and a password whenever an answer
/// challenges, over pages that have their own; so they are not challenged.
const ASKER: HeaderName = header::HeaderName::from_static("x-requested-with");

/// Adds the pages to a router, below the prefix of the settings.
pub(super) fn add(mut router: Router<Arc<Management>>, prefix: &str) -> Router<Arc<Management>> {
    for file in FILES {
        let page = Arc::new(Page::new(file, prefix));
        for address in addresses(prefix, file.path) {
            let page = Arc::clone(&page);
            let answer = move |headers: HeaderMap| async move { page.answer(&headers) };
            router = router.route(&address, get(answer));
        }
    }
    router
}

/// Whether it is a page of ours that asks, which has a place for name and password itself.
pub(super) fn are_asking(request: &HeaderMap) -> bool {
    request.contains_key(ASKER)
}

/// Where a file is found. The last slash of an address is taken away before it is looked at.
fn addresses(prefix: &str, path: &str) -> Vec<String> {
    let own = format!("{prefix}/{path}");
    let folder = own.strip_suffix(INDEX).map(|folder| match folder.strip_suffix('/') {
        None | Some("") => "/".to_owned(),
        Some(folder) => folder.to_owned(),
    });
    folder.into_iter().chain([own]).collect()
}

/// A file as it is sent.
struct Page {
    media_type: &'static str,
    bytes: Bytes,
    /// Changes with the bytes.
    tag: HeaderValue,
}

impl Page {
    fn new(file: &File, prefix: &str) -> Self {
        let media_type = media_type(file.path);
        let bytes = match std::str::from_utf8(file.bytes) {
            Ok(text) if text.contains(BASE) && !prefix.is_empty() => {
                Bytes::from(text.replacen(BASE, &format!("<base href=\"{}/\">", quoted(prefix)), 1))
            }
            _ => Bytes::from_static(file.bytes),
        };
        let hash = Sha256::digest(&bytes);
        let hash =
            hash.iter().take(16).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let tag = HeaderValue::try_from(format!("\"{hash}\"")).expect("hex digits are visible");
        Self { media_type, bytes, tag }
    }

    fn answer(&self, request: &HeaderMap) -> Response {
        let is_known = request.get_all(header::IF_NONE_MATCH).iter().any(|known| self.is(known));
        let mut response = Response::new(Body::empty());
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            *response.body_mut() = Body::from(self.bytes.clone());
        }
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        headers.insert(header::ETAG, self.tag.clone());
        for (name, value) in HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }

    /// Whether one of the tags that a browser knows is this page's.
    fn is(&self, known: &HeaderValue) -> bool {
        let known = known.to_str().unwrap_or_default();
        let mut tags = known.split(',').map(|tag| tag.trim().trim_start_matches("W/"));
        tags.any(|tag| tag == "*" || tag.as_bytes() == self.tag.as_bytes())
    }
}

/// A text for an attribute.
fn quoted(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

/// By the ending of the name.
fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    fn below(folder: &Path, root: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                below(&path, root, found);
            } else {
                let inside = path.strip_prefix(root).expect("it lies there");
                found.insert(inside.to_str().expect("a plain name").to_owned());
            }
        }
    }

    fn page(path: &str, prefix: &str) -> Page {
        Page::new(FILES.iter().find(|file| file.path == path).expect("it is there"), prefix)
    }

    #[test]
    fn every_file_of_the_pages_is_in_the_program_and_has_a_type() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
        let mut lying = BTreeSet::new();
        below(&root, &root, &mut lying);
        let embedded: BTreeSet<String> = FILES.iter().map(|file| file.path.to_owned()).collect();
        assert_eq!(embedded, lying);
        assert_eq!(embedded.len(), FILES.len(), "none stands there twice");
        for file in FILES {
            assert_ne!(media_type(file.path), "application/octet-stream", "{}", file.path);
        }
    }

    #[test]
    fn every_module_and_style_of_the_pages_is_named_by_the_first_one() {
        let index = std::str::from_utf8(page(INDEX, "").bytes.as_ref()).expect("text").to_owned();
        for file in FILES {
            let ending = file.path.rsplit('.').next().unwrap_or_default();
            if ["js", "css"].contains(&ending) {
                assert!(index.contains(&format!("=\"{}\"", file.path)), "{}", file.path);
            }
        }
    }

    #[test]
    fn folders_are_asked_for_without_the_name_of_their_page() {
        assert_eq!(addresses("", "index.html"), ["/", "/index.html"]);
        assert_eq!(addresses("/mq", "index.html"), ["/mq", "/mq/index.html"]);
        assert_eq!(addresses("", "cli/index.html"), ["/cli", "/cli/index.html"]);
        assert_eq!(addresses("/mq", "js/main.js"), ["/mq/js/main.js"]);
    }

    #[test]
    fn a_prefix_stands_before_every_address_of_a_page() {
        let plain = page(INDEX, "");
        let text = String::from_utf8(page(INDEX, "/a\"b").bytes.to_vec()).expect("text");
        assert!(text.contains("<base href=\"/a&quot;b/\">"), "{text}");
        assert!(!text.contains(BASE));
        assert!(plain.bytes.as_ref().windows(BASE.len()).any(|part| part == BASE.as_bytes()));
        assert_ne!(page(INDEX, "/mq").tag, plain.tag);
        assert_eq!(page("js/main.js", "/mq").tag, page("js/main.js", "").tag);
    }

    #[test]
    fn a_page_that_the_browser_has_is_not_sent_again() {
        let page = page("js/main.js", "");
        let asked = |known: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_str(known).expect("a tag"));
            page.answer(&headers).status().as_u16()
        };
        let tag = page.tag.to_str().expect("visible").to_owned();
        assert_eq!(asked(&tag), 304);
        assert_eq!(asked(&format!("\"old\", W/{tag}")), 304);
        assert_eq!(asked("\"old\""), 200);
        assert_eq!(page.answer(&HeaderMap::new()).status().as_u16(), 200);
    }
}
