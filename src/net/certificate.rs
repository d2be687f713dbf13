//! Who a client certificate speaks for: the user name in it, in RabbitMQ's form.
//!
//! Only names are read here. Whether the certificate is to be trusted was decided when it came.

use std::iter;

use x509_parser::asn1_rs::Tag;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::time::ASN1Time;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use crate::broker::CertificateInfo;

/// Where in a client certificate the user name stands. `ssl_cert_login_from`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoginFrom {
    /// The whole subject: `CN=app,O=Example`, the last part first (RFC 4514).
    DistinguishedName,
    /// The common name; several are joined by commas.
    CommonName,
    /// A subject alternative name.
    SubjectAlternativeName {
        /// Of this kind. `ssl_cert_login_san_type`.
        kind: SanKind,
        /// The one of this number among them, from 0. `ssl_cert_login_san_index`.
        index: usize,
    },
}

/// A kind of subject alternative name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SanKind {
    /// The name of a host.
    Dns,
    /// An address, written out.
    Ip,
    /// A mail address.
    Email,
    /// A URI.
    Uri,
}

/// The user name in a certificate; `None` when it holds none of the kind that is asked for.
pub(super) fn login_name(der: &[u8], from: LoginFrom) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let name = match from {
        LoginFrom::DistinguishedName => distinguished_name(certificate.subject()),
        LoginFrom::CommonName => common_names(certificate.subject()),
        LoginFrom::SubjectAlternativeName { kind, index } => {
            let names = certificate.subject_alternative_name().ok()??;
            let mut of_kind =
                names.value.general_names.iter().filter_map(|name| of_kind(name, kind));
            of_kind.nth(index)?
        }
    };
    // A line end around a name is an artefact of encoders, never meant.
    let name = String::from_utf8(name).ok()?.trim_matches(['\r', '\n']).to_owned();
    (!name.is_empty()).then_some(name)
}

/// The issuer and the subject of a certificate, as they stand in it.
pub(super) fn issuer_and_subject(der: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some((certificate.issuer().as_raw().to_vec(), certificate.subject().as_raw().to_vec()))
}

/// A certificate for a log line: its subject and until when it holds.
pub(super) fn subject_and_end(der: &[u8]) -> Option<(String, String)> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let subject = String::from_utf8_lossy(&distinguished_name(certificate.subject())).into_owned();
    Some((subject, certificate.validity().not_after.to_string()))
}

/// A certificate for those who look at connections.
pub(super) fn describe(der: &[u8]) -> Option<CertificateInfo> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let name = |name| String::from_utf8_lossy(&distinguished_name(name)).into_owned();
    let validity = certificate.validity();
    let (begin, end) = (moment(validity.not_before), moment(validity.not_after));
    Some(CertificateInfo {
        subject: name(certificate.subject()),
        issuer: name(certificate.issuer()),
        validity: format!("{begin} - {end}"),
    })
}

/// As RabbitMQ writes it: `2026-01-31T12:00:00Z`.
fn moment(time: ASN1Time) -> String {
    let time = time.to_datetime();
    let (date, month, clock) = (time.date(), u8::from(time.month()), time.time());
    let (hour, minute, second) = clock.as_hms();
    format!("{:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", date.year(), date.day())
}

/// The parts from last to first with commas between; what stands in one part together, with a plus.
fn distinguished_name(name: &X509Name<'_>) -> Vec<u8> {
    let mut parts: Vec<Vec<u8>> = name
        .iter_rdn()
        .map(|part| part.iter().map(attribute).collect::<Vec<_>>().join(&b'+'))
        .collect();
    parts.reverse();
    parts.join(&b',')
}

fn common_names(name: &X509Name<'_>) -> Vec<u8> {
    name.iter_common_name().map(text).collect::<Vec<_>>().join(&b',')
}

/// `CN=value`; a type without a short name stands there by its number.
fn attribute(attribute: &AttributeTypeAndValue<'_>) -> Vec<u8> {
    let number = attribute.attr_type().to_id_string();
    let short = SHORT_NAMES.iter().find(|(known, _)| *known == number);
    let mut shown = short.map_or(number.as_str(), |(_, short)| short).as_bytes().to_vec();
    shown.push(b'=');
    shown.extend(escaped(&text(attribute)));
    shown
}

/// The value in UTF-8 where its type says what it is, else its bytes in hexadecimal (RFC 4514, 2.4).
fn text(attribute: &AttributeTypeAndValue<'_>) -> Vec<u8> {
    let value = attribute.attr_value();
    let bytes = value.data;
    match value.tag() {
        Tag::BmpString => {
            let units = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            let text: String = char::decode_utf16(units)
                .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect();
            text.into_bytes()
        }
        Tag::UniversalString => {
            let units = bytes.chunks_exact(4);
            let units = units.map(|unit| u32::from_be_bytes([unit[0], unit[1], unit[2], unit[3]]));
            let text: String = units
                .map(|unit| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect();
            text.into_bytes()
        }
        Tag::Utf8String
        | Tag::PrintableString
        | Tag::Ia5String
        | Tag::T61String
        | Tag::NumericString
        | Tag::VisibleString => bytes.to_vec(),
        _ => {
            let digits = bytes.iter().flat_map(|byte| format!("{byte:02X}").into_bytes());
            iter::once(b'#').chain(digits).collect()
        }
    }
}

/// RFC 4514 with RabbitMQ's addition: what is no printable ASCII is written as its bytes.
fn escaped(value: &[u8]) -> Vec<u8> {
    let last = value.len().saturating_sub(1);
    let mut shown = Vec::with_capacity(value.len());
    for (at, byte) in value.iter().enumerate() {
        match byte {
            b'#' if at == 0 => shown.extend(b"\\#"),
            b' ' if at == 0 || at == last => shown.extend(b"\\ "),
            b'"' | b'+' | b',' | b';' | b'<' | b'>' | b'\\' => shown.extend([b'\\', *byte]),
            0..32 | 126.. => shown.extend(format!("\\{byte:02X}").into_bytes()),
            _ => shown.push(*byte),
        }
    }
    shown
}

fn of_kind(name: &GeneralName<'_>, kind: SanKind) -> Option<Vec<u8>> {
    match (name, kind) {
        (GeneralName::DNSName(name), SanKind::Dns)
        | (GeneralName::RFC822Name(name), SanKind::Email)
        | (GeneralName::URI(name), SanKind::Uri) => Some(name.as_bytes().to_vec()),
        (GeneralName::IPAddress(bytes), SanKind::Ip) => {
            let address = match *bytes {
                [a, b, c, d] => std::net::IpAddr::from([*a, *b, *c, *d]),
                _ => <[u8; 16]>::try_from(*bytes).ok()?.into(),
            };
            Some(address.to_string().into_bytes())
        }
        _ => None,
    }
}

/// Types that have a short name in RabbitMQ's form.
const SHORT_NAMES: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "SERIALNUMBER"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "TITLE"),
    ("2.5.4.42", "GIVENNAME"),
    ("2.5.4.43", "INITIALS"),
    ("2.5.4.44", "GENERATIONQUALIFIER"),
    ("2.5.4.65", "PSEUDONYM"),
    ("1.2.840.113549.1.9.1", "EMAILADDRESS"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
];

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};

    use super::*;

    fn certificate(name: &[(DnType, &str)], sans: Vec<SanType>) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in name {
            params.distinguished_name.push(kind.clone(), *value);
        }
        params.subject_alt_names = sans;
        let key = KeyPair::generate().expect("a key");
        params.self_signed(&key).expect("a certificate").der().to_vec()
    }

    fn name(parts: &[(DnType, &str)], from: LoginFrom) -> Option<String> {
        login_name(&certificate(parts, Vec::new()), from)
    }

    #[test]
    fn a_distinguished_name_is_written_from_its_end() {
        let parts = [
            (DnType::CountryName, "SE"),
            (DnType::OrganizationName, "Example"),
            (DnType::CommonName, "app"),
        ];
        let whole = name(&parts, LoginFrom::DistinguishedName);
        assert_eq!(whole.as_deref(), Some("CN=app,O=Example,C=SE"));
    }

    /// The expected values are what RabbitMQ 3.10.8 made of the same names.
    #[test]
    fn a_distinguished_name_is_escaped_as_rabbitmq_does() {
        let cases = [
            ("a,b", r"CN=a\,b"),
            (" a b ", r"CN=\ a b\ "),
            ("#1", r"CN=\#1"),
            ("1#", "CN=1#"),
            (r#"a"+;<>\"#, r#"CN=a\"\+\;\<\>\\"#),
            ("J\u{f6}rg", r"CN=J\C3\B6rg"),
            ("a\tb~", r"CN=a\09b\7E"),
        ];
        for (value, expected) in cases {
            let shown = name(&[(DnType::CommonName, value)], LoginFrom::DistinguishedName);
            assert_eq!(shown.as_deref(), Some(expected));
        }
        let street = DnType::CustomDnType(vec![2, 5, 4, 9]);
        let shown = name(&[(street, "Main")], LoginFrom::DistinguishedName);
        assert_eq!(shown.as_deref(), Some("2.5.4.9=Main"), "without a short name, as there");
    }

    #[test]
    fn a_common_name_is_taken_as_it_is() {
        let parts = [(DnType::OrganizationName, "Example"), (DnType::CommonName, "J\u{f6}rg, x")];
        assert_eq!(name(&parts, LoginFrom::CommonName).as_deref(), Some("J\u{f6}rg, x"));
        assert_eq!(name(&parts[..1], LoginFrom::CommonName), None, "there is none");
    }

    #[test]
    fn an_alternative_name_is_taken_by_kind_and_number() {
        let dns = |name: &str| SanType::DnsName(name.try_into().expect("ASCII"));
        let der = certificate(
            &[(DnType::CommonName, "app")],
            vec![
                SanType::Rfc822Name("app@example.com".try_into().expect("ASCII")),
                dns("one.example.com"),
                dns("two.example.com"),
                SanType::URI("spiffe://example.com/app".try_into().expect("ASCII")),
                SanType::IpAddress([10, 0, 0, 7].into()),
            ],
        );
        let san = |kind, index| login_name(&der, LoginFrom::SubjectAlternativeName { kind, index });
        assert_eq!(san(SanKind::Dns, 0).as_deref(), Some("one.example.com"));
        assert_eq!(san(SanKind::Dns, 1).as_deref(), Some("two.example.com"));
        assert_eq!(san(SanKind::Dns, 2), None);
        assert_eq!(san(SanKind::Email, 0).as_deref(), Some("app@example.com"));
        assert_eq!(san(SanKind::Uri, 0).as_deref(), Some("spiffe://example.com/app"));
        assert_eq!(san(SanKind::Ip, 0).as_deref(), Some("10.0.0.7"));
    }

    /// The form is that of RabbitMQ 3.10.8; the two kinds of time in a certificate meet at 2050.
    #[test]
    fn a_certificate_is_described_by_names_and_moments() {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Example");
        params.distinguished_name.push(DnType::CommonName, "app");
        params.not_before = rcgen::date_time_ymd(2020, 3, 9);
        params.not_after = rcgen::date_time_ymd(2055, 11, 30);
        let key = KeyPair::generate().expect("a key");
        let der = params.self_signed(&key).expect("a certificate").der().to_vec();
        let described = describe(&der).expect("a good certificate");
        assert_eq!(described.subject, "CN=app,O=Example");
        assert_eq!(described.issuer, "CN=app,O=Example");
        assert_eq!(described.validity, "2020-03-09T00:00:00Z - 2055-11-30T00:00:00Z");
        assert_eq!(describe(b"garbage"), None);
    }

    #[test]
    fn what_is_no_certificate_has_no_name() {
        for der in [&b""[..], b"\x30\x03\x02\x01", b"garbage"] {
            assert_eq!(login_name(der, LoginFrom::DistinguishedName), None);
        }
    }
}
