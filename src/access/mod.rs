//! Who may come in and what they may touch: users, password hashes, permissions by pattern.
//!
//! Everything here is in memory and answers at once; where users are kept and when they are loaded is
//! the broker's business. In the walk this is asked at login, at `connection.open`, and by the broker
//! before it declares, binds, publishes or consumes (it remembers the answers per channel).

mod directory;
mod password;
mod pattern;
mod permission;
mod topic;
mod user;

pub use directory::{Directory, DirectoryError, LoginError, ShownName};
pub use password::{HashAlgorithm, PasswordError, PasswordHash};
pub use pattern::{Pattern, PatternError};
pub use permission::{Action, DEFAULT_EXCHANGE_ALIAS, Permissions};
pub use topic::TopicPermissions;
pub use user::User;
