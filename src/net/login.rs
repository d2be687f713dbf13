//! A login, by whatever mechanism: what a client sent, or what its certificate says, asked of the broker.

use super::caller::{Caller, Certified};
use crate::base::UserName;
use crate::broker::Broker;
use crate::protocol::{Credentials, Mechanism};

/// The user, or why not, for the log.
pub(super) fn log_in(
    broker: &Broker,
    credentials: &Credentials,
    caller: &Caller,
) -> Result<UserName, String> {
    let ip = caller.address.ip();
    let login = match credentials.mechanism {
        Mechanism::Plain | Mechanism::Amqplain | Mechanism::Anonymous => {
            broker.authenticate(&credentials.user, &credentials.password.0, ip)
        }
        Mechanism::External => broker.recognise(external_name(&caller.certified)?, ip),
    };
    login.map_err(|error| error.to_string())
}

/// The texts are RabbitMQ's.
fn external_name(certified: &Certified) -> Result<&str, String> {
    match certified {
        Certified::Name(name) => Ok(name),
        Certified::NoName => Err("no name found".to_owned()),
        Certified::NoCertificate => {
            Err("connection peer presented no TLS (x.509) certificate".to_owned())
        }
        Certified::NoTls => Err("not a TLS-enabled connection".to_owned()),
    }
}
