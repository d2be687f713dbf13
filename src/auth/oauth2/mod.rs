//! Logins with tokens: JWTs that somebody else signed (rabbitmq: oauth2.md).
//!
//! ```text
//! token.rs     three parts, header, signature, claims          pure
//! key.rs       keys from PEM and JWK, what each may verify     pure
//! claims.rs    audience, time, name, scopes, tags              pure
//! key_ring.rs  keys from files and from a key server, rotation
//! backend.rs   all of it as one of the broker's backends
//! ```
//!
//! A token is believed only when the key that its header names, of those that the configuration gives, verifies it with
//! an algorithm of that kind of key (A5): the header chooses neither `none` nor HMAC with a public key.

mod algorithm;
mod backend;
mod claims;
mod key;
mod key_ring;
#[cfg(test)]
mod tests;
mod token;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use backend::{Oauth2Backend, Oauth2Settings};
pub use key::{KeyError, read_key};
pub use key_ring::{KeyServer, KeySource};

use key::Key;
