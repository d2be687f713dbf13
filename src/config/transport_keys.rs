//! The keys of how clients come in: TLS, mechanisms of login, proxies, the Unix socket.

use std::path::PathBuf;

use super::draft::DEFAULT_LISTENER;
use super::keys::{Key, key};
use super::settings::Password;
use super::transport::{CertLoginFrom, CertSanType, TlsVersion};
use super::value;

const PORT: &str = "a port from 0 to 65535 (0 takes any free one), or an address and a port such as \
                    127.0.0.1:5671 or [::1]:5671";
const SWITCH: &str = "true or false";
const FILE: &str = "the path of a file";
const NONE_OR_NAME: &str = "a name of 1 to 255 bytes without control characters, or none";
const MECHANISM: &str = "PLAIN, AMQPLAIN, EXTERNAL or ANONYMOUS";

/// "TLS" in the sample file.
pub(super) const TLS_KEYS: &[Key] = &[
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
    Key {
        name: "ssl_options.password",
        default: None,
        expects: "the password of the private key",
        example: "ssl_options.password = secret",
        doc: "The password of the private key; a key that really has one is refused.",
        secret: true,
        set: |draft, given| {
            draft.transport.plain.key_password = Some(Password(given.value.to_owned()));
            Some(())
        },
    },
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
            let version = match given.value {
                "tlsv1.3" => TlsVersion::Tls13,
                "tlsv1.2" => TlsVersion::Tls12,
                "tlsv1.1" | "tlsv1" => TlsVersion::Older,
                _ => return None,
            };
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

/// "Logins by certificate, and without a name".
pub(super) const LOGIN_KEYS: &[Key] = &[
    key(
        "ssl_cert_login_from",
        Some("distinguished_name"),
        "distinguished_name, common_name or subject_alternative_name",
        [
            "ssl_cert_login_from = common_name",
            "Where in a client certificate the user name stands (EXTERNAL).",
        ],
        |draft, given| {
            draft.transport.plain.cert_login_from = match given.value {
                "distinguished_name" => CertLoginFrom::DistinguishedName,
                "common_name" => CertLoginFrom::CommonName,
                "subject_alternative_name" | "subject_alt_name" => {
                    CertLoginFrom::SubjectAlternativeName
                }
                _ => return None,
            };
            Some(())
        },
    ),
    key(
        "ssl_cert_login_san_type",
        Some("dns"),
        "dns, ip, email or uri",
        ["ssl_cert_login_san_type = email", "The kind of alternative name that names the user."],
        |draft, given| {
            draft.transport.plain.cert_login_san_type = match given.value {
                "dns" => CertSanType::Dns,
                "ip" => CertSanType::Ip,
                "email" => CertSanType::Email,
                "uri" => CertSanType::Uri,
                _ => return None,
            };
            Some(())
        },
    ),
    key(
        "ssl_cert_login_san_index",
        Some("0"),
        "a number from 0 to 255",
        ["ssl_cert_login_san_index = 1", "Which alternative name of that kind, from 0."],
        |draft, given| {
            draft.transport.plain.cert_login_san_index = value::number(given.value)?;
            Some(())
        },
    ),
    key(
        "auth_mechanisms.*",
        None,
        MECHANISM,
        [
            "auth_mechanisms.1 = EXTERNAL",
            "A mechanism of login that is offered; without one, PLAIN and AMQPLAIN are.",
        ],
        |draft, given| {
            let known = ["PLAIN", "AMQPLAIN", "EXTERNAL", "ANONYMOUS"];
            let mechanism = known.into_iter().find(|known| *known == given.value)?;
            draft.transport.mechanisms.set(given.part, given.rank, mechanism);
            Some(())
        },
    ),
    key(
        "anonymous_login_user",
        Some("guest"),
        NONE_OR_NAME,
        [
            "anonymous_login_user = none",
            "The user as which a client by ANONYMOUS is logged in; none: nobody is.",
        ],
        |draft, given| {
            let name = value::name(given.value)?;
            draft.transport.plain.anonymous_user = (name != "none").then(|| name.to_owned());
            Some(())
        },
    ),
    Key {
        name: "anonymous_login_pass",
        default: Some("guest"),
        expects: "the password of the user for ANONYMOUS",
        example: "anonymous_login_pass = secret",
        doc: "The password of that user, which is checked like any other.",
        secret: true,
        set: |draft, given| {
            draft.transport.plain.anonymous_password = Some(Password(given.value.to_owned()));
            Some(())
        },
    },
];

/// "Proxies and the Unix socket".
pub(super) const WAY_IN_KEYS: &[Key] = &[
    key(
        "proxy_protocol",
        Some("false"),
        SWITCH,
        [
            "proxy_protocol = true",
            "Every TCP connection begins with a PROXY protocol header (version 1 or 2).",
        ],
        |draft, given| {
            draft.transport.plain.proxy_protocol = value::switch(given.value)?;
            Some(())
        },
    ),
    key(
        "haremq.unix_socket",
        None,
        FILE,
        [
            "haremq.unix_socket = /run/haremq/amqp.sock",
            "A Unix socket on which AMQP is spoken as well.",
        ],
        |draft, given| {
            draft.transport.plain.unix_socket = Some(path(given.value)?);
            Some(())
        },
    ),
    key(
        "haremq.unix_socket_mode",
        Some("0600"),
        "the rights of a file as three or four octal digits, such as 0660",
        ["haremq.unix_socket_mode = 0660", "Who may open that socket."],
        |draft, given| {
            draft.transport.plain.unix_socket_mode = mode(given.value)?;
            Some(())
        },
    ),
];

fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty() && !text.contains('\0')).then(|| text.into())
}

/// Octal digits, as for `chmod`; what is beyond the rights of owner, group and others means nothing here.
fn mode(text: &str) -> Option<u32> {
    let octal = text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    let mode = u32::from_str_radix(text, 8).ok()?;
    (octal && (3..=4).contains(&text.len()) && mode <= 0o777).then_some(mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_octal_digits() {
        assert_eq!((mode("0600"), mode("660")), (Some(0o600), Some(0o660)));
        for text in ["", "6", "0x1ff", "0680", "1777", "00600", "+600", "rw"] {
            assert_eq!(mode(text), None, "{text}");
        }
    }
}
