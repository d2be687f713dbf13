//! Where the broker is: a socket in its data folder, or an address.

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use super::failure::{Failure, code};
use super::trust::Trust;
use crate::config::{Settings, Storage, load};

/// The name of the socket in the data folder of a broker.
pub(crate) const SOCKET_NAME: &str = "management.sock";

/// What to connect to.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Whoever may open it is an administrator.
    Socket(PathBuf),
    Address(Address),
}

/// A management API behind HTTP or HTTPS.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub host: String,
    pub port: u16,
    /// What stands in front of `/api`, without a slash at the end.
    pub prefix: String,
    pub user: String,
    pub password: String,
    /// Of HTTPS.
    pub trust: Option<Trust>,
}

/// How a place is shown: a password is not.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "{}", path.display()),
            Self::Address(address) => {
                let scheme = if address.trust.is_some() { "https" } else { "http" };
                write!(f, "{scheme}://{}:{}{}", address.host, address.port, address.prefix)
            }
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the caller says about the place.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Wanted<'a> {
    pub url: Option<&'a str>,
    pub data_dir: Option<&'a str>,
    pub config: Option<&'a str>,
    /// What HTTPS is spoken with.
    pub trust: Option<&'a Trust>,
}

impl Place {
    /// `--url`, then `--data-dir`, then `HAREMQ_URL`, then the data folder that a broker would use that
    /// is started with the same configuration and environment, or its port when it has no such folder.
    pub(crate) fn find(
        wanted: Wanted<'_>,
        environment: &[(OsString, OsString)],
    ) -> Result<Self, Failure> {
        let of_environment = environment.iter().find(|(name, _)| name == URL_VARIABLE);
        let of_environment = of_environment.and_then(|(_, value)| value.to_str());
        let of_environment = of_environment.filter(|url| !url.is_empty());
        if let Some(url) = wanted.url {
            return Self::at(url, "--url", wanted.trust);
        }
        if let (None, Some(url)) = (wanted.data_dir, of_environment) {
            return Self::at(url, URL_VARIABLE, wanted.trust);
        }
        let mut arguments = vec![OsString::from("haremq")];
        for (flag, value) in [("--data-dir", wanted.data_dir), ("--config", wanted.config)] {
            arguments.extend(value.into_iter().flat_map(|value| [flag.into(), value.into()]));
        }
        let loaded = load(arguments, environment.iter().cloned())
            .map_err(|error| Failure::plain(code::CONFIG, format!("Error: {error}")))?;
        match loaded.settings.storage {
            Storage::Directory(folder) => Ok(Self::Socket(folder.join(SOCKET_NAME))),
            Storage::Ephemeral => Self::without_folder(&loaded.settings),
        }
    }

    /// A broker that keeps nothing has no socket file: it is asked on its port, as its first user.
    fn without_folder(settings: &Settings) -> Result<Self, Failure> {
        let listener = settings.management.listener.filter(|listener| listener.port != 0);
        let listener = listener.ok_or_else(|| Failure::plain(code::CONFIG, EPHEMERAL))?;
        let host = match listener.ip {
            Some(ip) if ip.is_unspecified() => HERE.to_owned(),
            Some(ip @ IpAddr::V6(_)) => format!("[{ip}]"),
            Some(ip) => ip.to_string(),
            None => HERE.to_owned(),
        };
        let user = &settings.default_user;
        Ok(Self::Address(Address {
            host,
            port: listener.port,
            prefix: settings.management.path_prefix.clone(),
            user: user.name.to_string(),
            password: user.password.0.clone(),
            trust: None,
        }))
    }

    fn at(url: &str, source: &str, trust: Option<&Trust>) -> Result<Self, Failure> {
        let trust = trust.cloned().unwrap_or_default();
        Address::parse(url, trust).map(Self::Address).map_err(|reason| {
            let shown = url.rsplit_once('@').map_or(url, |(_, after)| after);
            let expected =
                "expected http://user:password@host:15672 or https://user:password@host:15671";
            let text = format!("Error: {source} names '{shown}', which {reason}: {expected}");
            Failure::plain(code::CONFIG, text)
        })
    }
}

impl Address {
    /// Reads `http://user:password@host:port/prefix`, or `https://`; all but the host may be left out.
    pub(crate) fn parse(url: &str, trust: Trust) -> Result<Self, String> {
        let (rest, trust) = match url.split_once("://") {
            Some(("http", rest)) => (rest, None),
            Some(("https", rest)) => (rest, Some(trust)),
            Some((scheme, _)) => return Err(format!("begins with {scheme}://")),
            None => (url, None),
        };
        let (authority, prefix) = match rest.split_once('/') {
            Some((authority, path)) => (authority, path.trim_end_matches('/')),
            None => (rest, ""),
        };
        let (login, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let (host, port) = match place.rsplit_once(':') {
            // The last colon of an IPv6 address is none in front of a port.
            Some((host, port)) if !port.contains(']') => {
                (host, port.parse().map_err(|_| format!("has the port '{port}'"))?)
            }
            _ => (place, if trust.is_some() { HTTPS_PORT } else { API_PORT }),
        };
        if host.is_empty() {
            return Err("has no host".to_owned());
        }
        let (user, password) = if login.is_empty() { ("guest", "guest") } else { (user, password) };
        Ok(Self {
            host: host.to_owned(),
            port,
            prefix: if prefix.is_empty() { String::new() } else { format!("/{prefix}") },
            user: decoded(user)?,
            password: decoded(password)?,
            trust,
        })
    }
}

/// Puts `%40` back to what it stands for.
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        bytes.push(byte.ok_or("has a % that is not followed by two digits")?);
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| "has a name or password that is not UTF-8".to_owned())
}

const URL_VARIABLE: &str = "HAREMQ_URL";
const HERE: &str = "localhost";
const API_PORT: u16 = 15672;
const HTTPS_PORT: u16 = 15671;
const EPHEMERAL: &str = "Error: the settings keep nothing on disk (haremq.ephemeral), so there is no data \
     folder with a socket, and they name no port of the management API: name the broker with --url http://user:password@host:15672";

#[cfg(test)]
mod tests {
    use super::*;

    fn find(wanted: Wanted<'_>, environment: &[(&str, &str)]) -> Result<Place, Failure> {
        let environment: Vec<_> =
            environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Place::find(wanted, &environment)
    }

    fn address(url: &str) -> Address {
        Address::parse(url, Trust::default()).unwrap_or_else(|reason| panic!("{url} {reason}"))
    }

    #[test]
    fn an_address_may_leave_everything_out_but_the_host() {
        let short = address("box");
        assert_eq!((short.host.as_str(), short.port), ("box", 15672));
        assert_eq!((short.user.as_str(), short.password.as_str()), ("guest", "guest"));
        let long = address("http://henry:a%40b:c@[::1]:8080/mq/");
        assert_eq!((long.host.as_str(), long.port, long.prefix.as_str()), ("[::1]", 8080, "/mq"));
        assert_eq!((long.user.as_str(), long.password.as_str()), ("henry", "a@b:c"));
        assert_eq!(address("http://[::1]").host, "[::1]");
        let https = address("https://box");
        assert_eq!((https.port, https.trust.is_some()), (15671, true));
        assert_eq!(Place::Address(https).to_string(), "https://box:15671");
    }

    #[test]
    fn a_wrong_address_says_what_is_wrong_and_no_password() {
        let wanted = |url| Wanted { url: Some(url), ..Wanted::default() };
        for (url, part) in [
            ("amqp://box", "amqp://"),
            ("http://box:port", "'port'"),
            ("http://", "no host"),
            ("http://u:secret%4@box", "two digits"),
        ] {
            let error = find(wanted(url), &[]).expect_err(url);
            assert!(error.to_string().contains(part), "{url}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
            assert_eq!(error.code(), code::CONFIG);
        }
    }

    #[test]
    fn the_socket_is_where_the_broker_would_put_it() {
        let socket = |folder: &str| Ok(Place::Socket(PathBuf::from(folder).join(SOCKET_NAME)));
        let set = [("HAREMQ_DATA_DIR", "/a")];
        assert_eq!(find(Wanted::default(), &set), socket("/a"));
        let flag = Wanted { data_dir: Some("/b"), ..Wanted::default() };
        assert_eq!(find(flag, &set), socket("/b"));
        assert_eq!(find(Wanted::default(), &[]), socket("/var/lib/haremq"));
    }

    #[test]
    fn an_address_wins_over_a_folder_unless_the_folder_is_a_flag() {
        let set = [("HAREMQ_DATA_DIR", "/a"), ("HAREMQ_URL", "http://box")];
        let place = find(Wanted::default(), &set).expect("a place");
        assert_eq!(place.to_string(), "http://box:15672");
        let flag = Wanted { data_dir: Some("/b"), ..Wanted::default() };
        assert!(matches!(find(flag, &set), Ok(Place::Socket(_))));
    }

    #[test]
    fn a_broker_that_keeps_nothing_is_asked_on_its_port_as_its_first_user() {
        let set = [("HAREMQ_EPHEMERAL", "true"), ("RABBITMQ_DEFAULT_USER", "app")];
        let Ok(Place::Address(found)) = find(Wanted::default(), &set) else {
            panic!("an address");
        };
        assert_eq!((found.host.as_str(), found.port), ("localhost", 15672));
        assert_eq!((found.user.as_str(), found.password.as_str()), ("app", "guest"));
        let bound = [set[0], ("HAREMQ_MANAGEMENT_TCP_IP", "::1")];
        let place = find(Wanted::default(), &bound).expect("a place");
        assert_eq!(place.to_string(), "http://[::1]:15672");
    }

    #[test]
    fn a_broker_that_keeps_nothing_on_any_port_needs_an_address() {
        let set = [("HAREMQ_EPHEMERAL", "true"), ("HAREMQ_MANAGEMENT_TCP_PORT", "0")];
        let error = find(Wanted::default(), &set).expect_err("no folder and no port");
        assert!(error.to_string().contains("--url"), "{error}");
    }
}
