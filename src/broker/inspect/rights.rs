//! Whether somebody may look into a queue or write where messages are moved to.

use crate::access::Action;
use crate::base::{ConnectionId, ExchangeName, QueueName};
use crate::broker::vhost::Resource;
use crate::broker::{Behalf, Peer, Refused, Vhost};

impl Vhost {
    /// Whether messages of a queue may be read. Other than a fetch, a look is not refused for a queue that
    /// belongs to another connection: it takes nothing.
    ///
    /// # Errors
    /// 403.
    pub fn permit_look(&self, behalf: &Behalf, queue: &QueueName) -> Result<(), Refused> {
        let resource = Resource::Queue(queue.as_str());
        self.permit(&peer(behalf), Action::Read, resource)
    }

    /// Whether something may be bound to an exchange.
    ///
    /// # Errors
    /// 403.
    pub fn permit_bind(&self, behalf: &Behalf, exchange: &ExchangeName) -> Result<(), Refused> {
        let resource = Resource::Exchange(exchange.as_str());
        self.permit(&peer(behalf), Action::Read, resource)
    }

    /// Whether an exchange may be written to.
    ///
    /// # Errors
    /// 403.
    pub fn permit_write(&self, behalf: &Behalf, exchange: &ExchangeName) -> Result<(), Refused> {
        let resource = Resource::Exchange(exchange.as_str());
        self.permit(&peer(behalf), Action::Write, resource)
    }
}

/// No connection has the number 0.
fn peer(behalf: &Behalf) -> Peer {
    let (user, rights) = behalf.user();
    Peer { connection: ConnectionId(0), user, rights }
}
