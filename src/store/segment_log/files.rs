//! The segments as files: opened when they are read, a bounded number at a time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::scanner::{Item, Scanner, Segment};
use crate::store::file_layer::FileLayer;
use crate::store::format::{
    DATA_START, Kind, PAGE_IDS, RECORD_HEADER_BYTES, RecordHeader, SegmentHeader, SegmentShare,
    VERSION, read_enqueue, read_page, segment_name,
};
use crate::store::index::{Loaded, PageName, PageSource};
use crate::store::{Damage, LogError, Position};

/// Files that are kept open for reading.
const OPEN_FILES_MAX: usize = 64;

/// What a file with a segment's name is.
pub(in crate::store) enum Found {
    /// A segment.
    Segment(Segment),
    /// A file that was prepared and not written.
    Unused,
    /// Neither copy of the header can be read, and something was written.
    NoHeader(Damage),
}

/// See the module.
pub(in crate::store) struct SegmentFiles {
    pub(in crate::store) layer: Arc<dyn FileLayer>,
    open: Mutex<Open>,
    damages: Mutex<BTreeMap<(String, u64), Damage>>,
}

#[derive(Default)]
struct Open {
    segments: BTreeMap<u32, Segment>,
    /// In the order in which they were opened.
    order: VecDeque<u32>,
}

impl SegmentFiles {
    pub(in crate::store) fn new(layer: Arc<dyn FileLayer>) -> Self {
        Self { layer, open: Mutex::default(), damages: Mutex::default() }
    }

    /// Looks at a file with a segment's name.
    pub(in crate::store) fn find(&self, number: u32) -> Result<Found, LogError> {
        let name = segment_name(number);
        let path = self.layer.path(&name);
        let io = |error| LogError::io("read", &path, error);
        let file = self.layer.open(&name).map_err(|error| LogError::io("open", &path, error))?;
        let mut start = vec![0; DATA_START as usize];
        let count = file.read_at(&mut start, 0).map_err(io)?;
        start.truncate(count);
        match SegmentHeader::read(&start) {
            Some(header) if header.version != VERSION => {
                let (version, known) = (header.version, VERSION);
                Err(LogError::UnknownVersion { file: path, version, known })
            }
            Some(header) if header.number == number => {
                Ok(Found::Segment(Segment { number, file, seed: header.seed(), path }))
            }
            // A file that was taken over from an earlier segment keeps the old header until the first
            // write; a new one is zero.
            Some(_) => Ok(Found::Unused),
            None if start.iter().all(|byte| *byte == 0) => Ok(Found::Unused),
            None => {
                let what = "both copies of the segment's header are damaged".to_owned();
                Ok(Found::NoHeader(Damage { file: path, offset: 0, what }))
            }
        }
    }

    /// An open segment.
    pub(in crate::store) fn segment(&self, number: u32) -> Result<Segment, LogError> {
        if let Some(segment) = self.lock().segments.get(&number) {
            return Ok(segment.clone());
        }
        match self.find(number)? {
            Found::Segment(segment) => {
                self.add(segment.clone());
                Ok(segment)
            }
            Found::NoHeader(damage) => Err(LogError::Damaged(damage)),
            Found::Unused => {
                let file = self.layer.path(&segment_name(number));
                let what = "the segment was never written".to_owned();
                Err(LogError::Damaged(Damage { file, offset: 0, what }))
            }
        }
    }

    /// A segment that is open anyway.
    pub(in crate::store) fn add(&self, segment: Segment) {
        let mut open = self.lock();
        open.order.push_back(segment.number);
        open.segments.insert(segment.number, segment);
        while open.order.len() > OPEN_FILES_MAX {
            if let Some(oldest) = open.order.pop_front() {
                open.segments.remove(&oldest);
            }
        }
    }

    /// The segment is no more.
    pub(in crate::store) fn forget(&self, number: u32) {
        let mut open = self.lock();
        open.segments.remove(&number);
        open.order.retain(|other| *other != number);
    }

    /// Reads a record: header and payload.
    pub(in crate::store) fn record(
        &self,
        position: Position,
    ) -> Result<(RecordHeader, Bytes), LogError> {
        let segment = self.segment(position.segment)?;
        let mut bytes = vec![0; position.length as usize];
        let read = segment.file.read_at(&mut bytes, position.offset.into());
        let read = read.map_err(|error| segment.error("read", error))?;
        bytes.truncate(read);
        check_record(&segment, position, Bytes::from(bytes))
    }

    /// Notes damage, and says it once per place.
    pub(in crate::store) fn report(&self, damage: &Damage) {
        let mut damages = self.damages.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (damage.file.to_string_lossy().into_owned(), damage.offset);
        if damages.insert(place, damage.clone()).is_none() {
            tracing::error!(
                file = %damage.file.display(),
                offset = damage.offset,
                error = %damage.what,
                "the message log is damaged; everything else in it is kept"
            );
        }
    }

    /// The damage found so far.
    pub(in crate::store) fn damages(&self) -> Vec<Damage> {
        let damages = self.damages.lock().unwrap_or_else(PoisonError::into_inner);
        damages.values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // Names and handles change together or not at all.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a page together from the messages themselves. A message whose settle was forgotten
    /// together with its segment comes back: better twice than never.
    fn rebuild_page(&self, (queue, page): PageName, shares: &[SegmentShare]) -> Loaded {
        let mut slots = BTreeMap::new();
        let segments: BTreeSet<u32> = shares.iter().map(|share| share.segment).collect();
        for number in segments {
            let segment = match self.segment(number) {
                Err(error) if error.is_not_found() => continue,
                // Its messages are lost, and not those of the other segments with them.
                Err(LogError::Damaged(damage)) => {
                    self.report(&damage);
                    continue;
                }
                found => found?,
            };
            let mut scanner = Scanner::new(&segment, DATA_START.into())?;
            loop {
                match scanner.next()? {
                    Item::End { .. } => break,
                    Item::Bad { .. } => {
                        if !scanner.resync()? {
                            break;
                        }
                    }
                    Item::Record { position, header, payload } if header.kind == Kind::Enqueue => {
                        let read = read_enqueue(payload, header.flags, header.count);
                        for target in read.iter().flat_map(|read| &read.targets) {
                            if target.queue == queue
                                && target.id.0 / PAGE_IDS == page
                                && let Some(read) = &read
                            {
                                let mut slot = read.slot(target, position);
                                slot.at = u16::try_from(target.id.0 % PAGE_IDS).unwrap_or(0);
                                slots.insert(slot.at, slot);
                            }
                        }
                    }
                    Item::Record { .. } => {}
                }
            }
        }
        Ok(slots.into_values().collect())
    }
}

impl PageSource for SegmentFiles {
    fn load(&self, name: PageName, stored: Position, shares: &[SegmentShare]) -> Loaded {
        let read = self.record(stored).and_then(|(header, record)| {
            let page = read_page(&record[RECORD_HEADER_BYTES..], header.flags, header.count);
            let page = page.filter(|(queue, page, _)| (*queue, *page) == name);
            page.map(|(_, _, slots)| slots).ok_or_else(|| {
                let file = self.layer.path(&segment_name(stored.segment));
                let what = "a page of the index is not the one it should be".to_owned();
                LogError::Damaged(Damage { file, offset: stored.offset.into(), what })
            })
        });
        match read {
            Err(LogError::Damaged(damage)) => {
                self.report(&damage);
                self.rebuild_page(name, shares)
            }
            Err(error) if error.is_not_found() => {
                let file = self.layer.path(&segment_name(stored.segment));
                let what = "the segment is not there".to_owned();
                self.report(&Damage { file, offset: 0, what });
                self.rebuild_page(name, shares)
            }
            other => other,
        }
    }
}

/// Whether these bytes of a segment are the record that should be there.
pub(in crate::store) fn check_record(
    segment: &Segment,
    position: Position,
    record: Bytes,
) -> Result<(RecordHeader, Bytes), LogError> {
    match RecordHeader::read(segment.seed, &record) {
        Some(header) if header.is_intact(segment.seed, &record) => Ok((header, record)),
        Some(_) | None => {
            let what = "the checksum of the record does not match".to_owned();
            let (file, offset) = (segment.path.clone(), position.offset.into());
            Err(LogError::Damaged(Damage { file, offset, what }))
        }
    }
}
