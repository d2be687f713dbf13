//! The tables of all resources of the test API.

use super::{clock, contents, faults, snapshots, vhosts};
use crate::http::route::Route;

pub(in crate::http) const TABLES: &[&[Route]] =
    &[clock::ROUTES, vhosts::ROUTES, contents::ROUTES, snapshots::ROUTES, faults::ROUTES];
