//! The tables of all resources of the test API.

use super::faults;
use crate::http::route::Route;

pub(in crate::http) const TABLES: &[&[Route]] = &[faults::ROUTES];
