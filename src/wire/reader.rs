//! A cursor over received bytes. Every read says whether the bytes were there; none can panic.

/// Why bytes are not what they should be; becomes a [`super::WireError`] where the method is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// Too short, too long, or a value that does not exist.
    Malformed,
    /// A name is not UTF-8.
    NotUtf8,
    /// Tables or arrays are nested deeper than [`crate::base::limits::TABLE_DEPTH_MAX`].
    TooDeep,
}

/// What has not been read yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Refuses bytes that nothing accounts for.
    pub(super) fn end(&self) -> Result<(), Fault> {
        if self.0.is_empty() { Ok(()) } else { Err(Fault::Malformed) }
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Fault::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(Fault::Malformed)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Fault> {
        self.array::<1>().map(|[octet]| octet)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Fault> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Fault> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Fault> {
        self.array().map(u64::from_be_bytes)
    }

    /// A short string (spec: 4.2.5.3): one octet of length.
    pub(super) fn short_string(&mut self) -> Result<&'a [u8], Fault> {
        let len = self.u8()?;
        self.take(usize::from(len))
    }

    /// A long string, the contents of a table or of an array: four octets of length.
    pub(super) fn long_string(&mut self) -> Result<&'a [u8], Fault> {
        let len = self.u32()?;
        self.take(usize::try_from(len).map_err(|_| Fault::Malformed)?)
    }
}
