//! Keys that verify tokens, from PEM (RFC 7468) and JWK (RFC 7517).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::signature::{
    self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::Value;
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer as _, SubjectPublicKeyInfo, X509Certificate};

use super::algorithm::Algorithm;

/// A key, and the kind of signatures that it verifies.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    material: Material,
    /// The one algorithm that whoever gave it says it is for.
    only: Option<Algorithm>,
}

#[derive(Clone, PartialEq, Eq)]
enum Material {
    /// PKCS #1, as PEM files have it.
    Rsa(Vec<u8>),
    /// Modulus and exponent, as JWK has it.
    RsaParts(Vec<u8>, Vec<u8>),
    /// A point, uncompressed.
    P256(Vec<u8>),
    /// A point, uncompressed.
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
    Secret(Vec<u8>),
}

/// Why there is no key in a file or an entry.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyError {
    /// Neither PEM nor JWK.
    #[error("it holds neither a public key or certificate in PEM nor a key in JSON (JWK)")]
    NoKey,
    /// A private key where a public one belongs.
    #[error(
        "it holds a private key: take the public one, and keep the private one where tokens are made"
    )]
    Private,
    /// A key of another kind.
    #[error("the key is none of RSA, P-256, P-384, Ed25519")]
    Kind,
    /// Broken.
    #[error("the key cannot be read")]
    Broken,
    /// A secret that can be guessed.
    #[error("the secret has fewer than 32 bytes")]
    ShortSecret,
    /// A key for something else.
    #[error("the key is not for signatures that are known here")]
    Use,
}

/// Reads a file that holds a public key or a certificate in PEM, or one key in JSON.
///
/// # Errors
/// [`KeyError`].
pub fn read_key(bytes: &[u8]) -> Result<Key, KeyError> {
    if let Ok(value) = serde_json::from_slice::<Value>(bytes) {
        return Key::from_jwk(&value);
    }
    for pem in Pem::iter_from_buffer(bytes) {
        let pem = pem.map_err(|_| KeyError::NoKey)?;
        match pem.label.as_str() {
            "PUBLIC KEY" => {
                let (_, info) =
                    SubjectPublicKeyInfo::from_der(&pem.contents).map_err(|_| KeyError::Broken)?;
                return Key::from_spki(&info);
            }
            "RSA PUBLIC KEY" => return Ok(Key::new(Material::Rsa(pem.contents))),
            "CERTIFICATE" => {
                let (_, certificate) =
                    X509Certificate::from_der(&pem.contents).map_err(|_| KeyError::Broken)?;
                return Key::from_spki(certificate.public_key());
            }
            label if label.contains("PRIVATE") => return Err(KeyError::Private),
            _ => {}
        }
    }
    Err(KeyError::NoKey)
}

const RSA: &str = "1.2.840.113549.1.1.1";
const EC: &str = "1.2.840.10045.2.1";
const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
const ED25519: &str = "1.3.101.112";

impl Key {
    fn new(material: Material) -> Self {
        Self { material, only: None }
    }

    fn from_spki(info: &SubjectPublicKeyInfo<'_>) -> Result<Self, KeyError> {
        let bits = info.subject_public_key.data.to_vec();
        let material = match info.algorithm.algorithm.to_id_string().as_str() {
            RSA => Material::Rsa(bits),
            ED25519 => Material::Ed25519(bits),
            EC => {
                let curve = info.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
                match curve.map(|curve| curve.to_id_string()).as_deref() {
                    Some(P256) => Material::P256(bits),
                    Some(P384) => Material::P384(bits),
                    _ => return Err(KeyError::Kind),
                }
            }
            _ => return Err(KeyError::Kind),
        };
        Ok(Self::new(material))
    }

    /// A JWK.
    pub(super) fn from_jwk(jwk: &Value) -> Result<Self, KeyError> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| {
            let decoded = text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
            decoded.filter(|bytes| !bytes.is_empty()).ok_or(KeyError::Broken)
        };
        if text("use").is_some_and(|purpose| purpose != "sig") {
            return Err(KeyError::Use);
        }
        let only = text("alg").map(str::parse).transpose().map_err(|_| KeyError::Use)?;
        let point = |bytes_each: usize| {
            let (x, y) = (bytes("x")?, bytes("y")?);
            let is_whole = x.len() == bytes_each && y.len() == bytes_each;
            if is_whole { Ok([vec![4], x, y].concat()) } else { Err(KeyError::Broken) }
        };
        let material = match (text("kty"), text("crv")) {
            (Some("RSA"), _) => Material::RsaParts(bytes("n")?, bytes("e")?),
            (Some("EC"), Some("P-256")) => Material::P256(point(32)?),
            (Some("EC"), Some("P-384")) => Material::P384(point(48)?),
            (Some("OKP"), Some("Ed25519")) => Material::Ed25519(bytes("x")?),
            (Some("oct"), _) => Material::Secret(bytes("k")?),
            (Some(_), _) => return Err(KeyError::Kind),
            (None, _) => return Err(KeyError::NoKey),
        };
        match &material {
            Material::Secret(secret) if secret.len() < 32 => Err(KeyError::ShortSecret),
            _ => Ok(Self { material, only }),
        }
    }

    /// Whether it is a secret, which nobody publishes who means it.
    pub(super) fn is_secret(&self) -> bool {
        matches!(self.material, Material::Secret(_))
    }

    /// Whether it verifies this signature, made in this way. A way of another kind of key never does.
    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], signed: &[u8]) -> bool {
        use Algorithm::{
            EdDsa, Es256, Es384, Hs256, Hs384, Hs512, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512,
        };
        if self.only.is_some_and(|only| only != algorithm) {
            return false;
        }
        let with = |way: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(way, key).verify(message, signed).is_ok()
        };
        let rsa = |way: &'static RsaParameters| match &self.material {
            Material::Rsa(key) => with(way, key),
            Material::RsaParts(n, e) => {
                RsaPublicKeyComponents { n, e }.verify(way, message, signed).is_ok()
            }
            _ => false,
        };
        let hmac = |way: hmac::Algorithm| match &self.material {
            // Compared in constant time.
            Material::Secret(key) => {
                hmac::verify(&hmac::Key::new(way, key), message, signed).is_ok()
            }
            _ => false,
        };
        match (algorithm, &self.material) {
            (Rs256, _) => rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            (Rs384, _) => rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
            (Rs512, _) => rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
            (Ps256, _) => rsa(&signature::RSA_PSS_2048_8192_SHA256),
            (Ps384, _) => rsa(&signature::RSA_PSS_2048_8192_SHA384),
            (Ps512, _) => rsa(&signature::RSA_PSS_2048_8192_SHA512),
            (Es256, Material::P256(key)) => with(&signature::ECDSA_P256_SHA256_FIXED, key),
            (Es384, Material::P384(key)) => with(&signature::ECDSA_P384_SHA384_FIXED, key),
            (EdDsa, Material::Ed25519(key)) => with(&signature::ED25519, key),
            (Hs256, _) => hmac(hmac::HMAC_SHA256),
            (Hs384, _) => hmac(hmac::HMAC_SHA384),
            (Hs512, _) => hmac(hmac::HMAC_SHA512),
            (Es256 | Es384 | EdDsa, _) => false,
        }
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key([hidden])")
    }
}
