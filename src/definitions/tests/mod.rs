//! Documents against brokers over stores in memory.

mod documents;
mod failing;
mod fixture;
mod loading;
mod plans;
mod properties;
mod rabbitmq;
