//! HTTPS of the page with metrics.

use super::super::transport::TlsVersion;
use super::super::value;
use super::expects::{FILE, SWITCH, path};
use super::key::{Key, key};

pub(super) const KEYS: &[Key] = &[
    key(
        "prometheus.ssl.port",
        None,
        "a port from 0 to 65535 (0 takes any free one), or none for no listener",
        ["prometheus.ssl.port = 15691", "Where the metrics are served with TLS."],
        |draft, given| value::set_port(&mut draft.prometheus_tls.address.port, given.value),
    ),
    key(
        "prometheus.ssl.ip",
        None,
        "an IP address",
        ["prometheus.ssl.ip = 127.0.0.1", "The one address that they are served on with TLS."],
        |draft, given| {
            draft.prometheus_tls.address.ip = Some(given.value.parse().ok()?);
            Some(())
        },
    ),
    key(
        "prometheus.ssl.certfile",
        None,
        FILE,
        [
            "prometheus.ssl.certfile = /etc/haremq/metrics.pem",
            "The certificate of that listener, in PEM, with the intermediate ones behind it.",
        ],
        |draft, given| {
            draft.prometheus_tls.plain.certificate = Some(path(given.value)?);
            Some(())
        },
    ),
    key(
        "prometheus.ssl.keyfile",
        None,
        FILE,
        [
            "prometheus.ssl.keyfile = /etc/haremq/metrics.key",
            "The private key of that certificate, in PEM; without it, it stands in the same file.",
        ],
        |draft, given| {
            draft.prometheus_tls.plain.key = Some(path(given.value)?);
            Some(())
        },
    ),
    key(
        "prometheus.ssl.cacertfile",
        None,
        FILE,
        [
            "prometheus.ssl.cacertfile = /etc/haremq/ca.pem",
            "The authorities that certificates of its clients must come from, in PEM.",
        ],
        |draft, given| {
            draft.prometheus_tls.plain.authorities = Some(path(given.value)?);
            Some(())
        },
    ),
    key(
        "prometheus.ssl.verify",
        Some("verify_none"),
        "verify_none or verify_peer",
        [
            "prometheus.ssl.verify = verify_peer",
            "Whether its clients are asked for a certificate, which then must be good.",
        ],
        |draft, given| {
            draft.prometheus_tls.plain.verify_peer = match given.value {
                "verify_peer" => true,
                "verify_none" => false,
                _ => return None,
            };
            Some(())
        },
    ),
    key(
        "prometheus.ssl.fail_if_no_peer_cert",
        Some("false"),
        SWITCH,
        [
            "prometheus.ssl.fail_if_no_peer_cert = true",
            "A client without a certificate is refused; needs verify_peer.",
        ],
        |draft, given| {
            draft.prometheus_tls.plain.fail_if_no_peer_cert = value::switch(given.value)?;
            Some(())
        },
    ),
    key(
        "prometheus.ssl.depth",
        Some("10"),
        "a number from 0 to 255",
        [
            "prometheus.ssl.depth = 2",
            "Intermediate certificates between a client's and the authority, at most.",
        ],
        |draft, given| {
            draft.prometheus_tls.plain.depth = value::number(given.value)?;
            Some(())
        },
    ),
    key(
        "prometheus.ssl.versions.*",
        None,
        "tlsv1.3 or tlsv1.2 (tlsv1.1 and tlsv1 are understood and left out)",
        [
            "prometheus.ssl.versions.1 = tlsv1.3",
            "A version of TLS that is spoken there; without one, all are.",
        ],
        |draft, given| {
            let version = TlsVersion::parse(given.value)?;
            draft.prometheus_tls.versions.set(given.part, given.rank, version);
            Some(())
        },
    ),
];
