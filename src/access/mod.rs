//! Who may come in and what they may touch: users, password hashes, permissions by pattern.
//!
//! Everything here is in memory and answers at once; where users are kept and when they are loaded is
//! the broker's business. Who is known elsewhere is met here as a trait (`backend.rs`) and as what it said
//! (`scope.rs`, `asked.rs`). In the walk this is asked at login, at `connection.open`, and by the broker
//! before it declares, binds, publishes or consumes (it remembers the answers per channel).

mod asked;
mod backend;
mod directory;
mod failed_logins;
mod password;
mod pattern;
mod permission;
mod rights;
mod scope;
mod topic;
mod user;

pub use asked::Asked;
pub use backend::{
    Answer, Backend, BackendError, Grant, Judge, Known, Login, Question, ResourceKind, Suspect,
    Token, Verdict,
};
pub use directory::{Directory, DirectoryError, LoginError, ShownName};
pub use failed_logins::FailedLogins;
pub use password::{HashAlgorithm, PasswordError, PasswordHash};
pub use pattern::{Pattern, PatternError};
pub use permission::{Action, DEFAULT_EXCHANGE_ALIAS, Permissions};
pub use rights::{Identity, Rights};
pub use scope::Scopes;
pub use topic::TopicPermissions;
pub use user::User;
