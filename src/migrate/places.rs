//! Where both sides are, and who asks there. Passwords come with the address, from the environment, or from a
//! terminal; they are never shown or written.

use std::ffi::OsString;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use serde_json::Value;

use super::args::Options;
use super::error::{MigrateError, Side};
use crate::ctl::{Address, Client, Place, Trust};
use crate::perf::Uri;

/// The management API of one side.
#[derive(Clone)]
pub(super) struct Api {
    address: Address,
}

impl Api {
    /// Reads the address of a side, and gets its password.
    pub(super) fn of(
        side: Side,
        options: &Options,
        environment: &[(OsString, OsString)],
    ) -> Result<Self, MigrateError> {
        let url = match side {
            Side::Source => &options.from,
            Side::Target => &options.to,
        };
        let trust = Trust {
            authorities: options.tls_ca_cert_file.clone(),
            anybody: options.insecure,
            ..Trust::default()
        };
        let mut address = Address::parse(url, trust).map_err(|reason| {
            let shown = url.rsplit_once('@').map_or(url.as_str(), |(_, after)| after);
            let flag = side.flag();
            MigrateError::Usage(format!(
                "{flag} names '{shown}', which {reason}: expected http://user:password@host:15672"
            ))
        })?;
        if address.password.is_empty() {
            address.password = password(side, &address.user, environment)?;
        }
        Ok(Self { address })
    }

    /// Without the account.
    pub(super) fn shown(&self) -> String {
        Place::Address(self.address.clone()).to_string()
    }

    pub(super) fn user(&self) -> &str {
        &self.address.user
    }

    pub(super) fn client(&self) -> Result<Client, String> {
        let tls = self.address.trust.as_ref().map(Trust::connector).transpose();
        let tls = tls.map_err(|failure| failure.to_string())?;
        Client::new(Place::Address(self.address.clone()), tls).map_err(|error| error.to_string())
    }

    /// AMQP of the same side: what the command line says of it, else the same host and login and the port of
    /// the overview's plain listener.
    pub(super) fn amqp(
        &self,
        side: Side,
        given: Option<&str>,
        overview: &Value,
    ) -> Result<Uri, MigrateError> {
        let flag = side.flag();
        let mut uri = match given {
            Some(text) if text.starts_with("amqps:") => {
                return Err(MigrateError::Usage(format!(
                    "{flag}-amqp: amqps is not supported: name the plain listener with amqp://, through a \
                     tunnel if need be"
                )));
            }
            Some(text) => Uri::parse(text)
                .map_err(|error| MigrateError::Usage(format!("{flag}-amqp: {error}")))?,
            None => self.guessed(side, overview)?,
        };
        if !given.is_some_and(|text| text.contains('@')) {
            uri.user.clone_from(&self.address.user);
            uri.password.clone_from(&self.address.password);
        }
        Ok(uri)
    }

    fn guessed(&self, side: Side, overview: &Value) -> Result<Uri, MigrateError> {
        let listeners = overview["listeners"].as_array().map(Vec::as_slice).unwrap_or_default();
        let port = listeners.iter().find(|listener| listener["protocol"] == "amqp");
        let port = port.and_then(|listener| listener["port"].as_u64());
        let port = port.and_then(|port| u16::try_from(port).ok()).ok_or_else(|| {
            let flag = side.flag();
            MigrateError::Usage(format!(
                "the {side} at {} names no plain AMQP listener: say where it is with {flag}-amqp",
                self.shown()
            ))
        })?;
        Ok(Uri {
            host: self.address.host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port,
            user: String::new(),
            password: String::new(),
            vhost: "/".to_owned(),
        })
    }
}

/// The password of a login that came without one.
fn password(
    side: Side,
    user: &str,
    environment: &[(OsString, OsString)],
) -> Result<String, MigrateError> {
    let variable = match side {
        Side::Source => "HAREMQ_MIGRATE_FROM_PASSWORD",
        Side::Target => "HAREMQ_MIGRATE_TO_PASSWORD",
    };
    let found = environment.iter().find(|(name, _)| name == variable);
    if let Some(found) = found.and_then(|(_, value)| value.to_str()).filter(|text| !text.is_empty())
    {
        return Ok(found.to_owned());
    }
    if !io::stdin().is_terminal() {
        let flag = side.flag();
        return Err(MigrateError::Usage(format!(
            "{flag} has no password for {user}: write {user}:password@, or set {variable}"
        )));
    }
    asked(&format!("password of {user} at the {side}: "))
        .map_err(|error| MigrateError::System(format!("cannot read a password: {error}")))
}

/// A line of the terminal that is not shown while it is typed.
fn asked(question: &str) -> io::Result<String> {
    let mut errors = io::stderr();
    write!(errors, "{question}")?;
    errors.flush()?;
    let before = tcgetattr(io::stdin())?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(io::stdin(), OptionalActions::Now, &silent)?;
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    tcsetattr(io::stdin(), OptionalActions::Now, &before)?;
    writeln!(errors)?;
    read?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::migrate::args::parse;

    fn options(line: &str) -> Options {
        parse(&line.split(' ').map(OsString::from).collect::<Vec<_>>()).expect("a good line")
    }

    #[test]
    fn amqp_has_the_login_and_host_of_the_api_unless_it_has_its_own() {
        let options = options("--from http://anna:p%40ss@box:1234");
        let api = Api::of(Side::Source, &options, &[]).expect("a good address");
        assert_eq!(api.shown(), "http://box:1234");
        let overview = json!({"listeners": [
            {"protocol": "amqp/ssl", "port": 5671}, {"protocol": "amqp", "port": 5999}]});
        let uri = api.amqp(Side::Source, None, &overview).expect("a port");
        let parts = (uri.host.as_str(), uri.port, uri.user.as_str(), uri.password.as_str());
        assert_eq!(parts, ("box", 5999, "anna", "p@ss"));
        let uri = api.amqp(Side::Source, Some("amqp://other:1"), &overview).expect("an address");
        assert_eq!((uri.host.as_str(), uri.port, uri.user.as_str()), ("other", 1, "anna"));
        let uri = api.amqp(Side::Source, Some("amqp://me:x@other"), &overview).expect("an address");
        assert_eq!((uri.user.as_str(), uri.password.as_str()), ("me", "x"));
        let error = api.amqp(Side::Source, Some("amqps://other"), &overview).expect_err("TLS");
        assert!(error.to_string().contains("--from-amqp"), "{error}");
        let error = api.amqp(Side::Source, None, &json!({})).expect_err("no listener");
        assert!(error.to_string().contains("--from-amqp"), "{error}");
    }

    #[test]
    fn a_password_that_is_missing_comes_from_the_environment() {
        let options = options("--from http://anna@box --to http://guest@box");
        let set = [(OsString::from("HAREMQ_MIGRATE_TO_PASSWORD"), OsString::from("secret"))];
        let api = Api::of(Side::Target, &options, &set).expect("a password");
        assert_eq!(api.address.password, "secret");
        assert!(!api.shown().contains("secret"));
    }
}
