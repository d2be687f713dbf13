//! Tokens made on the spot, with keys made on the spot.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::backend::{Oauth2Backend, Oauth2Settings};
use super::{Algorithm, Key, KeyServer, KeySource, read_key};
use crate::access::{Action, Backend as _, BackendError, Grant, Known, Login};
use crate::base::limits::{
    JWKS_AGE_MAX_MS, JWKS_REFETCH_MIN_MS, TOKEN_BYTES_MAX, TOKEN_SCOPES_MAX,
};
use crate::base::{Clock, ManualClock, VhostName};
use crate::fetch::FetchSettings;

/// Runs `openssl`, which makes RSA keys; `ring` only uses them.
fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.expect("the test needs the program openssl");
    child.stdin.take().expect("piped").write_all(input).expect("openssl reads");
    let output = child.wait_with_output().expect("openssl ends");
    assert!(output.status.success(), "openssl {arguments:?}");
    output.stdout
}

/// A private RSA key (PKCS #8), and its public half in PEM.
fn rsa() -> &'static (Vec<u8>, Vec<u8>) {
    static RSA: OnceLock<(Vec<u8>, Vec<u8>)> = OnceLock::new();
    RSA.get_or_init(|| {
        let bits = "rsa_keygen_bits:2048";
        let made =
            openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", bits, "-outform", "DER"], b"");
        let der = ["-topk8", "-nocrypt", "-inform", "DER", "-outform", "DER"];
        let private = openssl(&[&["pkcs8"][..], &der].concat(), &made);
        let public = openssl(&["pkey", "-inform", "DER", "-pubout"], &private);
        (private, public)
    })
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with this header and these claims.
fn token(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
    let signature = encoded(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

struct Ec(EcdsaKeyPair);

impl Ec {
    fn new() -> Self {
        let random = SystemRandom::new();
        let way = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(way, &random).expect("a key");
        Self(EcdsaKeyPair::from_pkcs8(way, pkcs8.as_ref(), &random).expect("a key"))
    }

    fn jwk(&self, kid: &str) -> Value {
        let (x, y) = self.0.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (encoded(x), encoded(y));
        json!({ "kty": "EC", "crv": "P-256", "kid": kid, "use": "sig", "alg": "ES256", "x": x, "y": y })
    }

    fn token(&self, kid: &str, claims: &Value) -> String {
        let sign = |signed: &[u8]| {
            let signature = self.0.sign(&SystemRandom::new(), signed).expect("a signature");
            signature.as_ref().to_vec()
        };
        token(&json!({ "alg": "ES256", "kid": kid, "typ": "JWT" }), claims, sign)
    }
}

/// Claims of a good token for the broker `rabbit`.
fn claims() -> Value {
    json!({
        "sub": "ann",
        "aud": ["rabbit", "others"],
        "exp": 2_000,
        "scope": "rabbit.read:%2F/own* rabbit.tag:monitoring other.write:*/*",
    })
}

fn with(change: &Value) -> Value {
    let mut all = claims();
    for (name, value) in change.as_object().expect("an object") {
        all[name] = value.clone();
    }
    all
}

fn settings(keys: impl IntoIterator<Item = (&'static str, Key)>) -> Oauth2Settings {
    Oauth2Settings {
        resource_server_id: "rabbit".to_owned(),
        verify_audience: true,
        keys: keys.into_iter().map(|(id, key)| (id.to_owned(), key)).collect(),
        ..Oauth2Settings::default()
    }
}

/// A clock at 1,000 s after 1970, as far as a manual one knows.
fn clock() -> Arc<ManualClock> {
    let clock = Arc::new(ManualClock::new());
    clock.advance(1_000_000 - clock.unix_ms().min(1_000_000));
    clock
}

fn ask(settings: Oauth2Settings, token: &str) -> Result<Known, BackendError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let backend = Oauth2Backend::new(settings, clock());
    runtime.block_on(backend.log_in(&login(token)))
}

fn login(token: &str) -> Login {
    let peer = std::net::Ipv4Addr::LOCALHOST.into();
    Login { user: b"whoever".to_vec(), password: Some(token.as_bytes().to_vec()), peer }
}

#[track_caller]
fn refusal(settings: Oauth2Settings, token: &str) -> String {
    match ask(settings, token) {
        Err(BackendError::Refused(why)) => why,
        other => panic!("a refusal, not {other:?}"),
    }
}

fn jwk(value: &Value) -> Key {
    read_key(value.to_string().as_bytes()).expect("a key")
}

#[test]
fn a_token_says_who_it_is_and_what_they_may_do() {
    let ec = Ec::new();
    let known = ask(settings([("k", jwk(&ec.jwk("k")))]), &ec.token("k", &claims()));
    let known = known.expect("a good token");
    assert_eq!((known.name.as_str(), &known.tags[..]), ("ann", &["monitoring".to_owned()][..]));
    let Grant::Token(token) = known.grant else { panic!("a token") };
    assert_eq!(token.expires_s, 2_000);
    let root = VhostName::try_from("/").expect("short");
    assert!(token.scopes.allow(&root, Action::Read, "own-1"));
    assert!(!token.scopes.allow(&root, Action::Write, "own-1"), "the scope of another server");
}

#[test]
fn every_kind_of_key_verifies_its_own_algorithms() {
    let random = SystemRandom::new();
    let (private, public) = rsa();
    let rsa = RsaKeyPair::from_pkcs8(private).expect("a key");
    let of_pem = || settings([("k", read_key(public).expect("a key"))]);
    let signature::RsaPublicKeyComponents { n, e } =
        signature::RsaPublicKeyComponents::<Vec<u8>>::from(rsa.public());
    let (n, e) = (encoded(n), encoded(e));
    let of_jwk = || settings([("k", jwk(&json!({ "kty": "RSA", "n": n, "e": e })))]);
    let ways: [(&str, &'static dyn signature::RsaEncoding); 6] = [
        ("RS256", &signature::RSA_PKCS1_SHA256),
        ("RS384", &signature::RSA_PKCS1_SHA384),
        ("RS512", &signature::RSA_PKCS1_SHA512),
        ("PS256", &signature::RSA_PSS_SHA256),
        ("PS384", &signature::RSA_PSS_SHA384),
        ("PS512", &signature::RSA_PSS_SHA512),
    ];
    for (name, way) in ways {
        let sign = |signed: &[u8]| {
            let mut signature = vec![0; rsa.public().modulus_len()];
            rsa.sign(way, &random, signed, &mut signature).expect("a signature");
            signature
        };
        let token = token(&json!({ "alg": name, "kid": "k" }), &claims(), sign);
        assert!(ask(of_pem(), &token).is_ok(), "{name}");
        assert!(ask(of_jwk(), &token).is_ok(), "{name}");
        let ec = jwk(&Ec::new().jwk("k"));
        assert_eq!(
            refusal(settings([("k", ec)]), &token),
            "the signature is not that of the key 'k'"
        );
    }
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
    let ed = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).expect("a key");
    let x = encoded(ed.public_key().as_ref());
    let key = jwk(&json!({ "kty": "OKP", "crv": "Ed25519", "x": x }));
    let sign = |signed: &[u8]| ed.sign(signed).as_ref().to_vec();
    let made = token(&json!({ "alg": "EdDSA", "kid": "k" }), &claims(), sign);
    assert!(ask(settings([("k", key)]), &made).is_ok());
    let secret = [7; 32];
    let key = jwk(&json!({ "kty": "oct", "k": encoded(secret) }));
    let sign = |signed: &[u8]| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), signed).as_ref().to_vec()
    };
    let made = token(&json!({ "alg": "HS256", "kid": "k" }), &claims(), sign);
    assert!(ask(settings([("k", key)]), &made).is_ok());
}

/// A5: the header of a token chooses neither no signature nor one that anybody can make.
#[test]
fn a_header_cannot_choose_a_weaker_signature() {
    let public = &rsa().1;
    let of_rsa = || settings([("k", read_key(public).expect("a key"))]);
    let none = token(&json!({ "alg": "none", "kid": "k" }), &claims(), |_| Vec::new());
    assert!(refusal(of_rsa(), &none).starts_with("the algorithm is none of RS256"));
    for header in [json!({ "alg": "NONE", "kid": "k" }), json!({ "kid": "k" }), json!([])] {
        assert!(ask(of_rsa(), &token(&header, &claims(), |_| Vec::new())).is_err());
    }
    // The public key is known to everybody: as a secret it signs anything.
    let der = openssl(&["pkey", "-pubin", "-outform", "DER"], public);
    for secret in [public.clone(), der] {
        let sign = |signed: &[u8]| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), signed).as_ref().to_vec()
        };
        let forged = token(&json!({ "alg": "HS256", "kid": "k" }), &claims(), sign);
        assert_eq!(refusal(of_rsa(), &forged), "the signature is not that of the key 'k'");
    }
    let ec = Ec::new();
    let only = Oauth2Settings {
        algorithms: vec![Algorithm::Rs256],
        ..settings([("k", jwk(&ec.jwk("k")))])
    };
    let text = "auth_oauth2.algorithms does not list the algorithm of the token";
    assert_eq!(refusal(only, &ec.token("k", &claims())), text);
}

#[test]
fn a_token_that_is_not_good_is_refused_with_the_reason() {
    let ec = Ec::new();
    let own = || settings([("k", jwk(&ec.jwk("k")))]);
    for (change, why) in [
        (
            json!({ "exp": 1_000 }),
            "Provided JWT token has expired at timestamp 1000 (validated at 1000)",
        ),
        (
            json!({ "exp": "2000" }),
            "Provided JWT token has an invalid exp claim: value is not a number",
        ),
        (json!({ "nbf": 1_100 }), "the token is good from timestamp 1100 on"),
        (
            json!({ "aud": "others rabbits" }),
            "the token is not for this broker: its aud claim does not hold 'rabbit'",
        ),
        (
            json!({ "aud": null }),
            "the token is not for this broker: its aud claim does not hold 'rabbit'",
        ),
        (json!({ "sub": "x".repeat(300) }), "the name in the token is longer than 255 bytes"),
    ] {
        assert_eq!(refusal(own(), &ec.token("k", &with(&change))), why);
    }
    let mut endless = claims();
    endless.as_object_mut().expect("an object").remove("exp");
    assert_eq!(refusal(own(), &ec.token("k", &endless)), "Provided JWT token has no exp claim");
    assert!(
        ask(own(), &ec.token("k", &with(&json!({ "nbf": 1_060, "exp": 1_000.9e0 + 1.0 })))).is_ok()
    );
    let long = "a".repeat(TOKEN_BYTES_MAX + 1);
    assert_eq!(refusal(own(), &long), format!("the token is longer than {TOKEN_BYTES_MAX} bytes"));
    let scopes: Vec<_> = (0..=TOKEN_SCOPES_MAX).map(|n| format!("rabbit.{n}")).collect();
    let many = ec.token("k", &with(&json!({ "scope": scopes })));
    assert_eq!(refusal(own(), &many), format!("the token has more than {TOKEN_SCOPES_MAX} scopes"));
}

#[test]
fn the_key_of_a_token_must_be_known() {
    let (ec, other) = (Ec::new(), Ec::new());
    let own = || settings([("k", jwk(&ec.jwk("k")))]);
    let forged = other.token("k", &claims());
    assert_eq!(refusal(own(), &forged), "the signature is not that of the key 'k'");
    let good = ec.token("k", &claims());
    let mut changed = good.clone().into_bytes();
    let dot = good.find('.').expect("a dot");
    changed[dot + 9] ^= 1;
    let changed = String::from_utf8(changed).expect("ASCII");
    assert_eq!(refusal(own(), &changed), "the signature is not that of the key 'k'");
    assert_eq!(refusal(own(), &ec.token("k\n2", &claims())), "no key is known by the id 'k\\n2'");
    let sign = |signed: &[u8]| {
        ec.0.sign(&SystemRandom::new(), signed).expect("a signature").as_ref().to_vec()
    };
    let nameless = token(&json!({ "alg": "ES256" }), &claims(), sign);
    let text = "the token names no key, and auth_oauth2.default_key is not set";
    assert_eq!(refusal(own(), &nameless), text);
    let default = Oauth2Settings { default_key: Some("k".to_owned()), ..own() };
    assert!(ask(default, &nameless).is_ok());
    for nonsense in ["", "guest", "a.b", "a.b.c", "..", "a.b.c.d"] {
        assert_eq!(refusal(own(), nonsense), "what was given as password is no token");
    }
}

#[test]
fn scopes_are_found_wherever_the_settings_say_and_by_their_aliases() {
    let ec = Ec::new();
    let settings = || Oauth2Settings {
        scope_claims: vec!["roles".to_owned(), "extra.rabbit_scopes".to_owned()],
        aliases: BTreeMap::from([(
            "dev".to_owned(),
            vec!["rabbit.write:v/d".to_owned(), "rabbit.tag:management".to_owned()],
        )]),
        ..settings([("k", jwk(&ec.jwk("k")))])
    };
    let vhost = VhostName::try_from("v").expect("short");
    let may = |settings: Oauth2Settings, change: Value| {
        let known = ask(settings, &ec.token("k", &with(&change))).expect("a good token");
        let Grant::Token(token) = known.grant else { panic!("a token") };
        let may = ["a", "b", "c", "d"].map(|name| token.scopes.allow(&vhost, Action::Write, name));
        (may, known.tags)
    };
    let nothing: Vec<String> = Vec::new();
    for (change, expected) in [
        (json!({ "scope": ["rabbit.write:v/a", "rabbit.write:v/b"] }), [true, true, false, false]),
        (json!({ "scope": "", "roles": "rabbit.write:v/a" }), [true, false, false, false]),
        (
            json!({ "scope": "", "extra": { "rabbit_scopes": ["rabbit.write:v/b"] } }),
            [false, true, false, false],
        ),
        (json!({ "scope": "", "roles": { "rabbit": ["write:v/c"] } }), [false, false, true, false]),
        (
            json!({ "scope": "", "authorization": { "permissions": [{ "scopes": ["rabbit.write:v/a"] }, { "x": 1 }] } }),
            [true, false, false, false],
        ),
        (json!({ "scope": "write:v/a xrabbit.write:v/b rabbitwrite:v/c" }), [false; 4]),
        (json!({ "scope": 7, "roles": [1, null, {}] }), [false; 4]),
    ] {
        assert_eq!(may(settings(), change.clone()), (expected, nothing.clone()), "{change}");
    }
    let (may_d, tags) = may(settings(), json!({ "scope": "dev" }));
    assert_eq!((may_d[3], &tags[..]), (true, &["management".to_owned()][..]));
    let bare = Oauth2Settings { scope_prefix: Some(String::new()), ..settings() };
    assert!(may(bare, json!({ "scope": "write:v/a" })).0[0]);
}

#[test]
fn the_name_is_in_the_first_claim_that_holds_one() {
    let ec = Ec::new();
    let name = |claims: &Value| {
        let settings = Oauth2Settings {
            name_claims: vec!["user_name".to_owned(), "email".to_owned()],
            ..settings([("k", jwk(&ec.jwk("k")))])
        };
        ask(settings, &ec.token("k", claims)).expect("a good token").name.to_string()
    };
    assert_eq!(name(&with(&json!({ "email": "a@b", "user_name": "anna" }))), "anna");
    assert_eq!(name(&with(&json!({ "email": "a@b", "user_name": 7 }))), "a@b");
    assert_eq!(name(&claims()), "ann");
    assert_eq!(name(&with(&json!({ "sub": null, "client_id": "c" }))), "c");
    assert_eq!(name(&with(&json!({ "sub": null }))), "unknown");
}

#[test]
fn keys_that_are_none_say_what_is_wrong_with_them() {
    let (private, _) = rsa();
    let pem = openssl(&["pkey", "-inform", "DER"], private);
    let say = |bytes: &[u8]| read_key(bytes).expect_err("no key").to_string();
    assert!(say(&pem).starts_with("it holds a private key"));
    assert!(say(b"hello").starts_with("it holds neither"));
    assert!(say(br#"{"kty":"oct","k":"c2hvcnQ"}"#).starts_with("the secret has fewer than 32"));
    assert!(
        say(br#"{"kty":"EC","crv":"P-521","x":"AA","y":"AA"}"#).starts_with("the key is none of")
    );
    assert!(
        say(br#"{"kty":"RSA","use":"enc","n":"AQ","e":"AQ"}"#).starts_with("the key is not for")
    );
    assert_eq!(format!("{:?}", jwk(&Ec::new().jwk("k"))), "Key([hidden])");
}

/// A key server with answers that the test changes; it counts how often it is asked.
struct Published {
    body: Mutex<String>,
    asked: AtomicUsize,
}

async fn publish(body: String) -> (Arc<Published>, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let published = Arc::new(Published { body: Mutex::new(body), asked: AtomicUsize::new(0) });
    let seen = Arc::clone(&published);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let read = stream.read(&mut request).await.unwrap_or(0);
            let line = String::from_utf8_lossy(&request[..read]).into_owned();
            let body = if line.starts_with("GET /.well-known/openid-configuration ") {
                let address = stream.local_addr().expect("an address");
                json!({ "jwks_uri": format!("http://{address}/keys") }).to_string()
            } else {
                seen.asked.fetch_add(1, Ordering::SeqCst);
                seen.body.lock().expect("no panic").clone()
            };
            let head = if body.is_empty() { "500 Broken" } else { "200 OK" };
            let answer = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (published, address)
}

impl Published {
    fn change(&self, body: String) {
        *self.body.lock().expect("no panic") = body;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn served(source: KeySource) -> Oauth2Settings {
    let fetch =
        FetchSettings { tls: None, connection_timeout_ms: 5_000, request_timeout_ms: 5_000 };
    Oauth2Settings { server: Some(KeyServer { source, fetch }), ..settings([]) }
}

fn jwks(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

#[tokio::test]
async fn keys_of_a_server_are_fetched_once_and_again_when_they_change_but_not_too_often() {
    let (first, second) = (Ec::new(), Ec::new());
    let enc = json!({ "kty": "RSA", "kid": "e", "use": "enc", "n": "AQ", "e": "AQ" });
    let (server, address) = publish(jwks(&[first.jwk("1"), enc])).await;
    let clock = clock();
    let time = Arc::clone(&clock) as Arc<dyn Clock>;
    let source = KeySource::Keys(format!("{address}/keys"));
    let backend = Oauth2Backend::new(served(source), time);
    let late = with(&json!({ "exp": 1_000_000 }));
    let may = async |token: String| backend.log_in(&login(&token)).await;
    for _ in 0..3 {
        may(first.token("1", &late)).await.expect("the key is published");
    }
    assert_eq!(server.asked(), 1);
    server.change(jwks(&[second.jwk("2")]));
    for _ in 0..3 {
        let refused = may(second.token("2", &late)).await.expect_err("fetched only just now");
        assert_eq!(refused, BackendError::Refused("no key is known by the id '2'".to_owned()));
    }
    assert_eq!(server.asked(), 1, "whoever invents ids makes no requests");
    clock.advance(JWKS_REFETCH_MIN_MS);
    may(second.token("2", &late)).await.expect("one more fetch brings it");
    assert_eq!(server.asked(), 2);
    may(first.token("1", &late)).await.expect_err("it was taken back");
    server.change(String::new());
    clock.advance(JWKS_AGE_MAX_MS);
    may(second.token("2", &late)).await.expect("keys stay while the server is down");
    assert_eq!(server.asked(), 3, "they were too old");
    let unknown = may(first.token("1", &late)).await.expect_err("nobody can say");
    assert!(
        matches!(&unknown, BackendError::Failed(why) if why.contains("status 500")),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn a_discovery_document_says_where_the_keys_are() {
    let ec = Ec::new();
    let (_server, address) = publish(jwks(&[ec.jwk("1")])).await;
    let document = format!("{address}/.well-known/openid-configuration");
    let backend = Oauth2Backend::new(served(KeySource::Discovery(document)), clock());
    backend.log_in(&login(&ec.token("1", &claims()))).await.expect("found");
}

#[tokio::test]
async fn a_secret_that_is_published_and_an_answer_that_is_none_bring_no_key() {
    let secret = json!({ "kty": "oct", "kid": "1", "k": encoded([7; 32]) });
    let sign = |signed: &[u8]| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]), signed).as_ref().to_vec()
    };
    let made = token(&json!({ "alg": "HS256", "kid": "1" }), &claims(), sign);
    for (body, is_known) in [(jwks(&[secret]), true), ("nonsense".to_owned(), false)] {
        let (_server, address) = publish(body).await;
        let backend = Oauth2Backend::new(served(KeySource::Keys(address)), clock());
        let error = backend.log_in(&login(&made)).await.expect_err("no key");
        assert_eq!(matches!(error, BackendError::Refused(_)), is_known, "{error:?}");
    }
}

#[test]
fn keys_come_over_tls_or_from_this_machine() {
    let is_safe = |address: &str| KeySource::Keys(address.to_owned()).is_safe();
    assert!(is_safe("https://login.example.com/keys") && is_safe("http://127.0.0.1:8080/keys"));
    assert!(!is_safe("http://login.example.com/keys") && !is_safe("ftp://localhost/"));
    assert!(!is_safe("http://127.0.0.1.example.com/") && !is_safe("nonsense"));
}
