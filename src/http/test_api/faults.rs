//! The faults that a test has ordered.

use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::route::Run::Plain;
use crate::http::route::{Needs, Route};

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/haremq/test/faults",
        Needs::Administrator,
        "Faults that are ordered, and how often each has struck; with `--test-api` only",
        Plain(list),
    ),
    Route::delete(
        "/haremq/test/faults",
        Needs::Administrator,
        "Withdraw every fault; with `--test-api` only",
        Plain(clear),
    ),
];

fn list(_call: &Call) -> Answer {
    Answer::list(Vec::new())
}

fn clear(_call: &Call) -> Answer {
    Answer::no_content()
}
