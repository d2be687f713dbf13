//! Paths that want to leave the pages, which are a part of the program: there is no folder to leave.

use super::Neighbour;
use super::neighbour::stops_in_peace;
use crate::support::{Broker, Http};

const PATHS: [&str; 26] = [
    "/../../../../etc/passwd",
    "/js/../../../../etc/passwd",
    "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/js/%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "/js/..%2f..%2f..%2fetc/passwd",
    "/js/%252e%252e%252f%252e%252e%252fetc/passwd",
    "/js/..%5c..%5c..%5cetc%5cpasswd",
    "/js/..\\..\\..\\etc\\passwd",
    "/js/%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd",
    "/js/%uff0e%uff0e/etc/passwd",
    "/js/....//....//etc/passwd",
    "/js/..;/..;/etc/passwd",
    "//etc/passwd",
    "///etc/passwd",
    "/js//etc/passwd",
    "/file:///etc/passwd",
    "http://b/../../etc/passwd",
    "/js/main.js/../../Cargo.toml",
    "/js/main.js%00.html",
    "/js/main.js%2f..%2f..%2fapi%2fusers",
    "/web/index.html",
    "/.git/config",
    "/proc/self/environ",
    "/%2fproc%2fself%2fenviron",
    "/js",
    "/style/",
];

#[test]
fn no_path_leaves_the_pages() {
    let broker = Broker::start(&[]);
    let mut neighbour = Neighbour::of(&broker);
    let http = Http::new(broker.management());
    for path in PATHS {
        let answer = http.get(path);
        assert!([400, 404].contains(&answer.status), "{path}: {}", answer.status);
        neighbour.is_served(1);
    }
    // Nor does one that begins in the pages come out in the API, or one of the API pass its login.
    for path in ["/js/../api/users", "/api/./users", "/api/../api/users", "/api//users"] {
        assert_eq!(http.get(path).status, 404, "{path}");
    }
    for path in ["/api/users", "/api/users/", "/api/queues/%2f/..%2f..%2fusers"] {
        assert_eq!(http.get(path).status, 401, "{path}");
    }
    assert_eq!(http.get("/js/main.js").status, 200);
    neighbour.outlives_it(&broker);
    stops_in_peace(broker);
}
