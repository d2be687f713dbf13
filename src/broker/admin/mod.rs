//! What whoever administers the broker asks and changes: users and permissions, virtual hosts,
//! parameters, and what can be seen of connections, queues, exchanges and bindings.
//!
//! Nothing here checks who asks: that is the management's business (`http`). Every change is stored with
//! the definitions, and its [`Done`](crate::store::Done) is told when it is on disk, or why it never will
//! be; a change is in force when the call returns.
//!
//! Locks: **virtual hosts -> accounts -> metadata**; the connections are a leaf.

mod churn;
mod cluster_name;
mod connections;
mod glance;
mod objects;
mod parameters;
mod passing_vhost;
mod rehearsal;
mod reset;
mod snapshot;
mod together;
mod users;
mod vhosts;

pub use churn::ChurnCounts;
pub use connections::{
    CertificateInfo, ChannelReport, ConnectionInfo, ConnectionInsight, ConnectionReport, Describe,
    TlsInfo,
};
pub use glance::{AlarmReport, AlarmState, VhostCounts};
pub use objects::{ConsumerReport, QueueReport};
pub use passing_vhost::{PassingVhost, PassingVhostError};
pub use rehearsal::Rehearsal;
pub use together::{TogetherError, with_default_type};
pub use users::Put;
pub use vhosts::VhostError;

pub(super) use churn::Churn;
pub(super) use connections::Connections;
