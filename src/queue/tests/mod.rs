//! Tests of the queue machine through its commands and effects.

mod confirming;
mod consuming;
mod delaying;
mod departing;
mod exchanging;
mod expiring;
mod fixture;
mod index;
mod inspecting;
mod lifetime;
mod limiting;
mod lossy;
mod memory;
mod model;
mod paging;
mod priorities;
mod properties;
mod rules;
mod script;
mod serving;
mod settling;
mod waiting;
