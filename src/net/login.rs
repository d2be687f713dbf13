//! A login, by whatever mechanism: what a client sent, or what its certificate says, asked of the broker.

use std::sync::Arc;
use std::time::Duration;

use super::caller::{Caller, Certified};
use crate::broker::{Broker, Identity, LoggedIn, Login};
use crate::protocol::{Credentials, Mechanism};

/// What somebody shows, or why it is nothing. The texts are RabbitMQ's.
pub(super) fn shown(credentials: &Credentials, caller: &Caller) -> Result<Login, String> {
    let peer = caller.address.ip();
    Ok(match credentials.mechanism {
        Mechanism::Plain | Mechanism::Amqplain | Mechanism::Anonymous => {
            let user = credentials.user.to_vec();
            Login { user, password: Some(credentials.password.0.to_vec()), peer }
        }
        Mechanism::External => {
            let user = external_name(&caller.certified)?.as_bytes().to_vec();
            Login { user, password: None, peer }
        }
    })
}

/// The user, or why not, for the log; after the pause that slows guessing down.
pub(super) async fn log_in(
    broker: Arc<Broker>,
    shown: Result<Login, String>,
) -> Result<Identity, String> {
    let LoggedIn { result, pause_ms } = broker.log_in(shown?).await;
    if pause_ms > 0 {
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
    }
    result.map_err(|error| error.to_string())
}

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
