//! Tokens: who may come with one, and what it comes to.

use super::super::value;
use super::auth_http::address;
use super::expects::{FILE, SWITCH, path};
use super::key::{Key, key};

const SERVER: &str = "an address that begins with https:// (http:// of this machine is taken)";
const ALGORITHM: &str =
    "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA, HS256, HS384 or HS512";
const SCOPES: &str = "scopes, with a space between them";

pub(super) const KEYS: &[Key] = &[
    key(
        "auth_oauth2.resource_server_id",
        None,
        "a name without spaces",
        [
            "auth_oauth2.resource_server_id = rabbitmq",
            "The name of this broker: tokens for it hold it as audience, and before their scopes.",
        ],
        |draft, given| {
            draft.authentication.plain.oauth2.resource_server_id = Some(word(given.value)?);
            Some(())
        },
    ),
    key(
        "auth_oauth2.scope_prefix",
        None,
        "a prefix without spaces, or nothing",
        [
            "auth_oauth2.scope_prefix = rabbitmq.",
            "What stands before the scopes of a token; without the key, the resource_server_id and a dot.",
        ],
        |draft, given| {
            let is_good = !given.value.contains(' ');
            is_good.then(|| {
                draft.authentication.plain.oauth2.scope_prefix = Some(given.value.to_owned());
            })
        },
    ),
    key(
        "auth_oauth2.additional_scopes_key",
        None,
        "claims, with dots for those inside of others and spaces between them",
        ["auth_oauth2.additional_scopes_key = roles", "More claims of a token that hold scopes."],
        |draft, given| {
            draft.authentication.plain.oauth2.scope_claims = words(given.value)?;
            Some(())
        },
    ),
    key(
        "auth_oauth2.preferred_username_claims.*",
        None,
        "the name of a claim",
        [
            "auth_oauth2.preferred_username_claims.1 = user_name",
            "A claim that holds the name of the user, in the order of the numbers; then sub and client_id.",
        ],
        |draft, given| {
            let claim = word(given.value)?;
            draft.authentication.name_claims.set(given.part, given.rank, claim);
            Some(())
        },
    ),
    key(
        "auth_oauth2.scope_aliases.*",
        None,
        SCOPES,
        [
            "auth_oauth2.scope_aliases.admin = rabbitmq.tag:administrator rabbitmq.read:*/*",
            "Scopes that another word in a token stands for.",
        ],
        |draft, given| {
            let scopes = words(given.value)?;
            draft.authentication.aliases.set(given.part, given.rank, scopes);
            Some(())
        },
    ),
    key(
        "auth_oauth2.scope_aliases.*.alias",
        None,
        "a word of a token",
        [
            "auth_oauth2.scope_aliases.1.alias = api://developer",
            "A word of a token that stands for scopes, where it cannot be part of a key.",
        ],
        |draft, given| {
            let alias = word(given.value)?;
            draft.authentication.alias_names.set(given.part, given.rank, alias);
            Some(())
        },
    ),
    key(
        "auth_oauth2.scope_aliases.*.scope",
        None,
        SCOPES,
        [
            "auth_oauth2.scope_aliases.1.scope = rabbitmq.read:*/*",
            "The scopes that the alias of this number stands for.",
        ],
        |draft, given| {
            let scopes = words(given.value)?;
            draft.authentication.alias_scopes.set(given.part, given.rank, scopes);
            Some(())
        },
    ),
    key(
        "auth_oauth2.verify_aud",
        Some("true"),
        SWITCH,
        [
            "auth_oauth2.verify_aud = false",
            "Whether a token must name the resource_server_id as its audience.",
        ],
        |draft, given| {
            draft.authentication.plain.oauth2.verify_audience = value::switch(given.value)?;
            Some(())
        },
    ),
    key(
        "auth_oauth2.default_key",
        None,
        "the id of a key",
        ["auth_oauth2.default_key = key-1", "The key of tokens that name none."],
        |draft, given| {
            draft.authentication.plain.oauth2.default_key = Some(word(given.value)?);
            Some(())
        },
    ),
    key(
        "auth_oauth2.signing_keys.*",
        None,
        FILE,
        [
            "auth_oauth2.signing_keys.key-1 = /etc/haremq/token-key.pem",
            "A key of this id: a public key or certificate in PEM, or a key in JSON (JWK).",
        ],
        |draft, given| {
            let file = path(given.value)?;
            draft.authentication.signing_keys.set(given.part, given.rank, file);
            Some(())
        },
    ),
    key(
        "auth_oauth2.jwks_uri",
        None,
        SERVER,
        [
            "auth_oauth2.jwks_uri = https://login.example.com/keys",
            "Where the keys of whoever makes tokens are published.",
        ],
        |draft, given| {
            draft.authentication.plain.oauth2.jwks_uri = Some(address(given.value)?);
            Some(())
        },
    ),
    key(
        "auth_oauth2.jwks_url",
        None,
        SERVER,
        ["auth_oauth2.jwks_url = https://login.example.com/keys", "The older name of jwks_uri."],
        |draft, given| {
            draft.authentication.plain.oauth2.jwks_uri = Some(address(given.value)?);
            Some(())
        },
    ),
    key(
        "auth_oauth2.issuer",
        None,
        SERVER,
        [
            "auth_oauth2.issuer = https://login.example.com/realms/broker",
            "Who makes tokens: its discovery document says where its keys are.",
        ],
        |draft, given| {
            draft.authentication.plain.oauth2.issuer = Some(address(given.value)?);
            Some(())
        },
    ),
    key(
        "auth_oauth2.discovery_endpoint_path",
        Some(".well-known/openid-configuration"),
        "a path below the issuer",
        [
            "auth_oauth2.discovery_endpoint_path = .well-known/authorization-server",
            "Where below the issuer its discovery document is.",
        ],
        |draft, given| {
            draft.authentication.plain.oauth2.discovery_path = word(given.value)?;
            Some(())
        },
    ),
    key(
        "auth_oauth2.algorithms.*",
        None,
        ALGORITHM,
        [
            "auth_oauth2.algorithms.1 = RS256",
            "A way in which tokens may be signed; without any, all that the keys allow.",
        ],
        |draft, given| {
            let is_known =
                ALGORITHM.replace(" or ", ", ").split(", ").any(|name| name == given.value);
            is_known.then(|| {
                draft.authentication.algorithms.set(given.part, given.rank, given.value.to_owned());
            })
        },
    ),
    key(
        "auth_oauth2.https.cacertfile",
        None,
        FILE,
        [
            "auth_oauth2.https.cacertfile = /etc/haremq/login-ca.pem",
            "Authorities of the key server's certificate, in PEM; without it, those of the system.",
        ],
        |draft, given| {
            draft.authentication.plain.oauth2.cacertfile = Some(path(given.value)?);
            Some(())
        },
    ),
    key(
        "auth_oauth2.https.peer_verification",
        None,
        "verify_peer: keys from a server that anybody can pretend to be are none",
        [
            "auth_oauth2.https.peer_verification = verify_peer",
            "The certificate of the key server is always checked.",
        ],
        |_, given| (given.value == "verify_peer").then_some(()),
    ),
];

fn word(text: &str) -> Option<String> {
    let is_one = !text.is_empty() && !text.contains(char::is_whitespace);
    is_one.then(|| text.to_owned())
}

fn words(text: &str) -> Option<Vec<String>> {
    let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    (!words.is_empty()).then_some(words)
}
