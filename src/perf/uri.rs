//! `amqp://user:password@host:port/vhost` to its parts (rabbitmq: uri-spec).

use std::fmt;

/// Where the broker is, and who asks.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Uri {
    /// A name or an address, without the brackets of IPv6.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) vhost: String,
}

/// Why a text is no such URI.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UriError {
    /// Another scheme, or none.
    #[error(
        "'{0}' is no AMQP URI: expected amqp://user:password@host:port/vhost, \
         amqp://guest:guest@127.0.0.1:5672/%2f for instance"
    )]
    Scheme(String),
    /// The scheme of TLS.
    #[error(
        "amqps is not supported: this command measures without TLS; use amqp:// and the broker's \
         plain listener"
    )]
    Tls,
    /// What stands for the port is none.
    #[error("'{0}' is no port: expected a number from 1 to 65535")]
    Port(String),
    /// A `%` without two hexadecimal digits, or bytes that are no UTF-8.
    #[error("'{0}' is not percent-encoded: expected UTF-8 with %XX for other bytes")]
    Encoding(String),
    /// More than one path segment.
    #[error("'{0}' is no virtual host: a slash in its name is written %2f")]
    Vhost(String),
    /// `?…`
    #[error("the URI's query '{0}' has no meaning here: leave it out")]
    Query(String),
    /// No host between `//` and the path.
    #[error("an IPv6 address stands in brackets, amqp://[::1]:5672 for instance; got '{0}'")]
    Brackets(String),
}

impl Uri {
    /// Reads a URI. What is left out is RabbitMQ's default: guest, guest, localhost, 5672; without a
    /// path, or with an empty one, the virtual host is `/`.
    pub(crate) fn parse(text: &str) -> Result<Self, UriError> {
        let (scheme, rest) =
            text.split_once("://").ok_or_else(|| UriError::Scheme(text.to_owned()))?;
        match scheme.to_ascii_lowercase().as_str() {
            "amqp" => {}
            "amqps" => return Err(UriError::Tls),
            _ => return Err(UriError::Scheme(text.to_owned())),
        }
        if let Some((_, query)) = rest.split_once('?') {
            return Err(UriError::Query(query.to_owned()));
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (account, place) = match authority.rsplit_once('@') {
            Some((account, place)) => (Some(account), place),
            None => (None, authority),
        };
        let (user, password) = match account.map(|account| account.split_once(':')) {
            None => ("guest".to_owned(), "guest".to_owned()),
            Some(Some((user, password))) => (decode(user)?, decode(password)?),
            Some(None) => (decode(account.unwrap_or_default())?, "guest".to_owned()),
        };
        let (host, port) = place_of(place)?;
        if path.contains('/') {
            return Err(UriError::Vhost(path.to_owned()));
        }
        let vhost = if path.is_empty() { "/".to_owned() } else { decode(path)? };
        Ok(Self { host, port, user, password, vhost })
    }
}

fn place_of(place: &str) -> Result<(String, u16), UriError> {
    let (host, port) = if let Some(inner) = place.strip_prefix('[') {
        let (host, after) =
            inner.split_once(']').ok_or_else(|| UriError::Brackets(place.to_owned()))?;
        let port = match after.strip_prefix(':') {
            Some(port) => Some(port),
            None if after.is_empty() => None,
            None => return Err(UriError::Brackets(place.to_owned())),
        };
        (host.to_owned(), port)
    } else {
        match place.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err(UriError::Brackets(place.to_owned()));
            }
            Some((host, port)) => (decode(host)?, Some(port)),
            None => (decode(place)?, None),
        }
    };
    let host = if host.is_empty() { "localhost".to_owned() } else { host };
    let port = match port {
        None | Some("") => 5672,
        Some(text) => match text.parse() {
            Ok(port) if port > 0 => port,
            _ => return Err(UriError::Port(text.to_owned())),
        },
    };
    Ok((host, port))
}

fn decode(text: &str) -> Result<String, UriError> {
    let wrong = || UriError::Encoding(text.to_owned());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let (digits, after) = rest.split_first_chunk::<2>().ok_or_else(wrong)?;
        let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
        let (Some(high), Some(low)) = (high, low) else { return Err(wrong()) };
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| wrong())?);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

/// Without the account: for reports.
impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        write!(f, "amqp://{host}:{}/{}", self.port, self.vhost.replace('/', "%2f"))
    }
}

/// A password is never printed.
impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, u16, String, String, String) {
        let uri = Uri::parse(text).expect("a good URI");
        (uri.host, uri.port, uri.user, uri.password, uri.vhost)
    }

    fn all(
        host: &str,
        port: u16,
        user: &str,
        password: &str,
        vhost: &str,
    ) -> (String, u16, String, String, String) {
        (host.into(), port, user.into(), password.into(), vhost.into())
    }

    #[test]
    fn what_is_left_out_is_the_default() {
        let default = all("localhost", 5672, "guest", "guest", "/");
        assert_eq!(parts("amqp://"), default);
        assert_eq!(parts("amqp://localhost/"), default);
        assert_eq!(parts("AMQP://localhost:5672/%2f"), default);
        assert_eq!(parts("amqp://me@host"), all("host", 5672, "me", "guest", "/"));
    }

    #[test]
    fn every_part_may_be_encoded() {
        let uri = "amqp://us%65r:p%40ss%3a@10.0.0.1:1234/sh%C3%B6p%2fa";
        assert_eq!(parts(uri), all("10.0.0.1", 1234, "user", "p@ss:", "shöp/a"));
        assert_eq!(parts("amqp://[::1]:99/v"), all("::1", 99, "guest", "guest", "v"));
    }

    #[test]
    fn a_report_shows_no_password() {
        let uri = Uri::parse("amqp://user:secret@[::1]/%2f").expect("a good URI");
        assert_eq!(uri.to_string(), "amqp://[::1]:5672/%2f");
        assert!(!format!("{uri:?}").contains("secret"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |text| Uri::parse(text).expect_err("a wrong URI");
        assert_eq!(error("localhost:5672"), UriError::Scheme("localhost:5672".into()));
        assert_eq!(error("http://localhost"), UriError::Scheme("http://localhost".into()));
        assert_eq!(error("amqps://localhost"), UriError::Tls);
        assert_eq!(error("amqp://h:0"), UriError::Port("0".into()));
        assert_eq!(error("amqp://h:70000"), UriError::Port("70000".into()));
        assert_eq!(error("amqp://h/%2"), UriError::Encoding("%2".into()));
        assert_eq!(error("amqp://h/%ff"), UriError::Encoding("%ff".into()));
        assert_eq!(error("amqp://h//"), UriError::Vhost("/".into()));
        assert_eq!(error("amqp://h/v?heartbeat=1"), UriError::Query("heartbeat=1".into()));
        assert_eq!(error("amqp://::1"), UriError::Brackets("::1".into()));
    }
}
