//! HTTPS of the management API and its pages.

use super::super::transport::TlsVersion;
use super::super::value;
use super::expects::{FILE, SWITCH, path};
use super::key::{Key, key};

pub(super) const KEYS: &[Key] = &[
    key(
        "management.ssl.port",
        None,
        "a port from 0 to 65535 (0 takes any free one), or none for no listener",
        ["management.ssl.port = 15671", "Where management API and pages are served with TLS."],
        |draft, given| value::set_port(&mut draft.management_tls.address.port, given.value),
    ),
    key(
        "management.ssl.ip",
        None,
        "an IP address",
        ["management.ssl.ip = 127.0.0.1", "The one address that they are served on with TLS."],
        |draft, given| {
            draft.management_tls.address.ip = Some(given.value.parse().ok()?);
            Some(())
        },
    ),
    key(
        "management.ssl.certfile",
        None,
        FILE,
        [
            "management.ssl.certfile = /etc/haremq/management.pem",
            "The certificate of that listener, in PEM, with the intermediate ones behind it.",
        ],
        |draft, given| {
            draft.management_tls.plain.certificate = Some(path(given.value)?);
            Some(())
        },
    ),
    key(
        "management.ssl.keyfile",
        None,
        FILE,
        [
            "management.ssl.keyfile = /etc/haremq/management.key",
            "The private key of that certificate, in PEM; without it, it stands in the same file.",
        ],
        |draft, given| {
            draft.management_tls.plain.key = Some(path(given.value)?);
            Some(())
        },
    ),
    key(
        "management.ssl.cacertfile",
        None,
        FILE,
        [
            "management.ssl.cacertfile = /etc/haremq/ca.pem",
            "The authorities that certificates of its clients must come from, in PEM.",
        ],
        |draft, given| {
            draft.management_tls.plain.authorities = Some(path(given.value)?);
            Some(())
        },
    ),
    key(
        "management.ssl.verify",
        Some("verify_none"),
        "verify_none or verify_peer",
        [
            "management.ssl.verify = verify_peer",
            "Whether its clients are asked for a certificate, which then must be good.",
        ],
        |draft, given| {
            draft.management_tls.plain.verify_peer = match given.value {
                "verify_peer" => true,
                "verify_none" => false,
                _ => return None,
            };
            Some(())
        },
    ),
    key(
        "management.ssl.fail_if_no_peer_cert",
        Some("false"),
        SWITCH,
        [
            "management.ssl.fail_if_no_peer_cert = true",
            "A client without a certificate is refused; needs verify_peer.",
        ],
        |draft, given| {
            draft.management_tls.plain.fail_if_no_peer_cert = value::switch(given.value)?;
            Some(())
        },
    ),
    key(
        "management.ssl.depth",
        Some("10"),
        "a number from 0 to 255",
        [
            "management.ssl.depth = 2",
            "Intermediate certificates between a client's and the authority, at most.",
        ],
        |draft, given| {
            draft.management_tls.plain.depth = value::number(given.value)?;
            Some(())
        },
    ),
    key(
        "management.ssl.versions.*",
        None,
        "tlsv1.3 or tlsv1.2 (tlsv1.1 and tlsv1 are understood and left out)",
        [
            "management.ssl.versions.1 = tlsv1.3",
            "A version of TLS that is spoken there; without one, all are.",
        ],
        |draft, given| {
            let version = TlsVersion::parse(given.value)?;
            draft.management_tls.versions.set(given.part, given.rank, version);
            Some(())
        },
    ),
];
