//! Consumers. Each is seen in its queue.

use super::answer::Answer;
use super::call::Call;
use super::error::ApiError;
use super::queues;
use super::route::Run::Now;
use super::route::{Needs, Route};

pub(super) const ROUTES: &[Route] = &[
    Route::get("/consumers", Needs::Management, "Consumers", Now(list)),
    Route::get("/consumers/{vhost}", Needs::Management, "Consumers of a virtual host", Now(list)),
];

fn list(call: &Call) -> Result<Answer, ApiError> {
    let mut all = Vec::new();
    for vhost in call.listed_vhosts()? {
        for cell in vhost.list_queues() {
            let consumers = queues::consumers(call, &vhost, &cell, &cell.report());
            // Field names are text and numbers are whole.
            all.extend(consumers.iter().map(|one| serde_json::to_value(one).unwrap_or_default()));
        }
    }
    Ok(Answer::list(all))
}
