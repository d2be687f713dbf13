//! SASL responses to user name and password: PLAIN (RFC 4616) and RabbitMQ's AMQPLAIN; and the two
//! mechanisms whose response says nothing, ANONYMOUS (RFC 4505) and EXTERNAL (RFC 4422).

use std::fmt;

use bytes::Bytes;

use crate::base::{FieldTable, FieldValue, ShortStr};
use crate::wire::{WireError, decode_table};

use super::action::Secret;
use super::error::ProtocolError;
use super::settings::Settings;

/// A mechanism the server knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mechanism {
    /// `NUL user NUL password`.
    Plain,
    /// A field table, without its length, that holds `LOGIN` and `PASSWORD`.
    Amqplain,
    /// The user that the settings name; what the client sends is a trace for the log, which is not read.
    Anonymous,
    /// The user that the transport vouches for: the one of a client certificate. The response is not read,
    /// as by RabbitMQ.
    External,
}

/// User name and password as sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Login {
    pub(super) user: Bytes,
    pub(super) password: Secret,
}

impl Mechanism {
    /// The mechanism that a client chose, when it is among those that are offered.
    pub(super) fn chosen(name: &ShortStr, settings: &Settings) -> Result<Self, ProtocolError> {
        settings
            .offered()
            .find(|mechanism| mechanism.name().as_bytes() == name.as_bytes())
            .ok_or_else(|| ProtocolError::UnknownMechanism { mechanism: name.clone() })
    }

    /// The mechanism of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let all = [Self::Plain, Self::Amqplain, Self::Anonymous, Self::External];
        all.into_iter().find(|mechanism| mechanism.name() == name)
    }

    /// Its name in SASL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Amqplain => "AMQPLAIN",
            Self::Anonymous => "ANONYMOUS",
            Self::External => "EXTERNAL",
        }
    }

    /// Takes user name and password out of a response.
    pub(super) fn login(
        self,
        response: &Bytes,
        settings: &Settings,
    ) -> Result<Login, ProtocolError> {
        match self {
            Self::Plain => plain(response).ok_or(ProtocolError::PlainResponse),
            Self::Amqplain => amqplain(response),
            Self::Anonymous => {
                let (user, password) = settings.anonymous.clone().unwrap_or_default();
                Ok(Login { user, password })
            }
            Self::External => Ok(Login { user: Bytes::new(), password: Secret::default() }),
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An authorization identity before the first NUL is not taken (rabbitmq: it is refused as well).
fn plain(response: &Bytes) -> Option<Login> {
    let [0, rest @ ..] = &response[..] else { return None };
    let (user, password) = rest.split_at_checked(rest.iter().position(|octet| *octet == 0)?)?;
    let [0, password @ ..] = password else { return None };
    if password.contains(&0) {
        return None;
    }
    Some(Login { user: response.slice_ref(user), password: Secret(response.slice_ref(password)) })
}

fn amqplain(response: &Bytes) -> Result<Login, ProtocolError> {
    let table = decode_table(response).map_err(|error: WireError| ProtocolError::Wire(error))?;
    let user = amqplain_field(&table, b"LOGIN")?;
    let password = amqplain_field(&table, b"PASSWORD")?;
    Ok(Login { user, password: Secret(password) })
}

fn amqplain_field(table: &FieldTable, key: &[u8]) -> Result<Bytes, ProtocolError> {
    match table.get(key) {
        Some(FieldValue::LongString(bytes)) => Ok(bytes.clone()),
        Some(_) => Err(ProtocolError::AmqplainType),
        None => Err(ProtocolError::AmqplainField),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::encode_table;

    fn login(user: &str, password: &str) -> Login {
        Login {
            user: Bytes::copy_from_slice(user.as_bytes()),
            password: Secret(Bytes::copy_from_slice(password.as_bytes())),
        }
    }

    fn log_in(mechanism: Mechanism, response: &Bytes) -> Result<Login, ProtocolError> {
        mechanism.login(response, &Settings::default())
    }

    fn table(entries: &[(&str, FieldValue)]) -> Bytes {
        let table = entries
            .iter()
            .map(|(key, value)| (ShortStr::try_from(*key).expect("short"), value.clone()))
            .collect();
        let mut encoded = Vec::new();
        encode_table(&table, &mut encoded);
        Bytes::from(encoded).slice(4..)
    }

    #[test]
    fn plain_splits_at_its_two_nuls() {
        let login_of =
            |response: &'static [u8]| log_in(Mechanism::Plain, &Bytes::from_static(response));
        assert_eq!(login_of(b"\0guest\0secret"), Ok(login("guest", "secret")));
        assert_eq!(login_of(b"\0\0"), Ok(login("", "")));
    }

    #[test]
    fn a_malformed_plain_response_is_refused() {
        for response in [&b""[..], b"guest", b"\0guest", b"who\0guest\0secret", b"\0a\0b\0c"] {
            let response = Bytes::from_static(response);
            assert_eq!(log_in(Mechanism::Plain, &response), Err(ProtocolError::PlainResponse));
        }
    }

    #[test]
    fn amqplain_is_a_table_without_its_length() {
        let response = table(&[
            ("LOGIN", FieldValue::text("guest")),
            ("PASSWORD", FieldValue::text("secret")),
        ]);
        assert_eq!(log_in(Mechanism::Amqplain, &response), Ok(login("guest", "secret")));
    }

    #[test]
    fn an_amqplain_response_without_its_fields_is_refused() {
        let no_password = table(&[("LOGIN", FieldValue::text("guest"))]);
        assert_eq!(log_in(Mechanism::Amqplain, &no_password), Err(ProtocolError::AmqplainField));
        let number =
            table(&[("LOGIN", FieldValue::I32(1)), ("PASSWORD", FieldValue::text("secret"))]);
        assert_eq!(log_in(Mechanism::Amqplain, &number), Err(ProtocolError::AmqplainType));
        let torn = Bytes::from_static(b"\x05LOG");
        assert!(matches!(log_in(Mechanism::Amqplain, &torn), Err(ProtocolError::Wire(_))));
    }

    #[test]
    fn only_an_offered_mechanism_is_chosen() {
        use Mechanism::{Amqplain, Anonymous, External, Plain};
        let name = |text: &str| ShortStr::try_from(text).expect("short");
        let chosen = |text: &str, mechanisms: &[Mechanism]| {
            let settings = Settings { mechanisms: mechanisms.to_vec(), ..Settings::default() };
            Mechanism::chosen(&name(text), &settings)
        };
        assert_eq!(chosen("PLAIN", &[Plain, Amqplain]), Ok(Plain));
        assert_eq!(chosen("AMQPLAIN", &[Plain, Amqplain]), Ok(Amqplain));
        assert_eq!(chosen("EXTERNAL", &[Plain, External]), Ok(External));
        for (text, offered) in [
            ("AMQPLAIN", &[Plain][..]),
            ("plain", &[Plain]),
            ("EXTERNAL", &[Plain]),
            ("ANONYMOUS", &[Plain, Anonymous]),
        ] {
            let mechanism = name(text);
            assert_eq!(chosen(text, offered), Err(ProtocolError::UnknownMechanism { mechanism }));
        }
    }

    #[test]
    fn anonymous_is_the_user_of_the_settings_and_external_nobody_yet() {
        let anonymous = Some((Bytes::from_static(b"guest"), Secret(Bytes::from_static(b"pass"))));
        let mechanisms = vec![Mechanism::Anonymous, Mechanism::External];
        let settings = Settings { mechanisms, anonymous, ..Settings::default() };
        let name = ShortStr::try_from("ANONYMOUS").expect("short");
        assert_eq!(Mechanism::chosen(&name, &settings), Ok(Mechanism::Anonymous));
        let trace = Bytes::from_static(b"eve\0eve");
        assert_eq!(Mechanism::Anonymous.login(&trace, &settings), Ok(login("guest", "pass")));
        assert_eq!(Mechanism::External.login(&trace, &settings), Ok(login("", "")));
    }

    #[test]
    fn a_mechanism_is_found_by_its_name() {
        for name in ["PLAIN", "AMQPLAIN", "ANONYMOUS", "EXTERNAL"] {
            assert_eq!(Mechanism::parse(name).map(Mechanism::name), Some(name));
        }
        assert_eq!(Mechanism::parse("external"), None);
    }
}
