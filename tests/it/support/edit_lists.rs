//! Gives the tracks of an MP4 file other edit lists.

/// An edit: its length in milliseconds, and where it begins in the track, in units of the track; `None` for an
/// empty edit.
pub type Edit = (u32, Option<u32>);

/// The file with these edits in the place of those of each track. `moov` must be its last box. `edits` gets the
/// handler of the track: `vide` or `soun`.
pub fn with_edits(file: &[u8], edits: &dyn Fn(&[u8]) -> Vec<Edit>) -> Vec<u8> {
    let whole = boxes(file);
    assert_eq!(whole.last().unwrap().0, b"moov");
    rebuilt(file, edits)
}

fn rebuilt(bytes: &[u8], edits: &dyn Fn(&[u8]) -> Vec<Edit>) -> Vec<u8> {
    let mut out = Vec::new();
    for (kind, body) in boxes(bytes) {
        match kind {
            b"moov" => out.extend(mp4_box(kind, &rebuilt(body, edits))),
            b"trak" => out.extend(mp4_box(kind, &track(body, edits))),
            _ => out.extend(mp4_box(kind, body)),
        }
    }
    out
}

fn track(bytes: &[u8], edits: &dyn Fn(&[u8]) -> Vec<Edit>) -> Vec<u8> {
    let find = |bytes, name: &[u8]| boxes(bytes).into_iter().find(|(kind, _)| *kind == name);
    let handler = find(find(bytes, b"mdia").unwrap().1, b"hdlr").unwrap().1;
    let entries = edits(&handler[8..12]);
    let mut list = vec![0; 4];
    list.extend(u32::try_from(entries.len()).unwrap().to_be_bytes());
    for (duration, begin) in entries {
        list.extend(duration.to_be_bytes());
        list.extend(begin.unwrap_or(u32::MAX).to_be_bytes());
        list.extend([0, 1, 0, 0]);
    }
    let list = mp4_box(b"edts", &mp4_box(b"elst", &list));
    let others = boxes(bytes).into_iter().filter(|(kind, _)| *kind != b"edts");
    let parts = others.map(|(kind, body)| mp4_box(kind, body));
    let parts: Vec<Vec<u8>> = parts.collect();
    // The header of the track comes first.
    [&parts[0][..], &list, &parts[1..].concat()].concat()
}

/// Types and contents of the boxes. Sizes of 64 bits are not known here.
fn boxes(mut bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut found = Vec::new();
    while let Some((size, rest)) = bytes.split_first_chunk::<4>() {
        let len = usize::try_from(u32::from_be_bytes(*size)).unwrap() - 4;
        let (whole, behind) = rest.split_at(len);
        found.push(whole.split_at(4));
        bytes = behind;
    }
    found
}

fn mp4_box(kind: &[u8], body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len() + 8).unwrap();
    [&size.to_be_bytes(), kind, body].concat()
}
