//! What is for tests of programs that use a broker.

/// With whose end the broker ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParentWatch {
    /// That of the process that started it.
    Parent,
    /// That of the process with this number.
    Process(u32),
}
