//! Asks services over HTTP and HTTPS: requests bounded in time, in size and in number.
//!
//! Login backends ask with it who somebody is (`auth/`), and spans are sent with it (`otel/`). It knows neither.

#[expect(clippy::module_inception, reason = "the file is named after its type")]
mod fetch;
mod link;
mod trust;

pub use fetch::{Answer, Fetch, FetchError, FetchSettings, Sent};
pub use trust::{AuthorityError, trust};
