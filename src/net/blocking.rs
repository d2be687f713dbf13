//! Work that waits for a disk, in the middle of a task.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// Does it here. On a runtime of many threads somebody else runs the other tasks meanwhile; on one of a single
/// thread, such as a broker inside a test has, they wait.
pub fn blocking<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => block_in_place(work),
        _ => work(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_waits_is_done_on_every_runtime_and_on_none() {
        assert_eq!(blocking(|| 1), 1);
        let one = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        assert_eq!(one.block_on(async { blocking(|| 2) }), 2);
        let many = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build();
        let many = many.expect("a runtime");
        assert_eq!(
            many.block_on(async { tokio::spawn(async { blocking(|| 3) }).await }).ok(),
            Some(3)
        );
    }
}
