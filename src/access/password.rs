//! Password hashes in RabbitMQ's form, so that exported users can be taken over with their passwords.
//!
//! The form is base64 of a 4-byte salt followed by SHA-256 over salt and password
//! (`rabbit_password_hashing_sha256`).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// A salted hash of a password. Neither it nor the password is ever shown by `Debug`.
#[derive(Clone, Copy)]
pub struct PasswordHash {
    salt: [u8; SALT_BYTES],
    digest: [u8; DIGEST_BYTES],
}

/// Why there is no hash.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PasswordError {
    /// The system's source of random numbers failed.
    #[error("the system gives no random numbers for a salt")]
    NoRandomness,
    /// Stored text that is not base64.
    #[error("a password hash must be base64")]
    NotBase64,
    /// Stored text of the wrong length.
    #[error("a password hash must hold {HASH_BYTES} bytes, and this one holds {0}")]
    WrongLength(usize),
}

impl PasswordHash {
    /// The hash under a fresh random salt.
    ///
    /// # Errors
    /// [`PasswordError::NoRandomness`] when the system gives none.
    pub fn new(password: &[u8]) -> Result<Self, PasswordError> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(|_| PasswordError::NoRandomness)?;
        Ok(Self::with_salt(salt, password))
    }

    /// The hash under a given salt.
    #[must_use]
    pub fn with_salt(salt: [u8; SALT_BYTES], password: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(salt);
        hasher.update(password);
        Self { salt, digest: hasher.finalize().into() }
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// [`PasswordError`] when the text is no base64 of 36 bytes.
    pub fn parse(base64: &str) -> Result<Self, PasswordError> {
        let bytes = STANDARD.decode(base64).map_err(|_| PasswordError::NotBase64)?;
        let wrong_length = PasswordError::WrongLength(bytes.len());
        let (salt, digest) = bytes.split_first_chunk().ok_or(wrong_length)?;
        let digest = digest.try_into().map_err(|_| wrong_length)?;
        Ok(Self { salt: *salt, digest })
    }

    /// The stored form.
    #[must_use]
    pub fn to_base64(&self) -> String {
        let mut bytes = [0; HASH_BYTES];
        bytes[..SALT_BYTES].copy_from_slice(&self.salt);
        bytes[SALT_BYTES..].copy_from_slice(&self.digest);
        STANDARD.encode(bytes)
    }

    /// Whether this is the password, compared in a time that does not depend on where it differs.
    #[must_use]
    pub fn matches(&self, password: &[u8]) -> bool {
        bool::from(self.compare(password))
    }

    /// As [`Self::matches`], for a caller that has more to compare before it branches.
    pub(super) fn compare(&self, password: &[u8]) -> Choice {
        Self::with_salt(self.salt, password).digest.ct_eq(&self.digest)
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

const SALT_BYTES: usize = 4;
const DIGEST_BYTES: usize = 32;
const HASH_BYTES: usize = SALT_BYTES + DIGEST_BYTES;

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RabbitMQ's documentation (`passwords.md`, "this is the final hash").
    const DOCUMENTED: &str = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR";

    #[test]
    fn the_documented_hash_of_rabbitmq_is_understood() {
        let hash = PasswordHash::parse(DOCUMENTED).expect("36 bytes of base64");
        assert!(hash.matches(b"test12"));
        assert!(!hash.matches(b"test13"));
        assert_eq!(hash.to_base64(), DOCUMENTED);
        let salt = [0x90, 0x8D, 0xC6, 0x0A];
        assert_eq!(PasswordHash::with_salt(salt, b"test12").to_base64(), DOCUMENTED);
    }

    #[test]
    fn two_hashes_of_one_password_differ_and_both_match() {
        let first = PasswordHash::new(b"secret").expect("random numbers");
        let second = PasswordHash::new(b"secret").expect("random numbers");
        assert!(first.matches(b"secret") && second.matches(b"secret"));
        assert_ne!(first.to_base64(), second.to_base64());
    }

    #[test]
    fn text_that_is_no_hash_is_refused_with_the_reason() {
        let error = |text| PasswordHash::parse(text).map(|_| ()).expect_err("no hash");
        assert_eq!(error("not base64!"), PasswordError::NotBase64);
        assert_eq!(error(""), PasswordError::WrongLength(0));
        assert_eq!(error("AAAA"), PasswordError::WrongLength(3));
        assert_eq!(error(&STANDARD.encode([7; 37])), PasswordError::WrongLength(37));
    }
}
