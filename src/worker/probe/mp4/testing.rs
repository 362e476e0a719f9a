//! Files for the tests of the readers.

/// A box of this type around these bytes.
pub(super) fn mp4_box(kind: [u8; 4], body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len() + 8).unwrap();
    [&len.to_be_bytes(), &kind[..], body].concat()
}

/// Reads this file from an offset.
pub(super) fn reader(file: &[u8]) -> impl Fn(u64, &mut [u8]) -> usize {
    move |at, target| {
        let rest = usize::try_from(at).ok().and_then(|at| file.get(at..)).unwrap_or_default();
        let len = rest.len().min(target.len());
        target[..len].copy_from_slice(&rest[..len]);
        len
    }
}
