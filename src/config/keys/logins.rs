//! Mechanisms of login, and who is logged in by those that ask for no password.

use super::super::settings::Password;
use super::super::transport::{CertLoginFrom, CertSanType};
use super::super::value;
use super::key::{Key, key};

const NONE_OR_NAME: &str = "a name of 1 to 255 bytes without control characters, or none";
const MECHANISM: &str = "PLAIN, AMQPLAIN, EXTERNAL or ANONYMOUS";

pub(super) const KEYS: &[Key] = &[
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
    key(
        "anonymous_login_pass",
        Some("guest"),
        "the password of the user for ANONYMOUS",
        [
            "anonymous_login_pass = secret",
            "The password of that user, which is checked like any other.",
        ],
        |draft, given| {
            draft.transport.plain.anonymous_password = Some(Password(given.value.to_owned()));
            Some(())
        },
    )
    .secret(),
];
