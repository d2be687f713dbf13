//! A virtual host for one test, and the way back to what was in one.

use std::sync::{Arc, Weak};

use super::error::TestError;
use crate::base::{NameError, VhostName};
use crate::broker::{Actor, Broker, PassingVhost, PassingVhostError};
use crate::definitions::VhostSnapshot;

/// A virtual host with a user of its own, for one test. It is deleted with everything in it, its user and its
/// connections when this is dropped.
///
/// ```
/// let broker = haremq::test::blocking()?;
/// let vhost = broker.make_vhost()?;
/// assert!(broker.queues(vhost.name()).is_empty());
/// let name = vhost.name().to_owned();
/// drop(vhost);
/// assert!(!broker.vhosts().contains(&name));
/// # Ok::<(), haremq::test::TestError>(())
/// ```
#[derive(Debug)]
pub struct TestVhost {
    made: PassingVhost,
    uri: String,
    broker: Kept,
}

/// A handle that does not keep a broker alive.
struct Kept(Weak<Broker>);

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Broker")
    }
}

impl TestVhost {
    pub(super) fn new(broker: &Arc<Broker>, made: PassingVhost, uri: String) -> Self {
        Self { made, uri, broker: Kept(Arc::downgrade(broker)) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.made.name.as_str()
    }

    /// Its user, who has the tag `management`.
    #[must_use]
    pub fn username(&self) -> &str {
        self.made.user.as_str()
    }

    /// The password of its user.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.made.password
    }

    /// Where its user connects.
    #[must_use]
    pub fn amqp_uri(&self) -> String {
        self.uri.clone()
    }
}

impl Drop for TestVhost {
    fn drop(&mut self) {
        let Some(broker) = self.broker.0.upgrade() else { return };
        if let Err(error) = broker.delete_passing_vhost(&Actor::configuration(), &self.made.name) {
            tracing::warn!(vhost = %self.made.name, error = %error, "the virtual host of a test was not deleted");
        }
    }
}

/// What was in a virtual host: exchanges, queues, bindings, policies, and what waited. Messages that were handed out
/// and not acknowledged count as waiting.
#[derive(Debug)]
pub struct Snapshot {
    kept: VhostSnapshot,
    broker: Kept,
}

impl Snapshot {
    pub(super) fn take(broker: &Arc<Broker>, vhost: &str) -> Result<Self, TestError> {
        let name = VhostName::try_from(vhost);
        let name = name.map_err(|error: NameError| PassingVhostError::from(error))?;
        let kept = VhostSnapshot::take(broker, &name)?;
        Ok(Self { kept, broker: Kept(Arc::downgrade(broker)) })
    }

    /// How many queues it has.
    #[must_use]
    pub fn queues(&self) -> usize {
        self.kept.queues()
    }

    /// How many messages waited in them.
    #[must_use]
    pub fn messages(&self) -> usize {
        self.kept.messages()
    }

    /// Makes the virtual host what it was, as often as wanted. Connections stay, and so do the consumers of queues
    /// that are there with the same properties; what they hold without an acknowledgement is dropped, because it
    /// waits again.
    ///
    /// # Errors
    /// [`TestError::Snapshot`], and [`TestError::Ended`] when the broker was dropped.
    pub fn roll_back(&self) -> Result<(), TestError> {
        let broker = self.broker.0.upgrade().ok_or(TestError::Ended)?;
        Ok(self.kept.roll_back(&broker, &Actor::configuration())?)
    }
}
