//! Settings of backends that cannot work stop the start, with a message that says what to do.

use std::fs;

use tempfile::TempDir;

use crate::support::run_to_its_end;

/// What a broker with these lines says before it ends.
fn said(lines: &[&str]) -> String {
    let folder = TempDir::new().expect("a folder");
    let config = folder.path().join("haremq.conf");
    fs::write(&config, lines.join("\n") + "\n").expect("a file");
    let config = config.to_str().expect("UTF-8");
    let (code, stderr) = run_to_its_end(&["--port", "0", "--config", config]);
    assert_ne!(code, Some(0), "{stderr}");
    stderr
}

#[test]
fn what_a_backend_needs_and_has_not_stops_the_start() {
    let oauth2 = "auth_backends.1 = oauth2";
    let named = "auth_oauth2.resource_server_id = rabbit";
    let folder = TempDir::new().expect("a folder");
    let empty = folder.path().join("empty.pem");
    fs::write(&empty, "nothing").expect("a file");
    let key = format!("auth_oauth2.signing_keys.k = {}", empty.display());
    for (lines, text) in [
        (&[oauth2][..], "which needs auth_oauth2.resource_server_id"),
        (&[oauth2, named], "auth_oauth2.jwks_uri or auth_oauth2.issuer"),
        (&[oauth2, named, &key], "it holds neither a public key or certificate in PEM nor"),
        (&[oauth2, named, "auth_oauth2.signing_keys.k = /nowhere"], "No such file"),
        (
            &[oauth2, named, "auth_oauth2.jwks_uri = http://login.example.com/"],
            "auth_oauth2.jwks_uri = http://login.example.com/: keys that come without TLS",
        ),
        (&["auth_backends.1 = cache"], "which needs auth_cache.cached_backend"),
        (&["auth_backends.1 = ldap"], "expected internal, http, oauth2 or cache"),
        (&["auth_oauth2.algorithms.1 = none"], "expected RS256, RS384"),
        (
            &["auth_http.user_path = auth.example.com"],
            "expected an address that begins with http://",
        ),
        (&["auth_oauth2.https.peer_verification = verify_none"], "expected verify_peer"),
    ] {
        let said = said(lines);
        assert!(said.contains(text), "{lines:?}: {said}");
    }
}
