//! Routing: from an exchange, a routing key and headers to the queues of one virtual host.
//!
//! Pure: no I/O, lock or clock, and queue handles are opaque. The broker keeps one [`Table`] per
//! virtual host behind a lock, changes it when something is declared, bound or removed, and asks it
//! once per publish. Who may do what (reserved names, permissions, limits) is decided before.

mod binding;
mod checks;
mod consistent_hash;
mod deduplication;
mod delay;
mod direct;
mod error;
mod exchange;
mod explain;
mod facts;
mod fanout;
mod headers;
mod index;
mod key;
mod modulus;
#[cfg(test)]
mod naive;
mod pool;
mod routed;
mod router;
mod slab;
mod table;
mod target;
mod topic;
mod value;

pub use binding::{Binding, Change, Crowd, Declared, Destination, Removed};
pub use deduplication::{CACHE_SIZE, CACHE_TTL, DEDUPLICATION, Deduplication};
pub use delay::{DELAY_HEADER, delay_ms};
pub use error::RoutingError;
pub use exchange::{ALTERNATE_EXCHANGE, Exchange, ExchangeKind};
pub use explain::{
    Bound, By, Differing, ExplainBounds, Explanation, Mismatch, Outcome, Step, WayTo, Word,
};
pub use facts::{Facts, HashProperty};
pub use routed::Routed;
pub use table::{Part, Rubble, Table};
pub use value::term as erlang_term;
