//! The channels of one connection, found by their number and by their holder.
//!
//! - P10: a holder is known exactly as long as its channel is open.

use std::collections::BTreeMap;

use crate::base::{ChannelId, HolderId};

use super::channel::Channel;

/// A channel number that is in use.
#[derive(Debug)]
pub(super) enum Slot {
    /// The channel is open. Boxed, so that the list can be kept in order.
    Open(Box<Channel>),
    /// We have closed it, and the client has not said so yet.
    Closing,
}

/// All channels, ordered by number.
#[derive(Debug, Default)]
pub(super) struct Channels {
    slots: Vec<(ChannelId, Slot)>,
    holders: BTreeMap<HolderId, ChannelId>,
    /// The place that was looked at last: most frames follow one of their own channel.
    last: usize,
}

impl Channels {
    /// Numbers in use, those included that wait for `close-ok`.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// How many are open.
    pub(super) fn open_len(&self) -> usize {
        self.holders.len()
    }

    #[inline]
    pub(super) fn find(&mut self, id: ChannelId) -> Option<&mut Slot> {
        let index = self.index(id)?;
        self.slots.get_mut(index).map(|(_, slot)| slot)
    }

    /// The channel, when it is open and this is its opening.
    #[inline]
    pub(super) fn opening(&mut self, id: ChannelId, holder: HolderId) -> Option<&mut Channel> {
        match self.find(id)? {
            Slot::Open(channel) if channel.holder == holder => Some(channel),
            Slot::Open(_) | Slot::Closing => None,
        }
    }

    #[inline]
    pub(super) fn is_open(&self, id: ChannelId, holder: HolderId) -> bool {
        match self.slots.get(self.last) {
            Some((last, Slot::Open(channel))) if *last == id => channel.holder == holder,
            _ => self.holders.get(&holder) == Some(&id),
        }
    }

    #[inline]
    pub(super) fn by_holder(&mut self, holder: HolderId) -> Option<&mut Channel> {
        let id = match self.slots.get(self.last) {
            Some((id, Slot::Open(channel))) if channel.holder == holder => *id,
            _ => *self.holders.get(&holder)?,
        };
        self.opening(id, holder)
    }

    /// Adds a channel whose number is free.
    pub(super) fn open(&mut self, id: ChannelId, holder: HolderId) {
        if let Err(index) = self.slots.binary_search_by_key(&id, |(id, _)| *id) {
            let channel = Box::new(Channel::new(id, holder));
            self.slots.insert(index, (id, Slot::Open(channel)));
            self.holders.insert(holder, id);
        }
    }

    /// Our `channel.close` goes out: the channel, when it was open.
    pub(super) fn close(&mut self, id: ChannelId) -> Option<Box<Channel>> {
        match std::mem::replace(self.find(id)?, Slot::Closing) {
            Slot::Open(channel) => {
                self.holders.remove(&channel.holder);
                Some(channel)
            }
            Slot::Closing => None,
        }
    }

    /// The number is free again: the channel, when it was open.
    pub(super) fn remove(&mut self, id: ChannelId) -> Option<Box<Channel>> {
        let index = self.index(id)?;
        match self.slots.remove(index).1 {
            Slot::Open(channel) => {
                self.holders.remove(&channel.holder);
                Some(channel)
            }
            Slot::Closing => None,
        }
    }

    /// The open channels in order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Channel> {
        self.slots.iter().filter_map(|(_, slot)| match slot {
            Slot::Open(channel) => Some(&**channel),
            Slot::Closing => None,
        })
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    #[inline]
    fn index(&mut self, id: ChannelId) -> Option<usize> {
        if self.slots.get(self.last).is_none_or(|(last, _)| *last != id) {
            self.last = self.slots.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        }
        Some(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_found_by_number_and_by_holder() {
        let mut channels = Channels::default();
        for number in [7, 2, 65_535, 3] {
            channels.open(ChannelId(number), HolderId(u64::from(number) + 100));
        }
        for number in [2, 3, 7, 65_535, 2] {
            let (id, holder) = (ChannelId(number), HolderId(u64::from(number) + 100));
            assert!(matches!(channels.find(id), Some(Slot::Open(channel)) if channel.id == id));
            assert_eq!(channels.by_holder(holder).map(|channel| channel.id), Some(id));
        }
        assert!(channels.find(ChannelId(4)).is_none());
        assert!(channels.by_holder(HolderId(1)).is_none());
    }

    #[test]
    fn a_closed_channel_keeps_its_number_and_loses_its_holder() {
        let mut channels = Channels::default();
        channels.open(ChannelId(1), HolderId(1));
        assert!(channels.close(ChannelId(1)).is_some());
        assert!(channels.close(ChannelId(1)).is_none());
        assert!(!channels.is_open(ChannelId(1), HolderId(1)));
        assert!(channels.by_holder(HolderId(1)).is_none());
        assert_eq!((channels.len(), channels.open_len()), (1, 0));
        assert!(channels.remove(ChannelId(1)).is_none());
        channels.open(ChannelId(1), HolderId(2));
        assert!(channels.opening(ChannelId(1), HolderId(1)).is_none());
        assert!(channels.opening(ChannelId(1), HolderId(2)).is_some());
    }
}
