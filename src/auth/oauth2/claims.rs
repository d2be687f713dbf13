//! What the claims of a token come to (rabbitmq: oauth2.md, "token validation" and "scope-to-permission translation").

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::token::{Claims, TokenError};
use crate::access::{Grant, Known, Scopes, Token};
use crate::base::UserName;
use crate::base::limits::{TOKEN_SCOPES_MAX, TOKEN_SKEW_S};

/// How claims are read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Reading {
    /// The name of this broker among those that take tokens.
    pub(super) resource_server_id: String,
    /// What stands before the scopes that are meant for it.
    pub(super) scope_prefix: String,
    /// Whether the token must be for this broker.
    pub(super) verify_audience: bool,
    /// Claims that may hold the user's name, the best first.
    pub(super) name_claims: Vec<String>,
    /// More claims that hold scopes: paths with dots.
    pub(super) scope_claims: Vec<String>,
    /// Scopes that stand for others.
    pub(super) aliases: BTreeMap<String, Vec<String>>,
}

/// Where a requesting party token has its scopes (User-Managed Access, as Keycloak makes them).
const REQUESTING_PARTY: &str = "authorization.permissions.scopes";

/// Claims that hold a name when none of the preferred ones does.
const NAME_CLAIMS: [&str; 2] = ["sub", "client_id"];

impl Reading {
    /// The user of a verified token.
    pub(super) fn read(&self, claims: &Claims, now_s: u64) -> Result<Known, TokenError> {
        let expires_s = expiry(claims, now_s)?;
        if let Some(from_s) = claims.get("nbf").and_then(seconds)
            && from_s > now_s + TOKEN_SKEW_S
        {
            return Err(TokenError::NotYet(from_s));
        }
        if self.verify_audience && !self.is_audience(claims.get("aud")) {
            return Err(TokenError::Audience(self.resource_server_id.clone()));
        }
        let words = self.words(claims);
        if words.len() > TOKEN_SCOPES_MAX {
            return Err(TokenError::TooManyScopes(TOKEN_SCOPES_MAX));
        }
        let tags = words.iter().filter_map(|word| word.strip_prefix("tag:"));
        let tags = tags.map(str::to_owned).collect();
        let scopes = Arc::new(Scopes::parse(words.iter().map(String::as_str)));
        let name = UserName::try_from(self.name(claims)).map_err(|_| TokenError::Name)?;
        Ok(Known { name, tags, grant: Grant::Token(Token { scopes, expires_s }) })
    }

    fn is_audience(&self, claim: Option<&Value>) -> bool {
        let is_own = |word: &str| word == self.resource_server_id;
        match claim {
            Some(Value::String(words)) => words.split(' ').any(is_own),
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).any(is_own),
            _ => false,
        }
    }

    fn name<'a>(&self, claims: &'a Claims) -> &'a str {
        let names = self.name_claims.iter().map(String::as_str).chain(NAME_CLAIMS);
        let mut found = names.filter_map(|name| claims.get(name).and_then(Value::as_str));
        // RabbitMQ's word for somebody without a name.
        found.next().unwrap_or("unknown")
    }

    /// The scopes that are meant for this broker, without their prefix.
    fn words(&self, claims: &Claims) -> BTreeSet<String> {
        let mut all = Vec::new();
        let paths = self.scope_claims.iter().map(String::as_str);
        for path in ["scope", REQUESTING_PARTY].into_iter().chain(paths) {
            let steps: Vec<&str> = path.split('.').filter(|step| !step.is_empty()).collect();
            if let Some((first, steps)) = steps.split_first()
                && let Some(value) = claims.get(*first)
            {
                self.collect(value, steps, &mut all);
            }
        }
        let aliases = all.iter().filter_map(|word| self.aliases.get(word)).flatten().cloned();
        let more: Vec<String> = aliases.collect();
        let words = all.iter().chain(&more);
        words.filter_map(|word| word.strip_prefix(&self.scope_prefix)).map(str::to_owned).collect()
    }

    /// The words behind a path of keys; lists on the way are gone through.
    fn collect(&self, value: &Value, steps: &[&str], words: &mut Vec<String>) {
        match (value, steps.split_first()) {
            (Value::Array(all), Some(_)) => {
                for one in all {
                    self.collect(one, steps, words);
                }
            }
            (Value::Object(map), Some((step, steps))) => {
                if let Some(value) = map.get(*step) {
                    self.collect(value, steps, words);
                }
            }
            (Value::String(text), None) => words.extend(split(text)),
            (Value::Array(all), None) => {
                words.extend(all.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            // Scopes by resource server: those of this one, which then need no prefix.
            (Value::Object(map), None) => {
                let own = map.get(&self.resource_server_id);
                let mut of_own = Vec::new();
                if let Some(own @ (Value::String(_) | Value::Array(_))) = own {
                    self.collect(own, &[], &mut of_own);
                }
                let id = &self.resource_server_id;
                words.extend(of_own.into_iter().map(|word| format!("{id}.{word}")));
            }
            _ => {}
        }
    }
}

fn split(text: &str) -> impl Iterator<Item = String> {
    text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned)
}

/// When the token ends; an error when it has ended, or does not say.
fn expiry(claims: &Claims, now_s: u64) -> Result<u64, TokenError> {
    let claim = claims.get("exp").ok_or(TokenError::NoExpiry)?;
    let exp_s = seconds(claim).ok_or(TokenError::BadExpiry)?;
    if exp_s <= now_s { Err(TokenError::Expired { exp_s, now_s }) } else { Ok(exp_s) }
}

/// A moment in seconds since 1970, cut to whole ones; what was before is 0.
fn seconds(claim: &Value) -> Option<u64> {
    let number = claim.as_number()?;
    if let Some(whole) = number.as_u64() {
        return Some(whole);
    }
    let fraction = number.as_f64()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast stops at both ends, and parts of a second do not count"
    )]
    Some(fraction as u64)
}
