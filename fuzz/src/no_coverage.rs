//! libFuzzer counts for itself.

/// See `coverage.rs`.
pub(crate) struct Coverage;

impl Coverage {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) fn edges(&self) -> usize {
        0
    }

    pub(crate) fn reached(&self) -> usize {
        0
    }

    pub(crate) fn forget(&self) {}

    pub(crate) fn is_new(&mut self) -> bool {
        false
    }
}
