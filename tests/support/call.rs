//! A method with its arguments, put together field by field.

use super::bytes::frame;
use super::ids::Id;
use super::table::Table;

/// A method that is about to be sent. The flags and the table, where there are any, come last on the
/// wire, so they can be set at any time.
#[derive(Clone)]
pub(crate) struct Call {
    bytes: Vec<u8>,
    flags: Option<u8>,
    table: Option<Table>,
}

impl Call {
    /// A method without arguments.
    pub(crate) fn of(Id(class, method): Id) -> Self {
        let mut bytes = class.to_be_bytes().to_vec();
        bytes.extend_from_slice(&method.to_be_bytes());
        Self { bytes, flags: None, table: None }
    }

    pub(crate) fn octet(mut self, value: u8) -> Self {
        self.bytes.push(value);
        self
    }

    pub(crate) fn short(mut self, value: u16) -> Self {
        self.bytes.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub(crate) fn long(mut self, value: u32) -> Self {
        self.bytes.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub(crate) fn long_long(mut self, value: u64) -> Self {
        self.bytes.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub(crate) fn short_string(self, text: impl AsRef<[u8]>) -> Self {
        let text = text.as_ref();
        let len = u8::try_from(text.len()).expect("at most 255 bytes");
        let mut call = self.octet(len);
        call.bytes.extend_from_slice(text);
        call
    }

    pub(crate) fn long_string(self, text: impl AsRef<[u8]>) -> Self {
        let text = text.as_ref();
        let len = u32::try_from(text.len()).expect("below 4 GiB");
        let mut call = self.long(len);
        call.bytes.extend_from_slice(text);
        call
    }

    /// Has flags, all off.
    pub(super) fn flagged(mut self) -> Self {
        self.flags = Some(0);
        self
    }

    /// Has a table, empty.
    pub(super) fn tabled(mut self) -> Self {
        self.table = Some(Table::new());
        self
    }

    /// Turns flags on.
    pub(crate) fn with(mut self, flags: u8) -> Self {
        *self.flags.as_mut().expect("a method with flags") |= flags;
        self
    }

    /// Sets the table.
    pub(crate) fn arguments(mut self, table: Table) -> Self {
        assert!(self.table.is_some(), "a method with a table");
        self.table = Some(table);
        self
    }

    /// The payload of the frame.
    pub(crate) fn payload(&self) -> Vec<u8> {
        let mut payload = self.bytes.clone();
        payload.extend(self.flags);
        if let Some(table) = &self.table {
            payload.extend_from_slice(&table.with_length());
        }
        payload
    }

    /// The method frame.
    pub(crate) fn frame(&self, channel: u16) -> Vec<u8> {
        frame(1, channel, &self.payload())
    }
}
