//! The management HTTP API: what RabbitMQ answers below `/api`, for its tools and clients, and the management pages beside it.
//!
//! A request walks through `listener` (connections and their bounds), `service` (who asks, may they, body,
//! headers of the answer) and one function of a resource. All resources stand in one table (`routes`), from which
//! the router and the OpenAPI document are made; each entry says which tag a caller needs, so that no resource can
//! forget to ask. `docs/http-api.md` says what is answered and where it differs from RabbitMQ's.

mod alarms;
mod answer;
mod authentication;
mod bindings;
mod call;
mod channels;
mod connections;
mod consumers;
mod cors;
mod definitions;
mod direct;
mod error;
mod exchanges;
mod explain;
mod facts;
mod features;
mod fields;
mod health;
mod inspect;
mod limits;
mod listener;
mod log;
mod login;
mod machine;
mod management;
mod messages;
mod metrics;
pub mod model;
mod multipart;
mod names;
mod node_actions;
mod node_control;
mod nodes;
mod objects;
mod openapi;
mod overview;
mod pages;
mod paging;
mod parameters;
mod permissions;
mod policies;
mod query;
mod queue_changes;
mod queues;
mod route;
mod routes;
mod samples;
mod service;
mod session_cookie;
mod sessions;
mod settings;
mod stubs;
mod test_api;
mod topic_permissions;
mod users;
mod vhosts;
mod whoami;

pub use facts::Facts;
pub use listener::{HttpListener, UnixListener};
pub use management::Management;
pub use node_control::{ControlError, Doing, NodeControl, NodeState};
