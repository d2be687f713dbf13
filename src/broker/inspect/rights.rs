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

    /// Whether something may be bound to an exchange with this key.
    ///
    /// # Errors
    /// 403.
    pub fn permit_bind(
        &self,
        behalf: &Behalf,
        exchange: &ExchangeName,
        key: &[u8],
    ) -> Result<(), Refused> {
        self.permit_key(behalf, Action::Read, exchange, key)
    }

    /// Whether something may be published to an exchange with this key.
    ///
    /// # Errors
    /// 403.
    pub fn permit_publish(
        &self,
        behalf: &Behalf,
        exchange: &ExchangeName,
        key: &[u8],
    ) -> Result<(), Refused> {
        self.permit_key(behalf, Action::Write, exchange, key)
    }

    fn permit_key(
        &self,
        behalf: &Behalf,
        action: Action,
        exchange: &ExchangeName,
        key: &[u8],
    ) -> Result<(), Refused> {
        let (peer, name) = (peer(behalf), exchange.as_str());
        self.permit(&peer, action, Resource::Exchange(name))?;
        self.permit_topics(&peer, action, name, &[key])
    }
}

/// No connection has the number 0.
fn peer(behalf: &Behalf) -> Peer {
    let (user, rights) = behalf.user();
    Peer { connection: ConnectionId(0), user, rights }
}
