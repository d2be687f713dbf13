//! What is fuzzed.

/// One target: a function that panics when the broker is wrong, and what helps to find inputs for it.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    /// As on the command line, and of its folder in `seeds/`.
    pub(crate) name: &'static str,
    /// Runs one input. A panic is a finding.
    pub(crate) run: fn(&[u8]),
    /// Pieces that inputs are made of.
    pub(crate) words: &'static [&'static [u8]],
    /// No input is longer.
    pub(crate) bytes_max: usize,
}
