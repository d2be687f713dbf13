//! SASL responses to user name and password: PLAIN (RFC 4616) and RabbitMQ's AMQPLAIN.

use bytes::Bytes;

use crate::base::{FieldTable, FieldValue, ShortStr};
use crate::wire::{WireError, decode_table};

use super::action::Secret;
use super::error::ProtocolError;

/// A mechanism the server knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mechanism {
    /// `NUL user NUL password`.
    Plain,
    /// A field table, without its length, that holds `LOGIN` and `PASSWORD`.
    Amqplain,
}

/// User name and password as sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Login {
    pub(super) user: Bytes,
    pub(super) password: Secret,
}

impl Mechanism {
    /// The mechanism that a client chose, when it is among the `offered` ones.
    pub(super) fn chosen(name: &ShortStr, offered: &str) -> Result<Self, ProtocolError> {
        [Self::Plain, Self::Amqplain]
            .into_iter()
            .filter(|mechanism| offered.split(' ').any(|name| name == mechanism.name()))
            .find(|mechanism| mechanism.name().as_bytes() == name.as_bytes())
            .ok_or_else(|| ProtocolError::UnknownMechanism { mechanism: name.clone() })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Amqplain => "AMQPLAIN",
        }
    }

    /// Takes user name and password out of a response.
    pub(super) fn login(self, response: &Bytes) -> Result<Login, ProtocolError> {
        match self {
            Self::Plain => plain(response).ok_or(ProtocolError::PlainResponse),
            Self::Amqplain => amqplain(response),
        }
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
            |response: &'static [u8]| Mechanism::Plain.login(&Bytes::from_static(response));
        assert_eq!(login_of(b"\0guest\0secret"), Ok(login("guest", "secret")));
        assert_eq!(login_of(b"\0\0"), Ok(login("", "")));
    }

    #[test]
    fn a_malformed_plain_response_is_refused() {
        for response in [&b""[..], b"guest", b"\0guest", b"who\0guest\0secret", b"\0a\0b\0c"] {
            let response = Bytes::from_static(response);
            assert_eq!(Mechanism::Plain.login(&response), Err(ProtocolError::PlainResponse));
        }
    }

    #[test]
    fn amqplain_is_a_table_without_its_length() {
        let response = table(&[
            ("LOGIN", FieldValue::text("guest")),
            ("PASSWORD", FieldValue::text("secret")),
        ]);
        assert_eq!(Mechanism::Amqplain.login(&response), Ok(login("guest", "secret")));
    }

    #[test]
    fn an_amqplain_response_without_its_fields_is_refused() {
        let no_password = table(&[("LOGIN", FieldValue::text("guest"))]);
        assert_eq!(Mechanism::Amqplain.login(&no_password), Err(ProtocolError::AmqplainField));
        let number =
            table(&[("LOGIN", FieldValue::I32(1)), ("PASSWORD", FieldValue::text("secret"))]);
        assert_eq!(Mechanism::Amqplain.login(&number), Err(ProtocolError::AmqplainType));
        let torn = Bytes::from_static(b"\x05LOG");
        assert!(matches!(Mechanism::Amqplain.login(&torn), Err(ProtocolError::Wire(_))));
    }

    #[test]
    fn only_an_offered_mechanism_is_chosen() {
        let name = |text: &str| ShortStr::try_from(text).expect("short");
        let chosen = |text: &str, offered| Mechanism::chosen(&name(text), offered);
        assert_eq!(chosen("PLAIN", "PLAIN AMQPLAIN"), Ok(Mechanism::Plain));
        assert_eq!(chosen("AMQPLAIN", "PLAIN AMQPLAIN"), Ok(Mechanism::Amqplain));
        for (text, offered) in [("AMQPLAIN", "PLAIN"), ("plain", "PLAIN"), ("EXTERNAL", "EXTERNAL")]
        {
            let mechanism = name(text);
            assert_eq!(chosen(text, offered), Err(ProtocolError::UnknownMechanism { mechanism }));
        }
    }
}
