//! Listeners with TLS, and what is spoken there.

use super::super::draft::DEFAULT_LISTENER;
use super::super::settings::Password;
use super::super::transport::TlsVersion;
use super::super::value;
use super::expects::{FILE, SWITCH, path};
use super::key::{Key, key};

const PORT: &str = "a port from 0 to 65535 (0 takes any free one), or an address and a port such as \
                    127.0.0.1:5671 or [::1]:5671";

pub(super) const KEYS: &[Key] = &[
    key(
        "listeners.ssl.default",
        None,
        PORT,
        ["listeners.ssl.default = 5671", "Where AMQP is spoken over TLS."],
        |draft, given| {
            let address = value::listen_address(given.value)?;
            draft.transport.listeners.set(DEFAULT_LISTENER, given.rank, address);
            Some(())
        },
    ),
    key(
        "listeners.ssl.*",
        None,
        PORT,
        ["listeners.ssl.lan = 192.168.1.10:5671", "A listener with TLS of any name."],
        |draft, given| {
            let address = value::listen_address(given.value)?;
            draft.transport.listeners.set(given.part, given.rank, address);
            Some(())
        },
    ),
    key(
        "listeners.ssl",
        None,
        "none",
        ["listeners.ssl = none", "No listener with TLS."],
        |draft, given| {
            (given.value == "none").then(|| draft.transport.listeners.set_none(given.rank))
        },
    ),
    key(
        "ssl_options.certfile",
        None,
        FILE,
        [
            "ssl_options.certfile = /etc/haremq/server.pem",
            "The certificate of the server, in PEM, with the intermediate ones behind it.",
        ],
        |draft, given| {
            draft.transport.plain.certfile = Some(path(given.value)?);
            Some(())
        },
    ),
    key(
        "ssl_options.keyfile",
        None,
        FILE,
        [
            "ssl_options.keyfile = /etc/haremq/server.key",
            "The private key of that certificate, in PEM; without it, it stands in the same file.",
        ],
        |draft, given| {
            draft.transport.plain.keyfile = Some(path(given.value)?);
            Some(())
        },
    ),
    key(
        "ssl_options.cacertfile",
        None,
        FILE,
        [
            "ssl_options.cacertfile = /etc/haremq/ca.pem",
            "The authorities that client certificates must come from, in PEM.",
        ],
        |draft, given| {
            draft.transport.plain.cacertfile = Some(path(given.value)?);
            Some(())
        },
    ),
    key(
        "ssl_options.password",
        None,
        "the password of the private key",
        [
            "ssl_options.password = secret",
            "The password of the private key; a key that really has one is refused.",
        ],
        |draft, given| {
            draft.transport.plain.key_password = Some(Password(given.value.to_owned()));
            Some(())
        },
    )
    .secret(),
    key(
        "ssl_options.verify",
        Some("verify_none"),
        "verify_none or verify_peer",
        [
            "ssl_options.verify = verify_peer",
            "Whether clients are asked for a certificate, which then must be good.",
        ],
        |draft, given| {
            draft.transport.plain.verify_peer = match given.value {
                "verify_peer" => true,
                "verify_none" => false,
                _ => return None,
            };
            Some(())
        },
    ),
    key(
        "ssl_options.fail_if_no_peer_cert",
        Some("false"),
        SWITCH,
        [
            "ssl_options.fail_if_no_peer_cert = true",
            "A client without a certificate is refused; needs verify_peer.",
        ],
        |draft, given| {
            draft.transport.plain.fail_if_no_peer_cert = value::switch(given.value)?;
            Some(())
        },
    ),
    key(
        "ssl_options.depth",
        Some("10"),
        "a number from 0 to 255",
        [
            "ssl_options.depth = 2",
            "Intermediate certificates between a client's and the authority, at most.",
        ],
        |draft, given| {
            draft.transport.plain.depth = value::number(given.value)?;
            Some(())
        },
    ),
    key(
        "ssl_options.versions.*",
        None,
        "tlsv1.3 or tlsv1.2 (tlsv1.1 and tlsv1 are understood and left out)",
        [
            "ssl_options.versions.1 = tlsv1.3",
            "A version of TLS that is spoken; without one, all are.",
        ],
        |draft, given| {
            let version = TlsVersion::parse(given.value)?;
            draft.transport.versions.set(given.part, given.rank, version);
            Some(())
        },
    ),
    key(
        "ssl_handshake_timeout",
        Some("5000"),
        "a time of at least 1ms, such as 5000 (milliseconds) or 5s",
        ["ssl_handshake_timeout = 10s", "How long a TLS handshake may take, in milliseconds."],
        |draft, given| {
            let ms = value::duration_ms(given.value, 1).filter(|ms| *ms > 0)?;
            draft.transport.plain.tls_handshake_timeout_ms = ms;
            Some(())
        },
    ),
];
