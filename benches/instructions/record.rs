//! The recorded counts, and the comparison with new ones. Knows no valgrind, so that a test can look at
//! every verdict.

use std::fmt;

use serde::{Deserialize, Serialize};

/// From here on a count has risen, or fallen: a tenth. Code that did not change moves by less, when
/// the linker or another function's inlining changes around it.
const TOLERANCE: f64 = 0.10;

/// Counts below this are noise: a case has either no atomic operation per operation, or a good part of one.
const SMALLEST: f64 = 0.05;

/// What `benches/instructions.json` holds.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    /// `rustc --version` and the target: another compiler counts differently.
    pub(crate) compiler: String,
    /// `valgrind --version`.
    pub(crate) valgrind: String,
    /// In the order of the bench.
    pub(crate) cases: Vec<Counts>,
}

/// What one operation of a case costs.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Its name.
    pub(crate) case: String,
    /// Instructions.
    pub(crate) instructions: f64,
    /// Atomic read-modify-writes: locks taken and given back, references counted, wake-ups.
    pub(crate) atomics: f64,
}

/// What is said of a case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Same,
    Risen,
    Fallen,
    /// In the bench and not in the record.
    New,
    /// In the record and not in the bench.
    Missing,
}

/// One line of the table.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Line {
    case: String,
    recorded: Option<Counts>,
    now: Option<Counts>,
    pub(crate) verdict: Verdict,
}

/// What the whole comparison says.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Comparison {
    pub(crate) lines: Vec<Line>,
    /// The compiler of the record and of now, when they differ.
    pub(crate) compilers: Option<(String, String)>,
}

impl Comparison {
    /// Of a record with what was counted just now.
    pub(crate) fn of(recorded: &Record, now: &Record) -> Self {
        let find = |record: &Record, case: &str| {
            record.cases.iter().find(|counts| counts.case == case).cloned()
        };
        let line = |case: &str| {
            let (recorded, now) = (find(recorded, case), find(now, case));
            let verdict = verdict(recorded.as_ref(), now.as_ref());
            Line { case: case.to_owned(), recorded, now, verdict }
        };
        let gone = recorded.cases.iter().filter(|counts| find(now, &counts.case).is_none());
        let lines = now.cases.iter().chain(gone).map(|counts| line(&counts.case)).collect();
        let compilers = (recorded.compiler != now.compiler)
            .then(|| (recorded.compiler.clone(), now.compiler.clone()));
        Self { lines, compilers }
    }

    /// Whether the guard lets this through. A case that is gone guards nothing any more, so it does not
    /// pass. Under another compiler than the recorded one a rise is said but passes: it says nothing
    /// about a change of the code.
    pub(crate) fn passes(&self) -> bool {
        let is_fault = |line: &Line| match line.verdict {
            Verdict::Risen => self.compilers.is_none(),
            Verdict::Missing => true,
            Verdict::Same | Verdict::Fallen | Verdict::New => false,
        };
        !self.lines.iter().any(is_fault)
    }

    fn any(&self, verdict: Verdict) -> bool {
        self.lines.iter().any(|line| line.verdict == verdict)
    }
}

fn verdict(recorded: Option<&Counts>, now: Option<&Counts>) -> Verdict {
    let (recorded, now) = match (recorded, now) {
        (Some(recorded), Some(now)) => (recorded, now),
        (None, _) => return Verdict::New,
        (_, None) => return Verdict::Missing,
    };
    let pairs = [(recorded.instructions, now.instructions), (recorded.atomics, now.atomics)];
    let moved = |by: fn(f64, f64) -> f64| {
        pairs.iter().any(|(before, now)| {
            let difference = by(*before, *now);
            difference > SMALLEST && difference > before * TOLERANCE
        })
    };
    if moved(|before, now| now - before) {
        Verdict::Risen
    } else if moved(|before, now| before - now) {
        Verdict::Fallen
    } else {
        Verdict::Same
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |counts: &Option<Counts>, pick: fn(&Counts) -> f64| match counts {
            Some(counts) => format!("{:.2}", pick(counts)),
            None => "-".to_owned(),
        };
        let instructions: fn(&Counts) -> f64 = |counts| counts.instructions;
        let atomics: fn(&Counts) -> f64 = |counts| counts.atomics;
        let change = match (&self.recorded, &self.now) {
            (Some(before), Some(now)) if before.instructions > 0.0 => {
                format!("{:+.1} %", (now.instructions / before.instructions - 1.0) * 100.0)
            }
            _ => "-".to_owned(),
        };
        let note = match self.verdict {
            Verdict::Same => "",
            Verdict::Risen => "  RISEN",
            Verdict::Fallen => "  fallen",
            Verdict::New => "  new, not recorded",
            Verdict::Missing => "  MISSING, recorded and no longer counted",
        };
        write!(
            f,
            "{:<42} {:>11} {:>11} {:>9} {:>9} {:>9}{note}",
            self.case,
            shown(&self.recorded, instructions),
            shown(&self.now, instructions),
            change,
            shown(&self.recorded, atomics),
            shown(&self.now, atomics),
        )
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<42} {:>11} {:>11} {:>9} {:>9} {:>9}",
            "per operation", "recorded", "now", "change", "atomics", "now"
        )?;
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        writeln!(f)?;
        if let Some((before, now)) = &self.compilers {
            writeln!(
                f,
                "warning: recorded with {before}, counted with {now}: a rise is only a warning. \
                 Run `make bench-record` on a tree that is known to be good to record anew"
            )?;
        }
        if self.any(Verdict::Risen) {
            let grade = if self.compilers.is_some() { "warning" } else { "error" };
            writeln!(
                f,
                "{grade}: a count rose by more than 10 %. Find out why; when the rise is wanted, run \
                 `make bench-record` and say why in the commit"
            )?;
        }
        if self.any(Verdict::Missing) {
            writeln!(
                f,
                "error: a recorded case is gone. When that is wanted, run `make bench-record`"
            )?;
        }
        if self.any(Verdict::New) {
            writeln!(f, "note: a case has no record yet. Run `make bench-record`")?;
        }
        if self.any(Verdict::Fallen) {
            writeln!(
                f,
                "note: a count fell by more than 10 %. Run `make bench-record`, so that it cannot rise \
                 again unseen"
            )?;
        }
        Ok(())
    }
}
