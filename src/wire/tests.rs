//! Tests of the whole layer: every method both ways, bytes cut and broken at will, amq-protocol as an
//! independent opinion, and the exact texts of errors.

mod contents;
mod frames;
mod malformed;
mod methods;
mod oracle;
mod output;
mod tables;
mod values;
