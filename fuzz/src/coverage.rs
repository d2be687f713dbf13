//! Which edges of the program an input ran over: the counters that the compiler puts in when it is asked to
//! (`-Cpasses=sancov-module` with `inline-8bit-counters`, which the stable compiler takes too).
//!
//! Without these flags there are no counters, and nothing is ever new.

use std::sync::{Mutex, PoisonError};

/// Where counters are: start and length. The linker lays them in a row, so that there are one or two.
static RANGES: Mutex<Vec<(usize, usize)>> = Mutex::new(Vec::new());

/// Called by each piece of the program before `main`, with the range of its counters.
///
/// # Safety
/// The compiler calls it, with the bounds of a section that lives as long as the program.
// SAFETY: no other crate defines this name: it is the one the compiler's coverage pass asks for.
#[unsafe(no_mangle)]
pub extern "C" fn __sanitizer_cov_8bit_counters_init(start: *mut u8, stop: *mut u8) {
    let (start, stop) = (start as usize, stop as usize);
    let mut ranges = RANGES.lock().unwrap_or_else(PoisonError::into_inner);
    if stop > start && !ranges.iter().any(|(known, _)| *known == start) {
        ranges.push((start, stop - start));
    }
}

/// What was reached so far: one octet for each edge, one bit for each order of how often.
pub(crate) struct Coverage {
    seen: Vec<Vec<u8>>,
    ranges: Vec<(usize, usize)>,
    reached: usize,
}

impl Coverage {
    pub(crate) fn new() -> Self {
        let ranges = RANGES.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let seen = ranges.iter().map(|(_, len)| vec![0; *len]).collect();
        Self { seen, ranges, reached: 0 }
    }

    /// Counters there are.
    pub(crate) fn edges(&self) -> usize {
        self.ranges.iter().map(|(_, len)| *len).sum()
    }

    /// Edges that some input ran over.
    pub(crate) fn reached(&self) -> usize {
        self.reached
    }

    /// Sets all counters to zero.
    pub(crate) fn forget(&self) {
        for (start, len) in &self.ranges {
            // SAFETY: the range is the section of the counters, which nobody holds a reference to and which lives as
            // long as the program. Other threads that count at this moment lose a count, which is all.
            unsafe { std::ptr::write_bytes(*start as *mut u8, 0, *len) };
        }
    }

    /// Whether the counters show an edge, or an order of how often, that was not seen before; it is then.
    pub(crate) fn is_new(&mut self) -> bool {
        let mut new = false;
        for ((start, len), seen) in self.ranges.iter().zip(&mut self.seen) {
            // SAFETY: as in `forget`; only this function looks at them, and a count that another thread adds meanwhile
            // is seen or not, and zero next time.
            let counters = unsafe { std::slice::from_raw_parts(*start as *const u8, *len) };
            for (counters, seen) in counters.chunks(PAGE).zip(seen.chunks_mut(PAGE)) {
                // Most pages are code that the target never comes to, and comparing is one call.
                if counters == &ZEROS[..counters.len()] {
                    continue;
                }
                for (count, seen) in counters.iter().zip(seen) {
                    let bit = order(*count);
                    if bit & !*seen != 0 {
                        self.reached += usize::from(*seen == 0);
                        *seen |= bit;
                        new = true;
                    }
                }
            }
        }
        new
    }
}

/// Counters that are compared at once.
const PAGE: usize = 1024;

const ZEROS: [u8; PAGE] = [0; PAGE];

/// One bit for 1, 2, 3, up to 7, 15, 31, 127 and more.
fn order(count: u8) -> u8 {
    match count {
        0 => 0,
        1 => 1,
        2 => 2,
        3 => 4,
        4..=7 => 8,
        8..=15 => 16,
        16..=31 => 32,
        32..=127 => 64,
        128.. => 128,
    }
}
