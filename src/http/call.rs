//! A request whose caller is known and allowed to make it, and what resources read from it.

use std::sync::Arc;

use axum::http::HeaderMap;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::authentication::{Caller, Origin, Wire};
use super::error::ApiError;
use super::management::Management;
use super::query::Query;
use crate::base::{NameError, VhostName};
use crate::broker::{Actor, Broker, Vhost};

/// See the module.
pub(super) struct Call {
    pub(super) management: Arc<Management>,
    pub(super) caller: Caller,
    pub(super) query: Query,
    pub(super) headers: HeaderMap,
    /// The parts of the path that the route names, decoded.
    pub(super) segments: Vec<(String, String)>,
    pub(super) body: Bytes,
    pub(super) origin: Origin,
    pub(super) wire: Wire,
}

impl Call {
    /// The broker.
    pub(super) fn broker(&self) -> &Arc<Broker> {
        &self.management.broker
    }

    /// Who asks and from where, for events and the audit.
    pub(super) fn actor(&self) -> Actor {
        match self.origin {
            Origin::SocketFile => Actor::command_line(),
            Origin::Network(address) => Actor::management(self.caller.name().clone(), address),
        }
    }

    /// A part of the path; empty when the route has none of that name.
    pub(super) fn segment(&self, name: &str) -> &str {
        self.segments.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }

    /// A part of the path as a name.
    ///
    /// # Errors
    /// 400 for one that is too long.
    pub(super) fn name<T>(&self, segment: &str) -> Result<T, ApiError>
    where
        T: for<'a> TryFrom<&'a str, Error = NameError>,
    {
        parse_name(segment, self.segment(segment))
    }

    /// The virtual host of the path (`{vhost}`), for whoever administers all of them.
    ///
    /// # Errors
    /// 404.
    pub(super) fn vhost(&self) -> Result<Arc<Vhost>, ApiError> {
        let name: VhostName = self.name("vhost")?;
        self.broker().vhost(&name).ok_or_else(ApiError::vhost_not_found)
    }

    /// The virtual host of the path (`{vhost}`), when the caller may look into it.
    ///
    /// # Errors
    /// 404, and 401 when it may not.
    pub(super) fn visible_vhost(&self) -> Result<Arc<Vhost>, ApiError> {
        let vhost = self.vhost()?;
        if self.may_see(vhost.name()) { Ok(vhost) } else { Err(no_vhost_access()) }
    }

    /// The virtual host of the path (`{vhost}`), when the caller has permissions in it.
    ///
    /// # Errors
    /// 404, and 401 when it has none.
    pub(super) fn own_vhost(&self) -> Result<Arc<Vhost>, ApiError> {
        let vhost = self.vhost()?;
        if self.has_access(vhost.name()) { Ok(vhost) } else { Err(no_vhost_access()) }
    }

    /// The virtual host of the path (`{vhost}`), when the caller may change policies and parameters in it: an
    /// administrator may in each, a policymaker where it has permissions (rabbitmq: `is_authorized_policies`).
    ///
    /// # Errors
    /// 404, and 401 when it may not.
    pub(super) fn policy_vhost(&self) -> Result<Arc<Vhost>, ApiError> {
        if self.caller.is_administrator() { self.vhost() } else { self.own_vhost() }
    }

    /// The virtual hosts that the caller may look into.
    pub(super) fn visible_vhosts(&self) -> Vec<Arc<Vhost>> {
        let mut all = self.broker().all_vhosts();
        all.retain(|vhost| self.may_see(vhost.name()));
        all
    }

    /// Whether the caller may look into a virtual host: who watches the whole broker into each of them.
    pub(super) fn may_see(&self, vhost: &VhostName) -> bool {
        self.caller.is_monitoring() || self.has_access(vhost)
    }

    /// Whether the caller has permissions in a virtual host.
    pub(super) fn has_access(&self, vhost: &VhostName) -> bool {
        self.broker().may_enter(self.caller.name(), &self.caller.identity.rights, vhost)
    }

    /// The body as JSON; an empty one as an object without anything in it.
    ///
    /// # Errors
    /// 400.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let blank = self.body.iter().all(u8::is_ascii_whitespace);
        let body: &[u8] = if blank { b"{}" } else { &self.body };
        serde_json::from_slice(body).map_err(|error| {
            ApiError::bad_request(format!("the body is not what it should be: {error}"))
        })
    }

    /// The body as a JSON object.
    ///
    /// # Errors
    /// 400.
    pub(super) fn object(&self) -> Result<serde_json::Map<String, Value>, ApiError> {
        self.json()
    }
}

/// A name from outside.
///
/// # Errors
/// 400 for one that is too long; `what` says which.
pub(super) fn parse_name<T>(what: &str, text: &str) -> Result<T, ApiError>
where
    T: for<'a> TryFrom<&'a str, Error = NameError>,
{
    T::try_from(text).map_err(|error| ApiError::bad_request(format!("{what}: {error}")))
}

fn no_vhost_access() -> ApiError {
    ApiError::not_authorised("User not authorised to access virtual host")
}
