//! Who asks, and whether it may.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::ApiError;
use super::management::Management;
use super::route::Needs;
use super::session_cookie;
use crate::access::Question;
use crate::base::{UserName, VhostName};
use crate::broker::{Identity, LoggedIn, Login, Rights};

/// Where a request comes from. Every connection's requests carry it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    /// The network.
    Network(IpAddr),
    /// The socket file, which nobody reaches without the rights of the broker itself.
    SocketFile,
}

/// What a request came over. Every connection's requests carry it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wire {
    /// Bytes that anybody on the way can read, as far as is known here.
    Open,
    /// TLS that ends in this process.
    Tls,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// The user; of one who came over the socket file, RabbitMQ's name for it.
    pub(super) identity: Identity,
    /// All its tags, whoever keeps them.
    pub(super) tags: Vec<String>,
    /// Came over the socket file.
    pub(super) is_local: bool,
}

const ADMINISTRATOR: &str = "administrator";
const MONITORING: &str = "monitoring";
const POLICYMAKER: &str = "policymaker";
const MANAGEMENT: &str = "management";

const BEARER: &[u8] = b"Bearer ";

/// RabbitMQ's name of whoever acts without a user.
const LOCAL_NAME: &str = "rmq-internal";

impl Caller {
    /// Who came over the socket file.
    pub(super) fn local() -> Self {
        let name = UserName::try_from(LOCAL_NAME).expect("the constant is short");
        let identity = Identity { rights: Rights::All, ..Identity::of_user(name) };
        Self { identity, tags: vec![ADMINISTRATOR.to_owned()], is_local: true }
    }

    /// Nobody in particular, where no login is asked for.
    pub(super) fn nobody() -> Self {
        let name = UserName::try_from("").expect("the empty name is short");
        Self { identity: Identity::of_user(name), tags: Vec::new(), is_local: false }
    }

    /// The name of the user.
    pub(super) fn name(&self) -> &UserName {
        &self.identity.name
    }

    /// Whether it carries any of these tags.
    fn has_any(&self, tags: &[&str]) -> bool {
        self.tags.iter().any(|tag| tags.contains(&tag.as_str()))
    }

    /// Whether it may do everything.
    pub(super) fn is_administrator(&self) -> bool {
        self.has_any(&[ADMINISTRATOR])
    }

    /// Whether it may look at everything.
    pub(super) fn is_monitoring(&self) -> bool {
        self.has_any(&[ADMINISTRATOR, MONITORING])
    }

    /// Whether it may change policies and parameters.
    pub(super) fn is_policymaker(&self) -> bool {
        self.has_any(&[ADMINISTRATOR, POLICYMAKER])
    }

    /// Whether it may use the management API at all.
    pub(super) fn is_management(&self) -> bool {
        self.has_any(&[ADMINISTRATOR, MONITORING, POLICYMAKER, MANAGEMENT])
    }

    /// Whether it may call this.
    ///
    /// # Errors
    /// 401, with RabbitMQ's words.
    pub(super) fn check(&self, needs: Needs) -> Result<(), ApiError> {
        let (may, refusal) = match needs {
            Needs::Nothing | Needs::Login => (true, ""),
            Needs::Management => (self.is_management(), "Not management user"),
            Needs::Policymaker => (self.is_policymaker(), "Not policymaker user"),
            Needs::Monitoring => (self.is_monitoring(), "Not monitor user"),
            Needs::Administrator => (self.is_administrator(), "Not administrator user"),
        };
        if may { Ok(()) } else { Err(ApiError::not_authorised(refusal)) }
    }
}

/// Name and password of `authorization: Basic …`, or the token of `Bearer …`, which is a password without a name. Never
/// shown.
pub(super) struct Credentials {
    pub(super) name: Vec<u8>,
    pub(super) password: Vec<u8>,
}

impl Credentials {
    /// What a header says; `None` when it cannot be read.
    fn read(value: &[u8]) -> Option<Self> {
        match value.split_at_checked(BEARER.len()) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(BEARER) => {
                Some(Self { name: Vec::new(), password: token.trim_ascii().to_vec() })
            }
            _ => Self::basic(value),
        }
    }

    /// What a Basic header says.
    fn basic(value: &[u8]) -> Option<Self> {
        let (scheme, encoded) = value.split_at_checked("Basic ".len())?;
        if !scheme.eq_ignore_ascii_case(b"Basic ") {
            return None;
        }
        let decoded = STANDARD.decode(encoded.trim_ascii()).ok()?;
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        let (name, password) = decoded.split_at(colon);
        Some(Self { name: name.to_vec(), password: password[1..].to_vec() })
    }

    /// What a form or JSON says.
    pub(super) fn new(name: &str, password: &str) -> Self {
        Self { name: name.as_bytes().to_vec(), password: password.as_bytes().to_vec() }
    }
}

/// Finds out who asks: by name and password, by a token, or by the cookie of a login. `changes`: the request is more than a
/// look. A failed login is answered after a pause.
///
/// # Errors
/// 401, and 403 for a change by a cookie that another page may have made.
pub(super) async fn authenticate(
    management: &Management,
    origin: Origin,
    headers: &HeaderMap,
    changes: bool,
) -> Result<Caller, ApiError> {
    let Origin::Network(peer) = origin else { return Ok(Caller::local()) };
    let Some(header) = headers.get(header::AUTHORIZATION) else {
        let known = session_cookie::recognise(management, peer, headers, changes)?;
        return known.ok_or_else(ApiError::no_credentials);
    };
    match Credentials::read(header.as_bytes()) {
        Some(credentials) => log_in(management, peer, &credentials).await,
        None => Err(refused()),
    }
}

/// Checks a name and a password, or a token, from an address of the network.
///
/// # Errors
/// 401.
pub(super) async fn log_in(
    management: &Management,
    peer: IpAddr,
    credentials: &Credentials,
) -> Result<Caller, ApiError> {
    let Credentials { name, password } = credentials;
    let broker = &management.broker;
    let login = Login { user: name.clone(), password: Some(password.clone()), peer };
    let LoggedIn { result, pause_ms } = broker.log_in(login).await;
    if pause_ms > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(pause_ms)).await;
    }
    let identity = result.map_err(|error| {
        tracing::warn!(peer = %peer, error = %error, "a login to the management API was refused");
        refused()
    })?;
    Ok(Caller { tags: broker.tags_of(&identity), identity, is_local: false })
}

/// Asks a judge which virtual hosts the caller may enter, where one is asked: of the path, or all when the answer may be
/// about any of them.
pub(super) async fn look_around(management: &Management, caller: &Caller, vhost: Option<&str>) {
    let Some(asked) = caller.identity.rights.asked() else { return };
    let names: Vec<VhostName> = match vhost {
        Some(name) => VhostName::try_from(name).into_iter().collect(),
        None if caller.is_monitoring() => return,
        None => management.broker.all_vhosts().iter().map(|vhost| vhost.name().clone()).collect(),
    };
    // Of names that are no virtual host nobody needs to hear.
    let names = names.into_iter().filter(|name| management.broker.vhost(name).is_some());
    asked.ask(names.map(Question::Vhost)).await;
}

fn refused() -> ApiError {
    ApiError { challenge: true, ..ApiError::not_authorised("Login failed") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(tags: &[&str]) -> Caller {
        let tags = tags.iter().map(|&tag| tag.to_owned()).collect();
        Caller { tags, ..Caller::nobody() }
    }

    #[test]
    fn each_tag_opens_what_rabbitmq_opens() {
        use Needs::{Administrator, Login, Management, Monitoring, Nothing, Policymaker};
        let all = [Nothing, Login, Management, Policymaker, Monitoring, Administrator];
        let opened = |tags: &[&str]| -> Vec<bool> {
            all.iter().map(|&needs| caller(tags).check(needs).is_ok()).collect()
        };
        assert_eq!(opened(&[]), [true, true, false, false, false, false]);
        assert_eq!(opened(&["impersonator"]), [true, true, false, false, false, false]);
        assert_eq!(opened(&["management"]), [true, true, true, false, false, false]);
        assert_eq!(opened(&["policymaker"]), [true, true, true, true, false, false]);
        assert_eq!(opened(&["monitoring"]), [true, true, true, false, true, false]);
        assert_eq!(opened(&["own", "administrator"]), [true; 6]);
    }

    #[test]
    fn basic_credentials_are_read_and_nothing_else_is() {
        let read = |text: &str| {
            Credentials::basic(text.as_bytes()).map(|found| (found.name, found.password))
        };
        let ann = Some((b"ann".to_vec(), b"a:b".to_vec()));
        assert_eq!(read("Basic YW5uOmE6Yg=="), ann);
        assert_eq!(read("basic  YW5uOmE6Yg=="), ann);
        for wrong in ["", "Basic", "Basic ", "Bearer YW5uOmE6Yg==", "Basic ann:a", "Basic YW5u"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
