//! Limits of virtual hosts and users (rabbitmq: vhosts.md and user-limits.md), and of the whole node
//! (rabbitmq: limits.md): how many connections, channels and queues there may be.
//!
//! Counting costs one short lock when a connection or a channel comes or goes, and nothing in between.
//! Connections are counted when they are there and checked before: of two that come at the same moment
//! both may pass, as in RabbitMQ.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::notices::{Actor, Occurrence};
use super::{Broker, Refused, keeping, refuse};
use crate::base::limits::{EXCHANGES_MAX, QUEUES_MAX};
use crate::base::{ExchangeName, QueueName, ReplyCode, UserName, VhostName};
use crate::store::{self, Change, Definitions, Done};

/// Limits of a virtual host; one that is not there limits nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct VhostLimits {
    /// Connections at the same time.
    pub max_connections: Option<usize>,
    /// Queues.
    pub max_queues: Option<usize>,
}

/// Limits of a user; one that is not there limits nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UserLimits {
    /// Connections at the same time.
    pub max_connections: Option<usize>,
    /// Channels of all of them.
    pub max_channels: Option<usize>,
}

/// Limits of the whole node; one that is not there limits nothing, but for queues and exchanges, which then have
/// [`QUEUES_MAX`] and [`EXCHANGES_MAX`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NodeLimits {
    /// Its name, as refusals say it.
    pub node: String,
    /// Connections at the same time.
    pub max_connections: Option<usize>,
    /// Channels of all of them.
    pub max_channels: Option<usize>,
    /// Queues of all virtual hosts.
    pub max_queues: Option<usize>,
    /// Exchanges of all virtual hosts, with those that are there from the start.
    pub max_exchanges: Option<usize>,
    /// Virtual hosts.
    pub max_vhosts: Option<usize>,
}

/// The limits and what is counted against them.
#[derive(Default)]
pub(super) struct Limits {
    state: Mutex<State>,
    /// Of all virtual hosts. Counted with every change of a table, so without the lock.
    exchanges: AtomicUsize,
}

#[derive(Default)]
struct State {
    vhosts: BTreeMap<VhostName, VhostLimits>,
    users: BTreeMap<UserName, UserLimits>,
    vhost_connections: BTreeMap<VhostName, usize>,
    user_connections: BTreeMap<UserName, usize>,
    user_channels: BTreeMap<UserName, usize>,
    node: NodeLimits,
    /// Of all virtual hosts.
    queues: usize,
}

impl Limits {
    /// Takes the limits of the definitions.
    pub(super) fn recover(&self, definitions: &Definitions) {
        let mut state = self.lock();
        for record in definitions.vhost_limits.values() {
            state.vhosts.insert(record.vhost.clone(), vhost_limits(record));
        }
        for store::UserLimits { user, max_connections, max_channels } in
            definitions.user_limits.values()
        {
            let limits = UserLimits {
                max_connections: limit(*max_connections),
                max_channels: limit(*max_channels),
            };
            state.users.insert(user.clone(), limits);
        }
    }

    /// Takes the limits of a virtual host that are stored with something else.
    pub(super) fn take(&self, record: &store::VhostLimits) {
        self.lock().vhosts.insert(record.vhost.clone(), vhost_limits(record));
    }

    /// Whether one connection more may open this virtual host.
    ///
    /// # Errors
    /// 530.
    pub(super) fn check_connection(
        &self,
        vhost: &VhostName,
        user: &UserName,
    ) -> Result<(), Refused> {
        let state = self.lock();
        if let Some(most) =
            state.node.max_connections.filter(|most| total(&state.vhost_connections) >= *most)
        {
            return refuse(
                ReplyCode::NotAllowed,
                format!("connection refused: node connection limit ({most}) is reached"),
            );
        }
        let most = state.vhosts.get(vhost).and_then(|limits| limits.max_connections);
        if let Some(most) = over(most, &state.vhost_connections, vhost) {
            return refuse(
                ReplyCode::NotAllowed,
                format!(
                    "access to vhost '{vhost}' refused for user '{user}': connection limit \
                     ({most}) is reached"
                ),
            );
        }
        let most = state.users.get(user).and_then(|limits| limits.max_connections);
        if let Some(most) = over(most, &state.user_connections, user) {
            return refuse(
                ReplyCode::NotAllowed,
                format!(
                    "connection refused for user '{user}': user connection limit ({most}) is \
                     reached"
                ),
            );
        }
        Ok(())
    }

    /// A connection is there.
    pub(super) fn connected(&self, vhost: &VhostName, user: &UserName) {
        let mut state = self.lock();
        more(&mut state.vhost_connections, vhost);
        more(&mut state.user_connections, user);
    }

    /// A connection is gone.
    pub(super) fn disconnected(&self, vhost: &VhostName, user: &UserName) {
        let mut state = self.lock();
        less(&mut state.vhost_connections, vhost);
        less(&mut state.user_connections, user);
    }

    /// A user opens a channel.
    ///
    /// # Errors
    /// 530, and then it is not counted.
    pub(super) fn channel_opened(&self, user: &UserName) -> Result<(), Refused> {
        let mut state = self.lock();
        if let Some(most) =
            state.node.max_channels.filter(|most| total(&state.user_channels) >= *most)
        {
            return refuse(
                ReplyCode::NotAllowed,
                format!(
                    "number of channels opened on node '{}' has reached the maximum allowed limit \
                     of ({most})",
                    state.node.node
                ),
            );
        }
        let most = state.users.get(user).and_then(|limits| limits.max_channels);
        if let Some(most) = over(most, &state.user_channels, user) {
            return refuse(
                ReplyCode::NotAllowed,
                format!(
                    "number of channels opened for user '{user}' has reached the maximum allowed \
                     user limit of {most}"
                ),
            );
        }
        more(&mut state.user_channels, user);
        Ok(())
    }

    /// A channel that was counted is gone.
    pub(super) fn channel_closed(&self, user: &UserName) {
        less(&mut self.lock().user_channels, user);
    }

    /// Channels of all users.
    pub(super) fn channels(&self) -> usize {
        self.lock().user_channels.values().sum()
    }

    /// Whether there may be one queue more beside so many.
    ///
    /// # Errors
    /// 406.
    pub(super) fn check_queue(
        &self,
        vhost: &VhostName,
        queue: &QueueName,
        queues: usize,
    ) -> Result<(), Refused> {
        let state = self.lock();
        let most = state.node.max_queues.unwrap_or(QUEUES_MAX);
        if state.queues >= most {
            return refuse(
                ReplyCode::PreconditionFailed,
                format!(
                    "cannot declare queue '{queue}' in vhost '{vhost}': queue limit in cluster \
                     ({most}) is reached"
                ),
            );
        }
        match state.vhosts.get(vhost).and_then(|limits| limits.max_queues) {
            Some(most) if queues >= most => refuse(
                ReplyCode::PreconditionFailed,
                format!(
                    "cannot declare queue '{queue}': queue limit in vhost '{vhost}' ({most}) is \
                     reached"
                ),
            ),
            _ => Ok(()),
        }
    }

    /// Whether there may be one exchange more.
    ///
    /// # Errors
    /// 406.
    pub(super) fn check_exchange(
        &self,
        vhost: &VhostName,
        exchange: &ExchangeName,
    ) -> Result<(), Refused> {
        let most = self.lock().node.max_exchanges.unwrap_or(EXCHANGES_MAX);
        if self.exchanges.load(Ordering::Relaxed) < most {
            return Ok(());
        }
        refuse(
            ReplyCode::PreconditionFailed,
            format!(
                "cannot declare exchange '{exchange}' in vhost '{vhost}': exchange limit of \
                 {most} is reached"
            ),
        )
    }

    /// A virtual host had so many exchanges and has so many now.
    pub(super) fn exchanges_changed(&self, before: usize, now: usize) {
        if now > before {
            self.exchanges.fetch_add(now - before, Ordering::Relaxed);
        } else if now < before {
            self.exchanges.fetch_sub(before - now, Ordering::Relaxed);
        }
    }

    /// A queue is there.
    pub(super) fn queue_added(&self) {
        self.lock().queues += 1;
    }

    /// A queue is gone.
    pub(super) fn queue_removed(&self) {
        self.lock().queues -= 1;
    }

    /// As the definitions have them, in the order of the names; limits that limit nothing are left out.
    pub(super) fn records(&self) -> Vec<Change> {
        let state = self.lock();
        let vhosts = state.vhosts.iter().filter(|(_, limits)| **limits != VhostLimits::default());
        let vhosts = vhosts.map(|(vhost, limits)| vhost_limits_record(vhost, *limits));
        let users = state.users.iter().filter(|(_, limits)| **limits != UserLimits::default());
        let users = users.map(|(user, limits)| user_limits_record(user, *limits));
        vhosts.map(Change::PutVhostLimits).chain(users.map(Change::PutUserLimits)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Counts change in one step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Broker {
    /// Sets the limits of the whole node. What is there stays.
    pub fn set_node_limits(&self, limits: NodeLimits) {
        self.common().limits.lock().node = limits;
    }

    /// The limits of the whole node.
    #[must_use]
    pub fn node_limits(&self) -> NodeLimits {
        self.common().limits.lock().node.clone()
    }

    /// Sets the limits of a virtual host. What is there stays. `done` says when they are on disk.
    pub fn set_vhost_limits(&self, by: &Actor, vhost: VhostName, limits: VhostLimits, done: Done) {
        let what = Occurrence::VhostLimitsSet { vhost: vhost.clone(), limits };
        let change = if limits == VhostLimits::default() {
            Change::DeleteVhostLimits { vhost: vhost.clone() }
        } else {
            Change::PutVhostLimits(vhost_limits_record(&vhost, limits))
        };
        let common = self.common();
        let mut state = common.limits.lock();
        keeping::keep_and_tell(common, vec![change], done);
        state.vhosts.insert(vhost, limits);
        drop(state);
        common.tell_and_audit(by, what);
    }

    /// Sets the limits of a user. What is there stays. `done` says when they are on disk.
    pub fn set_user_limits(&self, by: &Actor, user: UserName, limits: UserLimits, done: Done) {
        let what = Occurrence::UserLimitsSet { user: user.clone(), limits };
        let change = if limits == UserLimits::default() {
            Change::DeleteUserLimits { user: user.clone() }
        } else {
            Change::PutUserLimits(user_limits_record(&user, limits))
        };
        let common = self.common();
        let mut state = common.limits.lock();
        keeping::keep_and_tell(common, vec![change], done);
        state.users.insert(user, limits);
        drop(state);
        common.tell_and_audit(by, what);
    }

    /// A user is gone, and what limited it.
    pub(super) fn forget_user_limits(&self, user: &UserName) {
        self.common().limits.lock().users.remove(user);
    }

    /// A virtual host is gone, and what limited it.
    pub(super) fn forget_vhost_limits(&self, vhost: &VhostName) {
        self.common().limits.lock().vhosts.remove(vhost);
    }

    /// Every user and virtual host is gone, and what limited them.
    pub(super) fn forget_all_limits(&self) {
        let mut limits = self.common().limits.lock();
        limits.users.clear();
        limits.vhosts.clear();
    }

    /// The limits of a virtual host.
    #[must_use]
    pub fn vhost_limits(&self, vhost: &VhostName) -> VhostLimits {
        self.common().limits.lock().vhosts.get(vhost).copied().unwrap_or_default()
    }

    /// The limits of a user.
    #[must_use]
    pub fn user_limits(&self, user: &UserName) -> UserLimits {
        self.common().limits.lock().users.get(user).copied().unwrap_or_default()
    }
}

fn vhost_limits(record: &store::VhostLimits) -> VhostLimits {
    let (max_connections, max_queues) = (limit(record.max_connections), limit(record.max_queues));
    VhostLimits { max_connections, max_queues }
}

pub(super) fn vhost_limits_record(vhost: &VhostName, limits: VhostLimits) -> store::VhostLimits {
    store::VhostLimits {
        vhost: vhost.clone(),
        max_connections: stored(limits.max_connections),
        max_queues: stored(limits.max_queues),
    }
}

fn user_limits_record(user: &UserName, limits: UserLimits) -> store::UserLimits {
    store::UserLimits {
        user: user.clone(),
        max_connections: stored(limits.max_connections),
        max_channels: stored(limits.max_channels),
    }
}

/// RabbitMQ stores -1 for no limit.
pub(super) fn limit(stored: Option<i64>) -> Option<usize> {
    stored.and_then(|limit| usize::try_from(limit).ok())
}

fn stored(limit: Option<usize>) -> Option<i64> {
    limit.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX))
}

/// The limit, when it is reached.
fn over<K: Ord>(limit: Option<usize>, counts: &BTreeMap<K, usize>, key: &K) -> Option<usize> {
    limit.filter(|limit| counts.get(key).copied().unwrap_or_default() >= *limit)
}

/// Only worked out where a limit of the node is set.
fn total<K>(counts: &BTreeMap<K, usize>) -> usize {
    counts.values().sum()
}

fn more<K: Ord + Clone>(counts: &mut BTreeMap<K, usize>, key: &K) {
    match counts.get_mut(key) {
        Some(count) => *count += 1,
        None => _ = counts.insert(key.clone(), 1),
    }
}

fn less<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_without_settings_has_bounds_of_its_own() {
        let limits = Limits::default();
        let vhost = VhostName::try_from("/").expect("a short name");
        let queue = QueueName::try_from("q").expect("a short name");
        let exchange = ExchangeName::try_from("x").expect("a short name");
        limits.lock().queues = QUEUES_MAX - 1;
        limits.exchanges_changed(0, EXCHANGES_MAX - 1);
        assert!(limits.check_queue(&vhost, &queue, 0).is_ok());
        assert!(limits.check_exchange(&vhost, &exchange).is_ok());
        limits.queue_added();
        limits.exchanges_changed(0, 1);
        for refused in [
            limits.check_queue(&vhost, &queue, 0).expect_err("one too many"),
            limits.check_exchange(&vhost, &exchange).expect_err("one too many"),
        ] {
            assert_eq!(refused.code, ReplyCode::PreconditionFailed);
            assert!(
                refused.text.contains("1000000) is reached")
                    || refused.text.contains("limit of 1000000"),
                "{}",
                refused.text
            );
        }
        // Who sets a higher limit gets it.
        limits.lock().node.max_queues = Some(QUEUES_MAX + 1);
        assert!(limits.check_queue(&vhost, &queue, 0).is_ok());
    }
}
