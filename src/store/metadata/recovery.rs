//! Opening: compares both copies and decides which of them is believed.
//!
//! A group goes to the journal first and to the database second. So a database one group behind is what
//! a kill leaves, and is rolled forward; one further behind, damaged, hanging or gone has lost
//! something, and is rebuilt from mirror and journal; one ahead means that mirror or journal lost
//! something, and they are written anew. When neither copy is whole, nothing is started: an empty broker
//! would look like one that works.

use std::path::PathBuf;
use std::time::Duration;

use super::database::{Database, Fault};
use super::files::{Files, create_directory};
use super::guard::{self, Escaped};
use super::journal::Journal;
use super::shadow::{Shadow, WholeShadow};
use crate::store::definitions::Encoded;
use crate::store::{Change, Definitions, FormatVersion, Kind, StoreError};

/// Where the definitions came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// There were none: the directory is new.
    New,
    /// The database.
    Database,
    /// Mirror and journal, because the database was damaged or gone.
    Mirror,
}

/// What opening found. The store logs nothing itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenReport {
    /// Where the definitions came from.
    pub source: Source,
    /// What somebody must know: damage, and what was done about it.
    pub warnings: Vec<String>,
    /// What is ordinary after a kill.
    pub notes: Vec<String>,
}

/// What recovery ends with.
pub(super) struct Recovered {
    pub(super) database: Database,
    pub(super) definitions: Definitions,
    pub(super) generation: u64,
    pub(super) report: OpenReport,
    /// Whether mirror and journal already say the same.
    pub(super) mirror_is_current: bool,
    /// Both of them, when they are whole and say together what was recovered.
    pub(super) shadow: Option<WholeShadow>,
    /// Whether there is something to learn from them as they were found.
    pub(super) mirror_was_damaged: bool,
}

/// Reads both copies and returns what is believed, in an intact database.
pub(super) fn recover(files: &Files, timeout: Duration) -> Result<Recovered, StoreError> {
    let shadow = Shadow::read(files)?;
    let report = OpenReport { source: Source::Database, warnings: Vec::new(), notes: Vec::new() };
    let recovery = Recovery { files, timeout, shadow, report };
    match files.databases()?.into_iter().max() {
        Some(number) => recovery.with_database(number),
        None => recovery.without_database(),
    }
}

struct Recovery<'a> {
    files: &'a Files,
    timeout: Duration,
    shadow: Shadow,
    report: OpenReport,
}

/// A database that is believed, or why it is not.
type Verdict = Result<(Database, Definitions, u64), String>;

impl Recovery<'_> {
    fn without_database(mut self) -> Result<Recovered, StoreError> {
        let directory = self.files.directory().to_path_buf();
        if self.shadow.exists {
            let cause = "the database of definitions is missing";
            if self.shadow.is_unborn() {
                self.report.source = Source::New;
                return self.build(1, Definitions::default(), 0);
            }
            return self.rebuild(1, &directory, cause);
        }
        if self.files.has_damaged()? {
            let cause = "a damaged database was moved aside here, and no other is there";
            return Err(self.refusal(directory, cause));
        }
        self.report.source = Source::New;
        // Journal, mirror, database: whoever finds a later one without an earlier one knows that
        // something was lost.
        Journal::start(self.files, 0)?;
        super::writer::write_shadow(self.files, &Definitions::default(), 0)?;
        self.shadow.current = true;
        self.build(1, Definitions::default(), 0)
    }

    fn with_database(mut self, number: u64) -> Result<Recovered, StoreError> {
        let path = self.files.database(number);
        if !Database::wait_until_free(&path)? {
            return Err(StoreError::Locked { path });
        }
        let opened = {
            let path = path.clone();
            guard::within(self.timeout, move || Database::open(&path))
        };
        let cause = match opened {
            Ok(Ok((database, definitions))) => {
                let verdict = guard::caught(|| self.compare(database, definitions));
                match verdict.unwrap_or_else(|panic| Ok(Err(panic)))? {
                    Ok((database, definitions, generation)) => {
                        return Ok(self.finish(database, definitions, generation));
                    }
                    Err(cause) => cause,
                }
            }
            Ok(Err(Fault::Damaged(cause))) => cause,
            Ok(Err(Fault::System(error))) => return Err(error),
            Ok(Err(Fault::Locked)) => return Err(StoreError::Locked { path }),
            Ok(Err(Fault::Newer(found))) => {
                let understood = FormatVersion::CURRENT.to_string();
                return Err(StoreError::NewerFormat { path, found, understood });
            }
            Err(Escaped::Panicked(text)) => format!("reading it panicked: {text}"),
            Err(Escaped::TimedOut) => format!(
                "reading it had not ended after {} ms; a thread goes on with it until this process \
                 ends",
                self.timeout.as_millis()
            ),
        };
        if self.shadow.known.is_none() {
            return Err(self.refusal(path, &cause));
        }
        let moved_to = self.files.move_aside(number)?;
        self.rebuild(number + 1, &moved_to, &cause)
    }

    /// Holds an intact database against mirror and journal.
    fn compare(
        &mut self,
        mut database: Database,
        definitions: Definitions,
    ) -> Result<Verdict, StoreError> {
        let known = self.shadow.known.as_ref().map(|(_, generation)| *generation);
        let Some(generation) = database.generation() else {
            if known != Some(0) || definitions != Definitions::default() {
                return Ok(Err("it was never completed".to_owned()));
            }
            database.store(&[], Some(0), 0)?;
            database.sync(self.files)?;
            return Ok(Ok((database, definitions, 0)));
        };
        let reached = known.unwrap_or(0).max(self.shadow.at_least);
        if generation < reached {
            return self.roll_forward(database, definitions, generation, reached);
        }
        match &self.shadow.known {
            Some((mirrored, same)) if *same == generation && *mirrored != definitions => {
                let cause = "it differs from a mirror of the same generation";
                return Ok(Err(cause.to_owned()));
            }
            Some((_, same)) if *same == generation => {}
            Some((_, older)) => self.report.warnings.push(format!(
                "{} and its journal end at generation {older} and the database at {generation}; they \
                 were written anew from the database",
                self.files.mirror().display()
            )),
            None => self.report.warnings.push(format!(
                "{} was written anew from the database, generation {generation}",
                self.files.mirror().display()
            )),
        }
        Ok(Ok((database, definitions, generation)))
    }

    /// Adds the groups of the journal that the database has not.
    fn roll_forward(
        &mut self,
        mut database: Database,
        mut definitions: Definitions,
        generation: u64,
        reached: u64,
    ) -> Result<Verdict, StoreError> {
        let missing = reached - generation;
        let behind = format!("it ends at generation {generation}, and {reached} was stored");
        let Some(changes) = self.shadow.groups_after(generation) else { return Ok(Err(behind)) };
        // More than one group is more than a kill leaves behind: the database lost what it had
        // synced, and is believed only when there is nothing else.
        if missing > 1 && self.shadow.known.is_some() {
            return Ok(Err(behind));
        }
        let encoded: Result<Vec<_>, _> = changes.iter().cloned().map(Encoded::new).collect();
        database.store(&encoded?, Some(reached), 0)?;
        database.sync(self.files)?;
        definitions.apply_all(changes);
        if self.shadow.known.as_ref().is_some_and(|(mirrored, _)| *mirrored != definitions) {
            return Ok(Err("it differs from its mirror and journal".to_owned()));
        }
        let text = format!("{missing} group(s) of changes were taken from the journal");
        if missing > 1 { &mut self.report.warnings } else { &mut self.report.notes }.push(text);
        Ok(Ok((database, definitions, reached)))
    }

    /// Builds a database from mirror and journal, and says so.
    fn rebuild(
        mut self,
        number: u64,
        damaged: &std::path::Path,
        cause: &str,
    ) -> Result<Recovered, StoreError> {
        let Some((definitions, generation)) = self.shadow.known.take() else {
            return Err(self.refusal(damaged.to_path_buf(), cause));
        };
        let counts = Kind::ALL.map(|kind| format!("{} {}", definitions.count(kind), kind.plural()));
        self.report.source = Source::Mirror;
        self.report.warnings.push(format!(
            "{} is damaged: {cause}; the database of definitions was rebuilt from {}, generation \
             {generation}: {}",
            damaged.display(),
            self.files.mirror().display(),
            counts.join(", ")
        ));
        self.build(number, definitions, generation)
    }

    fn build(
        self,
        number: u64,
        definitions: Definitions,
        generation: u64,
    ) -> Result<Recovered, StoreError> {
        let path = self.files.database(number);
        create_directory(&path)?;
        let built = guard::caught(|| build(self.files, &path, &definitions, generation));
        let panicked = |text| StoreError::io("create", &path, std::io::Error::other(text));
        let database = built.map_err(panicked)??;
        self.files.sync_directory(&path)?;
        self.files.sync_directory(self.files.directory())?;
        Ok(self.finish(database, definitions, generation))
    }

    fn finish(
        mut self,
        database: Database,
        definitions: Definitions,
        generation: u64,
    ) -> Recovered {
        if self.report.source != Source::New {
            self.report.warnings.extend(self.shadow.problems(self.files));
        }
        if self.shadow.torn_bytes > 0 {
            self.report.notes.push(format!(
                "{} bytes at the end of {} are a group whose writing was cut off",
                self.shadow.torn_bytes,
                self.files.journal().display()
            ));
        }
        let shadow = self.shadow.whole(generation).filter(|_| self.report.source != Source::New);
        let known = self.shadow.known.as_ref();
        Recovered {
            shadow,
            mirror_was_damaged: self.shadow.mirror_damage.is_some()
                || self.shadow.journal_damage.is_some()
                || known.is_some_and(|(_, mirrored)| *mirrored != generation),
            database,
            definitions,
            generation,
            report: self.report,
            mirror_is_current: self.shadow.current,
        }
    }

    /// Why nothing is started.
    fn refusal(&self, path: PathBuf, cause: &str) -> StoreError {
        let mirror = self.files.mirror();
        let problems = self.shadow.problems(self.files).join("; ");
        let cause = format!("{cause}, and it cannot be rebuilt: {problems}");
        let advice = format!(
            "put a good {} there, or move it, its journal and {} away to start without definitions",
            mirror.display(),
            path.display()
        );
        StoreError::Damaged { path, cause, advice }
    }
}

/// Records of one transaction of a database that is being built.
const BUILD_CHUNK: usize = 1000;

fn build(
    files: &Files,
    path: &std::path::Path,
    definitions: &Definitions,
    generation: u64,
) -> Result<Database, StoreError> {
    let (mut database, _) = Database::open(path).map_err(|fault| match fault {
        Fault::System(error) => error,
        other => StoreError::io("create", path, std::io::Error::other(format!("{other:?}"))),
    })?;
    let changes: Vec<Change> = definitions.as_changes();
    for chunk in changes.chunks(BUILD_CHUNK) {
        let encoded: Result<Vec<_>, _> = chunk.iter().cloned().map(Encoded::new).collect();
        database.store(&encoded?, None, 0)?;
    }
    database.store(&[], Some(generation), definitions.next_queue_number)?;
    database.sync(files)?;
    Ok(database)
}
