//! The test API, below `/api/haremq/test`: what makes a broker do on demand what a program must bear, for its
//! tests. It is there only when `haremq.test_api` says so; `gate` answers for it otherwise. One file per resource,
//! and `routes` has the tables of all of them. `docs/testing-faults.md` says what it can do.

mod body;
mod clock;
mod contents;
mod faults;
mod gate;
mod kept;
mod routes;
mod snapshots;
mod vhosts;
mod waiting;

pub(super) use gate::{refusal_when_off, refuse_when_off};
pub(super) use kept::Snapshots;
pub(super) use routes::TABLES;
