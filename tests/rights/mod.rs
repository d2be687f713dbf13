//! Every permission that is asked for, refused and allowed, against the running program
//! (docs/permissions.md lists them). The same tables run against RabbitMQ when `AMQP_ORACLE_PORT` and
//! `AMQP_ORACLE_MANAGEMENT_PORT` say where it listens.
//!
//! A row says which permissions an operation takes. That these are enough is shown by a user who has
//! exactly these and no other; that each of them is needed, by a user who has everything but that one.

mod entering;
mod methods;
mod objects;
mod page;
mod place;
mod tags;
mod topics;
mod user_ids;

use place::{Needs, Place, Right};
