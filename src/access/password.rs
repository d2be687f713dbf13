//! Password hashes in RabbitMQ's form, so that exported users can be taken over with their passwords.
//!
//! The form is base64 of a 4-byte salt followed by a digest over salt and password; which digest is said
//! beside it (`rabbit_password_hashing_sha256`, `rabbit_password_hashing_sha512`).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256, Sha512};
use subtle::{Choice, ConstantTimeEq};

/// The digests that RabbitMQ uses and that are still fit for it; its third, MD5, is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum HashAlgorithm {
    /// The default.
    #[default]
    Sha256,
    /// The longer one.
    Sha512,
}

impl HashAlgorithm {
    /// The algorithm of this name: RabbitMQ's module name, or the short one that other brokers export.
    ///
    /// # Errors
    /// [`PasswordError::UnknownAlgorithm`].
    pub fn parse(name: &str) -> Result<Self, PasswordError> {
        match name {
            "rabbit_password_hashing_sha256" | "SHA256" => Ok(Self::Sha256),
            "rabbit_password_hashing_sha512" | "SHA512" => Ok(Self::Sha512),
            _ => Err(PasswordError::UnknownAlgorithm(name.to_owned())),
        }
    }

    /// RabbitMQ's name of it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "rabbit_password_hashing_sha256",
            Self::Sha512 => "rabbit_password_hashing_sha512",
        }
    }

    fn digest_bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => DIGEST_BYTES_MAX,
        }
    }

    fn digest(self, salt: [u8; SALT_BYTES], password: &[u8]) -> [u8; DIGEST_BYTES_MAX] {
        let mut digest = [0; DIGEST_BYTES_MAX];
        match self {
            Self::Sha256 => {
                let hasher = Sha256::new().chain_update(salt).chain_update(password);
                digest[..self.digest_bytes()].copy_from_slice(&hasher.finalize());
            }
            Self::Sha512 => {
                let hasher = Sha512::new().chain_update(salt).chain_update(password);
                digest.copy_from_slice(&hasher.finalize());
            }
        }
        digest
    }
}

/// A salted hash of a password. Neither it nor the password is ever shown by `Debug`.
#[derive(Clone, Copy)]
pub struct PasswordHash {
    algorithm: HashAlgorithm,
    salt: [u8; SALT_BYTES],
    /// Zeros behind a digest that is shorter.
    digest: [u8; DIGEST_BYTES_MAX],
}

/// Why there is no hash.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PasswordError {
    /// The system's source of random numbers failed.
    #[error("the system gives no random numbers for a salt")]
    NoRandomness,
    /// Stored text that is not base64.
    #[error("a password hash must be base64")]
    NotBase64,
    /// Stored text of the wrong length.
    #[error(
        "a password hash of {algorithm} must hold {expected} bytes, and this one holds {bytes}"
    )]
    WrongLength {
        /// RabbitMQ's name of the algorithm.
        algorithm: &'static str,
        /// Salt and digest.
        expected: usize,
        /// What it holds.
        bytes: usize,
    },
    /// A digest that is not known, or not taken any more.
    #[error(
        "unknown hashing algorithm '{0}': expected rabbit_password_hashing_sha256 or \
         rabbit_password_hashing_sha512; give the user a new password"
    )]
    UnknownAlgorithm(String),
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
        let algorithm = HashAlgorithm::default();
        Self { algorithm, salt, digest: algorithm.digest(salt, password) }
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// [`PasswordError`] when the text is no base64 of salt and digest.
    pub fn parse(algorithm: HashAlgorithm, base64: &str) -> Result<Self, PasswordError> {
        let bytes = STANDARD.decode(base64).map_err(|_| PasswordError::NotBase64)?;
        let expected = SALT_BYTES + algorithm.digest_bytes();
        match bytes.split_first_chunk() {
            Some((salt, stored)) if bytes.len() == expected => {
                let mut digest = [0; DIGEST_BYTES_MAX];
                digest[..stored.len()].copy_from_slice(stored);
                Ok(Self { algorithm, salt: *salt, digest })
            }
            _ => Err(PasswordError::WrongLength {
                algorithm: algorithm.as_str(),
                expected,
                bytes: bytes.len(),
            }),
        }
    }

    /// The stored form.
    #[must_use]
    pub fn to_base64(&self) -> String {
        let digest = &self.digest[..self.algorithm.digest_bytes()];
        STANDARD.encode([&self.salt[..], digest].concat())
    }

    /// The digest that is used.
    #[must_use]
    pub fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    /// Whether this is the password, compared in a time that does not depend on where it differs.
    #[must_use]
    pub fn matches(&self, password: &[u8]) -> bool {
        bool::from(self.compare(password))
    }

    /// As [`Self::matches`], for a caller that has more to compare before it branches.
    pub(super) fn compare(&self, password: &[u8]) -> Choice {
        self.algorithm.digest(self.salt, password).ct_eq(&self.digest)
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

const SALT_BYTES: usize = 4;

/// SHA-512's.
const DIGEST_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RabbitMQ's documentation (`passwords.md`, "this is the final hash").
    const DOCUMENTED: &str = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR";

    fn sha256(base64: &str) -> Result<PasswordHash, PasswordError> {
        PasswordHash::parse(HashAlgorithm::Sha256, base64)
    }

    #[test]
    fn the_documented_hash_of_rabbitmq_is_understood() {
        let hash = sha256(DOCUMENTED).expect("36 bytes of base64");
        assert!(hash.matches(b"test12"));
        assert!(!hash.matches(b"test13"));
        assert_eq!(hash.to_base64(), DOCUMENTED);
        let salt = [0x90, 0x8D, 0xC6, 0x0A];
        assert_eq!(PasswordHash::with_salt(salt, b"test12").to_base64(), DOCUMENTED);
    }

    #[test]
    fn a_hash_of_the_longer_digest_is_taken_as_it_is() {
        let digest = Sha512::new().chain_update(*b"salt").chain_update(b"wonderland").finalize();
        let stored = STANDARD.encode([&b"salt"[..], &digest].concat());
        let hash = PasswordHash::parse(HashAlgorithm::Sha512, &stored).expect("68 bytes");
        assert!(hash.matches(b"wonderland") && !hash.matches(b"Wonderland"));
        assert_eq!((hash.to_base64(), hash.algorithm()), (stored, HashAlgorithm::Sha512));
    }

    #[test]
    fn algorithms_are_known_by_name() {
        for algorithm in [HashAlgorithm::Sha256, HashAlgorithm::Sha512] {
            assert_eq!(HashAlgorithm::parse(algorithm.as_str()), Ok(algorithm));
        }
        assert_eq!(HashAlgorithm::parse("SHA512"), Ok(HashAlgorithm::Sha512));
        let md5 = HashAlgorithm::parse("rabbit_password_hashing_md5").expect_err("not taken");
        assert!(md5.to_string().contains("give the user a new password"), "{md5}");
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
        let error = |text: &str| sha256(text).map(|_| ()).expect_err("no hash");
        assert_eq!(error("not base64!"), PasswordError::NotBase64);
        for bytes in [0, 3, 35, 37, 68] {
            let expected = format!(
                "a password hash of rabbit_password_hashing_sha256 must hold 36 bytes, and this one \
                 holds {bytes}"
            );
            assert_eq!(error(&STANDARD.encode(vec![7; bytes])).to_string(), expected);
        }
    }
}
