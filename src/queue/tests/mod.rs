//! Tests of the queue machine through its commands and effects.

mod confirming;
mod consuming;
mod exchanging;
mod fixture;
mod index;
mod lifetime;
mod lossy;
mod memory;
mod model;
mod paging;
mod properties;
mod script;
mod settling;
