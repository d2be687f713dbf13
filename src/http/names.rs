//! Names of exchanges and queues in paths, and the virtual hosts that a list is about.

use std::sync::Arc;

use super::call::Call;
use super::error::ApiError;
use crate::base::{ExchangeName, QueueName};
use crate::broker::{Cell, Exchange, Vhost};

/// How the default exchange is called in a path, where a name cannot be empty.
const DEFAULT_EXCHANGE: &str = "amq.default";

impl Call {
    /// The exchange that a part of the path names.
    ///
    /// # Errors
    /// 400.
    pub(super) fn exchange_name(&self, segment: &str) -> Result<ExchangeName, ApiError> {
        if self.segment(segment) == DEFAULT_EXCHANGE {
            return super::call::parse_name(segment, "");
        }
        self.name(segment)
    }

    /// The exchange of the path (`{exchange}`).
    ///
    /// # Errors
    /// 404.
    pub(super) fn exchange(&self, vhost: &Vhost) -> Result<Exchange, ApiError> {
        let name = self.exchange_name("exchange")?;
        vhost.exchange_of(&name).ok_or_else(ApiError::not_found)
    }

    /// The queue of the path (`{queue}`).
    ///
    /// # Errors
    /// 404.
    pub(super) fn queue(&self, vhost: &Vhost) -> Result<Arc<Cell>, ApiError> {
        let name: QueueName = self.name("queue")?;
        vhost.queue_of(&name).ok_or_else(ApiError::not_found)
    }

    /// The virtual hosts that a list is about: the one of the path, or all that the caller may look into.
    ///
    /// # Errors
    /// 404, and 401 when the caller may not look into it.
    pub(super) fn listed_vhosts(&self) -> Result<Vec<Arc<Vhost>>, ApiError> {
        if self.segments.iter().any(|(name, _)| name == "vhost") {
            return Ok(vec![self.visible_vhost()?]);
        }
        Ok(self.visible_vhosts())
    }
}
