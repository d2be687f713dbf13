//! Documents of definitions in RabbitMQ's form (JSON): what a whole broker or one virtual host is told to
//! be. They are read, compared with the broker, carried out as a whole, and written.
//!
//! The walk of an import: `parse` turns bytes into a [`Document`] and names the place of whatever is wrong
//! (`queues[3].arguments`); `plan` compares it with the broker's definitions, which is a function of the
//! two; the broker rehearses the changes and makes them as one ([`import()`]). `show` prints a plan.
//! [`export`] is the way back, and `object` is what both ways share: one thing as JSON. `load` is the
//! import at the start.
//!
//! Nothing here touches the stores or a queue: that is `broker`.

mod document;
mod error;
mod export;
mod import;
mod load;
mod object;
mod parse;
mod parse_access;
mod parse_objects;
mod plan;
mod reader;
mod show;
mod value;
mod vhost_snapshot;

#[cfg(test)]
mod tests;

pub use document::{Document, DocumentPassword, Placed, QueueSpec, Section, UserPatch, VhostPatch};
pub use error::{DefinitionsError, Fault, LoadError};
pub use export::{Origin, export};
pub use import::{ImportOptions, Report, check, import};
pub use load::{check_file, load};
pub use plan::{Action, Difference, Plan, State, Step, plan};
pub use vhost_snapshot::{SnapshotError, VhostSnapshot};
