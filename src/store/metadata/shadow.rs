//! The second copy: what mirror and journal together say.

use super::files::Files;
use super::journal::{self, Contents};
use super::mirror::{self, Unreadable};
use crate::store::{Change, Definitions, FormatVersion, StoreError};

/// Mirror and journal as they were found.
#[derive(Default)]
pub(super) struct Shadow {
    /// What they say, and of which generation; `None` when the mirror is missing, damaged, or older
    /// than the journal that follows it.
    pub(super) known: Option<(Definitions, u64)>,
    /// The generation that the journal follows, when its first line is readable.
    journal_base: Option<u64>,
    /// The generation of the mirror alone.
    mirror_generation: u64,
    /// The bytes of the journal without an unfinished group.
    journal_bytes: u64,
    /// The groups that the journal holds, in order.
    pub(super) groups: Vec<(u64, Vec<Change>)>,
    /// A generation that certainly was acknowledged: a database below it has lost something.
    pub(super) at_least: u64,
    /// Whether there is a mirror or a journal at all.
    pub(super) exists: bool,
    mirror_exists: bool,
    /// Whether both are whole and the journal has nothing that the mirror has not.
    pub(super) current: bool,
    /// What is wrong with the mirror.
    pub(super) mirror_damage: Option<String>,
    /// What is wrong with the journal.
    pub(super) journal_damage: Option<String>,
    /// Bytes of a group whose writing was cut off.
    pub(super) torn_bytes: usize,
}

/// Mirror and journal that need not be written anew.
#[derive(Clone, Copy, Debug)]
pub(super) struct WholeShadow {
    /// Of the mirror alone.
    pub(super) mirror_generation: u64,
    /// The bytes of the journal without an unfinished group.
    pub(super) journal_bytes: u64,
}

impl Shadow {
    /// What the journal can be gone on with, when the last thing that mirror and journal say is of this
    /// generation.
    pub(super) fn whole(&self, generation: u64) -> Option<WholeShadow> {
        let is_whole = self.mirror_damage.is_none() && self.journal_damage.is_none();
        let (_, known) = self.known.as_ref()?;
        let last = self.groups.last().map(|(number, _)| *number).or(self.journal_base)?;
        (is_whole && *known == generation && last == generation).then_some(WholeShadow {
            mirror_generation: self.mirror_generation,
            journal_bytes: self.journal_bytes,
        })
    }

    /// Reads both files. Fails when they cannot be read or were written by a newer broker; damage is
    /// no failure.
    pub(super) fn read(files: &Files) -> Result<Self, StoreError> {
        let mirror = Files::read(&files.mirror())?;
        let journal = Files::read(&files.journal())?;
        let mut shadow = Self {
            exists: mirror.is_some() || journal.is_some(),
            mirror_exists: mirror.is_some(),
            ..Self::default()
        };
        let newer = |path, found: FormatVersion| StoreError::NewerFormat {
            path,
            found: found.to_string(),
            understood: FormatVersion::CURRENT.to_string(),
        };
        match mirror.as_deref().map(mirror::decode) {
            None => shadow.mirror_damage = Some("it is missing".to_owned()),
            Some(Ok(known)) => {
                shadow.mirror_generation = known.1;
                shadow.known = Some(known);
            }
            Some(Err(Unreadable::Damaged(cause))) => shadow.mirror_damage = Some(cause),
            Some(Err(Unreadable::Newer(found))) => return Err(newer(files.mirror(), found)),
        }
        match journal.as_deref().map(journal::decode) {
            None => shadow.journal_damage = Some("it is missing".to_owned()),
            Some(Ok(contents)) => {
                let bytes = journal.as_ref().map_or(0, Vec::len) - contents.torn_bytes;
                shadow.journal_bytes = bytes as u64;
                shadow.take(contents);
            }
            Some(Err(Unreadable::Newer(found))) => return Err(newer(files.journal(), found)),
            Some(Err(Unreadable::Damaged(cause))) => shadow.journal_damage = Some(cause),
        }
        // Nothing is in a first mirror: without its journal it says only that there was a store.
        if shadow.journal_base.is_none() && matches!(shadow.known, Some((_, 0))) {
            shadow.mirror_damage = Some("it is the first one, and its journal is lost".to_owned());
            shadow.known = None;
        }
        let generation = shadow.known.as_ref().map_or(0, |(_, generation)| *generation);
        shadow.at_least = shadow.at_least.max(generation);
        Ok(shadow)
    }

    /// Whether this is what a first start leaves that was cut off before anything could be stored.
    pub(super) fn is_unborn(&self) -> bool {
        let nothing =
            self.groups.is_empty() && self.torn_bytes == 0 && self.journal_damage.is_none();
        // The first mirror comes after the first journal and before the first database.
        let mirror = !self.mirror_exists || matches!(self.known, Some((_, 0)));
        nothing && mirror && self.journal_base == Some(0)
    }

    /// What mirror and journal are missing or damaged in, as sentences.
    pub(super) fn problems(&self, files: &Files) -> Vec<String> {
        let mirror = self.mirror_damage.as_ref().map(|cause| (files.mirror(), cause));
        let journal = self.journal_damage.as_ref().map(|cause| (files.journal(), cause));
        let both = mirror.into_iter().chain(journal);
        both.map(|(path, cause)| format!("{} is not usable: {cause}", path.display())).collect()
    }

    /// The groups that lead from this generation to the last one, when there is no gap before them.
    pub(super) fn groups_after(&self, generation: u64) -> Option<Vec<Change>> {
        let mut later = self.groups.iter().filter(|(number, _)| *number > generation).peekable();
        later
            .peek()
            .is_some_and(|(number, _)| *number == generation + 1)
            .then(|| later.flat_map(|(_, changes)| changes.iter().cloned()).collect())
    }

    /// What a database of this generation has to say with the groups of the journal behind it; `None`
    /// when it lacks more than these.
    pub(super) fn roll_forward(
        &self,
        mut definitions: Definitions,
        generation: u64,
    ) -> Option<Definitions> {
        if generation < self.at_least {
            definitions.apply_all(self.groups_after(generation)?);
        }
        Some(definitions)
    }

    /// What the journal says, when it is whole and nothing was before it.
    pub(super) fn since_the_beginning(&self) -> Option<Definitions> {
        let is_whole = self.journal_damage.is_none() && self.journal_base == Some(0);
        let mut definitions = Definitions::default();
        let changes = self.groups.iter().flat_map(|(_, changes)| changes.iter().cloned());
        definitions.apply_all(changes);
        is_whole.then_some(definitions)
    }

    fn take(&mut self, contents: Contents) {
        let Contents { base, groups, torn_bytes, damage } = contents;
        self.journal_base = base;
        self.torn_bytes = torn_bytes;
        self.journal_damage = damage;
        self.groups = groups;
        let last = self.groups.last().map(|(generation, _)| *generation);
        self.at_least = last.or(base).unwrap_or(0);
        let Some((definitions, generation)) = &mut self.known else { return };
        match base {
            Some(base) if base > *generation => {
                let cause = format!(
                    "it is of generation {generation}, and its journal follows generation {base}"
                );
                self.mirror_damage = Some(cause);
                self.known = None;
            }
            Some(_) => {
                // A journal may begin before the mirror: a stop came between replacing the one and
                // the other.
                let mirrored = *generation;
                for (number, changes) in &self.groups {
                    if *number == *generation + 1 {
                        definitions.apply_all(changes.iter().cloned());
                        *generation = *number;
                    }
                }
                self.current =
                    *generation == mirrored && torn_bytes == 0 && self.journal_damage.is_none();
            }
            None => {}
        }
    }
}
