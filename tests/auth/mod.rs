//! Users whom others vouch for: tokens, an HTTP service, a cache before it; and whoever guesses.

mod checks;
mod guessing;
mod served;
mod service;
mod signer;
mod starting;
mod tokens;
