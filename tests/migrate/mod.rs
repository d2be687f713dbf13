//! `haremq migrate` between two brokers of our own: the source answers as RabbitMQ does. With a RabbitMQ as the
//! source it is tested by the clients in Python (`tests/clients`).

mod definitions;
mod moving;
mod program;
mod proxy;
mod refusing;
mod resuming;
