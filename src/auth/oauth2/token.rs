//! A token before it is believed: a JWT in the compact form (RFC 7515, RFC 7519).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::Key;
use super::algorithm::{Algorithm, UnknownAlgorithm};
use crate::access::ShownName;
use crate::base::limits::TOKEN_BYTES_MAX;

/// What a token claims, once it is believed.
pub(super) type Claims = Map<String, Value>;

/// Why a token is not believed. The text is for the log, and holds nothing of the token but the id of its key.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum TokenError {
    #[error("what was given as password is no token")]
    NoToken,
    #[error("the token is longer than {TOKEN_BYTES_MAX} bytes")]
    TooLong,
    #[error("{0}")]
    Algorithm(#[from] UnknownAlgorithm),
    #[error("auth_oauth2.algorithms does not list the algorithm of the token")]
    NotAllowed,
    #[error("the token asks for an extension that is not known (crit)")]
    Critical,
    #[error("the token names no key, and auth_oauth2.default_key is not set")]
    NoKeyId,
    #[error("no key is known by the id '{0}'")]
    UnknownKey(ShownName),
    #[error("the signature is not that of the key '{0}'")]
    Signature(String),
    #[error("Provided JWT token has expired at timestamp {exp_s} (validated at {now_s})")]
    Expired { exp_s: u64, now_s: u64 },
    #[error("Provided JWT token has no exp claim")]
    NoExpiry,
    #[error("Provided JWT token has an invalid exp claim: value is not a number")]
    BadExpiry,
    #[error("the token is good from timestamp {0} on")]
    NotYet(u64),
    #[error("the token is not for this broker: its aud claim does not hold '{0}'")]
    Audience(String),
    #[error("the name in the token is longer than 255 bytes")]
    Name,
    #[error("the token has more than {0} scopes")]
    TooManyScopes(usize),
}

/// The parts of a token that nobody has verified.
pub(super) struct Unverified<'a> {
    /// What the signature is about.
    signed: &'a [u8],
    payload: &'a [u8],
    signature: Vec<u8>,
    algorithm: Algorithm,
    /// Which key is to verify it.
    pub(super) key_id: Option<String>,
}

impl<'a> Unverified<'a> {
    pub(super) fn parse(token: &'a [u8]) -> Result<Self, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::TooLong);
        }
        let mut parts = token.split(|byte| *byte == b'.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::NoToken);
        };
        let signed = &token[..header.len() + 1 + payload.len()];
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenError::NoToken)?;
        let header = object(header)?;
        let text = |name: &str| header.get(name).and_then(Value::as_str);
        if header.contains_key("crit") {
            return Err(TokenError::Critical);
        }
        let algorithm = text("alg").ok_or(TokenError::NoToken)?.parse()?;
        let key_id = text("kid").map(str::to_owned);
        Ok(Self { signed, payload, signature, algorithm, key_id })
    }

    /// The claims, when the key verifies them in one of these ways; none of them listed: in any.
    pub(super) fn verify(
        &self,
        key: &Key,
        key_id: &str,
        allowed: &[Algorithm],
    ) -> Result<Claims, TokenError> {
        if !allowed.is_empty() && !allowed.contains(&self.algorithm) {
            return Err(TokenError::NotAllowed);
        }
        if !key.verifies(self.algorithm, self.signed, &self.signature) {
            return Err(TokenError::Signature(key_id.to_owned()));
        }
        object(self.payload)
    }
}

fn object(part: &[u8]) -> Result<Map<String, Value>, TokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::NoToken)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenError::NoToken)
}
