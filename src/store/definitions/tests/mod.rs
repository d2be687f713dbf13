//! Records and tables give back what they were made of.

mod records;
pub(in crate::store) mod samples;
