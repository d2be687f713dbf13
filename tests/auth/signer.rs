//! Makes tokens, with a key made on the spot.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use haremq::base::{Clock as _, SystemClock};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::Broker;

/// Who signs, and the file with the public half.
pub(super) struct Signer {
    key: EcdsaKeyPair,
    folder: TempDir,
}

impl Signer {
    pub(super) fn new() -> Self {
        let random = SystemRandom::new();
        let way = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(way, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(way, pkcs8.as_ref(), &random).expect("a key");
        let signer = Self { key, folder: TempDir::new().expect("a folder") };
        fs::write(signer.folder.path().join("key.json"), signer.jwk().to_string()).expect("a file");
        signer
    }

    pub(super) fn jwk(&self) -> Value {
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        json!({ "kty": "EC", "crv": "P-256", "kid": "k", "x": x, "y": y })
    }

    /// The lines of a configuration that believes this signer.
    pub(super) fn lines(&self) -> Vec<String> {
        let file = self.folder.path().join("key.json");
        vec![
            "auth_oauth2.resource_server_id = rabbit".to_owned(),
            format!("auth_oauth2.signing_keys.k = {}", file.display()),
        ]
    }

    /// A broker that believes this signer, and has users of its own.
    pub(super) fn broker(&self, more: &[&str]) -> Broker {
        let mut lines = self.lines();
        lines.extend(["auth_backends.1 = oauth2", "auth_backends.2 = internal"].map(str::to_owned));
        lines.extend(more.iter().map(|line| (*line).to_owned()));
        Broker::start(&lines.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// A token of this user with these scopes that is good for so long.
    pub(super) fn token(&self, user: &str, scopes: &str, seconds: u64) -> String {
        let now = SystemClock::new().unix_seconds();
        let claims = json!({ "sub": user, "aud": "rabbit", "exp": now + seconds, "scope": scopes });
        let header = json!({ "alg": "ES256", "kid": "k" });
        let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encoded(&header), encoded(&claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).expect("signed");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
