//! Counted memory.

/// Runs `work` and checks that this thread never holds more than so many bytes for it.
pub(super) fn allocates_at_most<T>(bytes_max: u64, work: impl FnOnce() -> T) -> T {
    let mut result = None;
    let counted = allocation_counter::measure(|| result = Some(work()));
    assert!(
        counted.bytes_max <= bytes_max,
        "{} bytes were held, at most {bytes_max} expected",
        counted.bytes_max
    );
    result.expect("the work ran")
}
