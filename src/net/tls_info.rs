//! What was agreed on with TLS, for those who look at connections, in the words that RabbitMQ has from
//! Erlang's `ssl`.

use rustls::{CipherSuite, ProtocolVersion};

use super::certificate::describe;
use super::tls::TlsConnection;
use crate::broker::TlsInfo;

/// Of a connection whose handshake is done; `None` before.
pub(super) fn of(connection: &TlsConnection) -> Option<TlsInfo> {
    let tls = connection.get_ref().1;
    let protocol = match tls.protocol_version()? {
        ProtocolVersion::TLSv1_3 => "tlsv1.3",
        ProtocolVersion::TLSv1_2 => "tlsv1.2",
        _ => "unknown",
    };
    let (key_exchange, cipher) = words(tls.negotiated_cipher_suite()?.suite());
    let own = tls.peer_certificates().and_then(|chain| chain.first());
    let peer = own.and_then(|certificate| describe(certificate));
    // Every cipher that rustls speaks authenticates by itself.
    Some(TlsInfo { protocol, key_exchange, cipher, hash: "aead", peer })
}

/// Key exchange and cipher.
fn words(suite: CipherSuite) -> (&'static str, &'static str) {
    const AES_128: &str = "aes_128_gcm";
    const AES_256: &str = "aes_256_gcm";
    const CHACHA: &str = "chacha20_poly1305";
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => ("any", AES_128),
        CipherSuite::TLS13_AES_256_GCM_SHA384 => ("any", AES_256),
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => ("any", CHACHA),
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => ("ecdhe_rsa", AES_128),
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => ("ecdhe_rsa", AES_256),
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => ("ecdhe_rsa", CHACHA),
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => ("ecdhe_ecdsa", AES_128),
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => ("ecdhe_ecdsa", AES_256),
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => ("ecdhe_ecdsa", CHACHA),
        _ => ("unknown", "unknown"),
    }
}

#[cfg(test)]
mod tests {
    use rustls::crypto::ring::ALL_CIPHER_SUITES;

    use super::*;

    #[test]
    fn every_cipher_that_is_spoken_has_its_words() {
        for suite in ALL_CIPHER_SUITES {
            let (key_exchange, cipher) = words(suite.suite());
            assert!(![key_exchange, cipher].contains(&"unknown"), "{suite:?}");
            let name = format!("{:?}", suite.suite()).to_lowercase();
            assert!(name.contains(cipher), "{name}: {cipher}");
            assert!(name.contains(key_exchange) != name.starts_with("tls13"), "{name}");
        }
    }
}
