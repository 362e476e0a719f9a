//! Boxes of ISO 14496-12, read without copies.

/// Rule for the structure of a segment of fragmented MP4.
pub(super) const STRUCTURE: &str = "RFC 8216 3.3";

/// Reads big-endian numbers. Each read is `None` behind the end.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn number(&mut self, len: usize) -> Option<u64> {
        Some(self.take(len)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    pub(super) fn half(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    pub(super) fn word(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// Version and flags of a full box.
    pub(super) fn version(&mut self) -> Option<(u8, u32)> {
        let word = self.word()?;
        Some(((word >> 24).try_into().ok()?, word & 0x00FF_FFFF))
    }
}

/// One box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Box4<'a> {
    pub(super) kind: [u8; 4],
    /// Offset of its header.
    pub(super) at: usize,
    pub(super) body: &'a [u8],
}

/// The boxes that follow each other in these bytes.
pub(super) struct Boxes<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Boxes<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }
}

impl<'a> Iterator for Boxes<'a> {
    /// The error has the offset and the kind of a box that is cut off.
    type Item = Result<Box4<'a>, (usize, [u8; 4])>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at;
        let rest = self.bytes.get(at..).filter(|rest| !rest.is_empty())?;
        self.at = self.bytes.len();
        let Some((kind, head, size)) = header(rest) else { return Some(Err((at, [0; 4]))) };
        let Some(body) = rest.get(head..size) else { return Some(Err((at, kind))) };
        self.at = at + size;
        Some(Ok(Box4 { kind, at, body }))
    }
}

/// Kind, size of the header and size of the whole box.
fn header(bytes: &[u8]) -> Option<([u8; 4], usize, usize)> {
    let mut fields = Fields(bytes);
    let size = fields.word()?;
    let kind = fields.take(4)?.try_into().ok()?;
    let (head, size) = match size {
        0 => (8, bytes.len()),
        1 => (16, usize::try_from(fields.number(8)?).ok()?),
        size => (8, usize::try_from(size).ok()?),
    };
    (size >= head).then_some((kind, head, size))
}

/// Body of the first box of this kind.
pub(super) fn find<'a>(bytes: &'a [u8], kind: &[u8]) -> Option<&'a [u8]> {
    Boxes::new(bytes).flatten().find(|found| found.kind == kind).map(|found| found.body)
}

/// Body of the box at the end of this path.
pub(super) fn find_path<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter().try_fold(bytes, |bytes, kind| find(bytes, &kind[..]))
}
