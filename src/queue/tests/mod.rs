//! Tests of the queue machine through its commands and effects.

mod confirming;
mod consuming;
mod exchanging;
mod fixture;
mod lifetime;
mod model;
mod properties;
mod settling;
